"""The control plane over HTTP: Runpod's REST API v2 for serverless endpoints.

Every operation passes `_perform`, whatever it is: there it is noted, and there faults strike. What
operations do is in `cloud`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web

from lbsls.local import keys, misbehave, streams
from lbsls.local.cloud import Cloud
from lbsls.local.misbehave import Visit
from lbsls.local.options import World
from lbsls.local.problems import Problem, bad_request
from lbsls.local.ratelimit import RateLimit

BODY_LIMIT = 1024 * 1024

Unknown = Callable[[web.Request], Awaitable[web.StreamResponse]]
Handler = Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]


class Control:
    """Answers the control plane's requests."""

    def __init__(self, cloud: Cloud, world: World, key: str) -> None:
        self._cloud = cloud
        self._world = world
        self._clock = world.clock
        self._key = key
        self._rate_limit = RateLimit(world.options.rate_limit)

    def app(self) -> web.Application:
        """Give the application that serves it."""
        app = web.Application(middlewares=[self._perform], client_max_size=BODY_LIMIT)
        one = "/v2/serverless/{id}"
        self._handlers: dict[str, Handler] = {}
        for operation, method, path, handler in (
            ("list", "GET", "/v2/serverless", self._list_endpoints),
            ("create", "POST", "/v2/serverless", self._create_endpoint),
            ("get", "GET", one, self._get_endpoint),
            ("update", "PATCH", one, self._update_endpoint),
            ("delete", "DELETE", one, self._delete_endpoint),
            ("workers", "GET", f"{one}/workers", self._list_endpoint_workers),
            ("logs", "GET", f"{one}/workers/{{worker}}/logs", self._get_worker_logs),
        ):
            self._handlers[operation] = handler
            app.router.add_route(method, path, _never, name=operation)
        return app

    @web.middleware
    async def _perform(self, request: web.Request, handler: Unknown) -> web.StreamResponse:
        """Do what is asked for, or what a fault makes of it."""
        operation = request.match_info.route.name or "unknown"
        id_ = request.match_info.get("id")
        try:
            name = self._cloud.name_of(id_)
            if operation == "create" and self._world.faults.are_about(operation):
                name = await _name(request)
            do = partial(self._answered, request, handler)
            return await misbehave.performed(
                self._world, request, operation, do, endpoint=id_, name=name
            )
        except Problem as problem:
            return _refused(problem)

    async def _answered(
        self, request: web.Request, unknown: Unknown, visit: Visit
    ) -> web.StreamResponse:
        """Check who asks, do it, and answer."""
        headers: dict[str, str] = {}
        try:
            self._admit(request)
            try:
                self._rate_limit.take(self._clock.monotonic())
            finally:
                headers = self._rate_limit.headers(self._clock.monotonic())
            handler = self._handlers.get(request.match_info.route.name or "")
            if visit.fault is not None and visit.fault.kind == "missing":
                self._cloud.check_age(_id(request), visit.fault.seconds)
            response = await (handler(request, visit) if handler else _refusal(request, unknown))
        except Problem as problem:
            response = _refused(problem)
        if not response.prepared:
            response.headers.update(headers)
        return response

    def _admit(self, request: web.Request) -> None:
        if not keys.is_loopback(request.headers.get("Host")):
            raise Problem(403, "the Host header does not name this machine")
        token = keys.bearer(request.headers.get("Authorization"))
        if token is None:
            raise Problem(401, "missing bearer token")
        if not keys.is_key(token, self._key):
            raise Problem(401, "invalid bearer token")

    async def _list_endpoints(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        fault = visit.fault
        lag = fault.seconds if fault is not None and fault.kind == "lag" else 0.0
        return _json({"endpoints": self._cloud.list_endpoints(lag)})

    async def _create_endpoint(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        endpoint = await self._cloud.create_endpoint(await _body(request, visit))
        visit.made = endpoint["id"]
        response = _json(endpoint, status=201)
        response.headers["Location"] = f"/v2/serverless/{endpoint['id']}"
        return response

    async def _get_endpoint(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        return _json(self._cloud.get_endpoint(_id(request)))

    async def _update_endpoint(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        body = await _body(request, visit)
        return _json(self._cloud.update_endpoint(_id(request), body))

    async def _delete_endpoint(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        self._cloud.delete_endpoint(_id(request))
        return web.Response(status=204)

    async def _list_endpoint_workers(
        self, request: web.Request, visit: Visit
    ) -> web.StreamResponse:
        return _json(self._cloud.list_endpoint_workers(_id(request)))

    async def _get_worker_logs(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        wanted = streams.selection(request.query, request.headers.get("Last-Event-ID"))
        log = self._cloud.worker_log(_id(request), request.match_info["worker"])
        headers = self._rate_limit.headers(self._clock.monotonic())
        return await streams.stream(request, log, wanted, headers)


async def _never(_request: web.Request) -> web.StreamResponse:
    """Stand for an operation in the router, which has no use for the second argument."""
    raise NotImplementedError  # pragma: no cover - `_perform` calls the operation itself


async def _refusal(request: web.Request, unknown: Unknown) -> web.StreamResponse:
    """Give what aiohttp refuses in Runpod's form."""
    try:
        return await unknown(request)
    except web.HTTPMethodNotAllowed as refusal:
        allow = {"Allow": ", ".join(sorted(refusal.allowed_methods))}
        detail = "The requested method is not allowed for this path."
        raise Problem(405, detail, headers=allow) from None
    except web.HTTPNotFound:
        raise Problem(404, "resource not found") from None


def _refused(problem: Problem) -> web.Response:
    return web.Response(
        status=problem.status,
        headers={**problem.headers, "Cache-Control": "no-store"},
        body=json.dumps(problem.body()).encode(),
        content_type="application/problem+json",
    )


def _json(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})


def _id(request: web.Request) -> str:
    return request.match_info["id"]


async def _body(request: web.Request, visit: Visit) -> Any:
    """Give the JSON that was sent."""
    if request.content_type != "application/json":
        raise Problem(415, f"expected application/json, got {request.content_type}")
    try:
        body = json.loads(await request.read(), parse_constant=_no_constant)
    except web.HTTPRequestEntityTooLarge:
        raise Problem(413, f"the body is larger than {BODY_LIMIT} bytes") from None
    except (ValueError, RecursionError) as cause:
        raise bad_request("the body is not valid JSON") from cause
    visit.body = body
    return body


async def _name(request: web.Request) -> str | None:
    """Give the name in a body that may be anything."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError, web.HTTPRequestEntityTooLarge):
        return None
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) else None


def _no_constant(name: str) -> None:
    raise ValueError(name)
