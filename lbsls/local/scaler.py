"""How many workers there should be, and which of them should go. Pure: decides, does nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What an endpoint's settings allow."""

    minimum: int
    maximum: int
    request_count: int
    idle_timeout: float
    startup_patience: float


@dataclass(frozen=True)
class Seen:
    """A worker as the scaler sees it; one that is on its way out is not shown to it.

    Attributes:
        id: which worker.
        current: whether it runs the endpoint's current version.
        ready: whether requests may be sent to it.
        in_flight: requests it is answering.
        idle_since: when it answered its last request, or became ready, or was started.
    """

    id: str
    current: bool
    ready: bool
    in_flight: int
    idle_since: float


@dataclass(frozen=True)
class Plan:
    """What is to be done now, and when to look again if nothing else happens."""

    start: int = 0
    stop: tuple[str, ...] = ()
    again_at: float | None = None


def wanted(queued: int, in_progress: int, limits: Limits) -> int:
    """Give the number of workers for this load, by Runpod's formula."""
    load = -(-(queued + in_progress) // limits.request_count)
    return min(max(load, limits.minimum), limits.maximum)


def plan(
    workers: Sequence[Seen], *, queued: int, in_progress: int, limits: Limits, now: float
) -> Plan:
    """Decide what to start and to stop.

    A new version comes up before the old one goes: as long as a worker of an old version is ready,
    at least one of the current version is wanted, and an old one goes for each that is ready.
    """
    current = [worker for worker in workers if worker.current]
    old = [worker for worker in workers if not worker.current]
    target = wanted(queued, in_progress, limits)
    if any(worker.ready for worker in old):
        target = max(target, min(1, limits.maximum))
    surplus, again_at = _surplus(current, target, limits, now)
    return Plan(
        start=max(0, target - len(current)),
        stop=(*_replaced(current, old, target), *surplus),
        again_at=again_at,
    )


def _replaced(current: Sequence[Seen], old: Sequence[Seen], target: int) -> list[str]:
    """Choose the old workers that are not needed any more, the busiest kept longest."""
    missing = max(0, target - sum(worker.ready for worker in current))
    useful = sorted((worker for worker in old if worker.ready), key=lambda worker: worker.in_flight)
    kept = {worker.id for worker in useful[len(useful) - missing :]} if missing else set()
    return [worker.id for worker in old if worker.id not in kept]


def _surplus(
    current: Sequence[Seen], target: int, limits: Limits, now: float
) -> tuple[list[str], float | None]:
    """Choose the workers that are too many, and say when the next one will be."""
    order = sorted(current, key=lambda worker: (worker.ready, worker.in_flight, worker.idle_since))
    beyond = max(0, len(order) - limits.maximum)
    stop = [worker.id for worker in order[:beyond]]
    again_at: float | None = None
    for worker in order[beyond : max(beyond, len(order) - target)]:
        if worker.in_flight:
            continue
        patience = limits.idle_timeout if worker.ready else limits.startup_patience
        due = worker.idle_since + patience
        if due <= now:
            stop.append(worker.id)
        else:
            again_at = due if again_at is None else min(again_at, due)
    return stop, again_at
