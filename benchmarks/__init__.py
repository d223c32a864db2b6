"""Figures: ``python -m benchmarks`` prints the tables that the README quotes.

Every figure is measured beside its floor in the same run, in turn, and given as a median, so that
a busy machine slows both. Nothing here asserts: a timing is not a test.
"""
