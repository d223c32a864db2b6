"""What the demo does, each step verified. How that looks is in `demo_view`."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import lbsls
from lbsls.cli.board import Ended, Heard
from lbsls.cli.crew import Crew, Options
from lbsls.cli.demo_view import View, short
from lbsls.events import Created, Event, Pinged, Waiting
from lbsls.resources import LoadBalancerSlsResource
from lbsls.values import Health

if TYPE_CHECKING:
    from lbsls.account import Account
    from lbsls.live import Endpoint, Worker

__all__ = ["SCRIPT", "DemoFailed", "perform"]

IMAGE = "demo:1"
COMMAND = "python -m lbsls.cli.demo_app"
RESOURCE = LoadBalancerSlsResource(
    name="demo", imageName=IMAGE, workersMin=0, workersMax=3, idleTimeout=1, scalerValue=3
)
DECLARED = """LoadBalancerSlsResource(
    name="demo", imageName="demo:1",
    workersMin=0, workersMax=3,  # none, or up to three
    scalerValue=3,               # one for every 3 requests
    idleTimeout=1,               # gone after an idle second
)"""
SCRIPT = """import lbsls
app = lbsls.LoadBalancerSlsResource(name="demo", imageName="demo:1")
images = {"demo:1": "python -m lbsls.cli.demo_app"}
with lbsls.local.runpod(images) as account:
    print(account.deploy(app).get("/hello?name=you").json())"""
NEXT = """Put your own command in the place of that one: any server that listens on
$PORT and answers GET /ping with 200 when it is ready. Or write lbsls.toml, as
`lbsls --help` shows it: `lbsls deploy --local`, and `lbsls deploy` with an
account of Runpod's."""

T = TypeVar("T")

CLIENTS = 9
ENOUGH = 8
"""Requests that each worker must have answered before the burst ends."""
PATIENCE = 25.0
TICK = 0.05


class DemoFailed(Exception):
    """A step did not do what it should."""


def check(fact: T | None, otherwise: str) -> T:
    """Verify something, and give it.

    Raises:
        DemoFailed: If it is not so.
    """
    if not fact:
        raise DemoFailed(otherwise)
    return fact


def perform(view: View) -> None:
    """Do all of it.

    Raises:
        DemoFailed: If a step did not do what it should.
    """
    view.heading(
        "lbsls demo: a real server, deployed as a load-balanced endpoint",
        "on a Runpod of your own machine; no account, nothing leaves 127.0.0.1",
    )
    view.step("start", "a local Runpod: control plane, load balancer, workers")
    here = os.path.dirname(os.path.dirname(lbsls.__file__))
    runpod = lbsls.local.runpod({IMAGE: COMMAND}, cwd=here)
    with runpod as account:
        view.good(f"it listens on {account.base_url}")
        endpoint = _deploy(view, account)
        pids = {_call(view, endpoint)}
        pids |= _burst(view, endpoint)
        _idle(view, endpoint)
        _undeploy(view, account, endpoint)
    left = [pid for pid in pids if _is_alive(pid)]
    check(not left, f"processes are left: {left}")
    view.good(f"{len(pids)} worker processes have ended, nothing is left")
    view.closing("The same as a script; paste it into a file and run it:", SCRIPT, NEXT)


def _deploy(view: View, account: Account) -> Endpoint:
    view.step("deploy", "declared:")
    view.code(DECLARED)
    seen: set[str] = set()
    id_, began = "", time.monotonic()
    ended: Ended | None = None
    with Crew(account, [RESOURCE], Options(timeout=60)) as crew:
        for message in crew.messages():
            if isinstance(message, Heard):
                id_ = getattr(message.event, "id", id_)
                _tell(view, message.event)
            elif message is not None:
                ended = message
            else:
                _introduce(view, account.workers(id_) if id_ else (), seen)
                view.live("the app loads, the ping is held", {})
    assert ended is not None
    endpoint = check(ended.endpoint, f"deploying failed: {ended.error}")
    view.good(f"healthy after {time.monotonic() - began:.1f}s")
    return endpoint


