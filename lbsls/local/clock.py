"""Time and chance, passed in so that a test can drive them. Nothing else here reads a clock."""

from __future__ import annotations

import asyncio
import random
import re
import string
import time
from collections.abc import Callable, Coroutine
from datetime import datetime, timezone
from typing import Any, Protocol

RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[tT]\d\d:\d\d:\d\d)(?:\.(\d+))?([zZ]|[+-]\d\d:\d\d)", re.ASCII
)
ALPHABET = string.ascii_lowercase + string.digits


class Timer(Protocol):
    """Something that will happen unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen."""
        ...


class Clock(Protocol):
    """Where the local Runpod reads the time and how it waits."""

    def now(self) -> datetime:
        """Tell the time of day."""
        ...

    def monotonic(self) -> float:
        """Tell seconds that only grow."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call something in so many seconds."""
        ...


class SystemClock:
    """The time of this machine and of the running event loop."""

    def now(self) -> datetime:
        """Give the time of day, in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Give seconds that never go backwards."""
        return time.monotonic()

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call back after so many seconds, in the running event loop."""
        return asyncio.get_running_loop().call_later(delay, callback)


async def wait(clock: Clock, future: asyncio.Future[None], timeout: float) -> bool:
    """Wait until the future is done, at most so long; say whether it is."""
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_later(timeout, end.cancel)
    try:
        await asyncio.wait([future, end], return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
        end.cancel()
    return future.done()


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do something to its end, even if cancelled meanwhile; the cancellation comes afterwards."""
    task = asyncio.get_running_loop().create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


def rfc3339(moment: datetime) -> str:
    """Write a time as Runpod does, with microseconds: two creations are told apart by them."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """Read a time that is written so.

    Raises:
        ValueError: it is not.
    """
    found = RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time")
    day, fraction, zone = found.groups()
    offset = "+00:00" if zone in "zZ" else zone
    return datetime.fromisoformat(f"{day.upper()}.{(fraction or '')[:6]:0<6}{offset}")


def new_id(chance: random.Random) -> str:
    """Draw an identifier like Runpod's: fourteen lower-case letters and digits."""
    return "".join(chance.choices(ALPHABET, k=14))
