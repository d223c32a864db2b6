"""Ask a worker for its health, and say what follows from the answer. Knows no worker."""

from __future__ import annotations

import asyncio
import enum

import aiohttp
from yarl import URL

EAGER = 0.02
CALM = 0.05
FIRST_MINUTE = 60.0
PATIENT = 1.0


class State(enum.Enum):
    """Where a worker is in its life."""

    STARTING = "starting"
    """Its process runs; requests may not be sent to it yet."""
    READY = "ready"
    UNHEALTHY = "unhealthy"
    """Its process runs and said, or shows, that it is not well."""
    DOWN = "down"
    """It crashed or could not start, and will be started again."""
    ENDED = "ended"


class Finding(enum.Enum):
    """What a probe found."""

    HEALTHY = "200"
    INITIALIZING = "204"
    UNHEALTHY = "any other status"
    SILENT = "connected, but no answer in time"
    ABSENT = "nobody listens"


async def probe(session: aiohttp.ClientSession, port: int, path: str, timeout: float) -> Finding:
    """Ask once."""
    url = URL(f"http://127.0.0.1:{port}{path}", encoded=True)
    limit = aiohttp.ClientTimeout(total=timeout)
    try:
        async with session.get(url, timeout=limit, allow_redirects=False) as response:
            return finding(response.status)
    except asyncio.TimeoutError:
        return Finding.SILENT
    except (aiohttp.ClientError, OSError, ValueError):  # the last: a path that no URL can have
        return Finding.ABSENT


def finding(status: int) -> Finding:
    """Read a status as Runpod's probe does."""
    known = {200: Finding.HEALTHY, 204: Finding.INITIALIZING}
    return known.get(status, Finding.UNHEALTHY)


def judged(state: State, found: Finding, *, busy: bool) -> State:
    """Give a running worker's next state.

    A worker that does not answer a probe in time while it answers requests is busy, not ill: many
    servers do one thing at a time.
    """
    if found is Finding.HEALTHY:
        return State.READY
    if found is Finding.INITIALIZING:
        return State.STARTING
    if found is Finding.UNHEALTHY:
        return State.UNHEALTHY
    if state is State.READY and not (busy and found is Finding.SILENT):
        return State.UNHEALTHY
    return state


def gap(age: float) -> float:
    """Give the seconds until the next probe of a worker that is not ready.

    A request may be waiting for it, so the gap is hardly noticed at first and grows with the time
    that the worker takes anyway.
    """
    if age > FIRST_MINUTE:
        return PATIENT
    return min(CALM, EAGER + age / 1000)
