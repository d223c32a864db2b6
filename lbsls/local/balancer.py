"""The load balancer of one endpoint, on a port of its own.

What happens to a request is decided here; how its bytes move is in `proxy` and `websockets`.
"""

from __future__ import annotations

from functools import partial

from aiohttp import web

from lbsls.local import keys, misbehave, proxy, websockets
from lbsls.local.door import Door
from lbsls.local.fleet import Fleet
from lbsls.local.headers import WORKER_ID, wish
from lbsls.local.line import Line, NoWorker
from lbsls.local.misbehave import Visit
from lbsls.local.problems import Problem
from lbsls.local.proxy import Refusal
from lbsls.local.worker import Ground, Worker


class Balancer:
    """Takes the requests of one endpoint to its workers."""

    def __init__(self, fleet: Fleet, ground: Ground, key: str) -> None:
        self.port = 0
        self._fleet = fleet
        self._line = Line(fleet, ground.world)
        self._ground = ground
        self._options = ground.world.options
        self._clock = ground.world.clock
        self._key = key
        self._door = Door(self._app())

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._handle, expect_handler=_no_expectation)
        app.on_response_prepare.append(proxy.leave_as_it_is)
        return app

    async def start(self) -> None:
        """Listen."""
        self.port = await self._door.open(0)

    async def stop(self) -> None:
        """Stop listening, and break off what is under way."""
        await self._door.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        release = self._fleet.release
        try:
            return await misbehave.performed(
                self._ground.world, request, "call", partial(self._answered, request),
                endpoint=release.id, name=release.settings["name"],
            )  # fmt: skip
        except Problem as problem:
            return web.json_response(problem.body(), status=problem.status, headers=problem.headers)

    async def _answered(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        allowed = self._fleet.release.request_timeout(self._options.request_timeout)
        deadline = self._clock.monotonic() + allowed
        worker: Worker | None = None
        try:
            self._admit(request)
            wanted = wish(request.headers.get(WORKER_ID, ""))
            async with self._line.worker_for(wanted) as worker:
                # an answer that will be thrown away or changed must not be on its way already
                whole = visit.fault is not None and visit.fault.done
                return await self._forward(request, worker, deadline, whole)
        except NoWorker as nobody:
            return web.json_response(nobody.body, status=nobody.status)
        except Refusal as refusal:
            headers = {WORKER_ID: worker.id} if worker else None
            return web.json_response(refusal.body, status=refusal.status, headers=headers)

    def _admit(self, request: web.Request) -> None:
        """Check the key as Runpod's edge does."""
        if not keys.is_loopback(request.headers.get("Host")):
            raise Refusal(403, "Forbidden", "the Host header does not name this machine")
        token = keys.bearer(request.headers.get("Authorization"))
        if token is None:
            raise Refusal(401, "Unauthorized", "no token provided")
        if not keys.is_key(token, self._key):
            raise Refusal(401, "Unauthorized", "invalid api key")

    async def _forward(
        self, request: web.Request, worker: Worker, deadline: float, whole: bool
    ) -> web.StreamResponse:
        session, limit = self._ground.session, self._options.body_limit
        try:
            if websockets.is_upgrade(request):
                return await websockets.forward(request, worker, session, limit=limit)
            left = deadline - self._clock.monotonic()
            forward = proxy.fetch if whole else proxy.forward
            return await forward(request, worker, session, timeout=left, limit=limit)
        except Refusal as refusal:
            if refusal.broken:
                worker.doubt()
            raise


async def _no_expectation(_request: web.Request) -> None:
    """Leave `Expect: 100-continue` to the moment when there is a worker to send the body to."""
