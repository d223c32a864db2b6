"""Flows that ask whether an endpoint is there and whether it serves."""

from __future__ import annotations

from lbsls.effects import Flow, notify, send
from lbsls.enums import ServerlessType
from lbsls.errors import (
    AuthError,
    ConfigError,
    ConnectError,
    NotFound,
    TransportError,
    UntrustedHost,
    Violation,
)
from lbsls.flows.api import API_DEADLINE, call, get
from lbsls.flows.context import Context, check_seconds
from lbsls.flows.find import Target, is_gone, require, resolve
from lbsls.live import Endpoint, hidden_values
from lbsls.values import Headers, Health, Ping, Pinged, Request, Response, Secret
from lbsls.wire import rest
from lbsls.wire.edge import WORKER_HEADER, host_of, may_carry_key, ping_of

__all__ = [
    "authorized",
    "check_ping",
    "is_deployed",
    "is_healthy",
    "needs_load_balancer",
    "ping",
    "raise_unusable",
]

PING_TIMEOUT = 5.0


def authorized(ctx: Context, endpoint: Endpoint, url: str) -> Headers:
    """Give the headers for a request to an endpoint.

    Raises:
        UntrustedHost: If the URL is on a host that must not get the API key.
    """
    trusted = may_carry_key(url, base_url=ctx.base_url, endpoint_id=endpoint.id, trust=ctx.trust)
    if not trusted:
        what = f"call endpoint {endpoint.name!r} ({endpoint.id})"
        raise UntrustedHost(what, url.partition("?")[0][:200], host_of(url))
    headers = {"Authorization": f"Bearer {ctx.api_key}", "User-Agent": rest.USER_AGENT}
    return Headers(headers)


def needs_load_balancer(endpoint: Endpoint) -> None:
    """Refuse a queue-based endpoint, which has no health path to ping.

    Raises:
        ConfigError: If it is one.
    """
    if endpoint.type != ServerlessType.LB:
        reason = f"endpoint {endpoint.name!r} ({endpoint.id}) is queue-based and has no ping."
        raise ConfigError("target", [Violation("type", reason, "Name a load-balanced one.")])


def ping(
    ctx: Context, endpoint: Endpoint, *, began: float, timeout: float, worker: str | None = None
) -> Flow[Ping]:
    """Send one ping and classify what comes of it.

    ``began`` is when the wait began, by the context's clock; ``worker`` is the one that should
    answer, if it can.
    """
    headers = authorized(ctx, endpoint, endpoint.health_url)
    if worker is not None:
        headers = headers.merged({WORKER_HEADER: worker})
    request = Request(
        "GET",
        endpoint.health_url,
        headers,
        timeout=timeout,
        max_bytes=1024 * 1024,
        secrets=(Secret(ctx.api_key),),
    )
    sent = ctx.clock()
    try:
        answer: Response | TransportError = yield from send(request)
    except TransportError as error:
        answer = error
    # An app may answer with what it was sent, or with what it knows.
    secrets = (ctx.api_key, *hidden_values(endpoint.settings.env or {}))
    elapsed = ctx.clock() - sent
    result = ping_of(answer, at=sent - began, elapsed=elapsed, secrets=secrets)
    yield from notify(Pinged(endpoint.name, endpoint.id, result))
    return result


def check_ping(ctx: Context, target: Target, timeout: float) -> Flow[Ping]:
    """Ping a target once."""
    check_seconds("check_ping", timeout)
    endpoint = yield from require(ctx, target, ctx.clock() + API_DEADLINE)
    needs_load_balancer(endpoint)
    return (yield from ping(ctx, endpoint, began=ctx.clock(), timeout=timeout))


def raise_unusable(endpoint: Endpoint, result: Ping) -> None:
    """Raise for a ping that says nothing about the endpoint: a wrong key, or no connection."""
    what = f"ping endpoint {endpoint.name!r} ({endpoint.id})"
    if result.refused_key:
        raise AuthError(what, status=401, title="Unauthorized", detail=result.detail)
    if result.health is Health.UNREACHABLE:
        raise ConnectError(what, result.detail)


def is_healthy(ctx: Context, target: Target) -> Flow[bool]:
    """Tell whether a target answers 200 now."""
    endpoint = yield from resolve(ctx, target, ctx.clock() + API_DEADLINE)
    if endpoint is None:
        return False
    needs_load_balancer(endpoint)
    result = yield from _usable_ping(ctx, endpoint)
    return result is not None and result.health is Health.READY


def is_deployed(ctx: Context, target: Target) -> Flow[bool]:
    """Tell whether a target is there, without waking a worker."""
    deadline = ctx.clock() + API_DEADLINE
    endpoint = yield from resolve(ctx, target, deadline)
    if endpoint is None:
        return False
    needs_load_balancer(endpoint)
    try:
        if isinstance(target, Endpoint):
            endpoint = yield from get(ctx, target.id, deadline)
        up = endpoint.settings.workersMin or (
            yield from call(ctx, rest.list_workers(endpoint.id), deadline)
        )
    except NotFound:
        # Deleted meanwhile, or so young that only the list knows it.
        if (yield from is_gone(ctx, endpoint.id, deadline)):
            return False
        up = ()
    if not up:
        return endpoint.settings.workersMax != 0
    result = yield from _usable_ping(ctx, endpoint)
    return result is not None and result.health in (Health.READY, Health.INITIALIZING)


def _usable_ping(ctx: Context, endpoint: Endpoint) -> Flow[Ping | None]:
    """Ping once; None if the endpoint turns out to be gone."""
    result = yield from ping(ctx, endpoint, began=ctx.clock(), timeout=PING_TIMEOUT)
    suspicious = result.health is Health.UNREACHABLE or result.status == 404
    if suspicious and (yield from is_gone(ctx, endpoint.id, ctx.clock() + API_DEADLINE)):
        return None
    raise_unusable(endpoint, result)
    return result
