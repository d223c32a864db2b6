"""Flows that call an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from lbsls.effects import Flow, notify, send, sleep
from lbsls.errors import (
    AnswerTooLarge,
    ConnectError,
    TlsError,
    TransportError,
    TransportTimeout,
)
from lbsls.events import Retrying
from lbsls.flows.api import API_DEADLINE, MAX_ATTEMPTS
from lbsls.flows.context import Context
from lbsls.flows.find import Target, require
from lbsls.flows.pings import authorized, needs_load_balancer
from lbsls.live import Endpoint, hidden_values
from lbsls.records import replace
from lbsls.requesting import CALL_BYTES, method_of, prepare
from lbsls.schedules import expo, full_jitter
from lbsls.values import Request, Response, redact
from lbsls.wire.edge import is_no_worker

__all__ = ["call", "callable_endpoint", "send_patiently", "send_until_worker"]

MAX_REDIRECTS = 10
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2"""


def call(
    ctx: Context, target: Target, method: str, path: str, options: Mapping[str, Any]
) -> Flow[Response]:
    """Send a request to a target, hold it while there is no worker, follow redirects.

    The options are those of `lbsls.requesting.prepare`.
    """
    endpoint = yield from callable_endpoint(ctx, target)
    prepared = prepare(endpoint.endpoint_url, path, **options)
    request = Request(
        method_of(method),
        prepared.url,
        authorized(ctx, endpoint, prepared.url).merged(prepared.headers),
        prepared.body,
        timeout=prepared.timeout,
        max_bytes=CALL_BYTES,
        secrets=(ctx.api_key, *hidden_values(endpoint.settings.env or {})),
    )
    deadline = ctx.clock() + request.timeout
    response = yield from send_patiently(ctx, request, deadline, prepared.retry)
    for _ in range(MAX_REDIRECTS):
        onward = _redirected(request, response)
        if onward is None:
            break
        request = onward
        response = yield from send_patiently(ctx, request, deadline, prepared.retry)
    return response.hiding(request.secrets)


def callable_endpoint(ctx: Context, target: Target) -> Flow[Endpoint]:
    """Give a target's endpoint if it serves HTTP under an address that may get the key."""
    endpoint = yield from require(ctx, target, ctx.clock() + API_DEADLINE)
    needs_load_balancer(endpoint)
    authorized(ctx, endpoint, endpoint.endpoint_url)
    return endpoint


def send_until_worker(ctx: Context, request: Request, deadline: float) -> Flow[Response]:
    """Send again, within the deadline, what the balancer refused for want of a worker.

    The refusal proves that no worker saw the request, so this is safe for every method.
    """
    attempt = 0
    while True:
        attempt += 1
        left = max(0.05, deadline - ctx.clock())
        response = yield from send(replace(request, timeout=left))
        delay = expo(attempt, first=0.1, maximum=5.0)
        if not is_no_worker(response) or ctx.clock() + delay >= deadline:
            return response
        yield from notify(Retrying(_what(request), "no workers available", attempt, delay))
        yield from sleep(delay)


def send_patiently(
    ctx: Context, request: Request, deadline: float, retry: bool | None
) -> Flow[Response]:
    """Send until a worker answers, and again what a bad moment of the edge or the network broke.

    What may have been done is sent again only if doing it twice is doing it once, or ``retry``.

    Raises:
        TransportError: That of the last try, which says how many there were.
    """
    again = request.method in IDEMPOTENT if retry is None else retry
    started, attempt = ctx.clock(), 0
    while True:
        attempt += 1
        try:
            outcome: Response | TransportError = yield from send_until_worker(
                ctx, request, deadline
            )
        except TransportError as error:
            error.attempts, error.elapsed = attempt, ctx.clock() - started
            outcome = error
        delay = full_jitter(expo(attempt, first=0.5, maximum=8.0), ctx.random)
        is_last = attempt >= MAX_ATTEMPTS or ctx.clock() + delay >= deadline
        if is_last or not _may_pass(outcome, again):
            if isinstance(outcome, TransportError):
                raise outcome
            return outcome
        reason = "502" if isinstance(outcome, Response) else outcome.reason
        yield from notify(Retrying(_what(request), reason, attempt, delay))
        yield from sleep(delay)


def _may_pass(outcome: Response | TransportError, again: bool) -> bool:
    """Tell whether another try can help and do no harm."""
    if isinstance(outcome, Response):
        return again and outcome.status_code == 502
    if isinstance(outcome, ConnectError):
        return not isinstance(outcome, TlsError)
    return again and not isinstance(outcome, (TransportTimeout, AnswerTooLarge))


def _what(request: Request) -> str:
    return f"{request.method} {urlsplit(request.url).path}"


def _redirected(request: Request, response: Response) -> Request | None:
    """Give the request that a redirect asks for; to another address it goes without the key."""
    location = response.headers.get("location")
    if response.status_code not in (301, 302, 303, 307, 308) or not location:
        return None
    try:
        url = urljoin(request.url, location)
        if urlsplit(url).scheme not in ("http", "https") or redact(url, request.secrets) != url:
            return None  # nowhere, or to where a secret would be in the address
    except ValueError:  # no address at all
        return None
    method, body, headers = request.method, request.body, dict(request.headers.items())
    if response.status_code in (301, 302, 303) and method not in ("GET", "HEAD"):
        method, body = "GET", None
        headers = {k: v for k, v in headers.items() if k.lower() != "content-type"}
    if urlsplit(url)[:2] != urlsplit(request.url)[:2]:
        headers = {k: v for k, v in headers.items() if k.lower() not in ("authorization", "cookie")}
    return replace(request, method=method, url=url, body=body, headers=headers)
