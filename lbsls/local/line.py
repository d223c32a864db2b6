"""Where requests wait until a worker can take them. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from lbsls.local.clock import wait
from lbsls.local.fleet import Fleet
from lbsls.local.headers import Wish
from lbsls.local.options import World
from lbsls.local.worker import Worker


class NoWorker(Exception):
    """No worker will take this request."""

    def __init__(self, status: int, error: str, reason: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, **({"reason": reason} if reason else {})}


def nobody() -> NoWorker:
    """Say that no worker is there."""
    return NoWorker(400, "no workers available")


class Line:
    """Finds a worker for each request, and keeps the request until there is one."""

    def __init__(self, fleet: Fleet, world: World) -> None:
        self._fleet = fleet
        self._clock = world.clock
        self._options = world.options

    @asynccontextmanager
    async def worker_for(self, wish: Wish) -> AsyncIterator[Worker]:
        """Lend a worker that can take a request now, waiting for one if need be.

        Raises:
            NoWorker: the caller is told so.
        """
        worker = await self._find(wish)
        try:
            yield worker
        finally:
            self._fleet.let_go(worker)

    async def _find(self, wish: Wish) -> Worker:
        if not wish.strict and (chosen := self._choose(wish)):
            chosen.in_flight += 1
            self._fleet.reconcile()
            return chosen
        if wish.resume and wish.worker not in self._fleet.workers:
            self._fleet.revive(wish.worker)
        with self._queued():
            chosen = await (self._that_one(wish) if wish.strict else self._any_one(wish))
            chosen.in_flight += 1
            return chosen

    async def _any_one(self, wish: Wish) -> Worker:
        options = self._options
        if options.cold == "pass" and (chosen := self._not_ready()):
            return chosen
        deadline = self._clock.monotonic() + (options.hold if options.cold == "hold" else 0)
        while self._fleet.is_open and await self._news(deadline):
            if chosen := self._choose(wish):
                return chosen
        raise nobody()

    async def _that_one(self, wish: Wish) -> Worker:
        deadline = self._clock.monotonic() + self._options.strict_timeout
        while True:
            worker = self._fleet.workers.get(wish.worker)
            if worker is None or worker.draining:
                raise NoWorker(404, "affinity_worker_gone", "affinity_worker_gone")
            if worker.is_ready:
                return worker
            if not await self._news(deadline):
                raise NoWorker(400, "timed out waiting for worker", "worker_timeout")

    def _choose(self, wish: Wish) -> Worker | None:
        ready = self._fleet.ready()
        preferred = self._fleet.workers.get(wish.worker)
        if preferred is not None and preferred.is_ready:
            return preferred
        return min(ready, key=lambda worker: worker.in_flight, default=None)

    def _not_ready(self) -> Worker | None:
        running = [worker for worker in self._fleet.workers.values() if worker.is_running]
        return min(running, key=lambda worker: worker.in_flight, default=None)

    @contextmanager
    def _queued(self) -> Iterator[None]:
        """Count a request as waiting: it makes workers start."""
        self._fleet.queued += 1
        self._fleet.reconcile()
        try:
            yield
        finally:
            self._fleet.queued -= 1
            self._fleet.reconcile()

    async def _news(self, deadline: float) -> bool:
        """Wait for a change among the workers; say whether there is still time."""
        left = deadline - self._clock.monotonic()
        return left > 0 and await wait(self._clock, self._fleet.news, left)
