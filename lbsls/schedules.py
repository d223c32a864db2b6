"""Delays between attempts, as functions of the attempt's number. Pure; the only user of backoff.

`backoff` gives wait generators; a frozen strategy or a flow that counts its attempts wants the
n-th value instead. Growth stops at ``maximum``, and so does the exponent: no attempt number,
however large, makes a number that overflows.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import lru_cache
from typing import Any

__all__ = ["expo", "fibo", "full_jitter"]


def _nth(waits: Generator[Any, Any, None], attempt: int, maximum: float) -> float:
    """Give the value for an attempt, counted from 1, stopping where growth has stopped."""
    next(waits)  # backoff's generators begin with an empty yield
    value = 0.0
    for _ in range(attempt):
        try:
            value = float(next(waits))
        except OverflowError:
            return maximum
        if value >= maximum:
            return maximum
    return value


@lru_cache(maxsize=256)
def expo(attempt: int, *, first: float, base: float = 2.0, maximum: float) -> float:
    """Give ``first``, ``first * base``, ``first * base ** 2`` ... for attempts 1, 2, 3 ..."""
    import backoff

    if base == 1:  # no growth, so no end to counting either
        return min(first, maximum)
    return _nth(backoff.expo(base=base, factor=first, max_value=maximum), attempt, maximum)


@lru_cache(maxsize=256)
def fibo(attempt: int, *, first: float, maximum: float) -> float:
    """Give ``first`` times 1, 1, 2, 3, 5 ... for attempts 1, 2, 3, 4, 5 ..."""
    import backoff

    return min(maximum, first * _nth(backoff.fibo(), attempt, maximum / first))


def full_jitter(delay: float, random: Callable[[], float]) -> float:
    """Spread a delay over 0 to itself, so that callers who failed together do not return together.

    Args:
        delay: Seconds.
        random: Gives a number from 0 to 1; passed in so that tests can repeat it.
    """
    return delay * random()
