"""The control plane over HTTP: Runpod's REST API v2 for serverless endpoints.

Every operation passes `_perform`, whatever it is: who wants to count requests or make them fail
hooks in there. What operations do is in `cloud`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from lbsls.local import keys, streams
from lbsls.local.cloud import Cloud
from lbsls.local.options import World
from lbsls.local.problems import Problem, bad_request
from lbsls.local.ratelimit import RateLimit

BODY_LIMIT = 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Answers the control plane's requests."""

    def __init__(self, cloud: Cloud, world: World, key: str) -> None:
        self._cloud = cloud
        self._clock = world.clock
        self._key = key
        self._rate_limit = RateLimit(world.options.rate_limit)

    def app(self) -> web.Application:
        """Give the application that serves it."""
        app = web.Application(middlewares=[self._perform], client_max_size=BODY_LIMIT)
        one = "/v2/serverless/{id}"
        for method, path, handler in (
            ("GET", "/v2/serverless", self._list_endpoints),
            ("POST", "/v2/serverless", self._create_endpoint),
            ("GET", one, self._get_endpoint),
            ("PATCH", one, self._update_endpoint),
            ("DELETE", one, self._delete_endpoint),
            ("GET", f"{one}/workers", self._list_endpoint_workers),
            ("GET", f"{one}/workers/{{worker}}/logs", self._get_worker_logs),
        ):
            app.router.add_route(method, path, handler)
        return app

    @web.middleware
    async def _perform(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check who asks, do it, and answer."""
        headers: dict[str, str] = {}
        try:
            self._admit(request)
            try:
                self._rate_limit.take(self._clock.monotonic())
            finally:
                headers = self._rate_limit.headers(self._clock.monotonic())
            response = await _answered(request, handler)
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

    async def _list_endpoints(self, request: web.Request) -> web.StreamResponse:
        return _json({"endpoints": self._cloud.list_endpoints()})

    async def _create_endpoint(self, request: web.Request) -> web.StreamResponse:
        endpoint = await self._cloud.create_endpoint(await _body(request))
        response = _json(endpoint, status=201)
        response.headers["Location"] = f"/v2/serverless/{endpoint['id']}"
        return response

    async def _get_endpoint(self, request: web.Request) -> web.StreamResponse:
        return _json(self._cloud.get_endpoint(_id(request)))

    async def _update_endpoint(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        return _json(self._cloud.update_endpoint(_id(request), body))

    async def _delete_endpoint(self, request: web.Request) -> web.StreamResponse:
        self._cloud.delete_endpoint(_id(request))
        return web.Response(status=204)

    async def _list_endpoint_workers(self, request: web.Request) -> web.StreamResponse:
        return _json(self._cloud.list_endpoint_workers(_id(request)))

    async def _get_worker_logs(self, request: web.Request) -> web.StreamResponse:
        wanted = streams.selection(request.query, request.headers.get("Last-Event-ID"))
        log = self._cloud.worker_log(_id(request), request.match_info["worker"])
        headers = self._rate_limit.headers(self._clock.monotonic())
        return await streams.stream(request, log, wanted, headers)


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer, with what aiohttp refuses in Runpod's form."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refusal:
        allow = {"Allow": ", ".join(sorted(refusal.allowed_methods))}
        detail = "The requested method is not allowed for this path."
        raise Problem(405, detail, headers=allow) from None
    except web.HTTPRequestEntityTooLarge:
        raise Problem(413, f"the body is larger than {BODY_LIMIT} bytes") from None
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


async def _body(request: web.Request) -> Any:
    """Give the JSON that was sent."""
    if request.content_type != "application/json":
        raise Problem(415, f"expected application/json, got {request.content_type}")
    try:
        return json.loads(await request.read(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as cause:
        raise bad_request("the body is not valid JSON") from cause


def _no_constant(name: str) -> None:
    raise ValueError(name)
