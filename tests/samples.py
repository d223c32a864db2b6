"""What the tests of the pure parts share: answers of REST v2, resources, Runpod's own schemas."""

from __future__ import annotations

import json
import os
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lbsls.enums import DataCenter, FlashBoot, GpuPool
from lbsls.live import Endpoint, Mark
from lbsls.resources import LoadBalancerSlsResource, NetworkVolume, ServerlessResource
from lbsls.values import Request, Response
from lbsls.wire import decode
from lbsls.wire.encode import create_body

KEY = "rpa_KEYKEYKEY"
MARK = Mark("project", "app", "0123456789abcdef")
CREATED = "2026-11-20T10:00:00.123456Z"
SHARED = Path(os.environ.get("LBSLS_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SCHEMA = SHARED / "runpod" / "openapi-v2.json"
needs_schema = pytest.mark.skipif(
    not SCHEMA.is_file(), reason="Runpod's openapi-v2.json is not beside the checkout"
)


@lru_cache
def schema(name: str) -> Draft202012Validator:
    """Give a validator for one of the schemas in Runpod's description of its REST API v2."""
    described = json.loads(SCHEMA.read_text(encoding="utf-8"))
    root = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    return Draft202012Validator(root)


def mistakes(name: str, body: Any) -> list[str]:
    """Say what is wrong with a body by Runpod's own schema."""
    return [error.message for error in schema(name).iter_errors(json.loads(json.dumps(body)))]


def answer(value: Any = None, status: int = 200, /, **headers: str) -> Response:
    """Make an answer of a JSON value, or of bytes as they are."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    named = {key.replace("_", "-"): text for key, text in headers.items()}
    return Response(status, named, content)


def request(url: str = "https://api.runpod.io/v2/serverless", *secrets: str) -> Request:
    """Make a request that holds secrets."""
    return Request("GET", url, secrets=(KEY, *secrets))


def endpoint_json(**changes: Any) -> dict[str, Any]:
    """Give a load-balanced endpoint as REST v2 answers it."""
    return {
        "id": "ep1",
        "name": "app",
        "type": "LOAD_BALANCER",
        "requestUrls": {
            "base": "https://ep1.api.runpod.ai",
            "health": "https://ep1.api.runpod.ai/ping",
        },
        "image": "my-app:latest",
        "env": {"LBSLS_MARK": str(MARK), "PORT": "80", "PORT_HEALTH": "80", "LEVEL": "INFO"},
        "ports": ["80/http"],
        "registry": None,
        "gpu": {
            "pools": ["AMPERE_16", "AMPERE_24", "ADA_24"],
            "count": 1,
            "allowedCudaVersions": [],
            "minCudaVersion": None,
        },
        "workers": {"min": 0, "max": 3, "idleTimeout": 10},
        "scaling": {"type": "REQUEST_COUNT", "requestCount": 4},
        "dataCenterIds": [],
        "networkVolumes": [],
        "timeout": 300000,
        "flashboot": "OFF",
        "createdAt": CREATED,
        **changes,
    }


def cpu_json(**changes: Any) -> dict[str, Any]:
    """Give a load-balanced endpoint on CPUs as REST v2 answers it."""
    found = endpoint_json(cpu=[{"id": "cpu3g", "vcpuCount": 2, "memory": 8}], **changes)
    del found["gpu"]
    return found


def endpoint(**changes: Any) -> Endpoint:
    """Give a live endpoint."""
    return decode.endpoint(answer(endpoint_json(**changes)), "get endpoint")


def resource(**fields: Any) -> LoadBalancerSlsResource:
    """Give a resource of which only the given fields are declared."""
    return LoadBalancerSlsResource(**{"name": "app", "imageName": "my-app:latest", **fields})


def created(declared: ServerlessResource) -> dict[str, Any]:
    """Give what REST v2 answers to the create of a resource: what was sent, and its defaults."""
    body = json.loads(json.dumps(create_body(declared, MARK)))
    given, gpu = body.pop("workers", {}), body.pop("gpu", None)
    found = {**endpoint_json(), "image": "of-the-template", "ports": [], **body}
    found["workers"] = {"min": 0, "max": 3, "idleTimeout": 10, **given}
    found.pop("templateId", None)
    if gpu is None:
        del found["gpu"]
    else:
        found["gpu"] = {"count": 1, "allowedCudaVersions": [], "minCudaVersion": None, **gpu}
    return found


def patched(found: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Give what REST v2 makes of an endpoint by a PATCH, as its description says."""
    body = json.loads(json.dumps(body))
    workers, gpu = body.pop("workers", {}), body.pop("gpu", {})
    after = {**found, **body, "workers": {**found["workers"], **workers}}
    if "gpu" in found:
        kept = dict(found["gpu"])
        if "pools" in gpu:
            kept.pop("excludedTypes", None)
        after["gpu"] = {**kept, **gpu}
        assert not (after["gpu"]["allowedCudaVersions"] and after["gpu"]["minCudaVersion"])
    return after


printable = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
texts = st.text(printable, min_size=1, max_size=8).filter(lambda text: text[0] != "-")
env_keys = st.from_regex(r"[A-Z_]{1,12}", fullmatch=True).filter(lambda key: "LBSLS_" not in key)
env_values = st.text(st.characters(codec="utf-8"), max_size=20)
ports = st.integers(1, 65535).map(str)
versions = st.sampled_from(["11.8", "12.4", "12.8"])


def several(items: st.SearchStrategy[Any], least: int = 1) -> st.SearchStrategy[Any]:
    """Give lists that may hold an item twice."""
    return st.lists(items, min_size=least, max_size=3)


@st.composite
def envs(draw: st.DrawFn) -> dict[str, str]:
    """Give variables, some with a meaning for the balancer."""
    env = draw(st.dictionaries(env_keys, env_values, max_size=3))
    for key in ("PORT", "PORT_HEALTH"):
        env.pop(key, None)
        if draw(st.booleans()):
            env[key] = draw(ports)
    return {key: value for key, value in env.items() if key != "HEALTH_CHECK_PATH"}


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "env": envs(),
    "workersMin": st.integers(0, 3),
    "workersMax": st.integers(3, 9),
    "idleTimeout": st.integers(1, 3600),
    "scalerValue": st.integers(1, 99),
    "executionTimeoutMs": st.integers(1, 10**6),
    "datacenter": several(st.sampled_from(DataCenter) | texts, 0),
    "networkVolume": several(st.builds(NetworkVolume, texts), 0),
    "flashboot": st.sampled_from([*FlashBoot, True, False]),
    "args": texts,
    "disk": st.integers(1, 500),
    "ports": several(ports.map("{}/http".format), 0),
    "registry": texts,
}
GPU: dict[str, st.SearchStrategy[Any]] = {
    "gpus": several(st.sampled_from(GpuPool) | texts),
    "gpuCount": st.integers(1, 8),
}


@st.composite
def resources(draw: st.DrawFn, kind: str = "any") -> LoadBalancerSlsResource:
    """Give resources that break no rule, each field declared or left out.

    ``kind`` is gpu, cpu or any.
    """
    values = draw(st.fixed_dictionaries({"name": st.just("app")}, optional=FIELDS))
    values[draw(st.sampled_from(["imageName", "templateId"]))] = draw(texts)
    if kind == "cpu" or (kind == "any" and draw(st.booleans())):
        sizes = st.sampled_from(["cpu3g-2-8", "cpu3c-2", "cpu5c-16-32"])
        values |= draw(st.fixed_dictionaries({}, optional={"instanceIds": several(sizes)}))
    else:
        values |= draw(st.fixed_dictionaries({}, optional=GPU))
        if "gpus" in values and draw(st.booleans()):
            values["excludedGpus"] = draw(several(st.sampled_from(["NVIDIA L40", "H200"]), 0))
        floor = {"minCudaVersion": versions}
        values |= draw(st.fixed_dictionaries({}, optional={"cudaVersions": several(versions, 0)}))
        if not values.get("cudaVersions"):
            values |= draw(st.fixed_dictionaries({}, optional=floor))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LoadBalancerSlsResource(**values)
