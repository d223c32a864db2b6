"""A process is killed at every effect of a verb; running it again puts everything right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

from attrs import frozen

import lbsls
from benchmarks.apps import APP
from benchmarks.racer import IMAGE, resource
from benchmarks.table import grid, proved
from lbsls.local import LocalRunpod, runpod

__all__ = ["VERBS", "Death", "deaths", "report"]

OTHER = "app:2"
VERBS = ("create", "update", "undeploy")
HEAD = ("verb", "effects", "killed", "left behind", "after the rerun", "wanted", "wrong")


@frozen
class Death:
    """One kill, and what the account had afterwards.

    Attributes:
        left: endpoints of the name when the process had died.
        found: endpoints of the name after the rerun.
        right: those are what was declared.
    """

    at: int
    when: str
    left: int
    found: int
    right: bool


def _victim(
    local: LocalRunpod, verb: str, name: str, image: str, at: int, when: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.victim", verb, name, image, str(at), when],
        env={**os.environ, **local.environ()},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )


def deaths(local: LocalRunpod, verb: str) -> Iterator[Death]:
    """Kill a process at every effect that the verb has here, before it and after it."""
    with lbsls.Account(local.api_key, base_url=local.url) as account:
        at = 0
        while True:
            at += 1
            for when in ("before", "after"):
                name = f"{verb}-{at}-{when}"
                if verb != "create":
                    account.deploy(resource(name))
                image = OTHER if verb == "update" else IMAGE
                died = _victim(local, verb, name, image, at, when)
                if died.returncode == 0:
                    account.undeploy(resource(name))
                    return
                assert died.returncode == -signal.SIGKILL, died
                yield _healed(local, account, verb, name, image, at, when)


def _healed(
    local: LocalRunpod, account: lbsls.Account, verb: str, name: str, image: str, at: int, when: str
) -> Death:
    left = _of(account, name)
    rerun = _victim(local, verb, name, image, 0, "")
    assert rerun.returncode == 0, rerun
    found = _of(account, name)
    wanted = verb != "undeploy"
    right = len(found) == wanted and all(each.resource.imageName == image for each in found)
    for endpoint in found:
        account.undeploy(endpoint)
    return Death(at, when, len(left), len(found), right)


def _of(account: lbsls.Account, name: str) -> list[lbsls.Endpoint]:
    return [endpoint for endpoint in account.endpoints() if endpoint.name == name]


def report() -> str:
    """Kill at every effect of every verb, once, and tell."""
    lines, wrong = [], 0
    for verb in VERBS:
        local = runpod({IMAGE: APP, OTHER: APP})
        with local:
            died = list(deaths(local, verb))
        wrong += sum(not death.right for death in died)
        lines.append(
            (
                {"create": "deploy, new", "update": "deploy, changed image"}.get(verb, verb),
                str(max(death.at for death in died)),
                str(len(died)),
                _kinds([death.left for death in died]),
                _kinds([death.found for death in died]),
                "0" if verb == "undeploy" else "1",
                str(sum(not death.right for death in died)),
            )
        )
    return proved(grid("Killed at every effect", HEAD, lines), wrong)


def _kinds(values: list[int]) -> str:
    return " or ".join(str(value) for value in sorted(set(values)))
