"""Flows that leave one endpoint of a name, as declared: look, create, elect, adopt."""

from __future__ import annotations

from attrs import evolve, field, frozen

from lbsls.drift import RELEASE_FIELDS, differences
from lbsls.effects import Flow, notify, sleep
from lbsls.errors import (
    Conflict,
    ConnectError,
    HealthTimeout,
    LbslsError,
    NotFound,
    ServerError,
    TransportError,
    WireError,
)
from lbsls.events import Created, Creating, Unchanged, Updated, Updating
from lbsls.flows.api import call, get
from lbsls.flows.context import Context
from lbsls.flows.elect import Own, candidates, elect, look_until_listed
from lbsls.flows.judge import judge
from lbsls.live import Endpoint, Mark
from lbsls.resources import ServerlessResource
from lbsls.schedules import expo, full_jitter
from lbsls.wire import rest
from lbsls.wire.rest import Operation

__all__ = ["Settled", "Wanted", "pause", "settle"]

NONCE_SEARCH = 5.0
"""Seconds to look for an endpoint whose create was sent and not answered."""
MAX_CREATES = 3
MAX_UPDATES = 5


@frozen
class Wanted:
    """What a deploy is asked for, and what it found out so far.

    Attributes:
        adopt: True changes what somebody else made, False refuses it, None takes it as it is.
        seconds: How long all of it may take.
        gone: Ids that were seen to be gone; a list may still show them.
        may_update: No update was sent yet; one call sends at most one.
        made: What this call created, whatever became of it.
    """

    resource: ServerlessResource
    adopt: bool | None
    deadline: float
    seconds: float
    gone: frozenset[str] = frozenset()
    may_update: bool = True
    made: list[Own] = field(factory=list)

    @property
    def name(self) -> str:
        """The name that is being settled."""
        return self.resource.name

    def without(self, id: str) -> Wanted:
        """Give this, knowing that an endpoint is gone."""
        return evolve(self, gone=self.gone | {id})


@frozen
class Settled:
    """The endpoint of a name, and what this call did to it.

    Attributes:
        own: Set if this call created it.
        replaced: Its workers are being replaced by an update of this call.
        updated: An update was sent.
        since: When it was settled, by the context's clock.
    """

    endpoint: Endpoint
    own: Own | None = None
    replaced: bool = False
    updated: bool = False
    since: float = 0.0


def settle(ctx: Context, wanted: Wanted) -> Flow[Settled]:
    """Look, create if there is none, elect, and bring to what is declared.

    Raises:
        HealthTimeout: If what the list shows is not there by its id until the deadline.
    """
    own: Own | None = None
    attempt = 0
    while True:
        attempt += 1
        found = yield from candidates(ctx, wanted.name, wanted.gone, wanted.deadline)
        if not found and own is None:
            own = yield from _create(ctx, wanted)
            if own is None:
                continue
        if own is not None:
            found = yield from look_until_listed(ctx, own, wanted.gone, wanted.deadline)
        try:
            survivor = yield from elect(ctx, wanted.name, found, own, wanted.deadline)
            if own is not None and (survivor is None or survivor.id != own.id):
                # It lost, or somebody deleted it: what comes next is a new beginning.
                wanted, own = wanted.without(own.id), None
            if survivor is not None:
                return Settled(survivor, own) if own else (yield from _adopt(ctx, wanted, survivor))
        except NotFound:
            # Listed and not there by id: it is being deleted, or too young. Neither is an absence.
            yield from pause(ctx, wanted, attempt, "its list and its answers by id disagree")


def pause(ctx: Context, wanted: Wanted, attempt: int, reason: str) -> Flow[None]:
    """Let a moment pass before the next look.

    Raises:
        HealthTimeout: If there is no time left for one.
    """
    left = wanted.deadline - ctx.clock()
    if left <= 0:
        raise HealthTimeout(
            wanted.name,
            wanted.name,  # whichever it is, its name is what there is to act on
            wanted.seconds,
            diagnosis=f"{reason}; look what there is with `lbsls ls`, then deploy again",
        )
    yield from sleep(min(left, expo(attempt, first=0.1, maximum=2.0)))


