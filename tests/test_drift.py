"""What differs between declared and live: declared fields only, each one seen, env hidden."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lbsls.drift import RELEASE_FIELDS, Change, check_updatable, differences
from lbsls.errors import Conflict
from lbsls.live import Endpoint
from lbsls.resources import LoadBalancerSlsResource, NetworkVolume, ServerlessResource
from lbsls.wire import decode
from samples import MARK, answer, cpu_json, created, endpoint, endpoint_json, resource, resources

some = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
SECRET = "hunter2hunter2"
GPU = endpoint_json()["gpu"]


def cpu_endpoint() -> Endpoint:
    """Give a live endpoint on CPUs."""
    return decode.endpoint(answer(cpu_json()), "get")


@some
@given(resources())
def test_what_was_just_created_is_as_declared(declared: LoadBalancerSlsResource) -> None:
    """The second deploy of an unchanged declaration finds nothing to do."""
    live = decode.endpoint(answer(created(declared)), "create")
    assert () == differences(declared, live)
    check_updatable(declared, live)


SETS = ["gpu.pools", "gpu.excludedTypes", "gpu.allowedCudaVersions", "cpu", "ports"]
SETS += ["dataCenterIds", "networkVolumes"]


@some
@given(resources(), st.sampled_from(SETS), st.randoms(use_true_random=False))
def test_the_order_of_sets_does_not_matter(
    declared: LoadBalancerSlsResource, place: str, chance: random.Random
) -> None:
    """An API that gives pools, ports or data centers in another order changes nothing."""
    found = created(declared)
    inner, _, last = place.rpartition(".")
    chance.shuffle((found.get(inner) or {} if inner else found).get(last, []))
    assert () == differences(declared, decode.endpoint(answer(found), "get"))


CHANGES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"imageName": "a:2"}, {"image": "a:1"}, "imageName: a:1 -> a:2"),
    ({"imageName": "a:2"}, {"image": None}, "imageName: none -> a:2"),
    ({"workersMin": 1}, {}, "workersMin: 0 -> 1"),
    ({"workersMax": 5}, {}, "workersMax: 3 -> 5"),
    ({"idleTimeout": 5}, {}, "idleTimeout: 10 -> 5"),
    ({"scalerValue": 9}, {}, "scalerValue: 4 -> 9"),
    ({}, {"scaling": {"type": "TOKENS"}}, "scalerType: TOKENS -> REQUEST_COUNT"),
    ({"executionTimeoutMs": 1}, {}, "executionTimeoutMs: 300000 -> 1"),
    ({"datacenter": ["B", "A"]}, {}, "datacenter: none -> A, B"),
    ({"datacenter": []}, {"dataCenterIds": ["A"]}, "datacenter: A -> none"),
    ({"networkVolume": NetworkVolume("v")}, {}, "networkVolume: none -> v"),
    ({"networkVolume": []}, {"networkVolumes": ["v"]}, "networkVolume: v -> none"),
    ({"gpus": "ADA_24"}, {}, "gpus: ADA_24, AMPERE_16, AMPERE_24 -> ADA_24"),
    ({"gpuCount": 2}, {}, "gpuCount: 1 -> 2"),
    (
        {"gpus": GPU["pools"], "excludedGpus": ["L40"]},
        {},
        "excludedGpus: none -> L40",
    ),
    ({"cudaVersions": "12.8"}, {}, "cudaVersions: none -> 12.8"),
    ({"minCudaVersion": "12.8"}, {}, "minCudaVersion: none -> 12.8"),
    ({"flashboot": True}, {}, "flashboot: OFF -> FLASHBOOT"),
    ({"args": "--x"}, {"args": "--y"}, "args: --y -> --x"),
    ({"disk": 20}, {"disk": 10}, "disk: 10 -> 20"),
    ({"ports": ["80/http", "22/tcp"]}, {}, "ports: 80/http -> 22/tcp, 80/http"),
    ({"registry": "reg"}, {}, "registry: none -> reg"),
]


@pytest.mark.parametrize(("declared", "live", "expected"), CHANGES)
def test_each_change_is_seen(declared: dict[str, Any], live: dict[str, Any], expected: str) -> None:
    """One change gives one line, of what is there and what was declared."""
    fields = {"imageName": "my-app:latest", **declared}
    changes = differences(resource(**fields), endpoint(**live))
    assert [expected] == [str(change) for change in changes]


def test_instances_are_compared_by_what_is_declared() -> None:
    """Memory follows from flavour and vCPUs, so a short spelling is no difference."""
    assert () == differences(resource(instanceIds="cpu3g-2"), cpu_endpoint())
    (change,) = differences(resource(instanceIds="cpu3g-4"), cpu_endpoint())
    assert "instanceIds: cpu3g-2-8 -> cpu3g-4" == str(change)
    odd = decode.endpoint(answer({**cpu_json(), "cpu": [{"id": "x-y", "vcpuCount": 2}]}), "get")
    assert ["instanceIds"] == [c.field for c in differences(resource(instanceIds="x-2"), odd)]


def test_what_is_not_declared_never_differs() -> None:
    """What somebody set in the console, and no declaration speaks of, stays."""
    live = endpoint(
        args="--x",
        disk=99,
        registry="r",
        env={"A": "1"},
        dataCenterIds=["A"],
        networkVolumes=["v"],
        gpu={**GPU, "pools": ["HOPPER_141"], "excludedTypes": ["x"], "minCudaVersion": "12.1"},
        workers={"min": 2, "max": 9, "idleTimeout": 9},
        scaling={"type": "REQUEST_COUNT", "requestCount": 99},
        flashboot="FLASHBOOT",
        timeout=1,
        ports=["22/tcp"],
    )
    assert () == differences(resource(), live)


MARKED = {"LBSLS_MARK": str(MARK)}


@pytest.mark.parametrize(
    ("declared", "live", "expected"),
    [
        ({}, {}, None),
        ({"A": "1"}, {"A": "1"}, None),
        ({"A": "1"}, {"A": "1", **MARKED, "LBSLS_X": "1"}, None),
        ({"A": "1"}, {"A": "1", "RUNPOD_X": "1"}, None),
        ({"A": "1"}, {"A": "1", "PORT": "80", "PORT_HEALTH": "80"}, None),
        ({"RUNPOD_INIT_TIMEOUT": "9"}, {"RUNPOD_INIT_TIMEOUT": "9"}, None),
        ({"RUNPOD_INIT_TIMEOUT": "9"}, {"RUNPOD_INIT_TIMEOUT": "8"}, "RUNPOD_INIT_TIMEOUT changed"),
        ({"PORT": "80"}, {"PORT": "81"}, "PORT changed"),
        ({"PORT_HEALTH": "80"}, {}, "PORT_HEALTH added"),
        ({}, {"PORTKEY": "x"}, "PORTKEY removed"),
        ({"A": SECRET, "B": "1", "C": "1"}, {"A": "1", "C": "1", "D": "1"}, "A changed, B added, "),
        ({"A": "1"}, None, "A added"),
    ],
)
def test_env_is_compared_whole_but_for_what_was_added(
    declared: dict[str, str], live: dict[str, str] | None, expected: str | None
) -> None:
    """A variable that was removed from a declaration is seen, and none that nobody declared."""
    changes = differences(resource(env=declared), endpoint(env=live, ports=None))
    assert (expected is not None) is bool(changes)
    text = "; ".join(str(change) for change in changes)
    assert text.startswith(f"env: {expected}" if expected else "")
    assert SECRET not in text + repr(changes)


@pytest.mark.parametrize(
    ("declared", "ports", "expected"),
    [
        ({"env": {"PORT": "80"}}, ["22/tcp", "80/http"], []),
        ({"env": {"PORT": "80"}}, ["22/tcp"], ["ports: 22/tcp -> 80/http"]),
        ({"env": {"PORT": "80"}}, None, []),
        ({"env": {}}, ["22/tcp"], []),
        ({"env": {"PORT": "80"}, "ports": ["80/http", "1/tcp"]}, ["1/tcp", "80/http"], []),
    ],
)
def test_a_declared_port_has_to_be_exposed(
    declared: dict[str, Any], ports: list[str] | None, expected: list[str]
) -> None:
    """Whoever declares PORT alone gets it exposed, too."""
    changes = differences(resource(**declared), endpoint(env={"PORT": "80"}, ports=ports))
    assert expected == [str(c) for c in changes if c.field != "env"]


def test_a_queue_exposes_nothing() -> None:
    """PORT means nothing to a queue."""
    queue = ServerlessResource(name="q", imageName="my-app:latest", env={"PORT": "1"})
    scaling = {"type": "QUEUE_DELAY", "queueDelay": 4}
    live = endpoint(type="QUEUE", env={"PORT": "1"}, scaling=scaling)
    assert () == differences(queue, live)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (ServerlessResource(name="app", imageName="i"), "has type LB, declared is QB;"),
        (resource(instanceIds="cpu3g-2"), "runs on GPUs, declared are CPUs;"),
    ],
)
def test_what_no_update_can_change_is_a_conflict(
    declared: ServerlessResource, expected: str
) -> None:
    """The error says that it cannot be updated, and how to go on."""
    with pytest.raises(Conflict) as caught:
        check_updatable(declared, endpoint())
    assert f"deploy 'app': endpoint ep1 {expected}" in str(caught.value)
    assert "Undeploy it first: `lbsls rm ep1` or account.undeploy('ep1')." in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [{"gpus": "ADA_24"}, {"gpuCount": 1}, {"cudaVersions": "12.8"}, {"minCudaVersion": "12.8"}],
)
def test_gpus_cannot_come_to_an_endpoint_on_cpus(fields: dict[str, Any]) -> None:
    """Any wish that only GPUs can meet is refused here, not by Runpod in other words."""
    with pytest.raises(Conflict, match="runs on CPUs, declared are GPUs"):
        check_updatable(resource(**fields), cpu_endpoint())


def test_what_is_not_declared_is_no_conflict() -> None:
    """A declaration that speaks of neither fits both."""
    check_updatable(resource(), cpu_endpoint())
    check_updatable(resource(), endpoint())


def test_what_replaces_workers_is_a_field() -> None:
    """Each name in the list of what makes a release is that of a field."""
    assert {True} == {hasattr(resource(), field) for field in RELEASE_FIELDS}
    assert "env" in RELEASE_FIELDS > {"imageName", "ports"}
    assert not RELEASE_FIELDS & {"workersMin", "workersMax", "scalerValue", "idleTimeout"}


def test_a_change_of_env_is_told_without_values() -> None:
    """The line of env has the names of the variables only."""
    change = Change("env", variables=(("A", "added"), ("B", "removed")))
    assert "env: A added, B removed" == str(change)
    assert {"field": "env", "variables": {"A": "added", "B": "removed"}} == change.as_json()


@pytest.mark.parametrize(
    ("live", "declared", "cause"),
    [(2, 3, "after 3 days"), (0, 3, "after 7 days"), (1, 3, ""), (2, 1, ""), (0, 2, "crashing")],
)
def test_what_runpod_scaled_down_is_named(live: int, declared: int, cause: str) -> None:
    """Nobody has to wonder who lowered max workers."""
    found = endpoint(workers={"min": 0, "max": live, "idleTimeout": 10})
    (change,) = differences(resource(workersMax=declared), found)
    assert cause in change.cause
    assert bool(cause) is ("Runpod lowers it to" in str(change))
    assert ("cause" in change.as_json()) is bool(cause)


def test_changes_as_plain_values() -> None:
    """JSON has numbers as numbers, sets as sorted lists and enums as texts."""
    fields = {"disk": 20, "gpus": ["B", "A"], "networkVolume": NetworkVolume("v"), "args": "-x"}
    changes = differences(resource(**fields, scalerValue=2), endpoint(scaling={"type": "TOKENS"}))
    assert {
        "scalerType": ("TOKENS", "REQUEST_COUNT"),
        "scalerValue": (None, 2),
        "networkVolume": ([], ["v"]),
        "gpus": (["ADA_24", "AMPERE_16", "AMPERE_24"], ["A", "B"]),
        "args": (None, "-x"),
        "disk": (None, 20),
    } == {
        c["field"]: (c["live"], c["declared"])
        for c in json.loads(json.dumps([c.as_json() for c in changes]))
    }
