"""The flow that deploys: settle, wait, confirm."""

from __future__ import annotations

from attrs import evolve, frozen

from lbsls.effects import Flow, notify, sleep
from lbsls.enums import ServerlessType
from lbsls.errors import ConfigError, NotFound, Violation
from lbsls.events import Ready, Vanished, Waiting
from lbsls.flows import wait as waiting
from lbsls.flows.context import Claim, Context, check_seconds
from lbsls.flows.elect import SETTLED_AFTER, candidates, elect
from lbsls.flows.settle import Settled, Wanted, pause, settle
from lbsls.flows.wait import Wait
from lbsls.health import Adaptive, Strategy
from lbsls.live import Endpoint
from lbsls.resources import ServerlessResource

__all__ = ["DeployOptions", "deploy"]

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


def deploy(
    ctx: Context, resource: ServerlessResource, options: DeployOptions, claim: Claim
) -> Flow[Endpoint]:
    """Make one endpoint of that name exist as declared, and wait until it serves."""
    _check(resource, options)
    began = ctx.clock()
    wanted = Wanted(resource, options.adopt, began + options.timeout, options.timeout)
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
    ctx.memory.elect(endpoint.id)
    if waits:
        yield from notify(Ready(endpoint.name, endpoint.id, ctx.clock() - began))
    return True


def _check(resource: ServerlessResource, options: DeployOptions) -> None:
    if not isinstance(resource, ServerlessResource):
        reason = f"deploy takes a resource, not {type(resource).__name__}."
        instead = "Write account.deploy(LoadBalancerSlsResource(name=..., imageName=...))."
        raise ConfigError("deploy", [Violation("resource", reason, instead)])
    if resource.type != ServerlessType.LB:
        reason = f"{resource.name!r} is queue-based, and only load-balanced ones can be deployed."
        raise ConfigError(
            "deploy", [Violation("resource", reason, "Write LoadBalancerSlsResource(...).")]
        )
    check_seconds("deploy", options.timeout)
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
