"""An account under way: cancelled, in one event loop after another, in threads, in a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest

from lbsls import Account, Endpoint, FixedSchedule, Health, Response
from lbsls.testing import AsyncScriptedTransport, ScriptedTransport
from lbsls.values import Request
from servers import Asked, always, reply, serving
from simulated import World
from stories import KEY, RESOURCE, answer, endpoint, listed, page

SAME = endpoint()
BACKENDS = ["asyncio", "trio"]
SCHEDULE = FixedSchedule(1000, 1000.0)


class Hung:
    """An async transport whose first answer never comes; what comes after is given at once."""

    def __init__(self, *answers: Response) -> None:
        self.asked = anyio.Event()
        self.requests: list[Request] = []
        self._answers = iter(answers)

    async def send(self, request: Request) -> Response:
        """Hang once."""
        self.requests.append(request)
        if len(self.requests) == 1:
            self.asked.set()
            await anyio.sleep_forever()
        return next(self._answers)

    async def aclose(self) -> None:
        """Nothing to let go of."""


VERBS: dict[str, tuple[Any, ...]] = {
    "deploy": (RESOURCE,),
    "undeploy": ("app",),
    "find": ("app",),
    "get": ("e1",),
    "endpoints": (),
    "workers": ("app",),
    "is_deployed": ("app",),
    "is_healthy": ("app",),
    "check_ping": ("app",),
    "wait_for_health": ("app",),
    "request": ("app", "GET"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_can_be_cancelled_while_it_sends(verb: str, backend: str) -> None:
    """The account stays usable, also for the same name."""

    async def main() -> None:
        """Do it in an event loop."""
        transport = Hung(listed(SAME), page(200), listed(SAME))
        account = Account(KEY, async_transport=transport)
        async with account, anyio.create_task_group() as group:
            group.start_soon(getattr(account, f"{verb}_async"), *VERBS[verb])
            await transport.asked.wait()
            group.cancel_scope.cancel()
        assert (await account.deploy_async(RESOURCE)).id == "e1"

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("verb", ["deploy", "wait_for_health"])
def test_a_verb_can_be_cancelled_while_it_sleeps(verb: str, backend: str) -> None:
    """Between two pings, say."""

    async def main() -> None:
        """Do it in an event loop."""
        steps = [listed(SAME), page(204), listed(SAME), page(200), listed(SAME)]
        script = ScriptedTransport(steps)
        account = Account(KEY, async_transport=AsyncScriptedTransport(script))
        async with anyio.create_task_group() as group:
            twin = getattr(account, f"{verb}_async")

            async def wait() -> None:
                """Wait as the driver asks."""
                await twin(*VERBS[verb], strategy=SCHEDULE, timeout=10_000.0)

            group.start_soon(wait)
            while len(script.requests) < 2:
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        assert (await account.deploy_async(RESOURCE)).id == "e1"

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thread_that_hangs_does_not_keep_a_cancelled_task(backend: str) -> None:
    """The request ends by its timeout, by itself; the program goes on at once."""
    release = threading.Event()
    asked = threading.Event()

    def hang(request: Request) -> Response:
        asked.set()
        assert release.wait(20)
        return listed()

    async def main() -> None:
        """Do it in an event loop."""
        account = Account(KEY, transport=ScriptedTransport([hang, listed(SAME)]))
        async with anyio.create_task_group() as group:
            group.start_soon(account.find_async, "app")
            await anyio.to_thread.run_sync(asked.wait)
            group.cancel_scope.cancel()
        assert (await account.find_async("app")) is not None
        release.set()

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_async_listener_is_awaited(backend: str) -> None:
    """It may itself send something somewhere."""
    told: list[str] = []

    async def listen(event: object) -> None:
        """Take an event."""
        await anyio.lowlevel.checkpoint()
        told.append(type(event).__name__)

    async def main() -> None:
        """Do it in an event loop."""
        script = ScriptedTransport([listed(SAME), page(200), listed(SAME)])
        account = Account(KEY, async_transport=script.as_async())
        await account.deploy_async(RESOURCE, on_event=listen)
        await account.close_async()

    anyio.run(main, backend=backend)
    assert told == ["Unchanged", "Waiting", "Pinged", "Ready"]


def serve_pings() -> Callable[[Asked], bytes]:
    """Give an account's server: a list, and an endpoint at its own address."""

    def give(asked: Asked) -> bytes:
        port = asked.headers["host"].rpartition(":")[2]
        urls = {key: f"http://127.0.0.1:{port}{path}" for key, path in URLS.items()}
        made = endpoint(requestUrls=urls)
        return reply(
            "200 OK",
            b"pong" if asked.path == "/ping" else answer({"endpoints": [made]}).content,
        )

    return give


