"""The flow that takes endpoints down."""

from __future__ import annotations

from collections.abc import Iterable

from lbsls.effects import Flow
from lbsls.errors import NotFound, NotOurs
from lbsls.flows.api import API_DEADLINE, get, look
from lbsls.flows.context import Context
from lbsls.flows.elect import delete
from lbsls.flows.find import Target, is_ours, marked_for, name_of, pick, require, unknown
from lbsls.live import Endpoint
from lbsls.resources import ServerlessResource

__all__ = ["undeploy"]


def undeploy(ctx: Context, target: Target) -> Flow[bool]:
    """Delete what a target means; by a name, marked duplicates go too.

    Returns:
        Whether there was anything to delete.
    """
    deadline = ctx.clock() + API_DEADLINE
    if isinstance(target, Endpoint):
        doomed = [(yield from require(ctx, target, deadline))]
    else:
        doomed = yield from _meant(ctx, target, deadline)
    removed = False
    for endpoint in doomed:
        removed = (yield from delete(ctx, endpoint, "undeployed", deadline)) or removed
    return removed


def _meant(ctx: Context, target: ServerlessResource | str, deadline: float) -> Flow[list[Endpoint]]:
    """Give the endpoint of an id, or all that lbsls made under a name, or the one of that name.

    Raises:
        NotOurs: If a resource means only what other projects made; a text names what it means.
    """
    name = name_of(target)
    found = yield from look(ctx, deadline)
    if by_id := [each for each in found if isinstance(target, str) and each.id == target]:
        return by_id
    named = [endpoint for endpoint in found if endpoint.name == name]
    named += yield from _not_listed(ctx, name, found, deadline)
    if isinstance(target, str) and not named:
        raise unknown(target)
    if all(marked_for(endpoint) for endpoint in named):
        return named if isinstance(target, str) else _of_project(ctx, named)
    chosen = pick(name, named)
    return [] if chosen is None else [chosen]


def _not_listed(
    ctx: Context, name: str, found: Iterable[Endpoint], deadline: float
) -> Flow[list[Endpoint]]:
    """Give what this account deployed under a name and a list that lags does not show yet."""
    missing = []
    for id in set(ctx.memory.elected(name)) - {endpoint.id for endpoint in found}:
        try:
            endpoint = yield from get(ctx, id, deadline)
        except NotFound:
            continue
        if endpoint.name == name:  # it may have been renamed since
            missing.append(endpoint)
    return missing


def _of_project(ctx: Context, named: list[Endpoint]) -> list[Endpoint]:
    ours = [endpoint for endpoint in named if is_ours(ctx, endpoint)]
    if named and not ours:
        other = named[0]
        raise NotOurs(other.name, other.id, [], project=getattr(other.mark, "project", ""))
    return ours
