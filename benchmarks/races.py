"""Eight that deploy one name at once: one endpoint is left, and all hold it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import anyio
from attrs import frozen

import lbsls
from benchmarks.apps import APP
from benchmarks.racer import IMAGE, resource
from benchmarks.table import grid, proved
from lbsls.local import After, LocalRunpod, runpod

__all__ = ["KINDS", "Outcome", "race", "report"]

RACERS = 8
LAGS = (0.0, 2.0)
HEAD = (
    "racers", "list lags", "runs", "endpoints left", "ids held", "failed", "creates", "seconds",
)  # fmt: skip

Ended = tuple["str | None", "str | None"]
"""The id that a racer holds, or how it failed."""
Kind = Callable[[LocalRunpod, str, bool], "list[Ended]"]


@frozen
class Outcome:
    """How one race ended."""

    left: int
    held: int
    failed: tuple[str, ...]
    creates: int
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether one is left, and everybody holds it."""
        return (self.left, self.held, self.failed) == (1, 1, ())


def _deployed(account: lbsls.Account, name: str, wait: bool) -> Ended:
    try:
        return account.deploy(resource(name), wait=wait).id, None
    except lbsls.LbslsError as error:
        return None, f"{type(error).__name__}: {error}"


def _account(local: LocalRunpod) -> lbsls.Account:
    return lbsls.Account(local.api_key, base_url=local.url)


def threads(local: LocalRunpod, name: str, wait: bool, *, shared: bool) -> list[Ended]:
    """Race in threads, of one account or each with its own."""
    barrier = threading.Barrier(RACERS)
    one = _account(local)

    def deploy(_: int) -> Ended:
        account = one if shared else _account(local)
        barrier.wait()
        ended = _deployed(account, name, wait)
        account.close()
        return ended

    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(deploy, range(RACERS)))


def tasks(local: LocalRunpod, name: str, wait: bool, *, backend: str) -> list[Ended]:
    """Race in tasks of one event loop, each with an account of its own."""
    ended: list[Ended] = []

    async def deploy() -> None:
        """Race."""
        async with _account(local) as account:
            try:
                endpoint = await account.deploy_async(resource(name), wait=wait)
                ended.append((endpoint.id, None))
            except lbsls.LbslsError as error:
                ended.append((None, f"{type(error).__name__}: {error}"))

    async def main() -> None:
        """Start all."""
        async with anyio.create_task_group() as group:
            for _ in range(RACERS):
                group.start_soon(deploy)

    anyio.run(main, backend=backend)
    return ended


def processes(local: LocalRunpod, name: str, wait: bool, *, apart: bool) -> list[Ended]:
    """Race in processes, which share a home or, as on different machines, nothing."""
    with ExitStack() as stack:
        running = []
        for _ in range(RACERS):
            environ = {**os.environ, **local.environ()}
            if apart:
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                environ |= {"HOME": folder, "TMPDIR": folder, "XDG_CACHE_HOME": folder}
            racer = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.racer", name, "wait" if wait else "no"],
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(racer.kill)
            running.append(stack.enter_context(racer))
        for racer in running:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in running:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        return [_ended(racer) for racer in running]


def _ended(racer: subprocess.Popen[str]) -> Ended:
    assert racer.stdout is not None
    said = json.loads(racer.stdout.readline())
    return said["id"], said["error"]


KINDS: dict[str, Kind] = {
    "8 threads, one account": partial(threads, shared=True),
    "8 threads, 8 accounts": partial(threads, shared=False),
    "8 tasks, asyncio": partial(tasks, backend="asyncio"),
    "8 tasks, trio": partial(tasks, backend="trio"),
    "8 processes": partial(processes, apart=False),
    "8 processes, homes apart": partial(processes, apart=True),
}


def race(kind: Kind, local: LocalRunpod, name: str, *, wait: bool = True) -> Outcome:
    """Let eight deploy a name at once, and look what is there afterwards."""
    local.requests.clear()
    began = time.monotonic()
    ended = kind(local, name, wait)
    seconds = time.monotonic() - began
    lag = local.options.listed.seconds
    if lag:
        time.sleep(lag)  # what was deleted last is listed until then
    with _account(local) as account:
        left = [endpoint for endpoint in account.endpoints() if endpoint.name == name]
        for endpoint in left:
            account.undeploy(endpoint)
    return Outcome(
        left=len(left),
        held=len({id_ for id_, _ in ended if id_} | {endpoint.id for endpoint in left}),
        failed=tuple(error for _, error in ended if error),
        creates=len(local.requests.of("create")),
        seconds=seconds,
    )


def report(runs: int) -> str:
    """Race in every kind, with lists that are right and that lag, and tell."""
    lines, wrong = [], 0
    for lag in LAGS:
        for what, kind in KINDS.items():
            with ExitStack() as stack:
                local = runpod({IMAGE: APP}, listed=After(seconds=lag))
                stack.enter_context(local)
                outcomes = [race(kind, local, f"race-{run}") for run in range(runs)]
            lines.append(_line(what, lag, outcomes))
            wrong += sum(not outcome.is_right for outcome in outcomes)
            for failure in {error for outcome in outcomes for error in outcome.failed}:
                print(f"failed: {what}, {lag:g} s: {failure}", flush=True)
    return proved(grid("Races", HEAD, lines), wrong)


def _line(what: str, lag: float, outcomes: list[Outcome]) -> tuple[str, ...]:
    def spanned(values: list[int]) -> str:
        return f"{min(values)}" if min(values) == max(values) else f"{min(values)} to {max(values)}"

    return (
        what,
        f"{lag:g} s",
        str(len(outcomes)),
        spanned([outcome.left for outcome in outcomes]),
        spanned([outcome.held for outcome in outcomes]),
        str(sum(len(outcome.failed) for outcome in outcomes)),
        spanned([outcome.creates for outcome in outcomes]),
        f"{statistics.median(outcome.seconds for outcome in outcomes):.1f}",
    )
