"""What a create and an update may look like. Pure: takes parsed JSON, raises `Problem`.

What a JSON Schema can say is a table here and refused with 422, each failure named. What it cannot
say is a rule and refused with 400. Source of both: Runpod's description of its REST API v2,
`CreateEndpointRequest` and `UpdateEndpointRequest`.

Where that is silent, this decides: a pool or CPU flavour that is not in the catalog, more minimum
than maximum workers, a number of vCPUs that is no power of two: 400. Any data center, network
volume and registry is accepted, because there are none here. No template exists: 404.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lbsls.local.catalog import CPU_FLAVOURS, MAX_VCPUS, POOLS, types_of
from lbsls.local.problems import bad_request, invalid, not_found
from lbsls.local.shapes import Array, ByType, Number, OrNull, Record, Shape, Table, Text

QUEUE = "QUEUE"
LOAD_BALANCER = "LOAD_BALANCER"
QUEUE_DELAY = "QUEUE_DELAY"
REQUEST_COUNT = "REQUEST_COUNT"
DEFAULT_WORKERS = {"min": 0, "max": 3, "idleTimeout": 10}

CUDA = r"^\d+\.\d+$"
TEXTS = Array(Text())

QUEUE_DELAY_SCALING = Record(
    {"type": Text(one_of=(QUEUE_DELAY,)), "queueDelay": Number(0.5)},
    required=("type", "queueDelay"),
)
REQUEST_COUNT_SCALING = Record(
    {"type": Text(one_of=(REQUEST_COUNT,)), "requestCount": Number(1, whole=True)},
    required=("type", "requestCount"),
)
SCALING = ByType({QUEUE_DELAY: QUEUE_DELAY_SCALING, REQUEST_COUNT: REQUEST_COUNT_SCALING})

WORKERS = Record(
    {
        "min": Number(0, whole=True),
        "max": Number(0, whole=True),
        "idleTimeout": Number(1, 3600, whole=True),
    }
)

CPU = Array(
    Record(
        {"id": Text(min_length=1), "vcpuCount": Number(2, whole=True)},
        required=("id", "vcpuCount"),
    ),
    min_items=1,
    unique=True,
)

GPU: dict[str, Shape] = {
    "pools": Array(Text(), min_items=1),
    "excludedTypes": Array(Text(pattern=r"^\s*[^-\s]"), unique=True),
    "count": Number(1, whole=True),
    "allowedCudaVersions": Array(Text(pattern=CUDA)),
}
CREATE_GPU = Record({**GPU, "minCudaVersion": Text(pattern=CUDA)}, required=("pools",))
UPDATE_GPU = Record(
    {**GPU, "minCudaVersion": Text(pattern=rf"^$|{CUDA}")}, together={"excludedTypes": "pools"}
)

CONTAINER: dict[str, Shape] = {
    "args": Text(),
    "disk": Number(1, whole=True),
    "env": Table(Text()),
    "image": Text(),
    "ports": TEXTS,
    "registry": OrNull(Text()),
}

COMMON: dict[str, Shape] = {
    **CONTAINER,
    "cpu": CPU,
    "dataCenterIds": TEXTS,
    "flashboot": Text(one_of=("OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT")),
    "name": Text(min_length=1),
    "networkVolumes": TEXTS,
    "scaling": SCALING,
    "timeout": Number(whole=True),
    "workers": WORKERS,
}

CREATE = Record(
    {
        **COMMON,
        "gpu": CREATE_GPU,
        "templateId": Text(min_length=1),
        "type": Text(one_of=(QUEUE, LOAD_BALANCER)),
    },
    required=("name", "type", "scaling"),
)
UPDATE = Record({**COMMON, "gpu": UPDATE_GPU, "templateId": Text()})


def check_create(body: Any) -> dict[str, Any]:
    """Give the body of a create as it is meant, or refuse it."""
    errors = list(CREATE.check(body, "$"))
    if isinstance(body, dict):
        errors += _create_conditions(body)
    _refuse(errors)
    if "templateId" in body:
        raise not_found("template")
    if ("gpu" in body) == ("cpu" in body):
        raise bad_request("exactly one of gpu and cpu is required")
    meant: dict[str, Any] = _meant(body)
    return meant


def _create_conditions(body: Mapping[str, Any]) -> Iterable[str]:
    """Give what is wrong where one field depends on another."""
    if "templateId" not in body and "image" not in body:
        yield "$: missing property 'image'"
    scaling = body.get("scaling")
    if (
        body.get("type") == LOAD_BALANCER
        and isinstance(scaling, dict)
        and scaling.get("type") == QUEUE_DELAY
    ):
        yield "$.scaling.type: value must be 'REQUEST_COUNT'"


def check_update(body: Any) -> dict[str, Any]:
    """Give the body of an update as it is meant, or refuse it."""
    _refuse(list(UPDATE.check(body, "$")))
    if "templateId" in body:
        raise not_found("template")
    if "gpu" in body and "cpu" in body:
        raise bad_request("gpu and cpu exclude each other")
    meant: dict[str, Any] = _meant(body)
    return meant


def _refuse(errors: list[str]) -> None:
    if errors:
        raise invalid(errors)


def _meant(value: Any) -> Any:
    """Make whole numbers integers, however they were written."""
    if isinstance(value, dict):
        return {name: _meant(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_meant(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_rules(endpoint: Mapping[str, Any]) -> None:
    """Refuse an endpoint, as it would be afterwards, that breaks a rule between its fields."""
    workers, scaling = endpoint["workers"], endpoint["scaling"]
    if workers["min"] > workers["max"]:
        limits = f"workers.min {workers['min']} and workers.max {workers['max']}"
        raise bad_request(f"workers.min must not be greater than workers.max: {limits}")
    if endpoint["type"] == LOAD_BALANCER and scaling["type"] != REQUEST_COUNT:
        raise bad_request("a LOAD_BALANCER endpoint scales by REQUEST_COUNT")
    if endpoint.get("gpu") is not None:
        _check_gpu(endpoint["gpu"])
    for cpu in endpoint.get("cpu") or ():
        _check_cpu(cpu)


def refuse_idle_timeout(type_: str, scaling: Mapping[str, Any], workers: Mapping[str, Any]) -> None:
    """Refuse an idle timeout that is sent where it does not apply."""
    if type_ == QUEUE and scaling["type"] == REQUEST_COUNT and "idleTimeout" in workers:
        raise bad_request("workers.idleTimeout does not apply to a QUEUE with REQUEST_COUNT")


def _check_gpu(gpu: Mapping[str, Any]) -> None:
    if unknown := [pool for pool in gpu["pools"] if pool not in POOLS]:
        known = ", ".join(POOLS)
        raise bad_request(f"gpu.pools: unknown pool {unknown[0]!r}; known pools: {known}")
    cards = types_of(gpu["pools"])
    excluded = gpu.get("excludedTypes", [])
    if strange := [card for card in excluded if card not in cards]:
        raise bad_request(f"gpu.excludedTypes: {strange[0]!r} is in none of the pools")
    if not types_of(gpu["pools"], excluded):
        raise bad_request("gpu.excludedTypes: no GPU type is left")
    if gpu["allowedCudaVersions"] and gpu["minCudaVersion"]:
        raise bad_request("gpu.allowedCudaVersions and gpu.minCudaVersion exclude each other")


def _check_cpu(cpu: Mapping[str, Any]) -> None:
    count = cpu["vcpuCount"]
    if cpu["id"] not in CPU_FLAVOURS:
        known = ", ".join(CPU_FLAVOURS)
        raise bad_request(f"cpu.id: unknown flavour {cpu['id']!r}; known flavours: {known}")
    if count & (count - 1) or count > MAX_VCPUS:
        raise bad_request(f"cpu.vcpuCount: {count} is not a power of two from 2 to {MAX_VCPUS}")
