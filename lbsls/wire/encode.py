"""Resources as bodies of REST v2 requests. Pure.

Names and shapes: https://docs.runpod.io/api-reference-v2, CreateEndpointRequest and
UpdateEndpointRequest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lbsls.enums import GpuPool, ServerlessType, instance_of
from lbsls.live import MARK_VARIABLE, Mark, Settings, is_added
from lbsls.resources import ServerlessResource
from lbsls.rules import served_port
from lbsls.values import Env

__all__ = ["create_body", "patch_body"]

DEFAULT_SCALER_VALUE = 4
"""REST v2 wants a scaler; 4 is what Runpod's console proposes."""

DEFAULT_POOLS = (GpuPool.AMPERE_16, GpuPool.AMPERE_24, GpuPool.ADA_24)
"""REST v2 wants GPUs or CPUs; these pools are the cheap ones."""

_GPU_FIELDS = {
    "gpus": "pools",
    "gpuCount": "count",
    "excludedGpus": "excludedTypes",
    "cudaVersions": "allowedCudaVersions",
    "minCudaVersion": "minCudaVersion",
}
_WORKER_FIELDS = {"workersMin": "min", "workersMax": "max", "idleTimeout": "idleTimeout"}
_PLAIN_FIELDS = {
    "imageName": "image",
    "templateId": "templateId",
    "args": "args",
    "disk": "disk",
    "ports": "ports",
    "registry": "registry",
    "datacenter": "dataCenterIds",
    "executionTimeoutMs": "timeout",
    "flashboot": "flashboot",
}


def create_body(resource: ServerlessResource, mark: Mark) -> dict[str, Any]:
    """Encode a create: every declared field, the mark, and what REST v2 demands beyond."""
    load_balanced = resource.type == ServerlessType.LB
    env = {**(resource.env or {}), MARK_VARIABLE: str(mark)}
    # What is sent replaces what a template says, so nothing is added that it may say better.
    own_port = load_balanced and (resource.templateId is None or "PORT" in env)
    if own_port:
        # Relying on the default port was not enough in practice: PORT and PORT_HEALTH must be
        # set and the port exposed.
        env.setdefault("PORT", served_port(env, resource.ports))
        env.setdefault("PORT_HEALTH", env["PORT"])
    body: dict[str, Any] = {
        "name": resource.name,
        "type": "LOAD_BALANCER" if load_balanced else "QUEUE",
        **_fields(resource, _PLAIN_FIELDS),
        "env": env,
        "scaling": _scaling(resource, None),
    }
    if own_port and resource.ports is None:
        body["ports"] = [f"{env['PORT']}/http"]
    if resource.instanceIds is not None:
        body["cpu"] = _cpu(resource)
    else:
        body["gpu"] = {"pools": list(DEFAULT_POOLS), **_fields(resource, _GPU_FIELDS)}
    if workers := _fields(resource, _WORKER_FIELDS):
        body["workers"] = workers
    if resource.networkVolume is not None:
        body["networkVolumes"] = [volume.id for volume in resource.networkVolume]
    return body


def patch_body(
    resource: ServerlessResource, fields: Collection[str], live: Settings
) -> dict[str, Any]:
    """Encode an update of the given fields, restating what a PATCH would otherwise lose."""

    def chosen(names: Mapping[str, str]) -> dict[str, Any]:
        return _fields(resource, {name: names[name] for name in names if name in fields})

    body = chosen(_PLAIN_FIELDS)
    env = resource.env or Env()
    moved = {"PORT": served_port(env, resource.ports)} if _moves_port(resource, live) else {}
    if "env" in fields or ("ports" in fields and moved):
        there = live.env or Env()
        kept = {key: value for key, value in there.items() if not is_added(key)}
        theirs = env if resource.env is not None else kept
        body["env"] = _merged_env({**theirs, **moved}, there)
    if "ports" in fields and resource.ports is None:
        body["ports"] = _moved_port(env["PORT"], live)
    if {"scalerType", "scalerValue"} & set(fields):
        body["scaling"] = _scaling(resource, live)
    if "instanceIds" in fields:
        body["cpu"] = _cpu(resource)
    if "networkVolume" in fields:
        body["networkVolumes"] = [volume.id for volume in resource.networkVolume or ()]
    gpu = _complete_gpu(chosen(_GPU_FIELDS), resource, live)
    parts = {"workers": chosen(_WORKER_FIELDS), "gpu": gpu}
    return body | {name: part for name, part in parts.items() if part}


def _fields(resource: ServerlessResource, names: Mapping[str, str]) -> dict[str, Any]:
    values = {wire: getattr(resource, name) for name, wire in names.items()}
    return {
        wire: list(dict.fromkeys(value)) if isinstance(value, tuple) else value
        for wire, value in values.items()
        if value is not None
    }


def _scaling(resource: ServerlessResource, live: Settings | None) -> dict[str, Any]:
    value = resource.scalerValue
    if value is None and live is not None and live.scalerType == resource.scalerType:
        value = live.scalerValue
    if value is None:
        value = DEFAULT_SCALER_VALUE
    field = "requestCount" if resource.scalerType == "REQUEST_COUNT" else "queueDelay"
    return {"type": str(resource.scalerType), field: value}


def _cpu(resource: ServerlessResource) -> list[dict[str, Any]]:
    instances = dict.fromkeys(instance_of(id) for id in resource.instanceIds or ())
    return [{"id": flavor, "vcpuCount": count} for flavor, count in instances]


def _complete_gpu(
    gpu: dict[str, Any], resource: ServerlessResource, live: Settings
) -> dict[str, Any]:
    # Pools and exclusions are one selection: pools alone would clear the exclusions, also those
    # that somebody made in the console, and exclusions alone would be lost.
    excluded = live.excludedGpus if resource.excludedGpus is None else resource.excludedGpus
    if "excludedTypes" in gpu or ("pools" in gpu and excluded):
        gpu["pools"] = list(dict.fromkeys(resource.gpus or ()))
        gpu["excludedTypes"] = list(dict.fromkeys(excluded or ()))
    # A CUDA set and a CUDA floor exclude each other, and setting one does not clear the other.
    if gpu.get("allowedCudaVersions") and live.minCudaVersion:
        gpu["minCudaVersion"] = ""
    if gpu.get("minCudaVersion") and live.cudaVersions:
        gpu["allowedCudaVersions"] = []
    return gpu


def _moved_port(port: str, live: Settings) -> list[str]:
    """Expose another port for requests, and go on exposing what else is exposed."""
    old = f"{(live.env or Env()).get('PORT', '80')}/http"
    return [f"{port}/http", *(other for other in live.ports or () if other != old)]


def _moves_port(resource: ServerlessResource, live: Settings) -> bool:
    """Tell whether the port that was set for the user is no longer among the declared ones."""
    port = (live.env or Env()).get("PORT")
    if port is None or resource.ports is None or "PORT" in (resource.env or Env()):
        return False
    return f"{port}/http" not in resource.ports


def _merged_env(declared: Mapping[str, str], live: Mapping[str, str]) -> dict[str, str]:
    """Copy what is not the user's, as a PATCH replaces env whole; PORT_HEALTH follows PORT."""
    kept = {key: value for key, value in live.items() if key not in declared and is_added(key)}
    merged = {**kept, **declared}
    follows = live.get("PORT_HEALTH") == live.get("PORT")
    if "PORT" in declared and "PORT_HEALTH" in kept and follows:
        merged["PORT_HEALTH"] = declared["PORT"]
    return merged
