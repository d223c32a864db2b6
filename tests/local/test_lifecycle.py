"""A local Runpod leaves nothing behind, however it ends."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lbsls.local import runpod
from processes import running

from .conftest import APPS, PLAIN, Site, eventually

COMMAND = APPS / "command.py"


def processes(mark: str) -> list[int]:
    """Give the processes with that word in their environment or command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if mark.encode() in text and state != "Z" and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


on_linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")


@contextlib.contextmanager
def command(mark: str, *, spawn: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run a program that serves a local Runpod with one worker, until the worker is ready."""
    env = {**os.environ, "MARK": mark, "SPAWN": spawn}
    program = [sys.executable, str(COMMAND)]
    with running(program, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "ready\n"
        yield process


@on_linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_ends_cleanly_on_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM end the workers, their children, and then the command, with code 0."""
    mark = str(tmp_path)
    with command(mark, spawn="1") as process:
        assert len(processes(mark)) == 4  # the command, a keeper, a worker and its child
        process.send_signal(number)
        assert process.wait(20) == 0
        assert processes(mark) == []


@on_linux
def test_workers_end_by_themselves_when_the_local_runpod_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves no worker, no child of a worker and no keeper."""
    mark = str(tmp_path)
    with command(mark, spawn="1") as process:
        assert len(processes(mark)) == 4
        process.kill()
        eventually(lambda: processes(mark) == [])


LEAVES = """
import gc, os, sys, threading, requests
from lbsls.local import runpod

def counted():
    gc.collect()
    return threading.active_count(), len(os.listdir("/dev/fd"))

def once():
    with runpod({"plain": sys.argv[1:]}) as account, requests.Session() as http:
        key = account.environ()["RUNPOD_API_KEY"]
        body = {
            "name": "once", "type": "LOAD_BALANCER", "image": "plain", "ports": ["80/http"],
            "scaling": {"type": "REQUEST_COUNT", "requestCount": 1},
            "cpu": [{"id": "cpu3c", "vcpuCount": 2}],
        }
        http.headers["Authorization"] = f"Bearer {key}"
        made = http.post(f"{account.base_url}/v2/serverless", json=body).json()
        assert http.get(made["requestUrls"]["base"] + "/").status_code == 200

once()  # what is imported and cached stays
before = counted()
once()
print(before == counted() or (before, counted()))
"""


def test_nothing_is_left_after_a_with_statement() -> None:
    """No thread, no open file, no warning; in a process where nothing else comes and goes."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LEAVES, *PLAIN],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_it_starts_again_after_it_was_stopped() -> None:
    """One object, one run after the other."""
    local = runpod({})
    urls = set()
    for _ in range(2):
        local.start()
        urls.add(local.url)
        assert repr(local) == f"<LocalRunpod {local.url}>"
        local.stop()
    local.stop()
    assert all(url.startswith("http://127.0.0.1:") for url in urls)


def test_it_starts_once_at_a_time(site: Site) -> None:
    """A second start is a mistake, and says so."""
    with pytest.raises(RuntimeError, match="runs already"):
        site.local.start()


def test_two_in_one_process_know_nothing_of_each_other(start_site: Callable[..., Site]) -> None:
    """Each has its own key, its own port and its own endpoints."""
    one, two = start_site(), start_site()
    one.create(workers={"max": 0})
    assert len(one.api("GET").json()["endpoints"]) == 1
    assert two.api("GET").json()["endpoints"] == []
    foreign = {"Authorization": f"Bearer {one.local.api_key}"}
    assert two.api("GET", headers=foreign).status_code == 401


def test_its_variables_point_other_programs_at_it(site: Site) -> None:
    """A child process with these finds it as it would find Runpod."""
    assert site.local.environ() == {
        "RUNPOD_API_KEY": site.local.api_key,
        "RUNPOD_API_BASE_URL": site.local.url,
        "RUNPOD_ENDPOINT_BASE_URL": f"{site.local.url}/v2",
    }
    assert site.local.api_key.startswith("local-")


def test_it_has_no_variables_before_it_runs() -> None:
    """The error says how it is used."""
    with pytest.raises(RuntimeError, match="use it in a with statement"):
        runpod({}).environ()


def test_a_key_and_a_port_can_be_given(start_site: Callable[..., Site]) -> None:
    """For a program that has them in its configuration."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    site = start_site(port=port, api_key="mine")
    assert (site.local.url, site.local.api_key) == (f"http://127.0.0.1:{port}", "mine")
    assert site.api("GET").status_code == 200


def test_a_port_in_use_is_said_with_what_to_do(start_site: Callable[..., Site]) -> None:
    """The start fails half-way and leaves nothing behind."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        before = threading.active_count()
        with pytest.raises(
            OSError, match=rf"port {port} of 127.0.0.1 \(Address already in use\): stop what"
        ):
            start_site(port=port)
        assert threading.active_count() == before


def test_a_port_that_cannot_be_had_is_an_error(start_site: Callable[..., Site]) -> None:
    """Whatever else is wrong with the port is said as it is."""
    with pytest.raises(OverflowError):
        start_site(port=70000)


def test_windows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it says what is needed instead of failing somehow."""
    local = runpod({})
    # not for longer than this: pytest makes paths when the test is over
    with monkeypatch.context() as patch:
        patch.setattr("os.name", "nt")
        with pytest.raises(NotImplementedError, match="use WSL"):
            local.start()


def test_a_start_that_is_interrupted_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it starts."""
    local = runpod({})
    before = threading.active_count()
    wait = threading.Event.wait

    def interrupted(event: threading.Event, timeout: float | None = None) -> bool:
        if sys._getframe(1).f_globals["__name__"] == "lbsls.local.front":
            raise KeyboardInterrupt
        return wait(event, timeout)  # a thread that starts waits, too

    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        local.start()
    assert threading.active_count() == before


def test_a_start_without_a_thread_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no more threads to be had, the error says so."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        runpod({}).start()


def test_a_stop_that_is_interrupted_still_ends_the_workers(
    start_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while workers take their grace time: it is raised when they are gone."""
    others = set(threading.enumerate())
    site = start_site()
    assert site.call(site.create()).status_code == 200
    join = threading.Thread.join
    interruptions = iter([KeyboardInterrupt])

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        for interruption in interruptions:
            raise interruption
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        site.local.stop()
    left = set(threading.enumerate()) - others
    assert "lbsls-local" not in [thread.name for thread in left]


def test_a_stubborn_worker_is_killed_after_its_grace_time(
    start_site: Callable[..., Site],
) -> None:
    """The end of a local Runpod does not depend on its workers' manners."""
    site = start_site(grace=0.1)
    endpoint = site.create(env={"STUBBORN": "1"})
    pid = int(site.call(endpoint, "/pid").text)
    site.local.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_whose_keeper_is_killed_is_killed_and_started_again(
    start_site: Callable[..., Site],
) -> None:
    """Nothing runs that nobody watches."""
    site = start_site(restart_delay=0.01)
    endpoint = site.create()
    first = int(site.call(endpoint, "/pid").text)
    os.kill(int(site.call(endpoint, "/parent").text), signal.SIGKILL)
    worker = site.workers(endpoint)[0]["id"]
    site.wait_for_line(endpoint, worker, "container lost; restarting")
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    assert int(site.call(endpoint, "/pid").text) != first


def test_output_of_a_process_that_left_its_group_does_not_delay_the_end(
    start_site: Callable[..., Site],
) -> None:
    """A daemon that a worker starts may hold its output open; nobody waits for that."""
    site = start_site()
    endpoint = site.create()
    daemon = int(site.call(endpoint, "/daemon").text)
    try:
        site.local.stop()
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_connections_that_come_while_it_stops_are_closed() -> None:
    """Stopping one that is busy leaves no socket behind, which Python would complain of."""
    local = runpod(images={})
    local.start()
    address = urlsplit(local.url)
    stopped = threading.Event()

    def knock() -> None:
        while not stopped.is_set():
            with contextlib.suppress(OSError):
                socket.create_connection((address.hostname, address.port), timeout=5).close()

    with ThreadPoolExecutor(4) as pool:
        knocking = [pool.submit(knock) for _ in range(4)]
        try:
            socket.create_connection((address.hostname, address.port), timeout=5).close()
        finally:
            local.stop()
            stopped.set()
        assert [None] * 4 == [each.result() for each in knocking]
    gc.collect()  # an unclosed socket is told now, to this test
