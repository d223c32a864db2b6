"""What differs between what is declared and what is live. Pure.

Field by field, declared fields only: what somebody set in the console and no declaration speaks
of stays as it is. There is no stored hash to go stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from lbsls.enums import ServerlessType, instance_of
from lbsls.errors import Conflict
from lbsls.live import Endpoint, Settings, is_added
from lbsls.resources import ServerlessResource
from lbsls.sentences import lowered
from lbsls.values import Env

__all__ = ["RELEASE_FIELDS", "Change", "check_updatable", "differences"]

RELEASE_FIELDS = frozenset(
    {
        "imageName",
        "env",
        "args",
        "disk",
        "ports",
        "registry",
        "gpus",
        "gpuCount",
        "excludedGpus",
        "cudaVersions",
        "minCudaVersion",
        "instanceIds",
        "networkVolume",
    }
)
"""A change of these replaces workers; one of the others applies to the workers there are."""


GPU_FIELDS = ("gpus", "gpuCount", "excludedGpus", "cudaVersions", "minCudaVersion")
"""What only an endpoint on GPUs has."""


@frozen
class Change:
    """One field that differs. It holds no value of env: only which variables, and how.

    Attributes:
        field: Its name in the resource.
        live, declared: Its values, None for env.
        variables: Of env, each with what becomes of it: added, removed or changed.
        cause: What probably changed it, if nobody did.
    """

    field: str
    live: Any = None
    declared: Any = None
    variables: tuple[tuple[str, str], ...] = ()
    cause: str = ""

    def __str__(self) -> str:
        if self.field == "env":
            return "env: " + ", ".join(f"{name} {how}" for name, how in self.variables)
        cause = f" ({self.cause})" if self.cause else ""
        return f"{self.field}: {_words(self.live)} -> {_words(self.declared)}{cause}"

    def as_json(self) -> dict[str, Any]:
        """Give it as plain values."""
        if self.field == "env":
            return {"field": "env", "variables": dict(self.variables)}
        values = {"live": _plain(self.live), "declared": _plain(self.declared)}
        return {"field": self.field, **values, **({"cause": self.cause} if self.cause else {})}


def differences(resource: ServerlessResource, endpoint: Endpoint) -> tuple[Change, ...]:
    """List what would have to change for the endpoint to be as declared."""
    changes = []
    for field, compare in _COMPARED.items():
        declared = getattr(resource, field)
        live = getattr(endpoint.settings, field)
        if declared is not None and compare(declared) != compare(live):
            changes.append(Change(field, live, declared, cause=_cause(field, live, declared)))
    changes += _env_changes(resource, endpoint.settings)
    changes += _implied_port(resource, endpoint.settings)
    return tuple(changes)


def _cause(field: str, live: Any, declared: Any) -> str:
    """Recognise what Runpod scaled down by itself; whoever sets a maximum of 0 or 2 is rarer."""
    raised = field == "workersMax" and live is not None and live < declared
    return lowered(live) if raised else ""


def check_updatable(resource: ServerlessResource, endpoint: Endpoint) -> None:
    """Refuse what no update can change.

    Raises:
        Conflict: If the endpoint is of another type, or on CPUs instead of GPUs or vice versa.
    """
    what = f"deploy {resource.name!r}"
    advice = f"Undeploy it first: `lbsls rm {endpoint.id}` or account.undeploy({endpoint.id!r})."
    if endpoint.type != resource.type:
        raise Conflict(
            what,
            detail=f"endpoint {endpoint.id} has type {endpoint.type}, declared is {resource.type}; "
            f"the type of an endpoint cannot be changed. {advice}",
        )
    on_cpu = endpoint.settings.instanceIds is not None
    wants_gpu = any(getattr(resource, field) is not None for field in GPU_FIELDS)
    if (on_cpu and wants_gpu) or (not on_cpu and resource.instanceIds is not None):
        kinds = ("CPUs", "GPUs") if on_cpu else ("GPUs", "CPUs")
        raise Conflict(
            what,
            detail=f"endpoint {endpoint.id} runs on {kinds[0]}, declared are {kinds[1]}; "
            f"that cannot be changed. {advice}",
        )


def _same(value: Any) -> Any:
    return value


def _set(value: Any) -> frozenset[Any]:
    return frozenset(value or ())


def _volume_ids(value: Any) -> frozenset[Any]:
    return frozenset(getattr(volume, "id", volume) for volume in value or ())


def _instances(value: Any) -> frozenset[Any]:
    return frozenset(instance_of(item) for item in value or ())


_COMPARED: dict[str, Callable[[Any], Any]] = {
    "imageName": _same,
    "workersMin": _same,
    "workersMax": _same,
    "idleTimeout": _same,
    "scalerType": _same,
    "scalerValue": _same,
    "executionTimeoutMs": _same,
    "datacenter": _set,
    "networkVolume": _volume_ids,
    "gpus": _set,
    "gpuCount": _same,
    "excludedGpus": _set,
    "cudaVersions": _set,
    "minCudaVersion": _same,
    "instanceIds": _instances,
    "flashboot": _same,
    "args": _same,
    "disk": _same,
    "ports": _set,
    "registry": _same,
}
"""Every field but the identity, what is copied once (templateId) and env."""


def _words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(sorted(str(getattr(item, "id", item)) for item in value)) or "none"
    return str(value)


def _plain(value: Any) -> Any:
    """Give what JSON can hold."""
    if isinstance(value, tuple):
        return sorted(str(getattr(item, "id", item)) for item in value)
    return str.__str__(value) if isinstance(value, str) else value


def _env_changes(resource: ServerlessResource, live: Settings) -> list[Change]:
    if resource.env is None:
        return []
    declared, there = dict(resource.env), _comparable(live.env or Env(), resource.env)
    how = dict.fromkeys(declared.keys() - there.keys(), "added")
    how |= dict.fromkeys(there.keys() - declared.keys(), "removed")
    both = declared.keys() & there.keys()
    how |= dict.fromkeys((key for key in both if declared[key] != there[key]), "changed")
    return [Change("env", variables=tuple(sorted(how.items())))] if how else []


def _comparable(env: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, str]:
    """Leave out marks, and what Runpod or lbsls added, unless it is declared."""
    return {key: value for key, value in env.items() if key in declared or not is_added(key)}


def _implied_port(resource: ServerlessResource, live: Settings) -> list[Change]:
    """Without declared ports, a declared PORT has to be among the live ones."""
    port = (resource.env or Env()).get("PORT")
    if resource.type != ServerlessType.LB or resource.ports is not None or port is None:
        return []
    exposed = f"{port}/http"
    if live.ports is None or exposed in live.ports:
        return []
    return [Change("ports", live.ports, (exposed,))]
