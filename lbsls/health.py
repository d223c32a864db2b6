"""Strategies: from what was observed so far, whether to go on pinging and when. Pure.

A strategy is frozen and holds no state of a wait; the state goes in and comes out, so one
strategy serves any number of waits at once.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from attrs import field, frozen, validators

from lbsls.errors import ConfigError, Violation
from lbsls.schedules import expo
from lbsls.values import Health, Ping, shown

__all__ = ["Adaptive", "Backoff", "Consecutive", "Decision", "FixedSchedule", "Strategy", "Verdict"]


class Verdict(enum.Enum):
    """What a strategy makes of a ping."""

    READY = "ready"
    FAILED = "failed"
    AGAIN = "again"


@frozen
class Decision:
    """A verdict, and for AGAIN the seconds to wait before the next ping."""

    verdict: Verdict
    delay: float = 0.0


class Strategy(Protocol):
    """How to wait for health. Implement it to bring your own."""

    @property
    def ping_timeout(self) -> float:
        """Seconds that one ping may take."""
        ...

    @property
    def horizon(self) -> float | None:
        """Seconds after which the strategy gives up by itself, None if never."""
        ...

    def observe(self, state: Any, ping: Ping) -> tuple[Any, Decision]:
        """Take the state so far (None at first) and a ping; give the new state and a decision."""
        ...


def _bound(
    least: float, kind: str = "number", *, exclusive: bool = False
) -> Callable[[Any, Any, Any], None]:
    """Give a validator that raises our own error, as every other bad argument does."""
    kinds = int if kind == "whole number" else (int, float)

    def validate(strategy: object, attribute: Any, value: Any) -> None:
        fits = isinstance(value, kinds) and not isinstance(value, bool) and value < inf
        if not fits or not (value > least if exclusive else value >= least):
            bound = f"above {least:g}" if exclusive else f"of {least:g} or more"
            reason = f"{attribute.name} must be a {kind} {bound}, not {shown(value)}."
            raise ConfigError(type(strategy).__name__, [Violation(attribute.name, reason)])

    return validate


_positive = _bound(0, exclusive=True)
_count = _bound(1, "whole number")


@frozen
class FixedSchedule:
    """So many pings, so far apart, start to start: 10 x 5 s unless told otherwise, 5 s for each.

    These defaults are those of the design document ("Health Check Polling").

    Args:
        max_retries: Pings in all, 1 or more.
        retry_interval: Seconds from the start of one ping to the start of the next.
    """

    max_retries: int = field(default=10, validator=_count)
    retry_interval: float = field(default=5.0, validator=_positive)
    ping_timeout: float = field(default=5.0, validator=_positive)

    @property
    def horizon(self) -> float:
        """Seconds for the whole schedule."""
        return self.max_retries * self.retry_interval

    def observe(self, state: int | None, ping: Ping) -> tuple[int, Decision]:
        """Count the pings; the count is the state."""
        count = (state or 0) + 1
        if ping.health is Health.READY:
            return count, Decision(Verdict.READY)
        if count >= self.max_retries:
            return count, Decision(Verdict.FAILED)
        return count, Decision(Verdict.AGAIN, max(0.0, self.retry_interval - ping.elapsed))


@frozen
class Backoff:
    """Gaps that grow: ``first``, ``first * factor`` ... up to ``maximum`` seconds.

    Args:
        max_retries: Pings in all; as many as fit into the deadline by default.
    """

    first: float = field(default=0.5, validator=_positive)
    factor: float = field(default=2.0, validator=_bound(1))
    maximum: float = field(default=10.0, validator=_positive)
    max_retries: int | None = field(default=None, validator=validators.optional(_count))
    ping_timeout: float = field(default=15.0, validator=_positive)

    @property
    def horizon(self) -> None:
        """None: the deadline rules."""

    def observe(self, state: int | None, ping: Ping) -> tuple[int, Decision]:
        """Count the pings; the count is the state."""
        count = (state or 0) + 1
        if ping.health is Health.READY:
            return count, Decision(Verdict.READY)
        if self.max_retries is not None and count >= self.max_retries:
            return count, Decision(Verdict.FAILED)
        delay = expo(count, first=self.first, base=self.factor, maximum=self.maximum)
        return count, Decision(Verdict.AGAIN, delay)


@frozen
class Consecutive:
    """Ready only after ``n`` healthy pings in a row; in between it follows another strategy.

    Args:
        n: Healthy pings in a row, 1 or more.
        of: The strategy to follow while the endpoint is not healthy.
        gap: Seconds between the healthy pings.
    """

    n: int = field(validator=_count)
    of: Strategy = field(factory=lambda: Adaptive())
    gap: float = field(default=0.1, validator=_bound(0))

    @property
    def ping_timeout(self) -> float:
        """As the other strategy's."""
        return self.of.ping_timeout

    @property
    def horizon(self) -> float | None:
        """As the other strategy's."""
        return self.of.horizon

    def observe(
        self, state: tuple[int, Any] | None, ping: Ping
    ) -> tuple[tuple[int, Any], Decision]:
        """Count the run of healthy pings beside the other strategy's state."""
        run, inner = state or (0, None)
        if ping.health is not Health.READY:
            inner, decision = self.of.observe(inner, ping)
            return (0, inner), decision
        if run + 1 >= self.n:
            return (run + 1, inner), Decision(Verdict.READY)
        return (run + 1, inner), Decision(Verdict.AGAIN, self.gap)


@frozen
class Adaptive:
    """Ping again at once where pings are held, and at growing gaps where they are answered at once.

    A cold load balancer holds a request until a worker is ready, so a held ping is answered the
    moment that happens, sooner than any polling would see it. Where the answer comes at once the
    gap is a tenth of the time waited so far, from ``first`` to ``maximum`` seconds.
    """

    first: float = field(default=0.1, validator=_positive)
    maximum: float = field(default=5.0, validator=_positive)
    share: float = field(default=0.1, validator=_positive)
    ping_timeout: float = field(default=15.0, validator=_positive)

    @property
    def horizon(self) -> None:
        """None: the deadline rules."""

    def observe(self, state: None, ping: Ping) -> tuple[None, Decision]:
        """Decide from the ping alone: it knows when it was sent and how long it took."""
        del state
        if ping.health is Health.READY:
            return None, Decision(Verdict.READY)
        gap = min(self.maximum, max(self.first, self.share * (ping.at + ping.elapsed)))
        return None, Decision(Verdict.AGAIN, max(0.0, gap - ping.elapsed))
