"""Every number and choice of a local Runpod, with Runpod's as default. Pure data."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal, TypedDict, get_args

from lbsls.local.clock import Clock, SystemClock
from lbsls.local.faults import Faults
from lbsls.local.journal import Journal

Cold = Literal["hold", "refuse", "pass"]

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True)
class Window:
    """So many requests of one account in so many seconds."""

    name: str
    quota: int
    seconds: int


RUNPOD = (Window("minute", 60, MINUTE), Window("hour", 3000, HOUR), Window("day", 50000, DAY))
"""The policy that Runpod's API description gives as its example."""

GENEROUS = (
    Window("minute", 60_000, MINUTE),
    Window("hour", 3_000_000, HOUR),
    Window("day", 50_000_000, DAY),
)
"""Announced and kept like Runpod's, but a thousand times as much."""


@dataclass(frozen=True)
class After:
    """When a change can be seen: after so many seconds, and so many looks that do not show it."""

    seconds: float = 0.0
    polls: int = 0

    def has_come(self, age: float, polls: int) -> bool:
        """Whether it can be seen at such an age, by a look after so many others."""
        return age >= self.seconds and polls >= self.polls


IMMEDIATELY = After()


@dataclass(frozen=True)
class Options:
    """How a local Runpod behaves.

    Attributes:
        hold: seconds a request is held while no worker is ready; 0 refuses at once.
        cold: what the balancer does with a request while no worker is ready: `hold` it as Runpod
            does, `refuse` it at once, or `pass` it to a worker that runs but is not ready, so that
            its own 204 is seen.
        request_timeout: seconds one request may take, from its arrival; 524 after that.
        body_limit: bytes that one request or one answer may have.
        strict_timeout: seconds a request waits for the one worker that it insists on.
        grace: seconds between SIGTERM and SIGKILL for a worker.
        probe_interval: seconds between two probes of a worker that is ready.
        probe_timeout: seconds until a probe counts as not answered.
        restart_delay: seconds before a crashed worker's first restart; doubles with each.
        restart_delay_limit: where doubling ends.
        restart_reset: a life that lasted so many seconds makes the delays start over.
        startup_patience: seconds a worker that nobody asks for has to become ready.
        max_processes: workers at one time, over all endpoints: this is one machine.
        rate_limit: the control plane's windows; empty for no limit and no headers.
        log_lines: lines kept of each worker's log.
        listed: when the list shows that an endpoint was made, or deleted.
        found: when an endpoint that was made is there by its id; 404 until then.
        started: when a new worker's container starts; its looks are those at `/workers`.
    """

    hold: float = 120.0
    cold: Cold = "hold"
    request_timeout: float = 330.0
    body_limit: int = 30 * 1024 * 1024
    strict_timeout: float = 300.0
    grace: float = 5.0
    probe_interval: float = 5.0
    probe_timeout: float = 5.0
    restart_delay: float = 0.5
    restart_delay_limit: float = 30.0
    restart_reset: float = 60.0
    startup_patience: float = 480.0
    max_processes: int = 64
    rate_limit: tuple[Window, ...] = GENEROUS
    log_lines: int = 5000
    listed: After = IMMEDIATELY
    found: After = IMMEDIATELY
    started: After = IMMEDIATELY

    def __post_init__(self) -> None:
        if self.cold not in get_args(Cold):
            raise ValueError(f"cold is one of {', '.join(get_args(Cold))}, not {self.cold!r}")


class Changes(TypedDict, total=False):
    """The fields of `Options`, each of which can be left out."""

    hold: float
    cold: Cold
    request_timeout: float
    body_limit: int
    strict_timeout: float
    grace: float
    probe_interval: float
    probe_timeout: float
    restart_delay: float
    restart_delay_limit: float
    restart_reset: float
    startup_patience: float
    max_processes: int
    rate_limit: tuple[Window, ...]
    log_lines: int
    listed: After
    found: After
    started: After


@dataclass(frozen=True)
class World:
    """What everything in one local Runpod shares: its options, its time, its chance, its faults."""

    options: Options = field(default_factory=Options)
    clock: Clock = field(default_factory=SystemClock)
    chance: random.Random = field(default_factory=random.SystemRandom)
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)
