"""Endpoints as the control plane keeps them: made, changed, written as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lbsls.local.catalog import CPU_FLAVOURS, types_of
from lbsls.local.clock import rfc3339
from lbsls.local.problems import bad_request
from lbsls.local.scaler import Limits
from lbsls.local.schema import (
    DEFAULT_WORKERS,
    LOAD_BALANCER,
    QUEUE,
    REQUEST_COUNT,
    check_rules,
    refuse_idle_timeout,
)

RELEASED = ("image", "env", "args", "disk", "ports", "registry", "gpu", "cpu")
"""A change of one of these replaces the workers. (On Runpod a change of scaling may too.)"""

DEFAULTS: dict[str, Any] = {
    "args": "",
    "disk": 20,
    "ports": [],
    "env": {},
    "registry": None,
    "dataCenterIds": [],
    "networkVolumes": [],
    "timeout": 300000,
    "flashboot": "OFF",
}

QUEUE_URLS = {
    "run": "run",
    "runSync": "runsync",
    "status": "status/{job_id}",
    "stream": "stream/{job_id}",
    "cancel": "cancel/{job_id}",
    "retry": "retry/{job_id}",
    "purgeQueue": "purge-queue",
    "health": "health",
}


@dataclass(frozen=True)
class Release:
    """An endpoint at one moment: what a worker is started from, too.

    Attributes:
        settings: the fields of the endpoint, under Runpod's names.
        version: counts the releases.
    """

    id: str
    created: datetime
    settings: Mapping[str, Any]
    version: int = 1

    @property
    def is_balanced(self) -> bool:
        """Whether requests go straight to the workers."""
        return bool(self.settings["type"] == LOAD_BALANCER)

    @property
    def env(self) -> Mapping[str, str]:
        """The declared variables."""
        env: Mapping[str, str] = self.settings["env"]
        return env

    @property
    def health_path(self) -> str:
        """Where a worker says how it is."""
        path = self.env.get("HEALTH_CHECK_PATH") or "/ping"
        return path if path.startswith("/") else f"/{path}"

    @property
    def gpu_count(self) -> int:
        """GPUs that a worker has."""
        return int(self.settings["gpu"]["count"]) if "gpu" in self.settings else 0

    @property
    def gpu_type(self) -> str | None:
        """The card that a worker says it is on: the first that was asked for."""
        gpu = self.settings.get("gpu")
        return types_of(gpu["pools"], gpu.get("excludedTypes", ()))[0] if gpu else None

    def request_timeout(self, most: float) -> float:
        """Give the seconds that a request may take: the endpoint's own limit, or the balancer's."""
        own: int = self.settings["timeout"]
        return min(own / 1000, most) if own > 0 else most

    def limits(self, startup_patience: float) -> Limits:
        """Give what the scaler needs to know."""
        workers = self.settings["workers"]
        return Limits(
            minimum=workers["min"],
            maximum=workers["max"],
            request_count=self.settings["scaling"].get("requestCount", 1),
            idle_timeout=workers.get("idleTimeout", DEFAULT_WORKERS["idleTimeout"]),
            startup_patience=startup_patience,
        )


def created(body: Mapping[str, Any], id_: str, now: datetime) -> Release:
    """Make an endpoint from the checked body of a create."""
    settings = {**DEFAULTS, **body}
    refuse_idle_timeout(body["type"], body["scaling"], body.get("workers", {}))
    settings["workers"] = {**DEFAULT_WORKERS, **body.get("workers", {})}
    if "gpu" in body:
        defaults = {"count": 1, "allowedCudaVersions": [], "minCudaVersion": None}
        settings["gpu"] = _trimmed({**defaults, **body["gpu"]})
    check_rules(settings)
    return Release(id=id_, created=now, settings=settings)


def updated(release: Release, body: Mapping[str, Any]) -> Release:
    """Change an endpoint by the checked body of an update; a new version only where it matters."""
    old = release.settings
    for family in ("gpu", "cpu"):
        if family in body and family not in old:
            raise bad_request(f"this endpoint has no {family}: its compute family is immutable")
    settings = {**old, **body}
    refuse_idle_timeout(settings["type"], settings["scaling"], body.get("workers", {}))
    settings["workers"] = {**old["workers"], **body.get("workers", {})}
    if "gpu" in body:
        settings["gpu"] = _updated_gpu(old["gpu"], body["gpu"])
    check_rules(settings)
    is_new = any(settings.get(name) != old.get(name) for name in RELEASED)
    return replace(release, settings=settings, version=release.version + is_new)


def _updated_gpu(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    gpu = {**old, **new}
    if "pools" in new and "excludedTypes" not in new:
        gpu.pop("excludedTypes", None)  # pools and exclusions are one selection
    gpu["minCudaVersion"] = gpu["minCudaVersion"] or None  # "" clears it
    return _trimmed(gpu)


def _trimmed(gpu: dict[str, Any]) -> dict[str, Any]:
    if "excludedTypes" in gpu:
        gpu["excludedTypes"] = [card.strip() for card in gpu["excludedTypes"]]
    return gpu


def rendered(release: Release, *, base: str) -> dict[str, Any]:
    """Write an endpoint as Runpod does.

    Args:
        release: the endpoint.
        base: the balancer's address, or for a queue that of the data plane.
    """
    settings = dict(release.settings)
    settings["requestUrls"] = _urls(release, base)
    settings["workers"] = _workers(release)
    if "cpu" in settings:
        settings["cpu"] = [_with_memory(cpu) for cpu in settings["cpu"]]
    return {"id": release.id, **settings, "createdAt": rfc3339(release.created)}


def _urls(release: Release, base: str) -> dict[str, str]:
    if release.is_balanced:
        return {"base": base, "health": f"{base}{release.health_path}"}
    return {name: f"{base}/{release.id}/{path}" for name, path in QUEUE_URLS.items()}


def _workers(release: Release) -> dict[str, int]:
    workers = dict(release.settings["workers"])
    scaling = release.settings["scaling"]["type"]
    if release.settings["type"] == QUEUE and scaling == REQUEST_COUNT:
        workers.pop("idleTimeout", None)
    return workers


def _with_memory(cpu: Mapping[str, Any]) -> dict[str, Any]:
    return {**cpu, "memory": cpu["vcpuCount"] * CPU_FLAVOURS[cpu["id"]]}
