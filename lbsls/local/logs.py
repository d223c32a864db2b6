"""The lines that a worker writes and that are written about it: kept, followed. No I/O."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from lbsls.local.clock import Clock, rfc3339

CONTAINER = "container"
SYSTEM = "system"
SOURCES = (CONTAINER, SYSTEM)


@dataclass(frozen=True)
class Line:
    """One line, with its place in the log."""

    number: int
    moment: datetime
    source: str
    text: str

    @property
    def ts(self) -> str:
        """When, as Runpod writes it."""
        return rfc3339(self.moment)

    @property
    def cursor(self) -> str:
        """What a reader that comes back says to go on after this line."""
        return f"{self.ts}/{self.number:012}"


class Log:
    """One worker's lines, the oldest forgotten first."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._lines: deque[Line] = deque(maxlen=limit)
        self._count = 0
        self._closed = False
        self._news = asyncio.Event()

    def add(self, source: str, text: str) -> None:
        """Write a line."""
        self._count += 1
        self._lines.append(Line(self._count, self._clock.now(), source, text))
        self._tell()

    def close(self) -> None:
        """End the log: those who follow it come to its end."""
        self._closed = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def tail(self, count: int, source: str | None = None) -> list[Line]:
        """Give the last lines."""
        lines = [line for line in self._lines if source in (None, line.source)]
        return lines[-count:] if count else []

    def since(self, moment: datetime, number: int = 0) -> list[Line]:
        """Give the lines from a moment on; after the line with that number where one is named."""
        if number:
            return [line for line in self._lines if line.number > number]
        return [line for line in self._lines if line.moment >= moment]

    @property
    def last(self) -> int:
        """The number of the newest line."""
        return self._count

    async def follow(self, after: int) -> AsyncIterator[Line]:
        """Give what is written after that line, until the log is closed."""
        while True:
            news = self._news
            for line in [line for line in self._lines if line.number > after]:
                after = line.number
                yield line
            if self._closed:
                return
            if after == self._count:
                await news.wait()
