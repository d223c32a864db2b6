"""How workers are replaced, and how they fail."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from lbsls.local import fleet

from .conftest import PLAIN, Site, eventually

ONE_EACH = {"type": "REQUEST_COUNT", "requestCount": 1}


# ---- how they are replaced


def test_a_new_release_replaces_workers_one_by_one(site: Site) -> None:
    """The old worker serves until the new one is ready, and is stale meanwhile."""
    endpoint = site.create(env={"RELEASE": "1"})
    assert "1" == site.call(endpoint).json()["release"]
    env = {"GATES": str(site.gates), "RELEASE": "2", "START": "go"}
    site.api("PATCH", f"/{endpoint['id']}", json={"env": env})
    shown = site.workers(endpoint)
    assert [(1, True), (2, False)] == [(w["version"], w["isStale"]) for w in shown]
    assert "1" == site.call(endpoint).json()["release"]
    site.open("go")
    eventually(lambda: [w["isStale"] for w in site.workers(endpoint)] == [False])
    assert "2" == site.call(endpoint).json()["release"]


def test_no_request_is_lost_while_workers_are_replaced(
    site: Site, pool: ThreadPoolExecutor
) -> None:
    """Under load, every call is answered, by the old release first and then by the new."""
    endpoint = site.create(workers={"min": 2}, env={"RELEASE": "1"})
    eventually(lambda: site.statuses(endpoint) == ["IDLE", "IDLE"])
    done = threading.Event()
    answers: list[tuple[int, str]] = []

    def call_again_and_again() -> None:
        while not done.is_set():
            response = site.call(endpoint, method="POST", data=b"x" * 10_000)
            answers.append((response.status_code, response.json().get("release")))

    callers = [pool.submit(call_again_and_again) for _ in range(4)]
    for release in ("2", "3"):
        env = {"GATES": str(site.gates), "RELEASE": release}
        site.api("PATCH", f"/{endpoint['id']}", json={"env": env})
        eventually(lambda: {w["isStale"] for w in site.workers(endpoint)} == {False})
        eventually(lambda: site.statuses(endpoint).count("INITIALIZING") == 0)
    done.set()
    for caller in callers:
        caller.result()
    assert {(200, "1"), (200, "2"), (200, "3")} == set(answers)


def test_a_broken_release_does_not_take_the_old_one_down(site: Site) -> None:
    """As long as no new worker is ready, the old one answers."""
    endpoint = site.create(env={"RELEASE": "1"})
    site.call(endpoint)
    site.api("PATCH", f"/{endpoint['id']}", json={"image": "nobody-knows"})
    eventually(lambda: "UNHEALTHY" in site.statuses(endpoint))
    assert "1" == site.call(endpoint).json()["release"]


# ---- how they fail


def test_only_the_last_workers_are_remembered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs of workers that are gone do not pile up."""
    monkeypatch.setattr(fleet, "REMEMBERED", 1)
    endpoint = site.create()
    workers = []
    for _ in range(2):
        workers.append(site.call(endpoint).json()["worker"])
        site.api("PATCH", f"/{endpoint['id']}", json={"workers": {"max": 0}})
        eventually(lambda: not site.workers(endpoint))
        site.api("PATCH", f"/{endpoint['id']}", json={"workers": {"max": 1}})
    found = [
        site.api("GET", f"/{endpoint['id']}/workers/{worker}/logs").status_code
        for worker in workers
    ]
    assert found == [404, 200]


def test_an_image_that_nobody_knows_is_said_in_the_system_log(site: Site) -> None:
    """The worker is unhealthy, never started, and says which images there are."""
    endpoint = site.create(image="nobody-knows", workers={"min": 1})
    worker = eventually(lambda: site.workers(endpoint))[0]
    lines = site.wait_for_line(endpoint, worker["id"], "restarting in 1 s")
    why = 'image "nobody-knows" not found; known images: plain'
    assert [f"{why}; restarting in 0.5 s", f"{why}; restarting in 1 s"] == lines
    (shown,) = site.workers(endpoint)
    assert ("UNHEALTHY", None, None) == (
        shown["status"],
        shown["startedAt"],
        shown["uptimeSeconds"],
    )


@pytest.mark.parametrize(
    ("command", "env", "why"),
    [
        (["/nowhere/at-all"], {}, "cannot run /nowhere/at-all: No such file or directory"),
        ([*PLAIN, "'"], {"A": "\0"}, "cannot start container: "),
        (PLAIN, {"A=B": "x"}, "cannot start container: "),
        (PLAIN, {"A": "\ud800"}, "cannot start container: "),
        (PLAIN, {"CRASH": "1"}, "container exited with code 1"),
    ],
)
def test_why_a_worker_cannot_start_is_in_its_system_log(
    start_site: Callable[..., Site], command: list[str], env: dict[str, str], why: str
) -> None:
    """Whatever keeps a command from running is said there."""
    site = start_site({"plain": command}, restart_delay=0.01)
    endpoint = site.create(env=env, workers={"min": 1})
    worker = eventually(lambda: site.workers(endpoint))[0]["id"]
    lines = site.wait_for_line(endpoint, worker, "restarting in 0.02 s")
    assert any(line.startswith(why) for line in lines)


