"""The account and everything in it: endpoints with their workers and balancers. No HTTP.

What the control plane can do is a method here, named as in Runpod's API description.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from lbsls.local.balancer import Balancer
from lbsls.local.clock import new_id, to_its_end
from lbsls.local.endpoints import Release, created, rendered, updated
from lbsls.local.fleet import Fleet, Room
from lbsls.local.logs import Log
from lbsls.local.problems import not_found
from lbsls.local.schema import check_create, check_update
from lbsls.local.worker import Ground

GHOSTS = 1000
"""Deleted endpoints that a lagging list can still show."""
STATUSES = ("running", "idle", "initializing", "throttled", "unhealthy")


@dataclass
class Endpoint:
    """An endpoint that exists; a queue has no fleet and no balancer here yet."""

    release: Release
    made: float
    fleet: Fleet | None = None
    balancer: Balancer | None = None
    lists: int = 0
    looks: int = 0


@dataclass
class Ghost:
    """An endpoint that was deleted, and that a list which lags behind still shows."""

    shown: dict[str, Any]
    made: float
    gone: float
    lists: int = 0


class Cloud:
    """What one account has."""

    def __init__(self, ground: Ground, key: str) -> None:
        self.queue_base = ""
        self._ground = ground
        self._world = ground.world
        self._listed = ground.world.options.listed
        self._key = key
        self._room = Room(ground.world.options.max_processes)
        self._endpoints: dict[str, Endpoint] = {}
        self._ghosts: deque[Ghost] = deque(maxlen=GHOSTS)
        self._ending: set[asyncio.Task[None]] = set()

    def list_endpoints(self, lag: float = 0.0) -> list[dict[str, Any]]:
        """Give all endpoints, the oldest first, as they were so many seconds ago.

        A list that lags shows which endpoints there were, each as it is now, and with an endpoint
        all older ones.
        """
        after = replace(self._listed, seconds=max(lag, self._listed.seconds))
        now = self._now()
        shown = []
        for ghost in self._ghosts:
            if after.has_come(now - ghost.made, after.polls) and not after.has_come(
                now - ghost.gone, ghost.lists
            ):
                shown.append(ghost.shown)
            ghost.lists += 1
        for endpoint in self._endpoints.values():
            if after.has_come(now - endpoint.made, endpoint.lists):
                shown.append(self._rendered(endpoint))
            endpoint.lists += 1
        return sorted(shown, key=lambda each: str(each["createdAt"]))

    def get_endpoint(self, id_: str) -> dict[str, Any]:
        """Give one endpoint."""
        return self._rendered(self._find(id_))

    async def create_endpoint(self, body: Any) -> dict[str, Any]:
        """Make an endpoint and what it needs."""
        now = self._world.clock.now()
        release = created(check_create(body), new_id(self._world.chance), now)
        endpoint = Endpoint(release, self._now())
        if release.is_balanced:
            endpoint.fleet = Fleet(release, self._ground, self._room)
            endpoint.balancer = Balancer(endpoint.fleet, self._ground, self._key)
        # a caller that goes away meanwhile must not leave half an endpoint
        await to_its_end(self._open(endpoint))
        return self._rendered(endpoint)

    async def _open(self, endpoint: Endpoint) -> None:
        if endpoint.balancer is not None:
            await endpoint.balancer.start()
        if endpoint.fleet is not None:
            endpoint.fleet.reconcile()
        self._endpoints[endpoint.release.id] = endpoint

    def update_endpoint(self, id_: str, body: Any) -> dict[str, Any]:
        """Change an endpoint."""
        endpoint = self._find(id_)
        endpoint.release = updated(endpoint.release, check_update(body))
        if endpoint.fleet is not None:
            endpoint.fleet.update(endpoint.release)
        return self._rendered(endpoint)

    def delete_endpoint(self, id_: str) -> None:
        """Remove an endpoint; its workers end soon after."""
        endpoint = self._find(id_)
        self._ghosts.append(Ghost(self._rendered(endpoint), endpoint.made, self._now()))
        self._end(self._endpoints.pop(id_))

    def list_endpoint_workers(self, id_: str) -> dict[str, Any]:
        """Give the workers of an endpoint, and how many there are in each state."""
        endpoint = self._find(id_)
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
        fleet = self._find(id_).fleet
        log = fleet.log_of(worker) if fleet else None
        if log is None:
            raise not_found("worker")
        return log

    async def close(self) -> None:
        """End everything."""
        for endpoint in self._endpoints.values():
            self._end(endpoint)
        self._endpoints.clear()
        while self._ending:
            await asyncio.wait(self._ending)

    def name_of(self, id_: str | None) -> str | None:
        """Give the name of an endpoint, None where there is none."""
        endpoint = self._endpoints.get(id_ or "")
        return str(endpoint.release.settings["name"]) if endpoint else None

    def check_age(self, id_: str, seconds: float) -> None:
        """Refuse an endpoint that was made less than so many seconds ago, as if it were not."""
        endpoint = self._endpoints.get(id_)
        if endpoint is None or self._now() - endpoint.made < seconds:
            raise not_found("endpoint")

    def afflict(self) -> None:
        """Let every worker see which faults there are."""
        for endpoint in self._endpoints.values():
            if endpoint.fleet is not None:
                endpoint.fleet.afflict()

    def _now(self) -> float:
        return self._world.clock.monotonic()

    def _find(self, id_: str) -> Endpoint:
        endpoint = self._endpoints.get(id_)
        if endpoint is None:
            raise not_found("endpoint")
        found = self._world.options.found
        polls, endpoint.looks = endpoint.looks, endpoint.looks + 1
        if not found.has_come(self._now() - endpoint.made, polls):
            raise not_found("endpoint")
        return endpoint

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
