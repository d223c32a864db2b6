"""Flows for what a project deployed once and declares no more."""

from __future__ import annotations

from collections.abc import Iterable

from lbsls.effects import Flow
from lbsls.errors import ConfigError, NotFound, Violation
from lbsls.flows.api import API_DEADLINE, get, look
from lbsls.flows.context import Context
from lbsls.flows.elect import delete
from lbsls.flows.find import Target, is_ours, name_of, order
from lbsls.live import Endpoint
from lbsls.values import shown

__all__ = ["orphans", "prune"]


def orphans(ctx: Context, declared: Iterable[Target]) -> Flow[tuple[Endpoint, ...]]:
    """List what carries this project's mark and is not declared, by name and age."""
    names = _names(declared)
    found = yield from look(ctx, ctx.clock() + API_DEADLINE)
    left = [endpoint for endpoint in found if _is_orphan(ctx, endpoint, names)]
    return tuple(sorted(left, key=lambda endpoint: (endpoint.name, *order(endpoint))))


def prune(
    ctx: Context, declared: Iterable[Target], only: Iterable[Endpoint] | None
) -> Flow[tuple[Endpoint, ...]]:
    """Delete orphans, each after it was read once more, and give those that were there.

    Raises:
        ConfigError: Without a project, as an empty one may be anybody's.
    """
    if not ctx.project:
        reason = "without a project nobody can tell whose an endpoint is, so none is deleted."
        instead = "Write Account(project='my-shop'), or [project] name in lbsls.toml."
        raise ConfigError("prune", [Violation("project", reason, instead)])
    names = _names(declared)
    chosen = (yield from orphans(ctx, names)) if only is None else only
    removed: tuple[Endpoint, ...] = ()
    for endpoint in chosen:
        if (yield from _remove(ctx, endpoint, names)):
            removed = (*removed, endpoint)
    return removed


def _remove(ctx: Context, endpoint: Endpoint, names: frozenset[str]) -> Flow[bool]:
    """Delete an endpoint if it is an orphan at this moment, and not only when it was listed."""
    deadline = ctx.clock() + API_DEADLINE
    try:
        fresh = yield from get(ctx, endpoint.id, deadline)
    except NotFound:
        return False
    if not _is_orphan(ctx, fresh, names):
        return False
    return (yield from delete(ctx, fresh, "not declared any more", deadline))


def _is_orphan(ctx: Context, endpoint: Endpoint, names: frozenset[str]) -> bool:
    buried = ctx.memory.has_buried(endpoint.id)  # a list may lag
    return is_ours(ctx, endpoint) and endpoint.name not in names and not buried


def _names(declared: Iterable[Target]) -> frozenset[str]:
    """Give the names that are declared.

    Raises:
        ConfigError: For a single text, whose letters would be taken for names.
    """
    if isinstance(declared, str) or not isinstance(declared, Iterable):
        reason = f"declared must be several resources or names, not {shown(declared)}."
        raise ConfigError("prune", [Violation("declared", reason, "Write [resource, ...].")])
    return frozenset(
        each.name if isinstance(each, Endpoint) else name_of(each) for each in declared
    )
