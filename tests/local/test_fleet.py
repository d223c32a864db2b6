"""Workers: what they are given, and how many there are."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from lbsls.local import Options
from lbsls.local.fleet import Room
from lbsls.local.images import Ports, free_port
from lbsls.local.probes import FIRST_MINUTE, Finding, State, finding, gap, judged
from lbsls.local.process import ending, is_lost
from lbsls.local.worker import restart_delay

from .conftest import PLAIN, Site, eventually

ONE_EACH = {"type": "REQUEST_COUNT", "requestCount": 1}


# ---- decisions


@pytest.mark.parametrize(
    ("state", "found", "busy", "after"),
    [
        (State.STARTING, Finding.HEALTHY, False, State.READY),
        (State.STARTING, Finding.INITIALIZING, False, State.STARTING),
        (State.STARTING, Finding.UNHEALTHY, False, State.UNHEALTHY),
        (State.STARTING, Finding.SILENT, False, State.STARTING),
        (State.STARTING, Finding.ABSENT, False, State.STARTING),
        (State.READY, Finding.HEALTHY, False, State.READY),
        (State.READY, Finding.INITIALIZING, True, State.STARTING),
        (State.READY, Finding.UNHEALTHY, True, State.UNHEALTHY),
        (State.READY, Finding.SILENT, False, State.UNHEALTHY),
        (State.READY, Finding.SILENT, True, State.READY),
        (State.READY, Finding.ABSENT, True, State.UNHEALTHY),
        (State.UNHEALTHY, Finding.HEALTHY, False, State.READY),
        (State.UNHEALTHY, Finding.INITIALIZING, False, State.STARTING),
        (State.UNHEALTHY, Finding.ABSENT, False, State.UNHEALTHY),
    ],
)
def test_what_a_probe_says_of_a_worker(
    state: State, found: Finding, busy: bool, after: State
) -> None:
    """200 is ready, 204 is not yet, anything else is ill; a busy worker may be silent."""
    assert after == judged(state, found, busy=busy)


@pytest.mark.parametrize(
    ("status", "found"),
    [(200, Finding.HEALTHY), (204, Finding.INITIALIZING), (404, Finding.UNHEALTHY)],
)
def test_what_a_status_says(status: int, found: Finding) -> None:
    """Only 200 and 204 have a meaning of their own."""
    assert found == finding(status)


def test_probes_are_dense_at_first() -> None:
    """A worker that is quick is found quickly; one that takes minutes is asked each second."""
    gaps = [gap(age) for age in (0, 10, 30, FIRST_MINUTE, FIRST_MINUTE + 1)]
    assert [0.02, 0.03, 0.05, 0.05, 1.0] == pytest.approx(gaps)


def test_restarts_take_longer_and_longer() -> None:
    """A crash loop does not keep this machine busy."""
    delays = [restart_delay(crashes, Options()) for crashes in (1, 2, 3, 6, 7, 9999)]
    assert [0.5, 1, 2, 16, 30, 30] == delays


def test_a_machine_takes_only_so_many_workers() -> None:
    """What was given back can be taken again."""
    room = Room(3)
    assert [2, 1, 0] == [room.take(2), room.take(2), room.take(2)]
    room.leave()
    assert 1 == room.take(2)


def test_a_port_in_use_is_not_given() -> None:
    """A worker does not get the port of another program."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1], free := free_port()])
        assert free_port(ports.__next__) == free


def test_a_port_is_not_given_twice() -> None:
    """Two workers that start at the same time do not get the same port."""
    ports = Ports(iter([1, 1, 2, 1]).__next__)
    assert [ports.take(), ports.take()] == [1, 2]
    ports.give_back([1])
    assert ports.take() == 1


@pytest.mark.parametrize(
    ("words", "text", "lost"),
    [
        ({"failed": "cannot run x"}, "cannot run x", False),
        ({"started": "5", "exited": "3"}, "container exited with code 3", False),
        ({"started": "5", "killed": "9"}, "container killed by signal SIGKILL", False),
        ({"started": "5", "killed": "55"}, "container killed by signal 55", False),
        ({"started": "5"}, "container lost", True),
        ({}, "container lost", False),
    ],
)
def test_how_a_command_ended(words: dict[str, str], text: str, lost: bool) -> None:
    """Code, signal and reason are told apart; a keeper that was killed is noticed."""
    assert (text, lost) == (ending(words), is_lost(words))


