"""What a deploy may do to an endpoint that exists, and what it would do. No request but a look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lbsls.drift import Change, check_updatable, differences
from lbsls.effects import Flow
from lbsls.enums import ServerlessType
from lbsls.errors import AmbiguousEndpoint, ConfigError, Conflict, LbslsError, NotOurs, Violation
from lbsls.flows.api import API_DEADLINE, look
from lbsls.flows.context import Context
from lbsls.flows.find import is_ours, order, pick
from lbsls.live import Endpoint
from lbsls.plans import Action, Plan
from lbsls.resources import ServerlessResource

__all__ = ["check_resource", "judge", "plan"]


def check_resource(verb: str, resource: ServerlessResource) -> None:
    """Refuse what cannot be deployed.

    Raises:
        ConfigError: If it is no resource, or a queue-based one.
    """
    if not isinstance(resource, ServerlessResource):
        reason = f"{verb} takes a resource, not {type(resource).__name__}."
        instead = f"Write account.{verb}(LoadBalancerSlsResource(name=..., imageName=...))."
        raise ConfigError(verb, [Violation("resource", reason, instead)])
    if resource.type != ServerlessType.LB:
        reason = f"{resource.name!r} is queue-based, and only load-balanced ones can be deployed."
        raise ConfigError(
            verb, [Violation("resource", reason, "Write LoadBalancerSlsResource(...).")]
        )


def judge(
    ctx: Context, resource: ServerlessResource, endpoint: Endpoint, adopt: bool | None
) -> tuple[Change, ...]:
    """Give what an update has to change.

    Raises:
        NotOurs: If it is somebody else's and must not be changed.
        Conflict: If no update can make it as declared.
    """
    changes = differences(resource, endpoint)
    ours = is_ours(ctx, endpoint)
    if not ours and adopt is False:
        raise NotOurs(endpoint.name, endpoint.id, [])
    if ours or adopt:
        check_updatable(resource, endpoint)
        return changes
    words = [str(change) for change in changes]
    if not words and endpoint.type != resource.type:
        words = [f"type: {endpoint.type} -> {resource.type}"]
    if words:
        raise NotOurs(endpoint.name, endpoint.id, words)
    return ()


def plan(
    ctx: Context,
    resources: Iterable[ServerlessResource],
    adopt: bool | None,
    seconds: float = API_DEADLINE,
) -> Flow[tuple[Plan, ...]]:
    """Tell what a deploy of each resource would do, after one look for all of them."""
    wanted = tuple(resources)
    for resource in wanted:
        check_resource("plan", resource)
    found = yield from look(ctx, ctx.clock() + seconds)
    return tuple(_plan(ctx, resource, found, adopt) for resource in wanted)


def _plan(
    ctx: Context, resource: ServerlessResource, found: Sequence[Endpoint], adopt: bool | None
) -> Plan:
    name = resource.name
    named = [each for each in found if each.name == name and not ctx.memory.has_buried(each.id)]
    try:
        survivor = pick(name, named)
    except AmbiguousEndpoint as error:
        return Plan(name, "refuse", refusal=error)
    if survivor is None:
        return Plan(name, "create")
    duplicates = tuple(sorted(named, key=order)[1:])
    refusal: LbslsError | None = None
    try:
        judge(ctx, resource, survivor, adopt)
    except (NotOurs, Conflict) as error:
        refusal = error
    changes = differences(resource, survivor)
    action: Action = "refuse" if refusal else "update" if changes else "nothing"
    return Plan(name, action, survivor, changes, duplicates, refusal)
