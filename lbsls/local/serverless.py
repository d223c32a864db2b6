"""The control plane's operations on endpoints: `/v2/serverless`."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from lbsls.local import streams
from lbsls.local.cloud import Cloud
from lbsls.local.misbehave import Visit
from lbsls.local.operations import Operation, answer, body_of, gone, id_of, lag_of, made

ALL = "/v2/serverless"
ONE = f"{ALL}/{{id}}"


def operations(cloud: Cloud) -> Iterator[Operation]:
    """Give what can be asked of endpoints."""
    do = Serverless(cloud)
    yield Operation("list", "GET", ALL, do.list)
    yield Operation("create", "POST", ALL, do.create, names_what_it_makes=True)
    yield Operation("get", "GET", ONE, do.get, cloud)
    yield Operation("update", "PATCH", ONE, do.update, cloud)
    yield Operation("delete", "DELETE", ONE, do.delete, cloud)
    yield Operation("workers", "GET", f"{ONE}/workers", do.workers, cloud)
    yield Operation("logs", "GET", f"{ONE}/workers/{{worker}}/logs", do.logs, cloud)


class Serverless:
    """Answers what is asked of endpoints."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def list(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Give all endpoints."""
        return answer({"endpoints": self._cloud.list_endpoints(lag_of(visit))})

    async def create(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Make an endpoint."""
        endpoint = await self._cloud.create_endpoint(await body_of(request, visit))
        return made(visit, ALL, endpoint)

    async def get(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Give one endpoint."""
        return answer(self._cloud.get_endpoint(id_of(request)))

    async def update(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Change an endpoint."""
        body = await body_of(request, visit)
        return answer(self._cloud.update_endpoint(id_of(request), body))

    async def delete(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Remove an endpoint."""
        self._cloud.delete_endpoint(id_of(request))
        return gone()

    async def workers(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Give an endpoint's workers."""
        return answer(self._cloud.list_endpoint_workers(id_of(request)))

    async def logs(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Send a worker's log as it grows."""
        wanted = streams.selection(request.query, request.headers.get("Last-Event-ID"))
        log = self._cloud.worker_log(id_of(request), request.match_info["worker"])
        return await streams.stream(request, log, wanted, visit.headers)
