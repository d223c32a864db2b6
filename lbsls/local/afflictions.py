"""What a fault does to one worker, whatever its command is. Starts and stops nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable

from lbsls.local.clock import Timer
from lbsls.local.endpoints import Release
from lbsls.local.faults import Rule
from lbsls.local.options import World
from lbsls.local.probes import Finding

NOWHERE = 1
"""A port that needs rights to be listened on, and that nobody has used for decades."""


class Affliction:
    """The fault of one worker, if it has one.

    Args:
        world: whose faults.
        release: what the worker was started from.
        send: sends a signal to all of the worker's processes.
    """

    def __init__(self, world: World, release: Release, send: Callable[[int], object]) -> None:
        self._world = world
        self._release = release
        self._send = send
        self._rule: Rule | None = None
        self._since = 0.0
        self._frozen = False
        self._timer: Timer | None = None

    @property
    def kind(self) -> str | None:
        """What ails it."""
        return self._rule.fault.kind if self._rule else None

    def befall(self) -> None:
        """Take over the fault that strikes now, if there is one and it has none yet."""
        self.pass_over()
        if self._rule is None:
            settings = self._release.settings
            self._rule = self._world.faults.pick("worker", self._release.id, settings["name"])
            self._since = self._world.clock.monotonic()

    def pass_over(self) -> None:
        """Be well again if the fault is over."""
        if self._rule is not None and self._rule.is_over(self._world.clock.monotonic()):
            self.lift()

    def lift(self) -> None:
        """Be well again."""
        if self._frozen:
            self._send(signal.SIGCONT)
        self._rule = None
        self.ended()

    def started(self) -> None:
        """Let the worker's processes die, if that is its fault."""
        if self._rule is not None and self.kind == "crash":
            delay = self._rule.fault.seconds
            self._timer = self._world.clock.call_later(delay, lambda: self._send(signal.SIGKILL))

    def ready(self) -> None:
        """Freeze a worker that has just answered for the first time, if that is its fault."""
        if self.kind == "freeze" and not self._frozen:
            self._frozen = True
            self._send(signal.SIGSTOP)

    def ended(self) -> None:
        """Have nothing more happen to processes that are gone; each death is a strike."""
        if self.kind == "crash":
            self._rule = None
        self._frozen = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def port(self, own: int, *, probed: bool) -> int:
        """Give the port where requests, or probes, find nobody, or the worker's own."""
        lost = self.kind == "never_listen" or (self.kind == "wrong_port" and not probed)
        return NOWHERE if lost else own

    def disguised(self, found: Finding) -> Finding:
        """Give what a probe finds, instead of what the worker answered."""
        if self.kind == "no_content":
            return Finding.INITIALIZING
        if self._rule is not None and self.kind == "flap" and found is Finding.HEALTHY:
            age = self._world.clock.monotonic() - self._since
            turn = age // max(self._rule.fault.seconds, 0.001)
            return Finding.UNHEALTHY if turn % 2 else Finding.HEALTHY
        return found