def _create(ctx: Context, wanted: Wanted) -> Flow[Own | None]:
    """Create, and find out what a create without a usable answer did before sending another.

    None if somebody else created one meanwhile: another create would be one too many.
    """
    attempt = 0
    while True:
        attempt += 1
        mark = Mark(ctx.project, wanted.name, ctx.nonce())
        try:
            endpoint = yield from _send_create(ctx, wanted, mark)
        except (TransportError, ServerError, WireError) as error:
            if isinstance(error, ConnectError):
                raise
            lost: LbslsError = error
        else:
            break
        found = yield from _search(ctx, mark, wanted)
        created = [each for each in found if each.mark == mark]
        if created:
            endpoint = created[0]
            break
        if found:
            return None
        if attempt >= MAX_CREATES or ctx.clock() >= wanted.deadline:
            raise lost
    own = Own(endpoint, ctx.clock())
    wanted.made.append(own)
    yield from notify(Created(endpoint.name, endpoint.id))
    return own


def _send_create(ctx: Context, wanted: Wanted, mark: Mark) -> Flow[Endpoint]:
    operation = rest.create_endpoint(wanted.resource, mark)
    yield from notify(Creating(wanted.name))
    return ctx.own((yield from call(ctx, operation, wanted.deadline)))


def _search(ctx: Context, mark: Mark, wanted: Wanted) -> Flow[list[Endpoint]]:
    """Look for an endpoint by the nonce of its create, and give who has the name at the end."""
    until = min(wanted.deadline, ctx.clock() + NONCE_SEARCH)
    attempt = 0
    while True:
        attempt += 1
        found = yield from candidates(ctx, wanted.name, wanted.gone, wanted.deadline)
        if ctx.clock() >= until or any(endpoint.mark == mark for endpoint in found):
            return found
        yield from sleep(min(expo(attempt, first=0.25, maximum=2.0), until - ctx.clock()))


def _adopt(ctx: Context, wanted: Wanted, endpoint: Endpoint) -> Flow[Settled]:
    """Bring an endpoint that exists to what is declared, or say why not.

    Raises:
        NotOurs: If it is somebody else's and must not be changed.
        Conflict: If no update can make it so.
        NotFound: If it is gone.
    """
    changes = judge(ctx, wanted.resource, endpoint, wanted.adopt)
    if not changes:
        yield from notify(Unchanged(endpoint.name, endpoint.id))
        return Settled(endpoint)
    if not wanted.may_update:
        return Settled(endpoint)
    fields = [change.field for change in changes]
    updated = yield from _update(ctx, wanted, endpoint, fields)
    words = tuple(str(change) for change in changes)
    yield from notify(Updated(endpoint.name, endpoint.id, words))
    return Settled(updated, replaced=bool(RELEASE_FIELDS & set(fields)), updated=True)


def _update(ctx: Context, wanted: Wanted, endpoint: Endpoint, fields: list[str]) -> Flow[Endpoint]:
    """Send the update and check that it took."""
    operation = rest.update_endpoint(endpoint.id, wanted.resource, fields, endpoint.settings)
    yield from notify(Updating(endpoint.name, endpoint.id))
    updated = yield from _send_update(ctx, wanted, endpoint.id, operation)
    if left := differences(wanted.resource, updated):
        words = "; ".join(str(change) for change in left)
        raise Conflict(
            operation.what,
            detail=f"Runpod accepted the update and still answers {words}. Declare what it "
            "answers, or leave those fields out",
        )
    return updated


def _send_update(
    ctx: Context, wanted: Wanted, id: str, operation: Operation[Endpoint]
) -> Flow[Endpoint]:
    """Send an update; without a usable answer, look what it did before sending it again."""
    began, attempt = ctx.clock(), 0
    while True:
        attempt += 1
        try:
            return ctx.own((yield from call(ctx, operation, wanted.deadline)))
        except ConnectError:
            raise
        except (TransportError, ServerError, WireError) as error:
            if not isinstance(error, WireError):
                error.attempts, error.elapsed = attempt, ctx.clock() - began
            delay = full_jitter(expo(attempt, first=0.5, maximum=8.0), ctx.random)
            if attempt >= MAX_UPDATES or ctx.clock() + delay >= wanted.deadline:
                raise
        yield from sleep(delay)
        live = yield from get(ctx, id, wanted.deadline)
        if not differences(wanted.resource, live):
            return live
