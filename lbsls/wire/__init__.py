"""What is Runpod's: REST API v2 and the edge of its load balancers, as pure codecs.

Operation to request, response to value or typed error; no I/O, no waiting, no retry. Everything
above this package would survive another API. Inside, ``rest`` uses ``encode``, ``decode`` and
``problems``, ``decode`` uses ``structure``; ``edge`` stands alone.
"""
