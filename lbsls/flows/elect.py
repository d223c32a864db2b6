"""Flows that leave exactly one endpoint of a name, whoever else deploys it at the same time.

Candidates carry our mark for the name, ordered by time of creation and id; the first survives.
Nobody deletes what has no mark. The rules are those of decision 4 in the design.
"""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from lbsls.effects import Flow, notify, sleep
from lbsls.errors import NotFound
from lbsls.events import Removed
from lbsls.flows.api import call, get, look
from lbsls.flows.context import Context
from lbsls.flows.find import marked_for, order, pick
from lbsls.live import Endpoint
from lbsls.schedules import expo
from lbsls.wire import rest

__all__ = ["Own", "candidates", "delete", "elect", "look_until_listed"]

SETTLED_AFTER = 10.0
"""Seconds after which an endpoint that is neither listed nor found by id is gone for certain."""


@frozen
class Own:
    """An endpoint that this very call created, and when by its own clock."""

    endpoint: Endpoint
    created: float

    @property
    def id(self) -> str:
        """Of the endpoint."""
        return self.endpoint.id


def candidates(
    ctx: Context, name: str, gone: Collection[str], deadline: float
) -> Flow[list[Endpoint]]:
    """List who has the name, without those known to be gone."""
    found = yield from look(ctx, deadline)
    return [
        endpoint
        for endpoint in found
        if endpoint.name == name
        and endpoint.id not in gone
        and not ctx.memory.has_buried(endpoint.id)
    ]


def look_until_listed(
    ctx: Context, own: Own, gone: Collection[str], deadline: float
) -> Flow[list[Endpoint]]:
    """Look until the list shows what this call created, as a list without it lags behind.

    If it vanished meanwhile (somebody elected another), what the list shows is given.
    """
    name = own.endpoint.name
    attempt = 0
    while True:
        attempt += 1
        found = yield from candidates(ctx, name, gone, deadline)
        if any(endpoint.id == own.id for endpoint in found):
            return (yield from _same_second(ctx, own, found, gone, deadline))
        if ctx.clock() - own.created > SETTLED_AFTER:
            # Not sooner, whatever else is listed: a young one can be missing by id as well, and
            # taken for gone it would stay beside the one that is listed.
            try:
                yield from get(ctx, own.id, deadline)
            except NotFound:
                return found
        left = deadline - ctx.clock()
        if left <= 0:
            return [*found, own.endpoint]
        yield from sleep(min(left, expo(attempt, first=0.1, maximum=2.0)))


def _same_second(
    ctx: Context, own: Own, found: list[Endpoint], gone: Collection[str], deadline: float
) -> Flow[list[Endpoint]]:
    """Look again after a second whose times have no fraction: its order is open until then."""
    left = min(own.created + 1.0, deadline) - ctx.clock()
    if own.endpoint.created_at.microsecond or left <= 0:
        return found
    yield from sleep(left)
    return (yield from candidates(ctx, own.endpoint.name, gone, deadline))


def elect(
    ctx: Context, name: str, found: list[Endpoint], own: Own | None, deadline: float
) -> Flow[Endpoint | None]:
    """Delete marked losers and give the one that stays, None if there is none.

    Raises:
        AmbiguousEndpoint: If the candidates are not all ours to choose from.
        NotFound: If the one that would stay is not there by its id.
    """
    if own is not None and not all(marked_for(endpoint) for endpoint in found):
        # Somebody made one by hand meanwhile: take back what this call added, then judge.
        if any(endpoint.id == own.id for endpoint in found):
            yield from delete(ctx, own.endpoint, "somebody else made one by hand", deadline)
        found = [endpoint for endpoint in found if endpoint.id != own.id]
    survivor = pick(name, found)
    if survivor is None:
        return None
    confirmed = False
    for loser in sorted(found, key=order)[1:]:
        another = own is None or loser.id != own.id
        if another and not confirmed:
            # Listed and yet not there, it is being deleted: look again before touching another's.
            yield from get(ctx, survivor.id, deadline)
            confirmed = True
        yield from delete(ctx, loser, f"{survivor.id} was first", deadline)
    return survivor


def delete(ctx: Context, endpoint: Endpoint, reason: str, deadline: float) -> Flow[bool]:
    """Delete an endpoint; False if it was gone already.

    Ids are never used twice, so a delete whose answer was lost may be sent again.
    """
    try:
        yield from call(ctx, rest.delete_endpoint(endpoint.id), deadline)
    except NotFound as error:
        # After a lost answer, the 404 is the answer to our own delete.
        if error.attempts == 1:
            return False
    ctx.memory.bury(endpoint.id)
    yield from notify(Removed(endpoint.name, endpoint.id, reason))
    return True
