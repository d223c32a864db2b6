"""What is sent to REST v2 for a declaration, judged by Runpod's own schema where it is at hand."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lbsls.drift import differences
from lbsls.live import Settings
from lbsls.resources import LoadBalancerSlsResource, NetworkVolume, ServerlessResource
from lbsls.values import Env
from lbsls.wire import decode
from lbsls.wire.encode import create_body, patch_body
from samples import (
    MARK,
    answer,
    created,
    endpoint,
    endpoint_json,
    mistakes,
    needs_schema,
    patched,
    resource,
    resources,
)

few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
CHEAP = ["AMPERE_16", "AMPERE_24", "ADA_24"]


@needs_schema
@few
@given(resources())
def test_runpod_accepts_every_create(declared: LoadBalancerSlsResource) -> None:
    """A declaration that breaks no rule here is a body that Runpod's schema accepts."""
    assert [] == mistakes("CreateEndpointRequest", create_body(declared, MARK))


@needs_schema
@pytest.mark.parametrize(
    "declared",
    [
        ServerlessResource(name="q", imageName="i"),
        ServerlessResource(name="q", imageName="i", scalerValue=0.5, idleTimeout=5),
        ServerlessResource(name="q", imageName="i", scalerType="REQUEST_COUNT", scalerValue=2),
    ],
)
def test_runpod_accepts_a_queue(declared: ServerlessResource) -> None:
    """Queue-based declarations are bodies that Runpod's schema accepts, too."""
    assert [] == mistakes("CreateEndpointRequest", create_body(declared, MARK))


def decoded(found: dict[str, Any]) -> Any:
    """Read an endpoint as a flow would."""
    return decode.endpoint(answer(found), "get endpoint")


pairs = st.sampled_from(["gpu", "cpu"]).flatmap(
    lambda kind: st.tuples(resources(kind), resources(kind))
)


@few
@given(pairs)
def test_one_update_makes_it_as_declared(
    both: tuple[LoadBalancerSlsResource, LoadBalancerSlsResource],
) -> None:
    """After one PATCH nothing differs any more, whatever was there; so deploy() ends."""
    before, declared = both
    found = created(before)
    if ("cpu" in found) != (declared.instanceIds is not None):
        return  # not updatable, which check_updatable says
    live = decoded(found)
    fields = [change.field for change in differences(declared, live)]
    body = patch_body(declared, fields, live.settings)
    after = decoded(patched(found, body))
    assert () == differences(declared, after)
    assert (MARK, bool(fields)) == (after.mark, bool(body))


@needs_schema
@few
@given(pairs)
def test_runpod_accepts_every_update(
    both: tuple[LoadBalancerSlsResource, LoadBalancerSlsResource],
) -> None:
    """An update to whatever is declared is a body that Runpod's schema accepts."""
    before, declared = both
    live = decoded(created(before)).settings
    fields = [name for name in WIRE if getattr(declared, name) is not None]
    body = patch_body(declared, fields, live)
    assert [] == mistakes("UpdateEndpointRequest", body)


WIRE: dict[str, tuple[Any, Any]] = {
    "imageName": ("other:1", {"image": "other:1"}),
    "args": ("--fast", {"args": "--fast"}),
    "disk": (20, {"disk": 20}),
    "ports": (["80/http", "22/tcp"], {"ports": ["80/http", "22/tcp"]}),
    "registry": ("reg", {"registry": "reg"}),
    "datacenter": ("EU-RO-1", {"dataCenterIds": ["EU-RO-1"]}),
    "executionTimeoutMs": (1000, {"timeout": 1000}),
    "flashboot": (True, {"flashboot": "FLASHBOOT"}),
    "workersMin": (1, {"workers": {"min": 1}}),
    "workersMax": (5, {"workers": {"max": 5}}),
    "idleTimeout": (5, {"workers": {"idleTimeout": 5}}),
    "scalerValue": (9, {"scaling": {"type": "REQUEST_COUNT", "requestCount": 9}}),
    "networkVolume": (NetworkVolume("vol"), {"networkVolumes": ["vol"]}),
    "gpus": (["ADA_24", "ADA_24"], {"gpu": {"pools": ["ADA_24"]}}),
    "gpuCount": (2, {"gpu": {"count": 2}}),
    "cudaVersions": (["12.8"], {"gpu": {"allowedCudaVersions": ["12.8"]}}),
    "minCudaVersion": ("12.4", {"gpu": {"minCudaVersion": "12.4"}}),
    "instanceIds": (["cpu3g-2-8", "cpu3g-2"], {"cpu": [{"id": "cpu3g", "vcpuCount": 2}]}),
}


