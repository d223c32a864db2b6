"""The workers of one endpoint: as many as the scaler wants, replaced when a release is new.

Carries out what `scaler` decides, at once after each event and never on a beat of its own. Knows
nothing of HTTP.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from lbsls.local.clock import Timer, new_id
from lbsls.local.endpoints import Release
from lbsls.local.logs import Log
from lbsls.local.probes import State
from lbsls.local.scaler import Plan, Seen, plan
from lbsls.local.worker import Ground, Worker

REMEMBERED = 32
CROWDED = 1.0


class Room:
    """How many workers this machine can still take, over all endpoints."""

    def __init__(self, limit: int) -> None:
        self._free = limit

    def take(self, count: int) -> int:
        """Take so many places, or as many as there are; give their number."""
        taken = min(count, self._free)
        self._free -= taken
        return taken

    def leave(self) -> None:
        """Give one place back."""
        self._free += 1


class Fleet:
    """The workers of one endpoint.

    Attributes:
        workers: those that exist, by id.
        queued: requests that wait for a worker.
        news: done when anything changed that somebody could wait for; then there is a new one.
    """

    def __init__(self, release: Release, ground: Ground, room: Room) -> None:
        self.release = release
        self.workers: dict[str, Worker] = {}
        self.queued = 0
        self.news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ground = ground
        self._clock = ground.world.clock
        self._room = room
        self._past: OrderedDict[str, tuple[Log, int]] = OrderedDict()
        self._timer: Timer | None = None
        self._closed = False

    def update(self, release: Release) -> None:
        """Go over to another release of the endpoint."""
        self.release = release
        self.tell()
        self.reconcile()

    def ready(self) -> list[Worker]:
        """Give the workers that requests may be sent to; if possible of the current release."""
        ready = [worker for worker in self.workers.values() if worker.is_ready]
        current = [worker for worker in ready if self._is_current(worker)]
        return current or ready

    def log_of(self, worker: str) -> Log | None:
        """Give the log of a worker that is here, or was until lately."""
        if worker in self.workers:
            return self.workers[worker].log
        return self._past[worker][0] if worker in self._past else None

    def revive(self, worker: str) -> bool:
        """Start a worker that was scaled down again, under its id; say whether that is possible."""
        _, version = self._past.get(worker, (None, None))
        possible = version == self.release.version and self.is_open and self._room.take(1) == 1
        if possible:
            self._start(worker)
        return possible

    @property
    def is_open(self) -> bool:
        """Whether a request can hope for a worker."""
        return not self._closed and self.release.settings["workers"]["max"] > 0

    def let_go(self, worker: Worker) -> None:
        """Count a request as done."""
        worker.in_flight -= 1
        worker.idle_since = self._clock.monotonic()
        self._end_drained(worker)
        self.reconcile()

    def reconcile(self) -> None:
        """Start and stop what the scaler says."""
        if self._closed:
            return
        decision = self._plan()
        for id_ in decision.stop:
            self._drain(self.workers[id_])
        started = self._room.take(decision.start)
        for _ in range(started):
            self._start(new_id(self._ground.world.chance))
        again_at = decision.again_at
        if started < decision.start:
            again_at = self._clock.monotonic() + CROWDED
        self._look_again(again_at)

    def _plan(self) -> Plan:
        workers = self.workers.values()
        return plan(
            [self._seen(worker) for worker in workers if not worker.draining],
            queued=self.queued,
            in_progress=sum(worker.in_flight for worker in workers),
            limits=self.release.limits(self._ground.world.options.startup_patience),
            now=self._clock.monotonic(),
        )

    def _seen(self, worker: Worker) -> Seen:
        return Seen(
            id=worker.id,
            current=self._is_current(worker),
            ready=worker.is_ready,
            in_flight=worker.in_flight,
            idle_since=worker.idle_since,
        )

    def _is_current(self, worker: Worker) -> bool:
        return worker.release.version == self.release.version

    def _start(self, id_: str) -> None:
        self._past.pop(id_, None)
        self.workers[id_] = Worker(id_, self.release, self._ground, self._changed)

    def _drain(self, worker: Worker) -> None:
        worker.draining = True
        limit = self._ground.world.options.request_timeout
        self._end_drained(worker)
        if worker.in_flight:  # a WebSocket may never end by itself
            self._clock.call_later(limit, worker.stop)

    def _end_drained(self, worker: Worker) -> None:
        if worker.draining and not worker.in_flight:
            worker.stop()

    def _look_again(self, moment: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment is not None:
            delay = max(0.0, moment - self._clock.monotonic())
            self._timer = self._clock.call_later(delay, self.reconcile)

    def _changed(self, worker: Worker) -> None:
        if worker.state is State.ENDED:
            del self.workers[worker.id]
            self._room.leave()
            self._past[worker.id] = (worker.log, worker.release.version)
            while len(self._past) > REMEMBERED:
                self._past.popitem(last=False)
        self.tell()
        self.reconcile()

    def tell(self) -> None:
        """Wake everybody who waits for a change."""
        news, self.news = self.news, asyncio.get_running_loop().create_future()
        news.set_result(None)

    def afflict(self) -> None:
        """Let every worker see which faults there are."""
        for worker in list(self.workers.values()):
            worker.afflict()

    def close(self) -> None:
        """Begin to end all workers."""
        self._closed = True
        self._look_again(None)
        for worker in self.workers.values():
            worker.stop()
        self.tell()

    async def ended(self) -> None:
        """Wait until the last worker is gone."""
        for worker in list(self.workers.values()):
            await worker.ended()
