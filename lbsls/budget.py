"""How much of an account's rate limit is left, and when each request may be sent. No I/O.

The control plane says with every answer how many requests each of its windows still takes, and
for how long. Whoever wants to send asks first, and again after the wait it is told: while there is
plenty nobody waits, when it gets scarce what is left is spread over the rest of the window, and
when there is none each asker gets a moment of its own in a window to come, first come, first
served. Other processes with the same key are known by what the answers say is left.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from itertools import count

from lbsls.records import Record

__all__ = ["Budget", "Limit"]

AT_FIRST = 10
"""Requests at one time as long as no answer told how many there may be."""
MOMENT = 0.05
EARLY = 0.001
"""Seconds by which a sleep may end before its time."""
SLOWEST = 5.0
"""Seconds that a request may be on its way, and its window begin so much later."""
PACE = 0.8
"""The part of a window over which its requests are spread, so that a late one is still in it."""


class Limit(Record):
    """One window, as an answer describes it.

    Attributes:
        quota: Requests in a whole window of so many ``seconds``.
        left: How many it still takes.
        reset: Whole seconds to its end, rounded up.
    """

    name: str
    quota: int
    seconds: int
    left: int
    reset: int


class _Window:
    """What is known of one window; its end is never thought earlier than it is."""

    def __init__(self, limit: Limit, sent: float, now: float, flying: int) -> None:
        self.quota, self.seconds = limit.quota, limit.seconds
        self._set(limit, sent, now, flying)

    def _set(self, limit: Limit, sent: float, now: float, flying: int) -> None:
        # Which of those that are under way were counted already, nobody knows.
        self.left, self.ends = max(0, limit.left - flying), now + limit.reset
        self._since, self._told, self._least = sent, True, limit.left

    def take(self, now: float, flying: int) -> None:
        """Count a request; the first after the end of a window begins the next one."""
        if now >= self.ends:
            # What is under way may arrive in this window.
            self.left = max(1, self.quota - flying)
            self.ends = now + self.seconds + min(self.seconds, SLOWEST)  # until an answer tells
            self._since, self._told, self._least = now, False, self.quota
        self.left -= 1

    def learn(self, limit: Limit, sent: float, now: float, flying: int) -> None:
        """Take in what the answer to a request that was sent then says."""
        if sent < self._since:
            return  # of the window before
        if self._told and sent + limit.reset - 1 > self.ends:
            self._set(limit, sent, now, flying)  # another window began unseen
            return
        latest = now + limit.reset
        self.ends = min(self.ends, latest) if self._told else latest
        self._told, self._least = True, min(self._least, limit.left)
        # Between these two it is: of what is under way, some was counted already.
        self.left = max(min(self.left, self._least), self._least - flying)

    def has_room(self, now: float) -> bool:
        """Whether it takes a request now."""
        return self.left > 0 or now >= self.ends

    def slot(self, rank: int, now: float) -> float:
        """Give the moment for a request before which so many others go."""
        left, ends = (
            (self.quota, now + self.seconds) if now >= self.ends else (self.left, self.ends)
        )
        if rank >= left:
            later, place = divmod(rank - left, self.quota)
            return ends + (later + place * PACE / self.quota) * self.seconds
        scarce = max(1, self.quota // 4)
        before = rank - max(0, left - scarce)
        return now if before < 0 else now + (before + 1) * PACE * (ends - now) / min(left, scarce)


class Budget:
    """What an account may still send, for all its threads and tasks.

    Its lock is held for arithmetic only, never while anything waits. A forked child begins anew.
    """

    def __init__(self) -> None:
        self._tickets = count(1)
        self._renew()

    def _renew(self) -> None:
        self._pid, self._lock = os.getpid(), threading.Lock()
        self._waiting: dict[int, float] = {}  # when each was told to ask again
        self._flying: dict[int, float] = {}  # when each was sent
        self._windows: dict[str, _Window] = {}
        self._was_told = False
        self._closed = 0.0

    def _mutex(self) -> threading.Lock:
        if self._pid != os.getpid():
            self._renew()  # who waits there are threads of the parent, as may be who has the lock
        return self._lock

    def ticket(self) -> int:
        """Give a number to ask with; who has a lower one goes first."""
        return next(self._tickets)

    def ask(self, ticket: int, now: float) -> float:
        """Give the seconds to wait before asking again; none if the request is to be sent now."""
        with self._mutex():
            at, told = self._slot(ticket, now), self._waiting.get(ticket)
            due = at <= now or (told is not None and told <= now + EARLY)
            if not (due and self._has_room(now)):
                self._waiting[ticket] = at = max(at, now + MOMENT / 5)
                return at - now
            self._waiting.pop(ticket, None)
            for window in self._windows.values():
                window.take(now, len(self._flying))
            self._flying[ticket] = now
            return 0.0

    def learn(self, ticket: int, now: float, limits: Sequence[Limit]) -> None:
        """Take in what the answer to a request says."""
        with self._mutex():
            sent = self._flying.pop(ticket, now)
            self._was_told = True
            if not limits:
                return
            known, self._windows = self._windows, {}
            for limit in limits:
                window = known.get(limit.name)
                if window and (window.quota, window.seconds) == (limit.quota, limit.seconds):
                    window.learn(limit, sent, now, len(self._flying))
                else:
                    window = _Window(limit, sent, now, len(self._flying))
                self._windows[limit.name] = window

    def refuse(self, ticket: int, now: float, seconds: float) -> float:
        """Let nobody send for so long after a refusal; give the wait of who was refused."""
        with self._mutex():
            self._closed = max(self._closed, now + seconds)
            self._waiting[ticket] = at = self._slot(ticket, now)
            return at - now

    def leave(self, ticket: int) -> None:
        """Forget a ticket: its request was answered, or nobody wants to send it any more."""
        with self._mutex():
            self._waiting.pop(ticket, None)
            self._flying.pop(ticket, None)

    def _has_room(self, now: float) -> bool:
        if not self._was_told and len(self._flying) >= AT_FIRST:
            return False
        return now >= self._closed and all(w.has_room(now) for w in self._windows.values())

    def _slot(self, ticket: int, now: float) -> float:
        rank = sum(other < ticket for other in self._waiting)
        at = max((window.slot(rank, now) for window in self._windows.values()), default=now)
        if now < self._closed:
            at = max(at, self._closed + rank * self._gap())
        if not self._was_told and len(self._flying) + rank >= AT_FIRST:
            at = max(at, now + MOMENT)
        return at

    def _gap(self) -> float:
        """Give the seconds between those who come back after a refusal."""
        full = (w.seconds / w.quota for w in self._windows.values() if w.left <= 0)
        return PACE * min(1.0, max(full, default=2 * MOMENT))