URLS = {"base": "", "health": "/ping"}


def test_event_loops_may_come_and_go() -> None:
    """One account serves one loop after another, of either kind, and blocking code between."""
    with serving(always(serve_pings())) as server, Account(KEY, base_url=server.url) as account:
        for backend in [*BACKENDS, *BACKENDS]:
            ping = anyio.run(account.check_ping_async, "app", backend=backend)
            assert ping.health is Health.READY
            assert account.check_ping("app").status == 200
    assert len(server.asked) == 16


def test_many_threads_share_an_account() -> None:
    """Django and Celery hand one to all of theirs."""
    with (
        serving(always(serve_pings())) as server,
        Account(KEY, base_url=server.url) as account,
        ThreadPoolExecutor(12) as pool,
    ):
        pings = list(pool.map(lambda _: account.check_ping("app"), range(48)))
    assert {ping.status for ping in pings} == {200}


def test_threads_that_deploy_one_name_create_one_endpoint() -> None:
    """Those who come second take the first one's."""
    clock = type("Clock", (), {"now": 1000.0})()
    world, lock = World(clock, lambda a, b: a, startup=0.0), threading.Lock()

    def step(request: Request) -> Response:
        with lock:
            clock.now += 0.01
            return world.answer(request)

    account = Account(KEY, transport=ScriptedTransport(iter(lambda: step, None)))
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: account.deploy(RESOURCE).id, range(8)))
    assert (set(got), len(world.made)) == (set(world.alive), 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_tasks_that_deploy_one_name_create_one_endpoint(backend: str) -> None:
    """No lock is held that would block the loop."""
    clock = type("Clock", (), {"now": 1000.0})()
    world = World(clock, lambda a, b: a, startup=0.0)
    got: list[Endpoint] = []

    async def main() -> None:
        """Do it in an event loop."""
        script = ScriptedTransport(iter(lambda: world.answer, None))
        account = Account(KEY, async_transport=script.as_async())

        async def deploy() -> None:
            """Deploy as one task of several."""
            got.append(await account.deploy_async(RESOURCE))

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(deploy)

    anyio.run(main, backend=backend)
    assert ({each.id for each in got}, len(world.made)) == (set(world.alive), 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_uses_the_account_it_was_born_with() -> None:
    """Celery's workers do, while the parent goes on using it."""
    with serving(always(serve_pings())) as server, Account(KEY, base_url=server.url) as account:
        account.check_ping("app")
        child = os.fork()
        if child == 0:
            fine = account.deploy(RESOURCE, timeout=10).id == "e1"
            os._exit(0 if fine else 1)
        assert account.check_ping("app").status == 200
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_events_of_a_blocking_deploy_come_from_its_thread() -> None:
    """A listener may touch what belongs to it."""
    seen: set[int] = set()
    account = Account(KEY, transport=ScriptedTransport([listed(SAME), page(200), listed(SAME)]))
    account.deploy(RESOURCE, on_event=lambda event: seen.add(threading.get_ident()))
    assert seen == {threading.get_ident()}