@pytest.mark.parametrize("field", WIRE)
def test_each_field_has_its_place(field: str) -> None:
    """What is declared under Runpod's old names arrives under those of REST v2."""
    value, sent = WIRE[field]
    declared = resource(**{field: value})
    body = create_body(declared, MARK)
    key, expected = next(iter(sent.items()))
    if key == "gpu":
        expected = {"pools": CHEAP, **expected}
    assert expected == body[key]
    assert sent == patch_body(declared, [field], Settings(env=Env()))


def test_a_plain_create_says_only_what_must_be_said() -> None:
    """What is left out is not sent, so Runpod's defaults apply; cheap pools, not any."""
    expected = {
        "name": "app",
        "type": "LOAD_BALANCER",
        "image": "my-app:latest",
        "env": {"LBSLS_MARK": str(MARK), "PORT": "80", "PORT_HEALTH": "80"},
        "ports": ["80/http"],
        "scaling": {"type": "REQUEST_COUNT", "requestCount": 4},
        "gpu": {"pools": CHEAP},
    }
    assert expected == create_body(resource(), MARK)


@pytest.mark.parametrize(
    ("env", "port", "health", "exposed"),
    [
        ({}, "80", "80", "80/http"),
        ({"PORT": "8000"}, "8000", "8000", "8000/http"),
        ({"PORT": "8000", "PORT_HEALTH": "81"}, "8000", "81", "8000/http"),
    ],
)
def test_the_port_is_set_and_exposed(
    env: dict[str, str], port: str, health: str, exposed: str
) -> None:
    """A worker is told its port and the balancer can reach it, without a word about ports."""
    body = create_body(resource(env=env), MARK)
    assert (port, health) == (body["env"]["PORT"], body["env"]["PORT_HEALTH"])
    assert [exposed] == body["ports"]


def test_a_queue_needs_no_port() -> None:
    """A queue-based endpoint gets no variables that mean nothing to it."""
    body = create_body(ServerlessResource(name="q", imageName="i"), MARK)
    assert {"LBSLS_MARK": str(MARK)} == body["env"]
    assert "ports" not in body
    assert {"type": "QUEUE_DELAY", "queueDelay": 4} == body["scaling"]


def test_what_a_template_sets_is_not_replaced() -> None:
    """A template's own PORT and ports stay, as what is sent would replace them."""
    declared = LoadBalancerSlsResource(name="app", templateId="tpl")
    body = create_body(declared, MARK)
    assert ({"LBSLS_MARK": str(MARK)}, False) == (body["env"], "ports" in body)
    body = create_body(LoadBalancerSlsResource(name="a", templateId="t", env={"PORT": "81"}), MARK)
    assert ("81", ["81/http"]) == (body["env"]["PORT_HEALTH"], body["ports"])


def update(changes: dict[str, Any], fields: list[str], **declared: Any) -> dict[str, Any]:
    """Give the body that updates fields of an endpoint which has some settings of its own."""
    live = endpoint(**changes)
    return patch_body(resource(**declared), fields, live.settings)


def test_an_update_of_env_keeps_what_is_not_the_users() -> None:
    """The mark, Runpod's variables and the port survive, as a PATCH replaces env whole."""
    env = {"LBSLS_MARK": "m/app/1", "RUNPOD_X": "1", "PORT": "80", "PORTKEY": "old", "OLD": "1"}
    expected = {"LBSLS_MARK": "m/app/1", "RUNPOD_X": "1", "PORT": "80", "NEW": "2"}
    assert expected == update({"env": env}, ["env"], env={"NEW": "2"})["env"]


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ({"PORT": "80", "PORT_HEALTH": "80"}, "9000"),
        ({"PORT": "80", "PORT_HEALTH": "81"}, "81"),
        ({"PORT": "80"}, None),
    ],
)
def test_the_health_port_follows_the_port(live: dict[str, str], expected: str | None) -> None:
    """Another PORT moves PORT_HEALTH along, unless somebody set it apart."""
    env = update({"env": live}, ["env"], env={"PORT": "9000"})["env"]
    assert ("9000", expected) == (env["PORT"], env.get("PORT_HEALTH"))