# ---- what a worker is


def test_a_worker_sees_its_own_variables_and_no_secrets(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint's env and Runpod's variables are there; this process's secrets are not."""
    for name in ("RUNPOD_API_KEY", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    env = {"PORT": "8000", "MINE": "1", "RUNPOD_POD_ID": "x"}
    endpoint = site.create(env=env, ports=["22/tcp", "8000/http"])
    response = site.call(endpoint, "/env")
    seen = response.json()
    assert "secret" not in seen.values()
    assert ("1", "C.UTF-8", endpoint["id"], response.headers["X-Runpod-Worker-Id"]) == (
        seen["MINE"],
        seen["LC_ALL"],
        seen["RUNPOD_ENDPOINT_ID"],
        seen["RUNPOD_POD_ID"],
    )
    assert seen["PORT"] == seen["PORT_HEALTH"] != "8000"
    assert os.path.dirname(sys.executable) == seen["PATH"].split(os.pathsep)[0]


@pytest.mark.parametrize(
    ("env", "same"),
    [
        ({}, True),
        ({"PORT_HEALTH": "80"}, True),
        ({"PORT_HEALTH": "81"}, False),
        ({"PORT": "80", "PORT_HEALTH": "80"}, True),
        ({"PORT": "80", "PORT_HEALTH": "81"}, False),
    ],
)
def test_health_has_a_port_of_its_own_where_one_is_declared(
    site: Site, env: dict[str, str], same: bool
) -> None:
    """PORT_HEALTH is probed; it is PORT unless declared otherwise."""
    seen = site.call(site.create(env=env), "/env").json()
    assert same == (seen["PORT"] == seen["PORT_HEALTH"])


def test_the_health_path_can_be_declared(site: Site) -> None:
    """HEALTH_CHECK_PATH is probed, and is where health is asked from outside."""
    (site.gates / "health").write_text("204")
    health = str(site.gates / "health")
    endpoint = site.create(
        env={"HEALTH_CHECK_PATH": "/healthz?a=b", "HEALTH": health}, workers={"min": 1}
    )
    worker = eventually(lambda: site.workers(endpoint))[0]["id"]
    site.wait_for_line(endpoint, worker, "listening", "container")
    assert ["INITIALIZING"] == site.statuses(endpoint)
    (site.gates / "health").write_text("200")
    assert 200 == site.http.get(endpoint["requestUrls"]["health"], timeout=20).status_code


def test_a_health_path_that_no_url_can_have_is_never_well(site: Site) -> None:
    """Nonsense in a variable does not break the local Runpod."""
    endpoint = site.create(env={"HEALTH_CHECK_PATH": "/\r\nX: y"}, workers={"min": 1})
    worker = eventually(lambda: site.workers(endpoint))[0]["id"]
    site.wait_for_line(endpoint, worker, "listening", "container")
    assert site.statuses(endpoint)[0] in ("INITIALIZING", "UNHEALTHY")


def test_arguments_and_variables_are_filled_in(start_site: Callable[..., Site]) -> None:
    """A command may use $PORT and ${ANY}; the endpoint's args come after it."""
    command = [*PLAIN, "$MINE", "${MINE}x", "$$", "$unknown"]
    site = start_site({"plain": command}, cwd="/")
    endpoint = site.create(args="--a 'b c' $MINE", env={"MINE": "1"})
    arguments = site.call(endpoint, "/argv").json()
    assert ["1", "1x", "$", "$unknown", "--a", "b c", "1", "/"] == arguments


def test_a_command_may_be_one_string(start_site: Callable[..., Site]) -> None:
    """It is split as a shell would split it."""
    site = start_site({"plain": f"python '{PLAIN[1]}'"})
    assert 200 == site.call(site.create()).status_code


def test_an_empty_command_is_refused_at_the_start(start_site: Callable[..., Site]) -> None:
    """A mistake in `images` is said when the local Runpod starts."""
    with pytest.raises(ValueError, match="the command of image 'a' is empty"):
        start_site({"a": ""})


def test_a_worker_says_what_it_is(site: Site) -> None:
    """The list of workers has Runpod's fields and a summary."""
    gpu = {"pools": ["ADA_24"], "count": 2, "excludedTypes": ["NVIDIA GeForce RTX 4090"]}
    endpoint = site.create(gpu=gpu, dataCenterIds=["US-KS-2", "EU-RO-1"])
    site.call(endpoint)
    shown = site.api("GET", f"/{endpoint['id']}/workers").json()
    (worker,) = shown["workers"]
    started, id_ = worker.pop("startedAt"), worker.pop("id")
    assert id_
    assert started.endswith("Z")
    assert {
        "status": "IDLE",
        "isStale": False,
        "version": 1,
        "gpuCount": 2,
        "image": "plain",
        "uptimeSeconds": 0,
        "gpuTypeId": "NVIDIA L4",
        "dataCenterId": "US-KS-2",
    } == {**worker, "uptimeSeconds": 0}
    summary = {"running": 0, "idle": 1, "initializing": 0, "throttled": 0, "unhealthy": 0}
    assert {**summary, "total": 1} == shown["summary"]


# ---- how many


def test_the_minimum_runs_without_any_request(site: Site) -> None:
    """Active workers are there from the start, and more when the minimum is raised."""
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    site.api("PATCH", f"/{endpoint['id']}", json={"workers": {"min": 2}})
    eventually(lambda: site.statuses(endpoint) == ["IDLE", "IDLE"])


def test_load_brings_workers_and_idleness_takes_them(site: Site, pool: ThreadPoolExecutor) -> None:
    """One worker for each request here, up to the maximum, and none when all is done."""
    endpoint = site.create(scaling=ONE_EACH, workers={"max": 2, "idleTimeout": 1})
    futures = [pool.submit(site.call, endpoint, f"/gate?g{number}") for number in range(3)]
    eventually(lambda: len(site.workers(endpoint)) == 2)
    eventually(lambda: "INITIALIZING" not in site.statuses(endpoint))
    futures.append(pool.submit(site.call, endpoint, "/gate?g3"))
    eventually(lambda: site.statuses(endpoint) == ["RUNNING", "RUNNING"])
    for number in range(4):
        site.open(f"g{number}")
    assert {200} == {future.result().status_code for future in futures}
    eventually(lambda: site.workers(endpoint) == [])


def test_a_lower_maximum_lets_requests_finish(site: Site, pool: ThreadPoolExecutor) -> None:
    """A worker that has to go answers first what it began."""
    endpoint = site.create()
    future = pool.submit(site.call, endpoint, "/gate?g")
    site.seen("g")
    site.api("PATCH", f"/{endpoint['id']}", json={"workers": {"max": 0}})
    assert 400 == site.call(endpoint).status_code
    site.open("g")
    assert 200 == future.result().status_code
    eventually(lambda: site.workers(endpoint) == [])


def test_a_worker_that_has_to_go_gets_no_more_than_the_time_of_a_request(
    start_site: Callable[..., Site], pool: ThreadPoolExecutor
) -> None:
    """What never ends does not keep an old worker for ever."""
    site = start_site(request_timeout=1)
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    future = pool.submit(site.call, endpoint, "/gate?g")
    site.seen("g")
    site.api("PATCH", f"/{endpoint['id']}", json={"workers": {"min": 0, "max": 0}})
    eventually(lambda: site.workers(endpoint) == [])
    assert future.result().status_code in (502, 524)


def test_a_worker_that_never_becomes_ready_is_given_up(start_site: Callable[..., Site]) -> None:
    """Nobody asks any more and it does not come up: it goes."""
    site = start_site(startup_patience=0.2, hold=0)
    endpoint = site.create(env={"START": "never"})
    site.call(endpoint)
    assert ["INITIALIZING"] == site.statuses(endpoint)
    eventually(lambda: site.workers(endpoint) == [])


def test_a_full_machine_starts_a_worker_when_there_is_room_again(
    start_site: Callable[..., Site], pool: ThreadPoolExecutor
) -> None:
    """A request waits for its turn instead of overloading the machine."""
    site = start_site(max_processes=1)
    first, second = site.create(workers={"min": 1}), site.create()
    eventually(lambda: site.statuses(first) == ["IDLE"])
    held = pool.submit(site.call, second)
    site.api("DELETE", f"/{first['id']}")
    assert 200 == held.result().status_code
