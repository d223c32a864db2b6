"""Flows that look things up: by id, by name, by target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Union

from lbsls.addresses import is_segment
from lbsls.effects import Flow
from lbsls.errors import AmbiguousEndpoint, ConfigError, NotFound, Violation
from lbsls.flows.api import API_DEADLINE, call, get, look
from lbsls.flows.context import Context
from lbsls.live import Endpoint, Worker
from lbsls.wire import rest

if TYPE_CHECKING:
    from lbsls.resources import ServerlessResource

__all__ = [
    "Target",
    "ambiguous",
    "endpoints",
    "find",
    "get_by_id",
    "is_gone",
    "is_ours",
    "marked_for",
    "name_of",
    "order",
    "pick",
    "require",
    "resolve",
    "unknown",
    "workers",
]

Target = Union[Endpoint, "ServerlessResource", str]


def order(endpoint: Endpoint) -> tuple[object, str]:
    """Give the key by which candidates are ordered; every process computes the same."""
    return endpoint.created_at, endpoint.id


def marked_for(endpoint: Endpoint) -> bool:
    """Tell whether lbsls created this endpoint under the name that it has."""
    return endpoint.mark is not None and endpoint.mark.name == endpoint.name


def is_ours(ctx: Context, endpoint: Endpoint) -> bool:
    """Tell whether lbsls created this endpoint for this account's project."""
    mark = endpoint.mark
    return mark is not None and mark.name == endpoint.name and mark.project == ctx.project


def ambiguous(name: str, found: Sequence[Endpoint], reason: str) -> AmbiguousEndpoint:
    """Make the error that names all candidates."""
    rows = [
        (endpoint.id, endpoint.created_at.isoformat(), marked_for(endpoint))
        for endpoint in sorted(found, key=order)
    ]
    return AmbiguousEndpoint(name, rows, reason)


def pick(name: str, found: Sequence[Endpoint]) -> Endpoint | None:
    """Choose the endpoint of a name: the first marked one, or the only one.

    Raises:
        AmbiguousEndpoint: If no rule chooses.
    """
    marked = sorted((endpoint for endpoint in found if marked_for(endpoint)), key=order)
    others = [endpoint for endpoint in found if not marked_for(endpoint)]
    if len(others) > 1:
        raise ambiguous(name, found, "and not all were created by lbsls")
    if others and marked:
        raise ambiguous(name, found, "one of them not created by lbsls")
    nonces = {endpoint.mark.nonce for endpoint in marked if endpoint.mark}
    if len(nonces) < len(marked):
        raise ambiguous(name, found, "two with the same mark, so one is somebody's copy")
    return next(iter(marked or others), None)


def find(ctx: Context, name: str) -> Flow[Endpoint | None]:
    """Find the endpoint of an exact name, or None."""
    if not isinstance(name, str):
        raise _no_target(name)
    found = yield from look(ctx, ctx.clock() + API_DEADLINE)
    return pick(name, [endpoint for endpoint in found if endpoint.name == name])


def get_by_id(ctx: Context, id: str) -> Flow[Endpoint]:
    """Get the endpoint of an id.

    Raises:
        NotFound: If there is none.
    """
    if not isinstance(id, str) or not is_segment(id):
        raise _no_target(id)
    return (yield from get(ctx, id, ctx.clock() + API_DEADLINE))


def endpoints(ctx: Context) -> Flow[tuple[Endpoint, ...]]:
    """List every endpoint, by name and age."""
    found = yield from look(ctx, ctx.clock() + API_DEADLINE)
    return tuple(sorted(found, key=lambda endpoint: (endpoint.name, *order(endpoint))))


def resolve(ctx: Context, target: Target, deadline: float) -> Flow[Endpoint | None]:
    """Give the endpoint a target means: itself, by the resource's name, by id or name.

    Returns:
        None only for a resource that is not deployed.

    Raises:
        NotFound: If a text matches nothing.
    """
    if isinstance(target, Endpoint):
        if target.base_url != ctx.base_url:
            reason = f"endpoint {target.id} is of {target.base_url}, not of {ctx.base_url}."
            raise ConfigError("target", [Violation("target", reason, "Use its own account.")])
        return target
    name = name_of(target)
    found = yield from look(ctx, deadline)
    if isinstance(target, str):
        by_id = next((endpoint for endpoint in found if endpoint.id == target), None)
        if by_id is not None:
            return by_id
    chosen = pick(name, [endpoint for endpoint in found if endpoint.name == name])
    if chosen is None and isinstance(target, str):
        raise unknown(target)
    return chosen


def require(ctx: Context, target: Target, deadline: float) -> Flow[Endpoint]:
    """Give the endpoint a target means.

    Raises:
        NotFound: If there is none.
    """
    endpoint = yield from resolve(ctx, target, deadline)
    if endpoint is None:
        name = getattr(target, "name", target)  # of a resource: nothing else resolves to None
        raise NotFound(f"find {name!r}", detail="it is not deployed; deploy() it first")
    return endpoint


def is_gone(ctx: Context, id: str, deadline: float) -> Flow[bool]:
    """Tell whether an endpoint that was there is gone for certain.

    Just after a create an id can be answered with 404 for a moment, so a 404 counts only when the
    list does not show the id either.
    """
    try:
        yield from get(ctx, id, deadline)
    except NotFound:
        found = yield from look(ctx, deadline)
        return all(endpoint.id != id for endpoint in found)
    return False


def workers(ctx: Context, target: Target) -> Flow[tuple[Worker, ...]]:
    """List the workers of a target."""
    deadline = ctx.clock() + API_DEADLINE
    endpoint = yield from require(ctx, target, deadline)
    return (yield from call(ctx, rest.list_workers(endpoint.id), deadline))


def name_of(target: object) -> str:
    """Give the name, or the id, that a resource or a text means.

    Raises:
        ConfigError: If it is neither.
    """
    if isinstance(target, str) and target:
        return target
    from lbsls.resources import ServerlessResource

    if not isinstance(target, ServerlessResource):
        raise _no_target(target)
    return target.name


def unknown(target: str) -> NotFound:
    """Make the error for a text that matches nothing."""
    return NotFound(f"find {target!r}", detail="no endpoint has this id or name")


def _no_target(value: object) -> ConfigError:
    reason = f"a target is an endpoint, a resource, an id or a name, not {value!r}."
    return ConfigError("target", [Violation("target", reason, "Write account.find('my-app').")])
