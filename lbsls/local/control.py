"""The control plane over HTTP: Runpod's REST API v2, and what else answers at its address.

Every operation passes `_perform`, whatever it is: there it is noted, and there faults strike. What
operations there are is said by `PARTS`. Who wants a page at this address that takes no part in any
of this adds a route of its own to the application: only the name of the host is checked for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from aiohttp import web

from lbsls.local import keys, misbehave, serverless
from lbsls.local.cloud import Cloud
from lbsls.local.misbehave import Visit
from lbsls.local.operations import BODY_LIMIT, Operation, id_of, name_in, refused
from lbsls.local.options import World
from lbsls.local.problems import Problem
from lbsls.local.ratelimit import RateLimit

PARTS: tuple[Callable[[Cloud], Iterable[Operation]], ...] = (serverless.operations,)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Answers the control plane's requests."""

    def __init__(self, cloud: Cloud, world: World, key: str) -> None:
        self._cloud = cloud
        self._world = world
        self._clock = world.clock
        self._key = key
        self._rate_limit = RateLimit(world.options.rate_limit)
        self._operations: dict[web.AbstractRoute, Operation] = {}

    def app(self) -> web.Application:
        """Give the application that serves it."""
        app = web.Application(middlewares=[self._perform], client_max_size=BODY_LIMIT)
        for part in PARTS:
            for operation in part(self._cloud):
                route = app.router.add_route(operation.method, operation.path, _never)
                self._operations[route] = operation
        return app

    @web.middleware
    async def _perform(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Do what is asked for, or what a fault makes of it."""
        route = request.match_info.route
        operation = self._operations.get(route)
        if operation is None:
            if request.match_info.http_exception is None:
                return await self._shown(request, handler)
            operation = _refusal(request, handler)
        id_ = request.match_info.get("id")
        try:
            name = operation.things.name_of(id_) if operation.things else None
            if operation.names_what_it_makes and self._world.faults.are_about(operation.name):
                name = await name_in(request)
            do = partial(self._answered, request, operation)
            return await misbehave.performed(
                self._world, request, operation.name, do, endpoint=id_, name=name
            )
        except Problem as problem:
            return operation.refused(problem)

    async def _shown(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Give what somebody else added, to whom came here by a name of this machine."""
        try:
            _check_host(request)
        except Problem as problem:
            return refused(problem)
        return await handler(request)

    async def _answered(
        self, request: web.Request, operation: Operation, visit: Visit
    ) -> web.StreamResponse:
        """Check who asks, do it, and answer."""
        try:
            self._admit(request, operation)
            if operation.limited:
                self._count(visit)
            if visit.fault is not None and visit.fault.kind == "missing" and operation.things:
                operation.things.check_age(id_of(request), visit.fault.seconds)
            response = await operation.do(request, visit)
        except Problem as problem:
            response = operation.refused(problem)
        if not response.prepared:
            response.headers.update(visit.headers)
        return response

    def _count(self, visit: Visit) -> None:
        """Count a request, and tell in its answer how many are left."""
        try:
            self._rate_limit.take(self._clock.monotonic())
        finally:
            visit.headers.update(self._rate_limit.headers(self._clock.monotonic()))

    def _admit(self, request: web.Request, operation: Operation) -> None:
        _check_host(request)
        token = operation.token(request)
        if token is None:
            raise Problem(401, "missing bearer token")
        if not keys.is_key(token, self._key):
            raise Problem(401, "invalid bearer token")


def _check_host(request: web.Request) -> None:
    if not keys.is_loopback(request.headers.get("Host")):
        raise Problem(403, "the Host header does not name this machine")


async def _never(_request: web.Request) -> web.StreamResponse:
    """Stand for an operation in the router, which has no use for the second argument."""
    raise NotImplementedError  # pragma: no cover - `_perform` calls the operation itself


def _refusal(request: web.Request, handler: Handler) -> Operation:
    """Give an operation that refuses in Runpod's form what the router refuses."""

    async def refuse(request: web.Request, visit: Visit) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPMethodNotAllowed as refusal:
            allow = {"Allow": ", ".join(sorted(refusal.allowed_methods))}
            detail = "The requested method is not allowed for this path."
            raise Problem(405, detail, headers=allow) from None
        except web.HTTPNotFound:
            raise Problem(404, "resource not found") from None

    return Operation("unknown", request.method, request.path, refuse)
