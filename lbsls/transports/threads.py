"""The async transport: one request per worker thread, moved by a blocking transport.

So proxies, TLS settings and mocks behave the same in both modes. The threads are counted per event
loop and apart from those of the program, so that requests which a balancer holds starve nobody.
"""

from __future__ import annotations

from functools import partial

import anyio.to_thread
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar

from lbsls.transports import Transport
from lbsls.transports.aborting import Abort, send_with
from lbsls.values import Request, Response

__all__ = ["ThreadTransport"]

MAX_THREADS = 256
_limiter: RunVar[CapacityLimiter] = RunVar("lbsls_request_threads")


class ThreadTransport:
    """Makes a blocking transport usable on asyncio and trio."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, request: Request) -> Response:
        """Send a request in a thread; cancelled, it leaves the thread behind, which then ends."""
        try:
            limiter = _limiter.get()
        except LookupError:
            limiter = CapacityLimiter(MAX_THREADS)
            _limiter.set(limiter)
        abort = Abort()
        send = partial(send_with, abort, self._transport, request)
        try:
            return await anyio.to_thread.run_sync(send, limiter=limiter, abandon_on_cancel=True)
        except BaseException:
            abort.give_up()
            raise

    async def aclose(self) -> None:
        """Close the connections of the blocking transport."""
        self._transport.close()
