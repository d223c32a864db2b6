"""Flows that wait until an endpoint serves, and say why when it does not."""

from __future__ import annotations

from attrs import evolve, field, frozen

from lbsls.diagnosis import Look, Story, summary
from lbsls.effects import Flow, notify, sleep
from lbsls.errors import ConfigError, DeployFailed, HealthTimeout, LbslsError, NotFound, Violation
from lbsls.events import WorkersSeen
from lbsls.flows.api import API_DEADLINE, call
from lbsls.flows.context import Context, check_seconds
from lbsls.flows.find import Target, is_gone, require
from lbsls.flows.pings import needs_load_balancer, ping, raise_unusable
from lbsls.health import FixedSchedule, Strategy, Verdict
from lbsls.live import Endpoint, hidden_values
from lbsls.values import Health, Ping, shown
from lbsls.wire import rest

__all__ = [
    "Vanished",
    "Wait",
    "check_strategy",
    "wait_for_health",
    "wait_until_fresh",
    "wait_until_ready",
]

LOG_TAIL = 20
LOOK_PATIENCE = 5.0
"""Seconds for a look while waiting: it explains, and must not delay the ping that ends the wait."""
RESERVE = 2.0
"""Seconds at the end of a wait that are kept for the last look; a tenth of a shorter wait."""


class Vanished(Exception):
    """The endpoint that was waited for is gone; never leaves this package."""


@frozen
class Wait:
    """One wait: for what, how, since when, and until when by the context's clock."""

    endpoint: Endpoint
    strategy: Strategy
    began: float
    deadline: float

    @property
    def seconds(self) -> float:
        """How long it may take."""
        return self.deadline - self.began

    @property
    def last_ping(self) -> float:
        """When pinging ends, so that there is time to find out why."""
        return self.deadline - min(RESERVE, 0.1 * self.seconds)


@frozen
class _Watch:
    """What a wait saw so far, and when it will look at the workers next."""

    next_look: float
    gap: float
    story: Story = field(factory=Story)


def wait_for_health(
    ctx: Context,
    target: Target,
    *,
    max_retries: int | None,
    retry_interval: float | None,
    strategy: Strategy | None,
    timeout: float | None,
) -> Flow[bool]:
    """Wait until a target is healthy.

    Returns:
        True, always: what else there is to say is raised.
    """
    chosen = _strategy(max_retries, retry_interval, strategy)
    if timeout is not None:
        check_seconds("wait_for_health", timeout)
    began = ctx.clock()
    endpoint = yield from require(ctx, target, began + API_DEADLINE)
    needs_load_balancer(endpoint)
    seconds = timeout if timeout is not None else chosen.horizon or 300.0
    wait = Wait(endpoint, chosen, ctx.clock(), ctx.clock() + seconds)
    try:
        yield from wait_until_ready(ctx, wait)
    except Vanished:
        # Reading it once more raises the NotFound that says so.
        yield from call(ctx, rest.get_endpoint(endpoint.id), ctx.clock() + API_DEADLINE)
    return True


def _strategy(
    max_retries: int | None, retry_interval: float | None, strategy: Strategy | None
) -> Strategy:
    given = {"max_retries": max_retries, "retry_interval": retry_interval}
    schedule = {name: value for name, value in given.items() if value is not None}
    if strategy is None:
        return FixedSchedule(**schedule)  # type: ignore[arg-type]
    if schedule:
        reason = f"strategy and {' and '.join(schedule)} exclude each other."
        raise ConfigError("wait_for_health", [Violation("strategy", reason, "Keep one.")])
    check_strategy("wait_for_health", strategy)
    return strategy


def check_strategy(verb: str, strategy: object) -> None:
    """Refuse what cannot say when to ping.

    Raises:
        ConfigError: If it is no strategy.
    """
    if not callable(getattr(strategy, "observe", None)) or isinstance(strategy, type):
        reason = f"strategy must be a strategy, not {shown(strategy)}."
        raise ConfigError(verb, [Violation("strategy", reason, "Write lbsls.FixedSchedule(...).")])


def wait_until_ready(ctx: Context, wait: Wait) -> Flow[Ping]:
    """Ping as the strategy says until it says that the endpoint is ready.

    Raises:
        HealthTimeout: With all that was seen.
        DeployFailed: When the workers prove early that it will not come up.
        Vanished: If the endpoint is gone.
    """
    endpoint, state = wait.endpoint, None
    watch = _Watch(wait.began + ctx.pacing.first_look, ctx.pacing.first_look)
    if endpoint.settings.workersMax == 0:
        raise _failed(ctx, wait, watch.story, DeployFailed)
    while True:
        # A held ping is given up when a look is due: the next one is held just as well.
        look_in = max(1.0, watch.next_look - ctx.clock())
        timeout = min(wait.strategy.ping_timeout, look_in, wait.last_ping - ctx.clock())
        result = yield from ping(ctx, endpoint, began=wait.began, timeout=max(timeout, 0.05))
        if result.refused_key:
            raise_unusable(endpoint, result)
        watch = evolve(watch, story=watch.story.with_ping(result))
        state, decision = wait.strategy.observe(state, result)
        if decision.verdict is Verdict.READY:
            return result
        watch = yield from _investigate(ctx, wait, watch, result)
        over = ctx.clock() + decision.delay >= wait.last_ping
        if over or decision.verdict is Verdict.FAILED:
            watch = yield from _look(ctx, wait, watch, last=True)
            raise _failed(ctx, wait, watch.story, HealthTimeout)
        yield from sleep(decision.delay)