def test_another_port_leaves_other_exposed_ports() -> None:
    """A port that somebody exposed in the console stays when PORT moves."""
    changes = {"env": {"PORT": "80"}, "ports": ["22/tcp", "80/http"]}
    body = update(changes, ["env", "ports"], env={"PORT": "9000"})
    assert ["9000/http", "22/tcp"] == body["ports"]


@pytest.mark.parametrize(
    ("live", "declared", "expected"),
    [
        ({"PORT": "80", "PORT_HEALTH": "80"}, {}, {"PORT": "8000", "PORT_HEALTH": "8000"}),
        ({"PORT": "80", "A": "1"}, {"env": {"A": "2"}}, {"PORT": "8000", "A": "2"}),
        ({"PORT": "8000", "A": "1"}, {}, None),
        ({"A": "1"}, {}, None),
        ({"PORT": "80"}, {"env": {"PORT": "80"}}, None),
    ],
)
def test_the_port_follows_the_declared_ports(
    live: dict[str, str], declared: dict[str, Any], expected: dict[str, str] | None
) -> None:
    """Another only port in ports is where the balancer sends requests from then on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        body = update({"env": live}, ["ports"], ports=["8000/http", "22/tcp"], **declared)
    assert expected == body.get("env")


@pytest.mark.parametrize(
    ("ports", "expected"), [(["8000/http", "22/tcp"], "8000"), (["1/http", "2/http"], "80")]
)
def test_the_only_http_port_is_the_one_to_serve_on(ports: list[str], expected: str) -> None:
    """Who exposes one port need not write it into env as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = create_body(resource(ports=ports), MARK)["env"]
    assert (expected, expected) == (env["PORT"], env["PORT_HEALTH"])


GPU = endpoint_json()["gpu"]


@pytest.mark.parametrize(
    ("live", "fields", "declared", "expected"),
    [
        ({}, ["gpus"], {"gpus": "ADA_24"}, {"pools": ["ADA_24"]}),
        (
            {"excludedTypes": ["L40"]},
            ["gpus"],
            {"gpus": "ADA_24"},
            {"pools": ["ADA_24"], "excludedTypes": ["L40"]},
        ),
        (
            {"excludedTypes": ["L40"]},
            ["gpus"],
            {"gpus": "ADA_24", "excludedGpus": ()},
            {"pools": ["ADA_24"]},
        ),
        (
            {"excludedTypes": ["L40"]},
            ["excludedGpus"],
            {"gpus": "ADA_24", "excludedGpus": ["A", "A"]},
            {"pools": ["ADA_24"], "excludedTypes": ["A"]},
        ),
        (
            {"minCudaVersion": "12.1"},
            ["cudaVersions"],
            {"cudaVersions": "12.8"},
            {"allowedCudaVersions": ["12.8"], "minCudaVersion": ""},
        ),
        (
            {"allowedCudaVersions": ["12.8"]},
            ["minCudaVersion"],
            {"minCudaVersion": "12.4"},
            {"minCudaVersion": "12.4", "allowedCudaVersions": []},
        ),
    ],
)
def test_an_update_of_gpus_restates_what_it_would_lose(
    live: dict[str, Any], fields: list[str], declared: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Exclusions stay with their pools, and a CUDA floor and a CUDA set give way to each other."""
    assert {"gpu": expected} == update({"gpu": {**GPU, **live}}, fields, **declared)


def test_another_scaler_gets_a_value_of_its_own() -> None:
    """A queue that turns to REQUEST_COUNT does not take seconds for requests."""
    declared = ServerlessResource(name="q", imageName="i", scalerType="REQUEST_COUNT")
    live = Settings(scalerType="QUEUE_DELAY", scalerValue=0.5)
    expected = {"scaling": {"type": "REQUEST_COUNT", "requestCount": 4}}
    assert expected == patch_body(declared, ["scalerType"], live)
    kept = Settings(scalerType="REQUEST_COUNT", scalerValue=7)
    expected = {"scaling": {"type": "REQUEST_COUNT", "requestCount": 7}}
    assert expected == patch_body(declared, ["scalerType"], kept)
