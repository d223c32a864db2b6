"""Pure checks on what a user declares. No I/O, and nothing of resources but their field values.

Every check gives all violations at once, each with the field, the reason and what to write
instead. Bounds come from Runpod's description of its REST API v2
(https://docs.runpod.io/api-reference-v2) unless a comment says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lbsls.errors import Violation
from lbsls.values import shown

__all__ = ["check_endpoint", "check_volume", "served_port", "warn_endpoint"]

Values = Mapping[str, Any]

LB_REQUEST_LIMIT_MS = 330_000
"""A request through a load balancer may take 5.5 minutes.

https://docs.runpod.io/serverless/load-balancing/overview
"""

MOST = 2**31 - 1
"""What a whole number may be where Runpod names no bound: more fits into none of its services."""

_CUDA = re.compile(r"\d+\.\d+", re.ASCII)
_PORT = re.compile(r"(\d{1,5})/(http|tcp)", re.ASCII)
_INSTANCE = re.compile(r"[a-z0-9]+-(\d{1,4})(?:-\d{1,5})?", re.ASCII)
_ENV_KEY = re.compile(r"[^=\x00]+")


def check_endpoint(kind: str, values: Values) -> tuple[Violation, ...]:
    """Check the fields of a serverless resource.

    Args:
        kind: The name of the resource's class; the messages speak of it.
        values: Every field by its name; None means left out.
    """
    found: list[Violation] = []
    for check in _CHECKS:
        found += check(kind, values)
    return tuple(found)


def check_volume(id: object) -> tuple[Violation, ...]:
    """Check the id of a network volume."""
    if isinstance(id, str) and id.strip():
        return ()
    return (
        Violation(
            "networkVolume",
            "NetworkVolume needs the id of a volume that exists; creating volumes comes later.",
            "Make one in Runpod's console under Storage and write NetworkVolume(id='...').",
        ),
    )


def warn_endpoint(kind: str, values: Values) -> tuple[str, ...]:
    """Give a sentence for each setting that is allowed but will disappoint."""
    sentences = []
    timeout = values["executionTimeoutMs"]
    if values["type"] == "LB" and timeout is not None and timeout > LB_REQUEST_LIMIT_MS:
        sentences.append(
            f"executionTimeoutMs={timeout} has no effect above {LB_REQUEST_LIMIT_MS}: "
            "a load balancer ends every request after 5.5 minutes."
        )
    env, ports = values["env"], values["ports"]
    served = served_port(env or {}, ports) + "/http"
    # A template may set another PORT.
    known = values["templateId"] is None or "PORT" in (env or {})
    if values["type"] == "LB" and known and ports is not None and served not in ports:
        sentences.append(
            f"ports={list(ports)} does not expose {served}, the port that the load balancer sends "
            f"requests to: add {served!r} to ports, or set env PORT to a port that is exposed."
        )
    return tuple(sentences)


def served_port(env: Mapping[str, str], ports: tuple[str, ...] | None) -> str:
    """Give the port that a load balancer is to use: env PORT, the only http port, or 80."""
    http = [port.removesuffix("/http") for port in ports or () if port.endswith("/http")]
    return env.get("PORT") or (http[0] if len(http) == 1 else "80")


def _identity(kind: str, values: Values) -> Iterator[Violation]:
    name = values["name"]
    if not isinstance(name, str) or not name.strip():
        yield Violation(
            "name",
            f"name must be a text that is not empty, not {shown(name)}.",
            "Write name='my-app'.",
        )
    elif name != name.strip() or not name.isprintable():
        better = " ".join("".join(c if c.isprintable() else " " for c in name).split())
        yield Violation(
            "name",
            f"name {shown(name)} has blanks around it or control characters in it.",
            f"Write name={shown(better or 'my-app')}.",
        )
    yield from _nonempty_text("imageName", values)
    yield from _nonempty_text("templateId", values)
    if values["imageName"] is None and values["templateId"] is None:
        yield Violation(
            "imageName",
            f"{kind} needs an image: imageName or templateId must be given.",
            "Write imageName='my-app:latest'.",
        )


def _nonempty_text(field: str, values: Values) -> Iterator[Violation]:
    value = values[field]
    if value is not None and not (isinstance(value, str) and value.strip()):
        yield Violation(field, f"{field} must be a text that is not empty, not {shown(value)}.")


def _scaler(kind: str, values: Values) -> Iterator[Violation]:
    scaler, value = values["scalerType"], values["scalerValue"]
    if values["type"] == "LB" and scaler == "QUEUE_DELAY":
        # The wording is that of the design document.
        yield Violation(
            "scalerType",
            f"{kind} requires REQUEST_COUNT scaler, not QUEUE_DELAY. "
            "Load-balanced endpoints don't support queue-based scaling.",
            "Leave scalerType out.",
        )
    elif scaler not in ("QUEUE_DELAY", "REQUEST_COUNT"):
        yield Violation(
            "scalerType",
            f"scalerType must be REQUEST_COUNT or QUEUE_DELAY, not {shown(scaler)}.",
            "Write scalerType=ServerlessScalerType.REQUEST_COUNT.",
        )
    if scaler == "QUEUE_DELAY" and values["type"] != "LB":
        if value is not None and not (_is_number(value) and value >= 0.5):
            yield Violation(
                "scalerValue",
                f"scalerValue must be at least 0.5 seconds with QUEUE_DELAY, not {shown(value)}.",
                "Write scalerValue=4.",
            )
    else:
        yield from _integer("scalerValue", values, 1)
    if values["type"] == "QB" and scaler == "REQUEST_COUNT" and values["idleTimeout"] is not None:
        yield Violation(
            "idleTimeout",
            "idleTimeout is refused for a queue-based endpoint that scales by REQUEST_COUNT.",
            "Leave idleTimeout out, or scale by QUEUE_DELAY.",
        )


def _type(kind: str, values: Values) -> Iterator[Violation]:
    if values["type"] not in ("LB", "QB"):
        yield Violation(
            "type",
            f"type must be ServerlessType.QB, not {shown(values['type'])}.",
            "Leave it out.",
        )
    elif values["type"] == "LB" and kind == "ServerlessResource":
        yield Violation(
            "type",
            "ServerlessResource is queue-based and cannot have type LB.",
            "Write LoadBalancerSlsResource(...) instead.",
        )


def _workers(kind: str, values: Values) -> Iterator[Violation]:
    least, most = values["workersMin"], values["workersMax"]
    bad = [*_integer("workersMin", values, 0), *_integer("workersMax", values, 0)]
    yield from bad
    yield from _integer("idleTimeout", values, 1, 3600)
    # Runpod's own default is 3, so a larger minimum cannot go without a maximum.
    effective = 3 if most is None else most
    if not bad and least is not None and least > effective:
        default = " (Runpod's default)" if most is None else ""
        yield Violation(
            "workersMin",
            f"workersMin={least} is above workersMax={effective}{default}.",
            f"Write workersMax={least} or more, or lower workersMin.",
        )


def _container(kind: str, values: Values) -> Iterator[Violation]:
    yield from _integer("disk", values, 1)
    yield from _integer("executionTimeoutMs", values, 1)
    yield from _nonempty_text("registry", values)
    if values["args"] is not None and not isinstance(values["args"], str):
        yield Violation("args", f"args must be a text, not {shown(values['args'])}.")
    if values["flashboot"] not in (None, "OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"):
        yield Violation(
            "flashboot",
            "flashboot must be OFF, FLASHBOOT or PRIORITY_FLASHBOOT, "
            f"not {shown(values['flashboot'])}.",
        )
    for port in _items("ports", values):
        match = _PORT.fullmatch(port) if isinstance(port, str) else None
        if match is None or not 1 <= int(match[1]) <= 65535:
            yield Violation(
                "ports",
                f"ports has {shown(port)}; a port is a number from 1 to 65535, then /http or /tcp.",
                "Write ports=['8000/http'].",
            )


def _env(kind: str, values: Values) -> Iterator[Violation]:
    env = values["env"]
    if env is None:
        return
    if not isinstance(env, Mapping):
        yield Violation(
            "env",
            f"env must be a mapping of texts to texts, not {type(env).__name__}.",
            "Write env={'LOG_LEVEL': 'INFO'}.",
        )
        return
    for key, value in env.items():
        yield from _variable(key, value)


def _variable(key: object, value: object) -> Iterator[Violation]:
    # What follows a '=' may be a value that slipped into the key.
    named = shown(key.partition("=")[0] if isinstance(key, str) else key)
    if not isinstance(key, str) or not _ENV_KEY.fullmatch(key):
        yield Violation(
            "env",
            f"env has a key that cannot name a variable (empty, or with '=' in it): {named}.",
            "Write env={'LOG_LEVEL': 'INFO'}.",
        )
    elif key.startswith("LBSLS_"):
        yield Violation(
            "env",
            f"env has {named}; names that begin with LBSLS_ belong to lbsls.",
            "Rename it.",
        )
    if not isinstance(value, str):
        # The value itself stays out of the message: it may be a secret.
        yield Violation(
            "env",
            f"env[{named}] must be a text, not {type(value).__name__}.",
            f"Write it in quotes, or str(...), for {named}.",
        )
    elif key in ("PORT", "PORT_HEALTH") and not _is_port(value):
        reason = f"env[{key!r}] must be a port number from 1 to 65535."
        yield Violation("env", reason, f"Write env={{{key!r}: '8000'}}.")
    elif key == "HEALTH_CHECK_PATH" and not value.startswith("/"):
        reason = "env['HEALTH_CHECK_PATH'] must begin with '/'."
        yield Violation("env", reason, "Write env={'HEALTH_CHECK_PATH': '/ping'}.")


def _compute(kind: str, values: Values) -> Iterator[Violation]:
    gpu_fields = ("gpus", "gpuCount", "excludedGpus", "cudaVersions", "minCudaVersion")
    with_cpu = [field for field in gpu_fields if values[field] is not None]
    if values["instanceIds"] is not None and with_cpu:
        yield Violation(
            "instanceIds",
            f"instanceIds asks for CPU workers and {', '.join(with_cpu)} for GPU workers.",
            "An endpoint has one of the two: leave the other out.",
        )
    if values["gpuCount"] is not None:
        yield from _integer("gpuCount", values, 1)
    yield from _texts("gpus", values, "gpus=[GpuPool.ADA_24]")
    yield from _texts("excludedGpus", values, "excludedGpus=['NVIDIA L40']")
    yield from _some("gpus", values, "gpus=[GpuPool.ADA_24]")
    yield from _some("instanceIds", values, "instanceIds=['cpu3g-2-8']")
    if values["excludedGpus"] is not None and values["gpus"] is None:
        yield Violation(
            "excludedGpus",
            "excludedGpus takes GPU types out of the pools in gpus, and gpus is not given.",
            "Write gpus=[...] too.",
        )
    for instance in _items("instanceIds", values):
        yield from _instance(instance)


def _instance(instance: object) -> Iterator[Violation]:
    match = _INSTANCE.fullmatch(instance) if isinstance(instance, str) else None
    if match is None:
        yield Violation(
            "instanceIds",
            f"instanceIds has {shown(instance)}; it is flavour, vCPUs and memory.",
            "Write instanceIds=['cpu3g-2-8'].",
        )
    elif (count := int(match[1])) < 2 or count & (count - 1):
        yield Violation(
            "instanceIds",
            f"instanceIds has {instance!r} with {count} vCPUs; it must be a power of two from 2.",
            "Write instanceIds=['cpu3g-2-8'].",
        )


def _cuda(kind: str, values: Values) -> Iterator[Violation]:
    for version in _items("cudaVersions", values):
        yield from _cuda_version("cudaVersions", version)
    if values["minCudaVersion"] is not None:
        yield from _cuda_version("minCudaVersion", values["minCudaVersion"])
    if values["cudaVersions"] and values["minCudaVersion"] is not None:
        yield Violation(
            "minCudaVersion", "minCudaVersion and cudaVersions exclude each other.", "Keep one."
        )


def _cuda_version(field: str, version: object) -> Iterator[Violation]:
    if not isinstance(version, str) or not _CUDA.fullmatch(version):
        yield Violation(
            field,
            f"{field} has {shown(version)}; a version is major.minor.",
            f"Write {field}='12.8'.",
        )


def _placement(kind: str, values: Values) -> Iterator[Violation]:
    yield from _texts("datacenter", values, "datacenter=DataCenter.EU_RO_1")
    for volume in _items("networkVolume", values):
        if not isinstance(getattr(volume, "id", None), str):
            yield Violation(
                "networkVolume",
                f"networkVolume must be a NetworkVolume, not {type(volume).__name__}.",
                "Write networkVolume=NetworkVolume(id='...').",
            )


def _some(field: str, values: Values, example: str) -> Iterator[Violation]:
    if values[field] == ():
        yield Violation(field, f"{field} must not be empty.", f"Write {example}, or leave it out.")


def _texts(field: str, values: Values, example: str) -> Iterator[Violation]:
    for item in _items(field, values):
        # Runpod trims blanks, and refuses a leading '-'; either would never be as declared.
        if not isinstance(item, str) or item != item.strip() or item[:1] in ("", "-"):
            reason = f"{field} has {shown(item)}, which is no name."
            yield Violation(field, reason, f"Write {example}.")


def _items(field: str, values: Values) -> tuple[Any, ...]:
    value = values[field]
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _integer(field: str, values: Values, least: int, most: int = MOST) -> Iterator[Violation]:
    value = values[field]
    if value is None:
        return
    fits = isinstance(value, int) and not isinstance(value, bool)
    if not fits or not least <= value <= most:
        bound = f"of at least {least}" if most == MOST else f"from {least} to {most}"
        if fits and value > MOST:
            bound = f"of at most {most}"
        yield Violation(field, f"{field} must be a whole number {bound}, not {shown(value)}.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value <= MOST


def _is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 5 and 1 <= int(value) <= 65535


_CHECKS: tuple[Callable[[str, Values], Iterator[Violation]], ...] = (
    _identity,
    _type,
    _scaler,
    _workers,
    _container,
    _env,
    _compute,
    _cuda,
    _placement,
)