def _investigate(ctx: Context, wait: Wait, watch: _Watch, result: Ping) -> Flow[_Watch]:
    """Find out what a ping cannot tell: whether the endpoint is gone, whether its workers fail.

    The first ping without a home is looked into at once, later ones whenever a look is due. In
    front of an endpoint that vanishes there may be answers of its workers.
    """
    due = ctx.clock() >= watch.next_look
    first = not any(_is_homeless(ping) for ping in watch.story.pings[:-1])
    if _is_homeless(result) and (due or first) and (yield from _is_gone(ctx, wait)):
        raise Vanished
    if not due or result.health is Health.READY:
        return watch
    watch = yield from _look(ctx, wait, watch)
    if watch.story.proves_failure(ctx.pacing.proof):
        raise _failed(ctx, wait, watch.story, DeployFailed)
    return watch


def _is_homeless(result: Ping) -> bool:
    return result.status == 404 or result.health is Health.UNREACHABLE


def _is_gone(ctx: Context, wait: Wait) -> Flow[bool]:
    """Ask the control plane; that it does not answer says nothing about the endpoint."""
    try:
        return (yield from is_gone(ctx, wait.endpoint.id, _patience(ctx, wait)))
    except LbslsError:
        return False


def _patience(ctx: Context, wait: Wait) -> float:
    """Until when a question may be asked again, so that pings do not stop for long."""
    return min(max(wait.deadline, ctx.clock() + 0.5), ctx.clock() + LOOK_PATIENCE)


def _look(ctx: Context, wait: Wait, watch: _Watch, *, last: bool = False) -> Flow[_Watch]:
    """Look at the workers and, if one fails, at the end of its system log.

    The log takes a second to read, so the one of a worker that is not known to fail is read in the
    last look only: it may get ready in that second. A look explains; that it fails is no reason to
    end the wait.
    """
    endpoint, deadline = wait.endpoint, _patience(ctx, wait)
    story = watch.story
    try:
        workers = yield from call(ctx, rest.list_workers(endpoint.id), deadline)
        look = Look(ctx.clock() - wait.began, workers)
        story = story.with_look(look)
        yield from notify(WorkersSeen(endpoint.name, endpoint.id, summary(workers)))
        suspects = [w for w in workers if w.status == "UNHEALTHY"]
        suspects += sorted(workers, key=lambda w: w.is_up) if last else ()
        for suspect in suspects[:1]:
            hidden = hidden_values(endpoint.settings.env or {})
            operation = rest.worker_logs(
                endpoint.id, suspect.id, source="system", tail=LOG_TAIL, secrets=hidden
            )
            log_deadline = min(deadline, ctx.clock() + 1.0)
            story = story.with_log((yield from call(ctx, operation, log_deadline)))
    except LbslsError:
        pass
    return _Watch(ctx.clock() + watch.gap, watch.gap * 2, story)


def _failed(ctx: Context, wait: Wait, story: Story, kind: type[HealthTimeout]) -> HealthTimeout:
    early = issubclass(kind, DeployFailed)
    return kind(
        wait.endpoint.name,
        wait.endpoint.id,
        ctx.clock() - wait.began if early else wait.seconds,
        pings=story.pings,
        ping_counts=dict(story.counts),
        diagnosis=story.cause(wait.endpoint),
        observations=story.observations(),
    )


def wait_until_fresh(ctx: Context, wait: Wait, first: Ping) -> Flow[Ping]:
    """After an update, wait until no worker is stale and one that is not has answered.

    ``first`` is the ready ping that was seen already.
    """
    result, gap, story = first, 0.25, Story()
    while True:
        try:
            workers = yield from call(ctx, rest.list_workers(wait.endpoint.id), wait.deadline)
        except NotFound:
            if (yield from is_gone(ctx, wait.endpoint.id, wait.deadline)):
                raise Vanished from None
            workers = ()
        fresh = [worker.id for worker in workers if not worker.is_stale]
        stale = len(workers) - len(fresh)
        answered = result.worker_id is None or result.worker_id in fresh
        if not stale and fresh and answered and result.health is Health.READY:
            return result
        story = story.with_look(Look(ctx.clock() - wait.began, workers))
        if ctx.clock() + gap >= wait.last_ping:
            raise _failed(ctx, wait, story.with_ping(result), HealthTimeout)
        yield from sleep(gap)
        gap = min(5.0, gap * 1.5)
        timeout = max(0.05, min(wait.strategy.ping_timeout, wait.last_ping - ctx.clock()))
        # Ask a fresh worker; a stale one may still be first in the balancer's eyes.
        result = yield from ping(
            ctx,
            wait.endpoint,
            began=wait.began,
            timeout=timeout,
            worker=fresh[0] if fresh else None,
        )
