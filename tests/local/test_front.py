"""The front: a local Runpod as users of the library see it."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import trio

import lbsls.local
from lbsls import LoadBalancerSlsResource
from lbsls.account import Account
from lbsls.local import Options, runpod
from lbsls.local.clock import to_its_end
from lbsls.local.front import _tidy_up
from lbsls.local.options import Changes

from .conftest import PLAIN

RESOURCE = LoadBalancerSlsResource(name="front", imageName="plain", instanceIds=["cpu3c-2-4"])


Threads = Callable[[], list[str]]


@pytest.fixture
def threads() -> Threads:
    """Give the threads of local Runpods that this test started: others may run for other tests."""
    before = set(threading.enumerate())

    def started() -> list[str]:
        now = set(threading.enumerate()) - before
        return [each.name for each in now if each.name == "lbsls-local"]

    return started


def test_with_gives_an_account_of_it(threads: Threads) -> None:
    """Deploy, call and undeploy as on Runpod; afterwards nothing of it is there."""
    with runpod(images={"plain": PLAIN}) as account:
        endpoint = account.deploy(RESOURCE)
        assert endpoint.get("/hello").json()["path"] == "/hello"
        assert account.is_healthy(endpoint)
        assert account.undeploy(endpoint)
        assert account.endpoints() == ()
        assert threads() == ["lbsls-local"]
    assert threads() == []


@pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run])
def test_async_with_gives_an_account_of_it(run: Callable[..., Any], threads: Threads) -> None:
    """The same in asynchronous programs, on asyncio and trio."""

    async def main() -> None:
        """Do it in an event loop."""
        async with runpod(images={"plain": PLAIN}) as account:
            endpoint = await account.deploy_async(RESOURCE)
            assert await account.is_healthy_async(endpoint)

    run(main)
    assert threads() == []


def test_an_error_in_the_body_ends_it_and_comes_out(threads: Threads) -> None:
    """A failing test leaves no local Runpod behind."""
    with pytest.raises(KeyboardInterrupt), runpod(images={}):
        raise KeyboardInterrupt
    assert threads() == []


def test_an_error_in_an_async_body_ends_it_and_comes_out(threads: Threads) -> None:
    """A cancelled task, too."""

    async def main() -> None:
        """Do it in an event loop."""
        async with runpod(images={}):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert threads() == []


def test_an_account_that_cannot_be_made_ends_it(
    monkeypatch: pytest.MonkeyPatch, threads: Threads
) -> None:
    """The start fails half-way and leaves nothing behind."""
    monkeypatch.setattr(Account, "__init__", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError), runpod(images={}):
        pass
    assert threads() == []


def test_exit_without_an_account_is_no_mistake(threads: Threads) -> None:
    """Whoever started it by hand may still leave it as a context."""
    local = runpod(images={})
    local.start()
    local.__exit__(None, None, None)
    local.start()
    asyncio.run(local.__aexit__(None, None, None))
    assert threads() == []


def test_options_can_be_given_whole_or_one_by_one() -> None:
    """Single options win over a whole set, and are checked by type checkers under their names."""
    local = runpod({}, options=Options(hold=1, grace=1), hold=2)
    assert local.options == Options(hold=2, grace=1)
    assert [each.name for each in fields(Options)] == list(Changes.__annotations__)
    with pytest.raises(TypeError, match="bogus"):
        runpod({}, bogus=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="cold is one of hold, refuse, pass, not 'ice'"):
        runpod({}, cold="ice")  # type: ignore[arg-type]


def test_a_loop_is_left_tidy() -> None:
    """What was forgotten in the loop is cancelled before it is closed."""
    loop = asyncio.new_event_loop()
    forgotten = loop.create_task(asyncio.sleep(3600))
    loop.run_until_complete(_tidy_up(loop))
    loop.close()
    assert forgotten.cancelled()


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_farewell_is_said_to_its_end(times: int) -> None:
    """However often a task is cancelled meanwhile; the cancellation comes afterwards."""

    async def main() -> tuple[bool, bool]:
        """Do it in an event loop."""
        gate = asyncio.Event()
        said = []

        async def say() -> None:
            """Say farewell."""
            await gate.wait()
            said.append("bye")

        task = asyncio.ensure_future(to_its_end(say()))
        for _ in range(times):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.wait([task])
        return said == ["bye"], task.cancelled()

    assert asyncio.run(main()) == (True, times > 0)


def test_importing_it_is_cheap() -> None:
    """No server is imported before a local Runpod starts."""
    code = "import sys, lbsls.local; print('aiohttp' in sys.modules, lbsls.local.runpod.__name__)"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output == "False runpod\n"


def test_a_module_imports_only_from_lines_above_its_own() -> None:
    """The order that the package's docstring draws is the order that it has."""
    drawing = (lbsls.local.__doc__ or "").partition("above its own::")[2].partition("`keeper`")[0]
    floors = {
        name: floor for floor, line in enumerate(drawing.split("\n")) for name in line.split()
    }
    folder = Path(lbsls.local.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} == {*floors, "__init__"}
    for name, floor in floors.items():
        tree = ast.parse((folder / f"{name}.py").read_text())
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            package, _, module = node.module.partition("lbsls.local")
            imported = [module[1:]] if module else [each.name for each in node.names]
            if not package and node.module.startswith("lbsls.local"):
                assert [each for each in imported if floors[each] >= floor] == [], name


def test_its_names_are_there_and_no_others() -> None:
    """`serve` is imported when it is asked for."""
    from lbsls.local import serve
    from lbsls.local.server import serve as original

    assert serve is original
    with pytest.raises(AttributeError, match="no attribute 'bogus'"):
        lbsls.local.bogus  # noqa: B018
