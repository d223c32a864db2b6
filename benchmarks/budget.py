"""Two hundred deploys against a limit of 20 requests a second: threads, then tasks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio

import lbsls
from benchmarks.table import Row
from lbsls.local import Options, Window

__all__ = ["measure"]

LIMIT, DEPLOYS, AT_ONCE = 20, 200, 24
LONGEST = 5
"""Runs at most: one takes half a minute."""

Deploys = Callable[[lbsls.Account], None]


def measure(runs: int) -> list[Row]:
    """Deploy without waiting for health, on one account."""
    runs = min(runs, LONGEST)
    return [_row("threads", _threads, runs), _row("tasks", _tasks, runs)]


def _resource(number: int) -> lbsls.LoadBalancerSlsResource:
    return lbsls.LoadBalancerSlsResource(name=f"app-{number}", imageName="none:1")


def _threads(account: lbsls.Account) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        deploys = [
            pool.submit(account.deploy, _resource(number), wait=False, timeout=300)
            for number in range(DEPLOYS)
        ]
        for deploy in deploys:
            deploy.result()


def _tasks(account: lbsls.Account) -> None:
    async def main() -> None:
        room = anyio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with room:
                await account.deploy_async(_resource(number), wait=False, timeout=300)

        async with anyio.create_task_group() as group:
            for number in range(DEPLOYS):
                group.start_soon(one, number)

    anyio.run(main)


def _row(what: str, deploys: Deploys, runs: int) -> Row:
    samples = [_run(deploys) for _ in range(runs)]
    shares, refused = [share for share, _ in samples], [count for _, count in samples]
    return Row(
        f"{DEPLOYS} deploys by {AT_ONCE} {what}, of {LIMIT} requests a second",
        f"{statistics.median(shares):.1%}",
        f"{min(shares):.1%} to {max(shares):.1%}",
        f"{statistics.median(refused):g} refused",
        "",
        "at least 90%, none failing",
    )


def _run(deploys: Deploys) -> tuple[float, int]:
    """Give the part of the limit that was used, and how many requests were refused."""
    options = Options(rate_limit=(Window("second", LIMIT, 1),))
    local = lbsls.local.runpod({"none:1": "python -c pass"}, options=options)
    with local as account:
        began = time.perf_counter()
        deploys(account)
        seconds = time.perf_counter() - began
        answers = [seen.status for seen in local.requests]
    refused = answers.count(429)
    return (len(answers) - refused) / seconds / LIMIT, refused
