"""A worker's log as server-sent events: which lines are asked for, and how they are sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from lbsls.local.clock import moment
from lbsls.local.logs import SOURCES, Line, Log
from lbsls.local.problems import invalid

TAIL, TAIL_LIMIT = 100, 5000


@dataclass(frozen=True)
class Selection:
    """Which lines a reader wants.

    Attributes:
        source: container or system; both if None.
        tail: how many of the last lines come first.
        since: lines from then on come first instead.
        after: lines after the one with this number come first instead.
    """

    source: str | None = None
    tail: int = TAIL
    since: datetime | None = None
    after: int = 0

    def wants(self, line: Line) -> bool:
        """Whether it is from the right source."""
        return self.source in (None, line.source)

    def backfill(self, log: Log) -> list[Line]:
        """Give the lines that come first."""
        if self.since is None:
            return log.tail(self.tail, self.source)
        return [line for line in log.since(self.since, self.after) if self.wants(line)]


def selection(query: Mapping[str, str], last_event_id: str | None) -> Selection:
    """Read what a reader asks for. A cursor wins over a time, and that over a number of lines.

    Raises:
        Problem: something of it cannot be meant, even if something else wins over it.
    """
    since, after, errors = None, 0, list(_errors(query))
    for name, cursor in (("since", query.get("since")), ("Last-Event-ID", last_event_id)):
        if cursor is None:
            continue
        try:
            since, after = _cursor(cursor)
        except ValueError:
            errors.append(f"{name}: {cursor!r} is not a valid date-time")
    if errors:
        raise invalid(errors)
    return Selection(query.get("source"), int(query.get("tail", TAIL)), since, after)


def _errors(query: Mapping[str, str]) -> Iterator[str]:
    if query.get("source", SOURCES[0]) not in SOURCES:
        yield f"source: value must be one of '{SOURCES[0]}', '{SOURCES[1]}'"
    tail = query.get("tail", str(TAIL))
    if not (tail.isascii() and tail.isdigit() and len(tail) < 10 and int(tail) <= TAIL_LIMIT):
        yield f"tail: want an integer from 0 to {TAIL_LIMIT}"


def _cursor(text: str) -> tuple[datetime, int]:
    """Read a time, or the id of an event, which is a time and a number."""
    written, _, number = text.partition("/")
    return moment(written), int(number or 0)


async def stream(
    request: web.Request, log: Log, wanted: Selection, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send the lines that are there, and then those that come, until the log or the reader ends."""
    response = web.StreamResponse(headers=headers)
    response.headers.update({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
    response.content_type = "text/event-stream"
    backfill, last = wanted.backfill(log), log.last
    await response.prepare(request)
    for line in backfill:
        await response.write(_event(line))
    async for line in log.follow(last):
        if wanted.wants(line):
            await response.write(_event(line))
    return response


def _event(line: Line) -> bytes:
    data = json.dumps({"ts": line.ts, "source": line.source, "line": line.text})
    return f"id: {line.cursor}\ndata: {data}\n\n".encode()
