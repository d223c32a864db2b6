"""Endpoints as they are made, changed and written."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from lbsls.local.endpoints import Release, created, rendered, updated
from lbsls.local.problems import Problem

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, timezone.utc)


def body(**fields: Any) -> dict[str, Any]:
    """Give the body of a create."""
    return {
        "name": "a",
        "type": "LOAD_BALANCER",
        "image": "i",
        "scaling": {"type": "REQUEST_COUNT", "requestCount": 4},
        **fields,
    }


def gpu_endpoint(**gpu: Any) -> Release:
    """Make an endpoint with GPUs."""
    return created(body(gpu={"pools": ["ADA_24"], **gpu}), "id1", NOW)


def cpu_endpoint(**fields: Any) -> Release:
    """Make an endpoint without GPUs."""
    return created(body(cpu=[{"id": "cpu3g", "vcpuCount": 4}], **fields), "id1", NOW)


def test_a_created_endpoint_has_runpods_defaults() -> None:
    """What was left out is there, as Runpod fills it in."""
    assert {
        "id": "id1",
        "name": "a",
        "type": "LOAD_BALANCER",
        "requestUrls": {"base": "http://h:1", "health": "http://h:1/ping"},
        "image": "i",
        "args": "",
        "disk": 20,
        "ports": [],
        "env": {},
        "registry": None,
        "gpu": {"pools": ["ADA_24"], "count": 1, "allowedCudaVersions": [], "minCudaVersion": None},
        "workers": {"min": 0, "max": 3, "idleTimeout": 10},
        "scaling": {"type": "REQUEST_COUNT", "requestCount": 4},
        "dataCenterIds": [],
        "networkVolumes": [],
        "timeout": 300000,
        "flashboot": "OFF",
        "createdAt": "2026-11-23T12:00:00.123456Z",
    } == rendered(gpu_endpoint(), base="http://h:1")


def test_a_cpu_endpoint_says_how_much_memory_it_has() -> None:
    """Memory follows from the flavour."""
    shown = rendered(cpu_endpoint(), base="")
    assert [{"id": "cpu3g", "vcpuCount": 4, "memory": 16}] == shown["cpu"]
    assert "gpu" not in shown


@pytest.mark.parametrize(
    ("path", "shown"), [("/health", "/health"), ("health", "/health"), ("", "/ping")]
)
def test_the_health_url_has_the_declared_path(path: str, shown: str) -> None:
    """HEALTH_CHECK_PATH decides where health is asked."""
    endpoint = cpu_endpoint(env={"HEALTH_CHECK_PATH": path})
    assert f"http://h{shown}" == rendered(endpoint, base="http://h")["requestUrls"]["health"]


def test_a_queue_has_the_urls_of_a_queue() -> None:
    """A queue-based endpoint is called through the data plane."""
    endpoint = created(
        body(
            type="QUEUE",
            scaling={"type": "QUEUE_DELAY", "queueDelay": 4},
            gpu={"pools": ["ADA_24"]},
        ),
        "id1",
        NOW,
    )
    urls = rendered(endpoint, base="http://h/v2")["requestUrls"]
    assert "http://h/v2/id1/runsync" == urls["runSync"]
    assert 1 == endpoint.limits(1.0).request_count


def test_a_queue_that_counts_requests_has_no_idle_timeout() -> None:
    """Runpod leaves it out of answers, and refuses it, for that combination."""
    fields = body(type="QUEUE", gpu={"pools": ["ADA_24"]})
    endpoint = created(fields, "id1", NOW)
    assert {"min": 0, "max": 3} == rendered(endpoint, base="")["workers"]
    with pytest.raises(Problem, match="does not apply") as caught:
        created({**fields, "workers": {"idleTimeout": 5}}, "id1", NOW)
    assert 400 == caught.value.status
    with pytest.raises(Problem, match="does not apply"):
        updated(endpoint, {"workers": {"idleTimeout": 5}})


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"gpu": {"pools": ["ADA"]}}, "unknown pool 'ADA'"),
        (
            {"gpu": {"pools": ["ADA_24"], "excludedTypes": ["NVIDIA A40"]}},
            "'NVIDIA A40' is in none",
        ),
        (
            {"gpu": {"pools": ["HOPPER_141"], "excludedTypes": [" NVIDIA H200"]}},
            "no GPU type is left",
        ),
        (
            {
                "gpu": {
                    "pools": ["ADA_24"],
                    "allowedCudaVersions": ["12.8"],
                    "minCudaVersion": "12.1",
                }
            },
            "exclude each other",
        ),
        ({"cpu": [{"id": "cpu9", "vcpuCount": 2}]}, "unknown flavour 'cpu9'"),
        ({"cpu": [{"id": "cpu3c", "vcpuCount": 3}]}, "3 is not a power of two"),
        ({"cpu": [{"id": "cpu3c", "vcpuCount": 64}]}, "64 is not a power of two from 2 to 32"),
        ({"gpu": {"pools": ["ADA_24"]}, "workers": {"min": 4}}, "workers.min 4 and workers.max 3"),
    ],
)
def test_a_create_that_breaks_a_rule_between_fields_is_a_400(
    fields: dict[str, Any], detail: str
) -> None:
    """A caller learns what does not go together."""
    with pytest.raises(Problem, match=detail) as caught:
        created(body(**fields), "id1", NOW)
    assert 400 == caught.value.status


def test_a_floor_may_stand_beside_an_empty_set_of_cuda_versions() -> None:
    """An empty set states no constraint."""
    gpu = gpu_endpoint(allowedCudaVersions=[], minCudaVersion="12.1").settings["gpu"]
    assert "12.1" == gpu["minCudaVersion"]


def test_an_update_changes_only_what_it_names() -> None:
    """PATCH merges workers and GPU settings, and leaves the rest."""
    old = gpu_endpoint(count=2)
    new = updated(old, {"workers": {"max": 5}, "gpu": {"allowedCudaVersions": ["12.8"]}})
    assert {"min": 0, "max": 5, "idleTimeout": 10} == new.settings["workers"]
    assert {
        "pools": ["ADA_24"],
        "count": 2,
        "allowedCudaVersions": ["12.8"],
        "minCudaVersion": None,
    } == new.settings["gpu"]


def test_an_update_replaces_env_whole() -> None:
    """Variables that a PATCH of env does not name are gone."""
    new = updated(cpu_endpoint(env={"A": "1", "B": "2"}), {"env": {"B": "3"}})
    assert {"B": "3"} == new.env


def test_pools_and_exclusions_are_one_selection() -> None:
    """New pools without exclusions clear them; other changes leave them."""
    old = gpu_endpoint(excludedTypes=[" NVIDIA L4"])
    assert ["NVIDIA L4"] == old.settings["gpu"]["excludedTypes"]
    kept = updated(old, {"gpu": {"count": 2}})
    assert ["NVIDIA L4"] == kept.settings["gpu"]["excludedTypes"]
    assert "excludedTypes" not in updated(old, {"gpu": {"pools": ["ADA_24"]}}).settings["gpu"]


def test_an_empty_floor_clears_it() -> None:
    """The floor of CUDA versions goes with an explicit empty text."""
    old = gpu_endpoint(minCudaVersion="12.1")
    assert None is updated(old, {"gpu": {"minCudaVersion": ""}}).settings["gpu"]["minCudaVersion"]
    with pytest.raises(Problem, match="exclude each other"):
        updated(old, {"gpu": {"allowedCudaVersions": ["12.8"]}})


@pytest.mark.parametrize(
    ("endpoint", "change", "detail"),
    [
        (gpu_endpoint(), {"cpu": [{"id": "cpu3c", "vcpuCount": 2}]}, "has no cpu"),
        (cpu_endpoint(), {"gpu": {"pools": ["ADA_24"]}}, "has no gpu"),
        (cpu_endpoint(), {"workers": {"min": 4}}, "workers.min 4"),
        (
            cpu_endpoint(),
            {"scaling": {"type": "QUEUE_DELAY", "queueDelay": 4}},
            "scales by REQUEST_COUNT",
        ),
    ],
)
def test_an_update_that_breaks_a_rule_is_a_400(
    endpoint: Release, change: dict[str, Any], detail: str
) -> None:
    """Compute family and routing cannot be changed, and the result must make sense."""
    with pytest.raises(Problem, match=detail) as caught:
        updated(endpoint, change)
    assert 400 == caught.value.status


@pytest.mark.parametrize(
    ("change", "version"),
    [
        ({}, 1),
        ({"image": "i"}, 1),
        ({"image": "j"}, 2),
        ({"env": {"A": "1"}}, 2),
        ({"args": "-v"}, 2),
        ({"disk": 30}, 2),
        ({"ports": ["80/http"]}, 2),
        ({"registry": "r"}, 2),
        ({"cpu": [{"id": "cpu3c", "vcpuCount": 2}]}, 2),
        ({"workers": {"max": 9}}, 1),
        ({"scaling": {"type": "REQUEST_COUNT", "requestCount": 9}}, 1),
        ({"name": "b"}, 1),
        ({"timeout": 1}, 1),
    ],
)
def test_only_what_a_worker_is_made_of_makes_a_new_version(
    change: dict[str, Any], version: int
) -> None:
    """Scaling an endpoint restarts nothing."""
    assert version == updated(cpu_endpoint(), change).version


@pytest.mark.parametrize(
    ("timeout", "seconds"), [(0, 330.0), (-1, 330.0), (600000, 330.0), (500, 0.5)]
)
def test_a_request_may_take_what_the_endpoint_and_the_balancer_allow(
    timeout: int, seconds: float
) -> None:
    """The smaller limit rules; an endpoint without one leaves it to the balancer."""
    assert seconds == cpu_endpoint(timeout=timeout).request_timeout(330.0)