def test_arguments_that_make_no_sense_are_said_in_the_system_log(site: Site) -> None:
    """An open quotation mark in `args` is a worker that cannot start."""
    endpoint = site.create(args="'", workers={"min": 1})
    worker = eventually(lambda: site.workers(endpoint))[0]["id"]
    site.wait_for_line(endpoint, worker, "cannot start container: No closing quotation")


def test_a_crash_loop_shows_as_restarts(start_site: Callable[..., Site]) -> None:
    """The worker keeps its id; the start time changes; what it printed is kept."""
    site = start_site(restart_delay=0.01, restart_delay_limit=0.02)
    endpoint = site.create(env={"CRASH": "1"}, workers={"min": 1})
    first = eventually(lambda: [w for w in site.workers(endpoint) if w["startedAt"]])[0]
    eventually(lambda: site.workers(endpoint)[0]["startedAt"] > first["startedAt"])
    assert first["id"] == site.workers(endpoint)[0]["id"]
    eventually(lambda: site.statuses(endpoint) == ["UNHEALTHY"])
    site.wait_for_line(endpoint, first["id"], "cannot go on", "container")


@pytest.mark.parametrize(
    ("code", "why"),
    [("3", "container exited with code 3"), ("-9", "container killed by signal SIGKILL")],
)
def test_how_a_worker_ended_is_in_its_system_log(site: Site, code: str, why: str) -> None:
    """Exit code and signal are told apart."""
    endpoint = site.create()
    worker = site.call(endpoint, f"/die?{code}", "POST").headers["X-Runpod-Worker-Id"]
    assert f"{why}; restarting in 0.5 s" == site.wait_for_line(endpoint, worker, "restart")[-1]


def test_a_long_life_makes_the_delays_start_over(start_site: Callable[..., Site]) -> None:
    """A crash now and then is not a crash loop."""
    site = start_site(restart_delay=0.01, restart_reset=0)
    endpoint = site.create()
    for _ in range(3):
        worker = site.call(endpoint, "/die?1", "POST").headers["X-Runpod-Worker-Id"]
    lines = site.wait_for_line(endpoint, worker, "restarting in 0.01 s")
    assert not any("0.02 s" in line for line in lines)


@pytest.mark.parametrize(("status", "shown"), [("500", "UNHEALTHY"), ("204", "INITIALIZING")])
def test_a_worker_that_is_not_healthy_is_out_of_rotation(
    start_site: Callable[..., Site], status: str, shown: str
) -> None:
    """It gets no requests until it says 200 again."""
    site = start_site(probe_interval=0.02, hold=0)
    health = site.gates / "health"
    endpoint = site.create(env={"HEALTH": str(health)}, workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    health.write_text(status)
    eventually(lambda: site.statuses(endpoint) == [shown])
    assert 400 == site.call(endpoint).status_code
    health.write_text("200")
    eventually(lambda: site.call(endpoint).status_code == 200)


def test_a_worker_that_freezes_is_unhealthy(start_site: Callable[..., Site]) -> None:
    """A probe without an answer counts, once no request is in flight."""
    site = start_site(probe_interval=0.02, probe_timeout=0.2)
    endpoint = site.create(workers={"min": 1})
    pid = int(site.call(endpoint, "/pid").text)
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: site.statuses(endpoint) == ["UNHEALTHY"])
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])


@pytest.mark.parametrize("ports", [[], ["8000/http"], ["80/tcp"]])
def test_a_port_that_is_not_exposed_is_a_worker_that_never_gets_requests(
    start_site: Callable[..., Site], ports: list[str]
) -> None:
    """As on Runpod: the worker runs, requests hang; the log says why."""
    site = start_site(hold=0.3)
    endpoint = site.create(ports=ports)
    assert {"error": "no workers available"} == site.call(endpoint).json()
    (worker,) = site.workers(endpoint)
    assert "RUNNING" == worker["status"]
    site.wait_for_line(endpoint, worker["id"], "port 80/http is not exposed")


def test_a_worker_on_another_port_never_becomes_ready(start_site: Callable[..., Site]) -> None:
    """Who ignores PORT is not found."""
    site = start_site(hold=0.3)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    endpoint = site.create(env={"WRONG_PORT": port})
    assert 400 == site.call(endpoint).status_code
    assert ["INITIALIZING"] == site.statuses(endpoint)
