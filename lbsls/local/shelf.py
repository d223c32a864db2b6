"""What an account has of one kind: made, listed, found, removed; its list may lag. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from lbsls.local.options import World
from lbsls.local.problems import not_found

GHOSTS = 1000
"""Removed things that a lagging list can still show."""

T = TypeVar("T")
Shown = dict[str, Any]


@dataclass
class Kept(Generic[T]):
    """A thing, and how often it was looked for."""

    thing: T
    made: float
    lists: int = 0
    looks: int = 0


@dataclass
class Ghost:
    """A thing that was removed, and that a list which lags behind still shows."""

    shown: Shown
    made: float
    gone: float
    lists: int = 0


class Shelf(Generic[T]):
    """All things of one kind, by id, the oldest first.

    Args:
        what: names one in a refusal.
        world: whose time, and when things are listed and found.
        render: writes one as Runpod does.
    """

    def __init__(self, what: str, world: World, render: Callable[[T], Shown]) -> None:
        self._what = what
        self._clock = world.clock
        self._listed = world.options.listed
        self._found = world.options.found
        self._render = render
        self._kept: dict[str, Kept[T]] = {}
        self._ghosts: deque[Ghost] = deque(maxlen=GHOSTS)

    def __iter__(self) -> Iterator[T]:
        return iter([kept.thing for kept in self._kept.values()])

    def put(self, id_: str, thing: T, made: float | None = None) -> None:
        """Keep a thing that was made now, or at that moment."""
        self._kept[id_] = Kept(thing, self._clock.monotonic() if made is None else made)

    def replace(self, id_: str, thing: T) -> None:
        """Keep another thing in the place of one that is there."""
        self._kept[id_].thing = thing

    def list(self, lag: float = 0.0) -> list[Shown]:
        """Give all things as they were so many seconds ago, the oldest first.

        A list that lags shows which things there were, each as it is now, and with a thing all
        older ones.
        """
        after = replace(self._listed, seconds=max(lag, self._listed.seconds))
        now = self._clock.monotonic()
        shown: list[tuple[float, Shown]] = []
        for ghost in self._ghosts:
            if after.has_come(now - ghost.made, after.polls) and not after.has_come(
                now - ghost.gone, ghost.lists
            ):
                shown.append((ghost.made, ghost.shown))
            ghost.lists += 1
        for kept in self._kept.values():
            if after.has_come(now - kept.made, kept.lists):
                shown.append((kept.made, self._render(kept.thing)))
            kept.lists += 1
        return [each for _, each in sorted(shown, key=lambda pair: pair[0])]

    def get(self, id_: str | None) -> T | None:
        """Give a thing, without a look at it being counted; None where there is none."""
        kept = self._kept.get(id_ or "")
        return kept.thing if kept else None

    def find(self, id_: str) -> T:
        """Give a thing to whom asks for it.

        Raises:
            Problem: there is none, or it cannot be found yet.
        """
        kept = self._kept.get(id_)
        if kept is None:
            raise not_found(self._what)
        polls, kept.looks = kept.looks, kept.looks + 1
        if not self._found.has_come(self._clock.monotonic() - kept.made, polls):
            raise not_found(self._what)
        return kept.thing

    def remove(self, id_: str) -> None:
        """Remove a thing that is there."""
        kept = self._kept.pop(id_)
        ghost = Ghost(self._render(kept.thing), kept.made, self._clock.monotonic())
        self._ghosts.append(ghost)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def check_age(self, id_: str, seconds: float) -> None:
        """Refuse a thing that was made less than so many seconds ago, as if it were not."""
        kept = self._kept.get(id_)
        if kept is None or self._clock.monotonic() - kept.made < seconds:
            raise not_found(self._what)
