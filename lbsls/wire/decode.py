"""Answers of REST v2 as live objects, or a `WireError` that names what is wrong where. Pure.

Unknown fields pass, unknown enum values pass as text, a missing optional field is None. A wrong
type never becomes a value: each primitive is checked, not converted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from types import GenericAlias
from typing import Any, TypeVar, get_args, get_origin

from attrs import frozen, has
from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn

from lbsls.addresses import is_segment
from lbsls.enums import ServerlessScalerType, ServerlessType
from lbsls.errors import WireError
from lbsls.live import MARK_VARIABLE, Endpoint, LogLine, Mark, Settings, Worker
from lbsls.values import Env, Response, excerpt, redact

__all__ = ["endpoint", "endpoints", "json_of", "log_lines", "workers"]

T = TypeVar("T")


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


_JSON: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
"""JSON's types as people call them."""


def _exactly(*kinds: type) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise TypeError(f"expected {_JSON[kinds[0]]}, found {_JSON[type(value)]}")
        return value

    return check


def _env_of(value: Any, _: Any) -> Env:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise TypeError("expected an object of texts")
    return Env(value)


_converter = Converter()
_converter.register_structure_hook(str, _exactly(str))
_converter.register_structure_hook(int, _exactly(int))
_converter.register_structure_hook(float, _exactly(float, int))
_converter.register_structure_hook(bool, _exactly(bool))
_converter.register_structure_hook(Env, _env_of)


# Left to itself cattrs takes a text for a list of letters and "" for an empty list.


def _object_hook(kind: Any) -> Callable[[Any, Any], Any]:
    check, structure = _exactly(dict), make_dict_structure_fn(kind, _converter)
    return lambda value, kind: structure(check(value, kind), kind)


def _list_hook(kind: Any) -> Callable[[Any, Any], Any]:
    check = _exactly(list)
    items: Any = GenericAlias(list, get_args(kind)[:1])
    return lambda value, kind: tuple(_converter.structure(check(value, kind), items))


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


_converter.register_structure_hook_factory(has, _object_hook)
_converter.register_structure_hook_factory(_is_tuple, _list_hook)


def _structure(response: Response, what: str, kind: type[T], secrets: tuple[str, ...]) -> T:
    value = json_of(response, what, secrets)
    try:
        return _converter.structure(value, kind)
    except Exception as cause:  # cattrs raises groups of whatever the hooks raise
        wrong = "; ".join(_places(cause))
        # The cause would show its frames' locals, values of env among them.
        raise WireError(what, f"the answer is not as documented: {wrong}") from None


def _places(cause: Exception) -> list[str]:
    def describe(error: BaseException, _: Any) -> str:
        return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)

    return transform_error(cause, format_exception=describe)[:5]


def json_of(response: Response, what: str, secrets: tuple[str, ...] = ()) -> Any:
    """Read a body as JSON.

    Raises:
        WireError: If it is not, with the beginning of what it is.
    """
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        kind = response.headers.get("content-type") or "no content type"
        if not response.content.strip():
            raise WireError(what, "the body is empty") from None
        if response.content.lstrip()[:1] in (b"{", b"["):
            # No excerpt: what began as an answer may hold values of env, of any endpoint.
            size = len(response.content)
            raise WireError(what, f"the answer is broken or cut off JSON ({size} bytes)") from None
        seen = excerpt(response.content, secrets)
        raise WireError(what, f"the answer is no JSON ({kind})", body_excerpt=seen) from None


def endpoint(response: Response, what: str, secrets: tuple[str, ...] = ()) -> Endpoint:
    """Decode one endpoint."""
    return _live(_structure(response, what, _Endpoint, secrets), what)


def endpoints(response: Response, what: str, secrets: tuple[str, ...] = ()) -> tuple[Endpoint, ...]:
    """Decode the list of endpoints."""
    found = _structure(response, what, _Endpoints, secrets)
    return tuple(_live(item, what) for item in found.endpoints)


def workers(response: Response, what: str, secrets: tuple[str, ...] = ()) -> tuple[Worker, ...]:
    """Decode the list of workers."""
    found = _structure(response, what, _WorkerList, secrets)
    return tuple(
        Worker(
            id=_id(item.id, what),
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
            event = _converter.structure(json.loads(data), _LogEvent)
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
        id=_id(found.id, what),
        name=found.name,
        type=ServerlessType.LB if load_balanced else ServerlessType.QB,
        endpoint_url=base if load_balanced else f"https://api.runpod.ai/v2/{found.id}",
        health_url=urls.health or f"{base}/{env.get('HEALTH_CHECK_PATH', '/ping').lstrip('/')}",
        created_at=_moment(found.createdAt, what),
        settings=_settings(found),
        mark=Mark.parse(env.get(MARK_VARIABLE)),
    )


def _id(text: str, what: str) -> str:
    # It comes back in the path of the next request, a DELETE maybe.
    if not is_segment(text):
        raise WireError(what, f"id is no id: {text[:40]!r}")
    return text


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


_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", re.A | re.I
)


def _moment(text: str, what: str) -> datetime:
    """Read RFC 3339; Python 3.10 knows neither Z nor other than 3 or 6 digits."""
    match = _MOMENT.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        date, time, fraction, zone = match.groups()
        micro = (fraction or "").ljust(6, "0")[:6]
        offset = "+00:00" if zone in (None, "Z", "z") else zone
        moment = datetime.fromisoformat(f"{date}T{time}.{micro}{offset}")
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise WireError(what, f"createdAt is no time: {text[:40]!r}") from None
