"""What a create and an update may look like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lbsls.local.problems import Problem
from lbsls.local.schema import check_create, check_update

LEAST = {
    "name": "a",
    "type": "LOAD_BALANCER",
    "image": "i",
    "scaling": {"type": "REQUEST_COUNT", "requestCount": 1},
    "gpu": {"pools": ["ADA_24"]},
}


def without(name: str) -> dict[str, Any]:
    """Give the least create that there is, less one field."""
    return {field: value for field, value in LEAST.items() if field != name}


def test_the_least_create_is_accepted() -> None:
    """A create needs a name, a type, an image, a scaling and compute, and nothing else."""
    assert check_create(LEAST) == LEAST


def test_whole_numbers_may_be_written_with_a_fraction() -> None:
    """4.0 is an integer in JSON Schema, and is stored as one."""
    body = {**LEAST, "disk": 5.0, "ports": ["80/http"]}
    assert "5" == json.dumps(check_create(body)["disk"])


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ([], ["$: got array, want object"]),
        ("a", ["$: got string, want object"]),
        (None, ["$: got null, want object"]),
        (without("name"), ["$: missing property 'name'"]),
        (
            {"image": "i", "gpu": {"pools": ["ADA_24"]}},
            ["$: missing properties 'name', 'type', 'scaling'"],
        ),
        (without("image"), ["$: missing property 'image'"]),
        ({**LEAST, "bogus": 1}, ["$: additional properties 'bogus' not allowed"]),
        ({**LEAST, "a": 1, "b": 1}, ["$: additional properties 'a', 'b' not allowed"]),
        ({**LEAST, "name": ""}, ["$.name: minLength: got 0, want 1"]),
        ({**LEAST, "name": 1}, ["$.name: got number, want string"]),
        ({**LEAST, "name": True}, ["$.name: got boolean, want string"]),
        ({**LEAST, "type": "LB"}, ["$.type: value must be one of 'QUEUE', 'LOAD_BALANCER'"]),
        ({**LEAST, "templateId": ""}, ["$.templateId: minLength: got 0, want 1"]),
        ({**LEAST, "disk": 0}, ["$.disk: minimum: got 0, want 1"]),
        ({**LEAST, "disk": 1.5}, ["$.disk: got number, want integer"]),
        ({**LEAST, "disk": True}, ["$.disk: got boolean, want integer"]),
        ({**LEAST, "disk": float("inf")}, ["$.disk: got number, want integer"]),
        ({**LEAST, "env": {"A": 1}}, ["$.env.A: got number, want string"]),
        ({**LEAST, "env": []}, ["$.env: got array, want object"]),
        ({**LEAST, "ports": "80/http"}, ["$.ports: got string, want array"]),
        ({**LEAST, "ports": [80]}, ["$.ports[0]: got number, want string"]),
        ({**LEAST, "registry": 5}, ["$.registry: got number, want string"]),
        ({**LEAST, "workers": {"min": -1}}, ["$.workers.min: minimum: got -1, want 0"]),
        (
            {**LEAST, "workers": {"idleTimeout": 0}},
            ["$.workers.idleTimeout: minimum: got 0, want 1"],
        ),
        (
            {**LEAST, "workers": {"idleTimeout": 3601}},
            ["$.workers.idleTimeout: maximum: got 3601, want 3600"],
        ),
        (
            {**LEAST, "workers": {"standby": 1}},
            ["$.workers: additional properties 'standby' not allowed"],
        ),
        ({**LEAST, "scaling": 5}, ["$.scaling: got number, want object"]),
        ({**LEAST, "scaling": {}}, ["$.scaling: missing property 'type'"]),
        (
            {**LEAST, "scaling": {"type": []}},
            ["$.scaling.type: value must be one of 'QUEUE_DELAY', 'REQUEST_COUNT'"],
        ),
        (
            {**LEAST, "scaling": {"type": "REQUEST_COUNT"}},
            ["$.scaling: missing property 'requestCount'"],
        ),
        (
            {**LEAST, "scaling": {"type": "REQUEST_COUNT", "requestCount": 0}},
            ["$.scaling.requestCount: minimum: got 0, want 1"],
        ),
        (
            {**LEAST, "scaling": {"type": "QUEUE_DELAY", "queueDelay": 4}},
            ["$.scaling.type: value must be 'REQUEST_COUNT'"],
        ),
        (
            {**LEAST, "type": "QUEUE", "scaling": {"type": "QUEUE_DELAY", "queueDelay": 0.4}},
            ["$.scaling.queueDelay: minimum: got 0.4, want 0.5"],
        ),
        ({**LEAST, "gpu": {}}, ["$.gpu: missing property 'pools'"]),
        ({**LEAST, "gpu": {"pools": []}}, ["$.gpu.pools: minItems: got 0, want 1"]),
        (
            {**LEAST, "gpu": {"pools": ["ADA_24"], "minCudaVersion": "12"}},
            [r"$.gpu.minCudaVersion: '12' does not match pattern '^\d+\.\d+$'"],
        ),
        (
            {**LEAST, "gpu": {"pools": ["ADA_24"], "excludedTypes": ["a", "a"]}},
            ["$.gpu.excludedTypes: items at 0 and 1 are equal"],
        ),
        ({**LEAST, "cpu": []}, ["$.cpu: minItems: got 0, want 1"]),
        ({**LEAST, "cpu": [{"id": "cpu3c"}]}, ["$.cpu[0]: missing property 'vcpuCount'"]),
        (
            {**LEAST, "cpu": [{"id": "cpu3c", "vcpuCount": 1}]},
            ["$.cpu[0].vcpuCount: minimum: got 1, want 2"],
        ),
    ],
)
def test_a_body_that_the_schema_refuses_is_a_422_that_names_each_failure(
    body: Any, errors: list[str]
) -> None:
    """A caller learns which field is wrong, and how, in Runpod's words."""
    with pytest.raises(Problem) as caught:
        check_create(body)
    assert (422, errors) == (caught.value.status, list(caught.value.errors))


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (without("gpu"), 400, "exactly one of gpu and cpu is required"),
        (
            {**LEAST, "cpu": [{"id": "cpu3c", "vcpuCount": 2}]},
            400,
            "exactly one of gpu and cpu is required",
        ),
        ({**without("image"), "templateId": "t"}, 404, "template not found"),
    ],
)
def test_a_create_that_breaks_a_rule_is_refused(body: Any, status: int, detail: str) -> None:
    """What a schema cannot say is refused with the status that Runpod documents."""
    with pytest.raises(Problem) as caught:
        check_create(body)
    assert (status, detail) == (caught.value.status, caught.value.detail)


def test_an_update_may_have_any_field_or_none() -> None:
    """A PATCH says only what changes."""
    assert check_update({}) == {}
    assert check_update({"gpu": {"minCudaVersion": ""}}) == {"gpu": {"minCudaVersion": ""}}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"type": "QUEUE"}, 422, "$: additional properties 'type' not allowed"),
        ({"templateId": ""}, 404, "template not found"),
        (
            {"gpu": {"excludedTypes": ["NVIDIA L4"]}},
            422,
            "$.gpu: properties 'pools' required, if 'excludedTypes' exists",
        ),
        (
            {"gpu": {}, "cpu": [{"id": "cpu3c", "vcpuCount": 2}]},
            400,
            "gpu and cpu exclude each other",
        ),
    ],
)
def test_an_update_that_is_refused(body: Any, status: int, said: str) -> None:
    """A PATCH is checked like a create."""
    with pytest.raises(Problem) as caught:
        check_update(body)
    assert (status, said) == (caught.value.status, [*caught.value.errors, caught.value.detail][0])
