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

__all__ = ["FOUND_AFTER", "Own", "candidates", "delete", "elect", "look_until_listed", "take_back"]

SETTLED_AFTER = 10.0
"""Seconds after which an endpoint that is neither listed nor found by id is gone for certain."""
FOUND_AFTER = 3.0
"""Seconds after which an endpoint that was listed once is found by its id, if it is there."""


@frozen
class Own:
    """An endpoint that this very call created, and when by its own clock."""

    endpoint: Endpoint
    created: float

    @property
    def id(self) -> str:
        """Of the endpoint."""
        return self.endpoint.id

    @property
    def order(self) -> tuple[object, str]:
        """Its place among candidates."""
        return order(self.endpoint)


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

    If it vanished meanwhile (somebody elected another), what the list shows is given. If an older
    one is listed first, the own one has lost: it is deleted without waiting to see it listed.
    """
    name = own.endpoint.name
    attempt, tried = 0, False
    while True:
        attempt += 1
        found = yield from candidates(ctx, name, gone, deadline)
        if any(endpoint.id == own.id for endpoint in found):
            return (yield from _same_second(ctx, own, found, gone, deadline))
        if not tried and (first := _older(own, found)) is not None:
            tried = True
            if (yield from delete(ctx, own.endpoint, f"{first.id} was first", deadline)):
                return found
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


def _older(own: Own, found: list[Endpoint]) -> Endpoint | None:
    """Give the first candidate if the own one loses to it."""
    marked = [endpoint for endpoint in found if marked_for(endpoint)]
    return next((each for each in sorted(marked, key=order)[:1] if order(each) < own.order), None)


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


def take_back(
    ctx: Context, own: Own, reason: str, deadline: float, certain: float = SETTLED_AFTER
) -> Flow[None]:
    """Delete what this call created until that took, or until its 404 is ``certain`` by its age.

    A young one can be answered with 404 and be there all the same.
    """
    attempt = 0
    while not ctx.memory.has_buried(own.id):
        attempt += 1
        if (yield from delete(ctx, own.endpoint, reason, deadline)):
            return
        left = min(own.created + certain, deadline) - ctx.clock()
        if left <= 0:
            return
        yield from sleep(min(left, expo(attempt, first=0.25, maximum=4.0)))


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
