"""``lbsls diff`` and ``lbsls deploy --dry-run``: what would change, and a code for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commandline import Lbsls, Terminal
from lbsls import Account, LoadBalancerSlsResource, cli

Write = Callable[[str], Path]
SECRET = "hunter2hunter2"
FILE = """
[project]
name = "shop"
[endpoints.api]
imageName = "app:1"
workersMax = 3
env = { A = "1" }
[endpoints.web]
imageName = "app:1"
"""
CHANGED = FILE.replace("workersMax = 3", "workersMax = 5").replace('A = "1"', f'B = "{SECRET}"')


@pytest.fixture
def ids(lbsls: Lbsls, account: Account, toml: Write) -> dict[str, str]:
    """Deploy what the file declares, and give the ids."""
    toml(FILE)
    assert lbsls("deploy", "--no-wait").code == 0
    return {endpoint.name: endpoint.id for endpoint in account.endpoints()}


def test_nothing_differs(lbsls: Lbsls, ids: dict[str, str]) -> None:
    """Code 0, as of diff."""
    done = lbsls("diff")
    rows = [f"= {name} ({ids[name]}): as declared" for name in ("api", "web")]
    assert done == (0, "\n".join(rows) + "\n", "everything is as declared\n")


def test_what_differs(lbsls: Lbsls, ids: dict[str, str], toml: Write) -> None:
    """Each field with both values, of env the names; code 7; and nothing is changed."""
    toml(CHANGED)
    for _ in range(2):
        done = lbsls("diff", "api")
        assert done.code == 7
        assert done.out.splitlines() == [
            f"~ api ({ids['api']}): update",
            "    workersMax: 3 -> 5",
            "    env: A removed, B added",
            "    its workers are replaced",
        ]
        assert done.err == "1 to update\n"


def test_as_json(lbsls: Lbsls, ids: dict[str, str], toml: Write) -> None:
    """One document; no value of env is in it."""
    toml(CHANGED + '[endpoints.new]\nimageName = "app:1"')
    done = lbsls("diff", "--json")
    document = json.loads(done.out)
    assert (done.code, document["differs"], done.err) == (7, True, "")
    plans = {plan["name"]: plan["action"] for plan in document["plans"]}
    assert plans == {"api": "update", "web": "nothing", "new": "create"}
    assert SECRET not in done.out


def test_what_would_be_refused(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """The screen says what a deploy would say, and the code is the deploy's."""
    key = account.environ()["RUNPOD_API_KEY"]
    other = LoadBalancerSlsResource(name="api", imageName="app:1", workersMax=1)
    with Account(key, base_url=account.base_url, project="theirs") as theirs:
        theirs.deploy(other, wait=False)
    toml(FILE)
    done = lbsls("diff")
    assert (done.code, done.err) == (1, "1 to create, 1 refused\n")
    assert "! api (" in done.out
    assert "    endpoint 'api' (" in done.out
    assert "Pass adopt=True to change it" in done.out
    assert lbsls("diff", "--adopt", "api").code == 7
    assert lbsls("deploy", "--dry-run", "api").code == 1


def test_a_dry_run_of_deploy(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """The same screen, and 0 if the deploy would be let in."""
    toml(FILE)
    done = lbsls("deploy", "--dry-run")
    assert done == (0, "+ api: create\n+ web: create\n", "2 to create\n")
    assert account.endpoints() == ()
    mistake = lbsls("deploy", "--dry-run", "--local")
    assert (mistake.code, "--dry-run goes without --local" in mistake.err) == (2, True)


def test_warnings_are_told(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """What is allowed and will disappoint is said here, too."""
    toml('[endpoints.api]\nimageName = "app:1"\nexecutionTimeoutMs = 600000')
    assert "warning: api: executionTimeoutMs" in lbsls("diff").err


@pytest.mark.parametrize("colors", [True, False])
def test_colours_on_a_terminal_only(
    account: Account,
    toml: Write,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    colors: bool,
) -> None:
    """And not where NO_COLOR is set."""
    toml(FILE)
    if not colors:
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    assert cli.main(["diff"]) == 7
    assert ("\x1b[32m\x1b[1m+ api: create" in terminal.text()) is colors
