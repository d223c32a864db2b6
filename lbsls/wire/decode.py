"""Answers about endpoints as live objects, or a `WireError` that says what is wrong. Pure."""

from __future__ import annotations

import json
import re

from attrs import frozen

from lbsls.enums import ServerlessScalerType, ServerlessType
from lbsls.live import MARK_VARIABLE, Endpoint, LogLine, Mark, Settings, Worker
from lbsls.values import Env, Response, redact
from lbsls.wire.structure import checked_id, converter, json_of, moment, structure

__all__ = ["endpoint", "endpoints", "json_of", "log_lines", "workers"]


@frozen
class _Urls:
    base: str | None = None
    health: str | None = None


@frozen
class _Workers:
    min: int | None = None
    max: int | None = None
    idleTimeout: int | None = None


@frozen
class _Scaling:
    type: str
    requestCount: int | None = None
    queueDelay: float | None = None


@frozen
class _Gpu:
    pools: tuple[str, ...] = ()
    count: int | None = None
    excludedTypes: tuple[str, ...] | None = None
    allowedCudaVersions: tuple[str, ...] | None = None
    minCudaVersion: str | None = None


@frozen
class _Cpu:
    id: str
    vcpuCount: int
    memory: int | None = None

    def __str__(self) -> str:
        return f"{self.id}-{self.vcpuCount}" + (f"-{self.memory}" if self.memory else "")


@frozen
class _Endpoint:
    id: str
    name: str
    createdAt: str
    workers: _Workers
    scaling: _Scaling
    type: str | None = None
    requestUrls: _Urls | None = None
    image: str | None = None
    args: str | None = None
    disk: int | None = None
    ports: tuple[str, ...] | None = None
    env: Env | None = None
    registry: str | None = None
    gpu: _Gpu | None = None
    cpu: tuple[_Cpu, ...] | None = None
    dataCenterIds: tuple[str, ...] | None = None
    networkVolumes: tuple[str, ...] | None = None
    timeout: int | None = None
    flashboot: str | None = None


@frozen
class _Endpoints:
    endpoints: tuple[_Endpoint, ...]


@frozen
class _Worker:
    id: str
    status: str
    isStale: bool | None = None
    version: int | None = None
    image: str | None = None
    uptimeSeconds: float | None = None
    startedAt: str | None = None
    gpuTypeId: str | None = None
    dataCenterId: str | None = None


@frozen
class _WorkerList:
    workers: tuple[_Worker, ...]


@frozen
class _LogEvent:
    line: str
    source: str = "container"
    ts: str = ""


def endpoint(response: Response, what: str, secrets: tuple[str, ...] = ()) -> Endpoint:
    """Decode one endpoint."""
    return _live(structure(response, what, _Endpoint, secrets), what)


def endpoints(response: Response, what: str, secrets: tuple[str, ...] = ()) -> tuple[Endpoint, ...]:
    """Decode the list of endpoints."""
    found = structure(response, what, _Endpoints, secrets)
    return tuple(_live(item, what) for item in found.endpoints)


def workers(response: Response, what: str, secrets: tuple[str, ...] = ()) -> tuple[Worker, ...]:
    """Decode the list of workers."""
    found = structure(response, what, _WorkerList, secrets)
    return tuple(
        Worker(
            id=checked_id(item.id, what),
            status=item.status,
            is_stale=bool(item.isStale),
            version=item.version,
            image=item.image,
            uptime=item.uptimeSeconds,
            started_at=item.startedAt,
            gpu_type=item.gpuTypeId,
            data_center=item.dataCenterId,
        )
        for item in found.workers
    )


def log_lines(response: Response, what: str, secrets: tuple[str, ...] = ()) -> tuple[LogLine, ...]:
    """Decode Server-Sent Events of log lines; events that are cut or no log lines are skipped."""
    lines = []
    for block in re.split(r"\r?\n\r?\n", response.content.decode("utf-8", "replace")):
        data = "\n".join(
            # Not splitlines: JSON may hold U+2028 and others that end a line for Python only.
            line[5:].removeprefix(" ")
            for line in re.split(r"\r?\n", block)
            if line.startswith("data:")
        )
        try:
            event = converter.structure(json.loads(data), _LogEvent)
        except Exception:
            continue
        lines.append(LogLine(event.source, redact(event.line, secrets), event.ts))
    return tuple(lines)


def _live(found: _Endpoint, what: str) -> Endpoint:
    env = found.env or Env()
    # Without a type it is from before load balancers: a queue.
    load_balanced = found.type == "LOAD_BALANCER"
    urls = found.requestUrls or _Urls()
    base = (urls.base or f"https://{found.id}.api.runpod.ai").rstrip("/")
    return Endpoint(
        id=checked_id(found.id, what),
        name=found.name,
        type=ServerlessType.LB if load_balanced else ServerlessType.QB,
        endpoint_url=base if load_balanced else f"https://api.runpod.ai/v2/{found.id}",
        health_url=urls.health or f"{base}/{env.get('HEALTH_CHECK_PATH', '/ping').lstrip('/')}",
        created_at=moment(found.createdAt, what),
        settings=_settings(found),
        mark=Mark.parse(env.get(MARK_VARIABLE)),
    )


def _settings(found: _Endpoint) -> Settings:
    gpu, scaling = found.gpu, found.scaling
    queue_delay = scaling.type == "QUEUE_DELAY"
    return Settings(
        imageName=found.image or None,
        env=found.env or Env(),
        workersMin=found.workers.min,
        workersMax=found.workers.max,
        idleTimeout=found.workers.idleTimeout,
        scalerType=ServerlessScalerType.of(scaling.type),
        scalerValue=scaling.queueDelay if queue_delay else scaling.requestCount,
        executionTimeoutMs=found.timeout,
        datacenter=found.dataCenterIds or (),
        networkVolume=found.networkVolumes or (),
        gpus=gpu.pools if gpu else None,
        gpuCount=gpu.count if gpu else None,
        excludedGpus=gpu.excludedTypes if gpu else None,
        cudaVersions=gpu.allowedCudaVersions or None if gpu else None,
        minCudaVersion=gpu.minCudaVersion or None if gpu else None,
        instanceIds=tuple(str(item) for item in found.cpu) if found.cpu else None,
        flashboot=found.flashboot,
        args=found.args,
        disk=found.disk,
        ports=found.ports,
        registry=found.registry,
    )
