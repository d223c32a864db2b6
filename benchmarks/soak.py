"""Processes deploy, change and undeploy under random faults; at the end exactly what is declared.

Meanwhile memory, threads and file descriptors of the local Runpod and of every process are sampled:
what grows with time shows as a late median above an early one.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from attrs import field, frozen

import lbsls
from benchmarks.apps import APP
from benchmarks.racer import IMAGE
from benchmarks.soaker import OTHER, declared
from benchmarks.table import grid, proved
from lbsls.local import Fault, LocalRunpod, runpod

__all__ = ["FAULTS", "Sample", "report", "soak"]

FAULTS = (
    Fault.answer(429, retry_after=1),
    Fault.answer(500),
    Fault.answer(502, html=True),
    Fault.answer(503, done=True),
    Fault.answer(504, done=True),
    Fault.page(),
    Fault.delay(0.5),
    Fault.close(),
    Fault.close(done=True),
    Fault.cut(),
    Fault.wrong_types(),
    Fault.lag(1.0),
    Fault.missing(1.0),
    Fault.no_capacity(),
)
EACH = 0.01
"""The probability of each fault at each request; together about one in eight is struck."""
BEAT = 2.0


@frozen
class Sample:
    """What a process used at a moment."""

    who: str
    kilobytes: int
    threads: int
    files: int


@frozen
class Soaked:
    """What is there at the end, and what was used on the way."""

    missing: list[str]
    surplus: list[str]
    different: list[str]
    requests: int
    struck: int
    samples: list[list[Sample]] = field(repr=False)


def _sample(who: str, pid: int) -> Sample:
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return Sample(
        who=who,
        kilobytes=int(status["VmRSS"].split()[0]),
        threads=int(status["Threads"]),
        files=len(os.listdir(f"/proc/{pid}/fd")),
    )


def soak(minutes: float, processes: int, resources: int, seed: int = 0) -> Soaked:
    """Let processes work on the same names until the time is over, then look."""
    with ExitStack() as stack:
        local = runpod({IMAGE: APP, OTHER: APP}, hold=2.0)
        quiet = stack.enter_context(local)
        for number, fault in enumerate(FAULTS):
            struck = "create" if fault.kind == "no_capacity" else None
            local.faults.add(fault, operation=struck, probability=EACH, seed=seed + number)
        running = list(_started(stack, local, processes, resources, seed))
        samples = list(_watched(running, time.monotonic() + minutes * 60))
        for soaker in running:
            assert soaker.stdin is not None
            soaker.stdin.close()
        for soaker in running:
            assert soaker.wait(timeout=120) == 0, "a process failed: see what it wrote"
        struck_at = sum(rule.fired for rule in local.faults)
        local.faults.clear()
        return _looked(quiet, local, resources, struck_at, samples)


def _started(
    stack: ExitStack, local: LocalRunpod, processes: int, resources: int, seed: int
) -> Iterator[subprocess.Popen[bytes]]:
    for number in range(processes):
        words = [str(resources), str(seed * 1000 + number)]
        soaker = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.soaker", *words],
            env={**os.environ, **local.environ()},
            stdin=subprocess.PIPE,
        )
        stack.callback(soaker.kill)
        yield stack.enter_context(soaker)


def _watched(running: list[subprocess.Popen[bytes]], until: float) -> Iterator[list[Sample]]:
    while time.monotonic() < until:
        time.sleep(BEAT)
        assert all(soaker.poll() is None for soaker in running), "a process ended early"
        yield [
            _sample("local Runpod", os.getpid()),
            *(_sample(f"process {number}", soaker.pid) for number, soaker in enumerate(running)),
        ]


def _looked(
    account: lbsls.Account,
    local: LocalRunpod,
    resources: int,
    struck: int,
    samples: list[list[Sample]],
) -> Soaked:
    """Deploy what is declared once more, quietly, and compare."""
    requests = sum(local.requests.counts.values())
    names = [f"soak-{number}" for number in range(resources)]
    for name in names:
        account.deploy(declared(name, IMAGE), wait=False)
    found = account.endpoints()
    listed = [endpoint.name for endpoint in found]
    return Soaked(
        missing=[name for name in names if name not in listed],
        surplus=[name for name in listed if name not in names or listed.count(name) > 1],
        different=[each.name for each in found if each.resource.imageName != IMAGE],
        requests=requests,
        struck=struck,
        samples=samples,
    )


def report(minutes: float, processes: int, resources: int) -> str:
    """Soak, and tell; anything but what is declared is an error."""
    soaked = soak(minutes, processes, resources, seed=random.randrange(1000))
    ends = [
        ("requests", str(soaked.requests)),
        ("of them struck by a fault", str(soaked.struck)),
        ("declared", str(resources)),
        ("missing", str(len(soaked.missing))),
        ("surplus", str(len(soaked.surplus))),
        ("different", str(len(soaked.different))),
    ]
    title = f"Soak: {minutes:g} minutes, {processes} processes, {resources} resources"
    use = grid(
        "What was used", ("who", "what", "second quarter", "last quarter", "ratio"), _use(soaked)
    )
    table = grid(title, ("at the end", "count"), ends)
    return proved(f"{table}\n{use}", soaked.missing + soaked.surplus + soaked.different)


def _use(soaked: Soaked) -> list[tuple[str, ...]]:
    """Compare the second quarter of the time with the last, for the server and all processes."""
    quarter = max(1, len(soaked.samples) // 4)
    early, late = soaked.samples[quarter : 2 * quarter], soaked.samples[-quarter:]
    lines = []
    for who, chosen in (("local Runpod", slice(0, 1)), ("a process", slice(1, None))):
        for what in ("kilobytes", "threads", "files"):
            before, after = (
                statistics.median(getattr(one, what) for beat in beats for one in beat[chosen])
                for beats in (early or late, late)
            )
            lines.append((who, what, f"{before:g}", f"{after:g}", f"{after / before:.2f}"))
    return lines
