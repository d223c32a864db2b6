"""Note each request, and carry out the fault that strikes it. Knows no operation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from lbsls.local.clock import Clock, wait
from lbsls.local.door import hang_up
from lbsls.local.faults import Fault
from lbsls.local.journal import shown
from lbsls.local.options import World
from lbsls.local.problems import Problem

FUTURE = "FROM_THE_FUTURE"
ENUMS = frozenset({"type", "status", "flashboot", "pools", "dataCenterIds"})
NO_CAPACITY = (
    "There are no longer any instances available with the requested specifications. Please "
    "refresh and try again."
)
"""Runpod's words, as far as people who met them have told."""
DETAILS = {
    401: "invalid bearer token",
    402: "your account balance is too low",
    403: "this key may not do that",
    404: "endpoint not found",
    409: "the endpoint is being changed by another request",
    422: "Request validation failed.",
    429: "rate limit exceeded",
}
PAGE = (
    "<!DOCTYPE html><html><head><title>{status}</title></head>"
    "<body><h1>{status}</h1><p>Ray ID: 0123456789abcdef</p></body></html>"
)


@dataclass
class Visit:
    """One request, while it is done.

    Attributes:
        fault: what struck it.
        body: the JSON that it brought, once it was read.
        made: the id of what it made.
        headers: what its answer carries.
    """

    fault: Fault | None = None
    body: Any = None
    made: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


Do = Callable[[Visit], Awaitable[web.StreamResponse]]


async def performed(
    world: World,
    request: web.Request,
    operation: str,
    do: Do,
    *,
    endpoint: str | None = None,
    name: str | None = None,
) -> web.StreamResponse:
    """Do what a request asks for, unless something goes wrong on purpose; note it either way.

    Args:
        world: whose faults, journal and time.
        request: what came in.
        operation: what it asks for.
        do: does it; its answer may be thrown away or changed.
        endpoint: the id that the request names.
        name: the endpoint's, where it is known.

    Raises:
        Problem: what a fault refuses with.
    """
    rule = world.faults.pick(operation, endpoint, name)
    visit = Visit(rule.fault if rule else None)
    seen = world.journal.begin(
        world.clock.now(),
        operation,
        request.method,
        request.path,
        endpoint=endpoint,
        name=name,
        fault=visit.fault.kind if visit.fault else None,
    )
    status = None
    try:
        response = await _done(visit, request, do, world.clock)
        if request.transport is not None and not request.transport.is_closing():
            status = response.status
        return response
    except Problem as problem:
        status = problem.status
        raise
    finally:
        world.journal.end(seen, status=status, **_learned(visit))


def _learned(visit: Visit) -> dict[str, Any]:
    """Give what is known of a request only after it was done."""
    known: dict[str, Any] = {"body": shown(visit.body)}
    if isinstance(visit.body, dict) and isinstance(visit.body.get("name"), str):
        known["name"] = visit.body["name"]
    if visit.made is not None:
        known["endpoint"] = visit.made
    return known


async def _done(visit: Visit, request: web.Request, do: Do, clock: Clock) -> web.StreamResponse:
    fault = visit.fault
    if fault is None or fault.kind in ("lag", "missing"):
        return await do(visit)
    if fault.kind == "delay":
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await wait(clock, never, fault.seconds)
        return await do(visit)
    done = await do(visit) if fault.done else None
    if fault.kind == "hang":
        # until the caller gives up, or the local Runpod ends
        await asyncio.get_running_loop().create_future()
    if fault.kind == "no_capacity":
        raise Problem(400, NO_CAPACITY)
    if fault.kind == "answer":
        return _refusal(fault)
    if fault.kind in ("close", "down"):
        return _closed(request)
    assert done is not None, fault
    return await (_cut(request, done) if fault.kind == "cut" else _changed(fault, done))


def _refusal(fault: Fault) -> web.StreamResponse:
    headers = {}
    if isinstance(fault.retry_after, datetime):
        headers["Retry-After"] = format_datetime(fault.retry_after.astimezone(timezone.utc), True)
    elif fault.retry_after is not None:
        headers["Retry-After"] = f"{fault.retry_after:g}"
    if fault.html:
        text = PAGE.format(status=fault.status)
        return web.Response(
            status=fault.status, text=text, content_type="text/html", headers=headers
        )
    errors = ["body.name: refused on purpose"] if fault.status == 422 else []
    detail = DETAILS.get(fault.status, "something went wrong on our side")
    raise Problem(fault.status, detail, errors, headers=headers)


def _closed(request: web.Request) -> web.StreamResponse:
    """Hang up; what is answered after that reaches nobody."""
    hang_up(request)
    return web.Response(status=499)


async def _cut(request: web.Request, done: web.StreamResponse) -> web.StreamResponse:
    """Announce the whole body and send half of it; of nothing, not even the headers."""
    body = done.body if isinstance(done, web.Response) else None
    if isinstance(body, bytes) and body:
        half = web.StreamResponse(status=done.status, headers=done.headers)
        half.content_length = len(body)
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
    _closed(request)
    return done


async def _changed(fault: Fault, done: web.StreamResponse) -> web.StreamResponse:
    """Answer with another body, if it was JSON."""
    body = done.body if isinstance(done, web.Response) else None
    try:
        value = json.loads(body) if isinstance(body, bytes) else None
    except ValueError:
        return done
    if value is None:
        return done
    other = wrong(value) if fault.kind == "wrong_types" else renamed(value)
    return web.json_response(other, status=done.status)


def wrong(value: Any) -> Any:
    """Give every value another type; objects and filled lists stay, so that their parts differ."""
    if isinstance(value, dict) and value:
        return {name: wrong(each) for name, each in value.items()}
    if isinstance(value, list) and value:
        return [wrong(each) for each in value]
    if isinstance(value, str):
        return 7
    return "none" if value or value == 0 else "nothing"


def renamed(value: Any, name: str = "") -> Any:
    """Put words that nobody knows where a fixed set of words is expected."""
    if isinstance(value, dict):
        return {name: renamed(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, name) for each in value]
    return FUTURE if name in ENUMS and isinstance(value, str) else value