def _tell(view: View, event: Event) -> None:
    if isinstance(event, Created):
        view.note(str(event))
    elif isinstance(event, Waiting):
        view.note("pinged; no worker is ready, so the balancer holds the ping")
    elif isinstance(event, Pinged) and event.ping.health is Health.COLD:
        view.note(f"held for {event.ping.elapsed:.1f}s without an answer; pinged again")
    elif isinstance(event, Pinged):
        by = f", by worker {short(event.ping.worker_id)}" if event.ping.worker_id else ""
        view.note(f"ping: {event.ping}{by}")


def _introduce(view: View, workers: tuple[Worker, ...], seen: set[str]) -> None:
    for worker in workers:
        if worker.id not in seen:
            seen.add(worker.id)
            text = f"worker {short(worker.id)} started; it loads for two seconds"
            view.note(text)


def _call(view: View, endpoint: Endpoint) -> int:
    view.step("call", 'endpoint.get("/hello?name=you")')
    answer = endpoint.get("/hello?name=you", timeout=PATIENCE)
    check(answer.status_code == 200, f"it answered {answer.status_code}: {answer.text}")
    said = answer.json()
    check(said["hello"] == "you", f"it answered {said}")
    shown = json.dumps({**said, "worker": short(said["worker"])})
    view.good(f"{answer.status_code} {shown}")
    return int(said["pid"])


class _Clients:
    """Clients that call again and again, and what they were answered."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.answered: Counter[str] = Counter()
        self.pids: set[int] = set()
        self.errors: list[str] = []
        self._endpoint = endpoint
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._go, daemon=True) for _ in range(CLIENTS)]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let them call; in the end wait for what they are waiting for."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _go(self) -> None:
        while not self._over.is_set():
            try:
                answer = self._endpoint.get("/work", timeout=PATIENCE).raise_for_status().json()
            except Exception as error:
                self.errors.append(str(error))
                return
            self.answered[answer["worker"]] += 1
            self.pids.add(answer["pid"])


def _burst(view: View, endpoint: Endpoint) -> set[int]:
    wanted = RESOURCE.workersMax or 0
    view.step("burst", f"{CLIENTS} clients at once, again and again")
    clients, began = _Clients(endpoint), time.monotonic()
    with clients.at_work():

        def scaled_out() -> bool:
            served = [n for n in clients.answered.values() if n >= ENOUGH]
            return len(served) >= wanted or bool(clients.errors)

        def show(workers: tuple[Worker, ...]) -> None:
            total = sum(clients.answered.values())
            view.live(f"{_counted(workers)}, {total} answered", dict(clients.answered))

        done = _watch(view, endpoint, scaled_out, show)
    took, total = time.monotonic() - began, sum(clients.answered.values())
    check(not clients.errors, f"a request failed: {clients.errors[:1]}")
    check(done, f"only {len(clients.answered)} of {wanted} workers came to answer")
    view.good(f"{total} requests answered in {took:.1f}s, none lost, by {wanted} workers:")
    view.spread(dict(clients.answered))
    return clients.pids


def _idle(view: View, endpoint: Endpoint) -> None:
    view.step("idle", "nobody asks any more")

    def at_zero() -> bool:
        return not endpoint.workers()

    def show(workers: tuple[Worker, ...]) -> None:
        view.live(_counted(workers), {})

    check(_watch(view, endpoint, at_zero, show), "its workers did not stop")
    view.good("scaled to zero: nothing runs, nothing would be billed")


def _watch(
    view: View,
    endpoint: Endpoint,
    is_over: Callable[[], bool],
    show: Callable[[tuple[Worker, ...]], None],
) -> bool:
    """Tell how the workers become more or fewer, until something is so; False if it never is."""
    pause, before = threading.Event(), ""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        workers = endpoint.workers()
        now = _counted(workers)
        if now != before:
            view.note(now)
        show(workers)
        if is_over():
            return True
        before = now
        pause.wait(TICK)
    return False


def _counted(workers: tuple[Worker, ...]) -> str:
    ready = sum(worker.is_up for worker in workers)
    loading = len(workers) - ready
    noun = "worker" if ready == 1 else "workers"
    return f"{ready} {noun}" + (f", {loading} more loading" if loading else "")


def _undeploy(view: View, account: Account, endpoint: Endpoint) -> None:
    view.step("undeploy", "endpoint.undeploy()")
    check(endpoint.undeploy(), "it was gone before it was deleted")
    check(not account.endpoints(), "the account still has endpoints")
    view.good(f"{endpoint.name} ({endpoint.id}) is gone, the account is empty")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
