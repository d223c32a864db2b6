"""The account and everything in it: endpoints with their workers and balancers. No HTTP.

What the control plane can do is a method here, named as in Runpod's API description.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from lbsls.local.balancer import Balancer
from lbsls.local.clock import new_id, to_its_end
from lbsls.local.endpoints import Release, created, rendered, updated
from lbsls.local.fleet import Fleet, Room
from lbsls.local.logs import Log
from lbsls.local.problems import not_found
from lbsls.local.schema import check_create, check_update
from lbsls.local.shelf import Shelf
from lbsls.local.worker import Ground

STATUSES = ("running", "idle", "initializing", "throttled", "unhealthy")


@dataclass
class Endpoint:
    """An endpoint that exists; a queue has no fleet and no balancer here yet."""

    release: Release
    fleet: Fleet | None = None
    balancer: Balancer | None = None


class Cloud:
    """What one account has."""

    def __init__(self, ground: Ground, key: str) -> None:
        self.queue_base = ""
        self._ground = ground
        self._world = ground.world
        self._key = key
        self._room = Room(ground.world.options.max_processes)
        self._endpoints = Shelf("endpoint", ground.world, self._rendered)
        self._ending: set[asyncio.Task[None]] = set()

    def list_endpoints(self, lag: float = 0.0) -> list[dict[str, Any]]:
        """Give all endpoints, the oldest first, as they were so many seconds ago."""
        return self._endpoints.list(lag)

    def get_endpoint(self, id_: str) -> dict[str, Any]:
        """Give one endpoint."""
        return self._rendered(self._endpoints.find(id_))

    async def create_endpoint(self, body: Any) -> dict[str, Any]:
        """Make an endpoint and what it needs."""
        now, made = self._world.clock.now(), self._world.clock.monotonic()
        release = created(check_create(body), new_id(self._world.chance), now)
        endpoint = Endpoint(release)
        if release.is_balanced:
            endpoint.fleet = Fleet(release, self._ground, self._room)
            endpoint.balancer = Balancer(endpoint.fleet, self._ground, self._key)
        # a caller that goes away meanwhile must not leave half an endpoint
        await to_its_end(self._open(endpoint, made))
        return self._rendered(endpoint)

    async def _open(self, endpoint: Endpoint, made: float) -> None:
        if endpoint.balancer is not None:
            await endpoint.balancer.start()
        if endpoint.fleet is not None:
            endpoint.fleet.reconcile()
        self._endpoints.put(endpoint.release.id, endpoint, made)

    def update_endpoint(self, id_: str, body: Any) -> dict[str, Any]:
        """Change an endpoint."""
        endpoint = self._endpoints.find(id_)
        endpoint.release = updated(endpoint.release, check_update(body))
        if endpoint.fleet is not None:
            endpoint.fleet.update(endpoint.release)
        return self._rendered(endpoint)

    def delete_endpoint(self, id_: str) -> None:
        """Remove an endpoint; its workers end soon after."""
        endpoint = self._endpoints.find(id_)
        self._endpoints.remove(id_)
        self._end(endpoint)

    def list_endpoint_workers(self, id_: str) -> dict[str, Any]:
        """Give the workers of an endpoint, and how many there are in each state."""
        endpoint = self._endpoints.find(id_)
        version = endpoint.release.version
        workers = list(endpoint.fleet.workers.values()) if endpoint.fleet else []
        for worker in workers:
            worker.looks += 1
        shown = [worker.rendered(version) for worker in workers]
        summary = {
            status: sum(worker["status"] == status.upper() for worker in shown)
            for status in STATUSES
        }
        summary["total"] = len(shown)
        return {"endpointVersion": version, "summary": summary, "workers": shown}

    def worker_log(self, id_: str, worker: str) -> Log:
        """Give the log of a worker."""
        fleet = self._endpoints.find(id_).fleet
        log = fleet.log_of(worker) if fleet else None
        if log is None:
            raise not_found("worker")
        return log

    async def close(self) -> None:
        """End everything."""
        for endpoint in self._endpoints:
            self._end(endpoint)
        self._endpoints.clear()
        while self._ending:
            await asyncio.wait(self._ending)

    def name_of(self, id_: str | None) -> str | None:
        """Give the name of an endpoint, None where there is none."""
        endpoint = self._endpoints.get(id_)
        return str(endpoint.release.settings["name"]) if endpoint else None

    def check_age(self, id_: str, seconds: float) -> None:
        """Refuse an endpoint that was made less than so many seconds ago, as if it were not."""
        self._endpoints.check_age(id_, seconds)

    def afflict(self) -> None:
        """Let every worker see which faults there are."""
        for endpoint in self._endpoints:
            if endpoint.fleet is not None:
                endpoint.fleet.afflict()

    def _rendered(self, endpoint: Endpoint) -> dict[str, Any]:
        base = endpoint.balancer.url if endpoint.balancer else self.queue_base
        return rendered(endpoint.release, base=base)

    def _end(self, endpoint: Endpoint) -> None:
        task = asyncio.get_running_loop().create_task(_ended(endpoint))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _ended(endpoint: Endpoint) -> None:
    if endpoint.fleet is not None:
        endpoint.fleet.close()
    if endpoint.balancer is not None:
        await endpoint.balancer.stop()
    if endpoint.fleet is not None:
        await endpoint.fleet.ended()
