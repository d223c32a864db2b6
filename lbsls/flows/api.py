"""Flows that talk to the control plane: send, retry what may pass, read."""

from __future__ import annotations

from typing import TypeVar

from lbsls.effects import Flow, notify, send, sleep
from lbsls.errors import (
    AnswerTooLarge,
    ApiError,
    ConnectError,
    LbslsError,
    RateLimited,
    ServerError,
    TlsError,
    TransportError,
)
from lbsls.flows.context import Context
from lbsls.live import Endpoint
from lbsls.schedules import expo, full_jitter
from lbsls.wire import rest
from lbsls.wire.limits import limits
from lbsls.wire.rest import Operation

__all__ = ["API_DEADLINE", "call", "get", "look"]

T = TypeVar("T")
API_DEADLINE = 60.0
"""Seconds for an operation of which nobody said how long it may take."""
REQUEST_TIMEOUT = 30.0
MAX_ATTEMPTS = 5
NOT_SENT = "not sent"


def call(ctx: Context, operation: Operation[T], deadline: float) -> Flow[T]:
    """Carry out one operation, trying again while that may help and can do no harm.

    Raises:
        LbslsError: The error of the last try, which says how many there were.
    """
    budget, started = ctx.memory.budget, ctx.clock()
    ticket = budget.ticket()
    attempt = 0
    try:
        while True:
            try:
                yield from _admitted(ctx, operation, ticket, deadline)
                attempt += 1
                return (yield from _once(ctx, operation, ticket, deadline))
            except LbslsError as error:
                error.attempts, error.elapsed = attempt, ctx.clock() - started
                delay = _delay(ctx, operation, error, attempt)
                if delay is not None and isinstance(error, RateLimited):
                    delay = budget.refuse(ticket, ctx.clock(), delay)
                if delay is None or ctx.clock() + delay >= deadline:
                    raise
                reason, waits_its_turn = _reason(error), isinstance(error, RateLimited)
            from lbsls.events import Retrying

            yield from notify(Retrying(operation.what, reason, attempt, delay))
            if not waits_its_turn:
                yield from sleep(delay)
    finally:
        budget.leave(ticket)


def _admitted(ctx: Context, operation: Operation[T], ticket: int, deadline: float) -> Flow[None]:
    """Wait until the account may send one more request.

    Raises:
        RateLimited: If that is not before the deadline.
    """
    now = ctx.clock()
    while wait := ctx.memory.budget.ask(ticket, now):
        left = deadline - now
        if wait >= left:
            detail = (
                f"the account's rate limit has no room for another {wait:.1f}s, "
                f"and {max(0.0, left):.1f}s were left"
            )
            raise RateLimited(operation.what, title=NOT_SENT, detail=detail, retry_after=wait)
        yield from sleep(wait)
        now = max(now + wait, ctx.clock())


def _once(ctx: Context, operation: Operation[T], ticket: int, deadline: float) -> Flow[T]:
    """Send a request, learn what its answer says of the rate limit, and read it."""
    timeout = max(0.1, min(REQUEST_TIMEOUT, deadline - ctx.clock()))
    request = operation.request(ctx.base_url, ctx.api_key, timeout)
    try:
        response = yield from send(request)
    except TransportError:
        ctx.memory.budget.leave(ticket)
        raise
    ctx.memory.budget.learn(ticket, ctx.clock(), limits(response))
    return operation.read(request, response)


def _delay(ctx: Context, operation: Operation[T], error: LbslsError, attempt: int) -> float | None:
    """Give the seconds to the next try, or None if there must be none.

    A 429 and a connection that was never made prove that nothing was done; what else may pass is
    sent again only if doing it twice is doing it once.
    """
    backoff = full_jitter(expo(attempt, first=0.5, maximum=8.0), ctx.random)
    if isinstance(error, RateLimited):
        if error.status == 0:  # of our own making: waiting more is what there was no time for
            return None
        asked = error.retry_after
        return max(0.1, backoff if asked is None else asked + 0.1 * backoff)
    if attempt >= MAX_ATTEMPTS or isinstance(error, (TlsError, AnswerTooLarge)):
        return None
    if isinstance(error, ConnectError):
        return backoff
    if isinstance(error, (ServerError, TransportError)) and operation.idempotent:
        return backoff
    return None


def _reason(error: LbslsError) -> str:
    if isinstance(error, ApiError):
        return f"{error.status} {error.title}".strip()
    return error.reason if isinstance(error, TransportError) else str(error)


def look(ctx: Context, deadline: float) -> Flow[tuple[Endpoint, ...]]:
    """List every endpoint of the account. An error while looking is raised, never an absence."""
    found = yield from call(ctx, rest.list_endpoints(), deadline)
    return tuple(ctx.own(endpoint) for endpoint in found)


def get(ctx: Context, id: str, deadline: float) -> Flow[Endpoint]:
    """Get one endpoint by its id."""
    return ctx.own((yield from call(ctx, rest.get_endpoint(id), deadline)))
