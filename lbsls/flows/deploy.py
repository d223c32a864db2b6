"""The flow that deploys: settle, wait, confirm."""

from __future__ import annotations

from attrs import evolve, frozen

from lbsls.effects import Flow, notify, sleep
from lbsls.errors import ConfigError, HealthTimeout, LbslsError, NotFound, Violation
from lbsls.events import NotRemoved, Ready, Vanished, Waiting
from lbsls.flows import wait as waiting
from lbsls.flows.context import Claim, Context, check_seconds
from lbsls.flows.elect import FOUND_AFTER, SETTLED_AFTER, Own, candidates, elect, take_back
from lbsls.flows.judge import check_resource, plan
from lbsls.flows.settle import Settled, Wanted, pause, settle
from lbsls.flows.wait import Wait
from lbsls.health import Adaptive, Strategy
from lbsls.live import Endpoint
from lbsls.plans import Plan
from lbsls.resources import ServerlessResource
from lbsls.values import shown

__all__ = ["CLEANUPS", "DeployOptions", "deploy", "dry_run"]

CLEANUPS = ("never", "on_failure")

CLEANUP_PATIENCE = 15.0
"""Seconds that it may take to remove what a failed deploy created, on top of its own time."""

CLAIM_GAP = 0.05
CLAIM_PATIENCE = 60.0
"""Seconds after which a name is settled beside another thread that still holds it; the election
makes that safe."""

LONG_AGO = 600.0
"""Seconds after which this second is certainly over, though clocks differ."""

QUICK = 1.0
"""Ready so soon after our own create, nobody can have begun a race that we have not seen."""


@frozen
class DeployOptions:
    """What a caller of deploy may choose."""

    wait: bool = True
    timeout: float = 300.0
    strategy: Strategy | None = None
    adopt: bool | None = None
    cleanup: str = "never"


def deploy(
    ctx: Context, resource: ServerlessResource, options: DeployOptions, claim: Claim
) -> Flow[Endpoint]:
    """Make one endpoint of that name exist as declared, and wait until it serves."""
    _check(resource, options)
    began = ctx.clock()
    wanted = Wanted(resource, options.adopt, began + options.timeout, options.timeout)
    try:
        return (yield from _deploy(ctx, wanted, options, claim, began))
    except LbslsError as error:
        claim.release()  # whoever waits for the name need not wait for this
        if options.cleanup == "on_failure":
            for own in wanted.made:
                yield from _clean_up(ctx, own, error)
        raise


def dry_run(ctx: Context, resource: ServerlessResource, options: DeployOptions) -> Flow[Plan]:
    """Tell what a deploy with these options would do, and send nothing that changes anything."""
    _check(resource, options)
    return (yield from plan(ctx, [resource], options.adopt, options.timeout))[0]


def _deploy(
    ctx: Context, wanted: Wanted, options: DeployOptions, claim: Claim, began: float
) -> Flow[Endpoint]:
    replaced = False
    attempt = 0
    while True:
        attempt += 1
        yield from _take(ctx, claim, wanted.deadline)
        settled = evolve((yield from settle(ctx, wanted)), since=ctx.clock())
        claim.release()
        replaced = replaced or settled.replaced
        wanted = evolve(wanted, may_update=wanted.may_update and not settled.updated)
        try:
            if (yield from _serves(ctx, wanted, settled, options, began, replaced=replaced)):
                return settled.endpoint
        except waiting.Vanished:
            yield from notify(Vanished(wanted.name, settled.endpoint.id))
            if ctx.clock() - settled.since > SETTLED_AFTER:
                # A younger one may be missing for a moment only; the next look will tell.
                wanted = wanted.without(settled.endpoint.id)
        yield from pause(ctx, wanted, attempt, "what was waited for was deleted again and again")


def _serves(
    ctx: Context,
    wanted: Wanted,
    settled: Settled,
    options: DeployOptions,
    began: float,
    *,
    replaced: bool,
) -> Flow[bool]:
    """Wait until the endpoint serves, if that is asked for, and tell whether it is still the one.

    Raises:
        Vanished: If it is gone.
    """
    endpoint, waits = settled.endpoint, options.wait and wanted.resource.workersMax != 0
    if waits:
        yield from _wait(ctx, endpoint, options, began, replaced=replaced)
    if not (yield from _confirmed(ctx, wanted, settled)):
        return False
    for own in wanted.made:
        if own.id != endpoint.id:
            # It lost, and its delete may have been answered with a 404 that proved nothing then.
            reason = f"{endpoint.id} was first"
            yield from take_back(ctx, own, reason, wanted.deadline, certain=FOUND_AFTER)
    ctx.memory.elect(endpoint.id, endpoint.name)
    if waits:
        yield from notify(Ready(endpoint.name, endpoint.id, ctx.clock() - began))
    return True


def _check(resource: ServerlessResource, options: DeployOptions) -> None:
    check_resource("deploy", resource)
    check_seconds("deploy", options.timeout)
    if options.cleanup not in CLEANUPS:
        known = " or ".join(map(repr, CLEANUPS))
        reason = f"cleanup must be {known}, not {shown(options.cleanup)}."
        raise ConfigError("deploy", [Violation("cleanup", reason, "Write cleanup='on_failure'.")])
    if options.strategy is not None:
        waiting.check_strategy("deploy", options.strategy)


def _take(ctx: Context, claim: Claim, deadline: float) -> Flow[None]:
    """Wait for this process's turn at the name; never block for it."""
    until = min(deadline, ctx.clock() + CLAIM_PATIENCE)
    while not claim.try_take() and ctx.clock() < until:
        yield from sleep(CLAIM_GAP)


def _wait(
    ctx: Context, endpoint: Endpoint, options: DeployOptions, began: float, *, replaced: bool
) -> Flow[None]:
    wait = Wait(endpoint, options.strategy or Adaptive(), began, began + options.timeout)
    yield from notify(Waiting(endpoint.name, endpoint.id, wait.deadline - ctx.clock()))
    result = yield from waiting.wait_until_ready(ctx, wait)
    if replaced:
        yield from waiting.wait_until_fresh(ctx, wait, result)


def _confirmed(ctx: Context, wanted: Wanted, settled: Settled) -> Flow[bool]:
    """Look once more whether the endpoint is still the one of its name."""
    endpoint, own = settled.endpoint, settled.own
    quick = own is not None and ctx.clock() - own.created <= QUICK
    if quick or ctx.memory.has_elected(endpoint.id):
        return True
    age = ctx.wall() - endpoint.created_at.timestamp()
    if own is None and not endpoint.created_at.microsecond and age < LONG_AGO:
        # Another of the same second may turn up and be first until that second is over.
        yield from sleep(min(settled.since + 1.0, wanted.deadline) - ctx.clock())
    found = yield from candidates(ctx, wanted.name, wanted.gone, wanted.deadline)
    try:
        winner = yield from elect(ctx, wanted.name, found, own, wanted.deadline)
    except NotFound:
        return False
    return winner is not None and winner.id == endpoint.id


def _clean_up(ctx: Context, own: Own, error: LbslsError) -> Flow[None]:
    """Remove what a call created that failed, and let its error tell what became of that."""
    trouble: LbslsError | None = None
    try:
        yield from take_back(ctx, own, "its deploy failed", ctx.clock() + CLEANUP_PATIENCE)
    except LbslsError as cause:
        trouble = cause
        yield from notify(NotRemoved(own.endpoint.name, own.id, str(cause)))
    if isinstance(error, HealthTimeout) and error.id == own.id:
        error.removed = trouble is None
        error.cleanup_error = None if trouble is None else str(trouble)
