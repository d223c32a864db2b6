"""Flows that talk to the control plane: send, retry what may pass, read."""

from __future__ import annotations

from typing import TypeVar

from lbsls.effects import Flow, notify, send, sleep
from lbsls.errors import (
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
from lbsls.wire.rest import Operation

__all__ = ["API_DEADLINE", "call", "get", "look"]

T = TypeVar("T")
API_DEADLINE = 60.0
"""Seconds for an operation of which nobody said how long it may take."""
REQUEST_TIMEOUT = 30.0
MAX_ATTEMPTS = 5


def call(ctx: Context, operation: Operation[T], deadline: float) -> Flow[T]:
    """Carry out one operation, trying again while that may help and can do no harm.

    Raises:
        LbslsError: The error of the last try, which says how many there were.
    """
    started = ctx.clock()
    attempt = 0
    while True:
        attempt += 1
        left = deadline - ctx.clock()
        request = operation.request(ctx.base_url, ctx.api_key, max(0.1, min(REQUEST_TIMEOUT, left)))
        try:
            response = yield from send(request)
            return operation.read(request, response)
        except LbslsError as error:
            delay = _delay(ctx, operation, error, attempt)
            if isinstance(error, (ApiError, TransportError)):
                error.attempts, error.elapsed = attempt, ctx.clock() - started
            if delay is None or ctx.clock() + delay >= deadline:
                raise
            reason = _reason(error)
        from lbsls.events import Retrying

        yield from notify(Retrying(operation.what, reason, attempt, delay))
        yield from sleep(delay)


def _delay(ctx: Context, operation: Operation[T], error: LbslsError, attempt: int) -> float | None:
    """Give the seconds to the next try, or None if there must be none.

    A 429 and a connection that was never made prove that nothing was done; what else may pass is
    sent again only if doing it twice is doing it once.
    """
    backoff = full_jitter(expo(attempt, first=0.5, maximum=8.0), ctx.random)
    if isinstance(error, RateLimited):
        asked = error.retry_after
        return max(0.1, backoff if asked is None else asked + 0.1 * backoff)
    if attempt >= MAX_ATTEMPTS or isinstance(error, TlsError):
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
