"""``lbsls ls`` and ``lbsls ping``: what there is, and whether it is ready."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from commandline import Lbsls, Terminal
from lbsls import Account, Endpoint, LoadBalancerSlsResource, NotFound, Worker, cli
from lbsls.cli import tables
from lbsls.cli.tables import Listed
from lbsls.live import Mark, Settings
from lbsls.records import replace

CREATED = datetime(2026, 11, 1, tzinfo=timezone.utc)
ENDPOINT = Endpoint(
    id="abc",
    name="api",
    endpoint_url="https://abc.api.runpod.ai",
    health_url="https://abc.api.runpod.ai/ping",
    created_at=CREATED,
    settings=Settings(imageName="app:1", workersMin=0, workersMax=3),
)


def test_ls_of_nothing(lbsls: Lbsls, account: Account) -> None:
    """An empty account is no error, and no output for a script to trip over."""
    assert lbsls("ls") == (0, "", f"there are no endpoints at {account.base_url}\n")


def test_ls(lbsls: Lbsls, account: Account) -> None:
    """A header and a line for each; nothing is woken by looking."""
    warm = account.deploy(LoadBalancerSlsResource(name="api", imageName="app:1", workersMin=1))
    cold = account.deploy(
        LoadBalancerSlsResource(name="cold", imageName="app:1", workersMin=0), wait=False
    )
    done = lbsls("ls")
    header, first, second = (line.split() for line in done.out.splitlines())
    assert header == list(tables.HEADER)
    assert first[:4] == ["api", warm.id, "LB", "up"]
    assert first[4:6] == ["1", "(1-3)"]
    assert second[:4] == ["cold", cold.id, "LB", "asleep"]
    assert second[-1] == cold.endpoint_url
    assert account.workers(cold) == ()


def test_ls_json(lbsls: Lbsls, api: str) -> None:
    """One document, with all that a script may want."""
    document = json.loads(lbsls("ls", "--json").out)
    (endpoint,) = document["endpoints"]
    assert (endpoint["name"], endpoint["id"], endpoint["state"]) == ("api", api, "up")
    assert endpoint["whose"] == "ours"
    assert [worker["isStale"] for worker in endpoint["workers"]] == [False]


def test_ls_on_a_narrow_terminal(
    api: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the table does not fit, an endpoint is a few lines, and none is cut."""
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    monkeypatch.setenv("COLUMNS", "60")
    assert cli.main(["ls"]) == 0
    first, second, third = terminal.text().splitlines()
    assert first == f"api  {api}  up"
    assert second.startswith("  LB, workers 1 (1-3), ")
    assert third.startswith("  http://127.0.0.1:")


def test_ls_shows_the_rest_when_one_is_gone(
    lbsls: Lbsls, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was deleted a moment ago does not spoil the list."""

    def gone(self: Account, target: Any) -> None:
        raise NotFound("w")

    monkeypatch.setattr(Account, "workers", gone)
    assert " unknown  ? (1-3)" in lbsls("ls").out
    (endpoint,) = json.loads(lbsls("ls", "--json").out)["endpoints"]
    assert (endpoint["state"], endpoint["workers"]) == ("unknown", None)


def test_ls_with_a_wrong_key(
    lbsls: Lbsls, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused key has its own code, and is not shown."""
    monkeypatch.setenv("RUNPOD_API_KEY", "wrong-key-123")
    done = lbsls("ls")
    assert (done.code, done.out) == (5, "")
    assert "Check RUNPOD_API_KEY" in done.err
    assert "wrong-key-123" not in done.err


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (None, "unknown"),
        ([], "asleep"),
        (["RUNNING"], "up"),
        (["IDLE", "UNHEALTHY"], "up"),
        (["UNHEALTHY", "INITIALIZING"], "starting"),
        (["THROTTLED"], "throttled"),
        (["UNHEALTHY"], "unhealthy"),
        (["NEW_WORD"], "unknown"),
    ],
)
def test_states(statuses: list[str] | None, state: str) -> None:
    """The state is the best that a worker can do."""
    workers = None if statuses is None else tuple(Worker("w", status) for status in statuses)
    assert Listed(ENDPOINT, workers).state == state


def test_an_endpoint_that_may_have_no_worker_is_off() -> None:
    """Runpod lowers the maximum to 0 by itself; that is to be seen."""
    off = replace(ENDPOINT, settings=Settings(workersMax=0))
    assert (Listed(off, ()).state, Listed(off, ()).scale()) == ("off", "0 (?-0)")


@pytest.mark.parametrize(
    ("mark", "project", "who"),
    [
        (None, None, "not lbsls"),
        (Mark("shop", "copied-from", "n"), "shop", "not lbsls"),
        (Mark("shop", "api", "n"), "shop", "ours"),
        (Mark("", "api", "n"), None, "ours"),
        (Mark("shop", "api", "n"), None, "shop"),
        (Mark("", "api", "n"), "shop", "no project"),
    ],
)
def test_whose(mark: Mark | None, project: str | None, who: str) -> None:
    """Who created it says who may delete it without asking."""
    assert tables.whose(replace(ENDPOINT, mark=mark), project) == who


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (200000, "2d")]
)
def test_age(seconds: int, text: str) -> None:
    """One unit is enough."""
    assert tables.age(CREATED, CREATED + timedelta(seconds=seconds)) == text


def test_ping(lbsls: Lbsls, api: str) -> None:
    """READY is 0, by name and by id, and says who answered."""
    done = lbsls("ping", "api")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("READY 200 after 0.")
    assert ", by worker " in done.out
    document = json.loads(lbsls("ping", api, "--json").out)
    assert (document["health"], document["status"]) == ("READY", 200)


def test_ping_of_what_is_not_ready(lbsls: Lbsls, account: Account) -> None:
    """Anything but READY is 4, so that a script can wait with a loop."""
    resource = LoadBalancerSlsResource(name="slow", imageName="slow:1")
    account.deploy(resource, wait=False)
    done = lbsls("ping", "slow", "--timeout", "0.2")
    assert (done.code, done.out.split()[0]) == (4, "COLD")
    assert ", by worker" not in done.out


def test_ping_of_nothing(lbsls: Lbsls, account: Account) -> None:
    """A name that matches nothing is 3."""
    done = lbsls("ping", "nope")
    assert (done.code, done.out) == (3, "")
    assert "no endpoint has this id or name" in done.err


def test_ping_whose_key_the_edge_refuses(
    lbsls: Lbsls, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that only the control plane takes is told as a refused key."""
    real = Account.check_ping

    def refused(self: Account, target: str, *, timeout: float) -> Any:
        return replace(real(self, target, timeout=timeout), refused_key=True)

    monkeypatch.setattr(Account, "check_ping", refused)
    done = lbsls("ping", "api")
    assert done.code == 5
    assert "refuses the API key" in done.err


def test_ping_on_a_terminal_shows_that_it_waits(
    account: Account, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ping may take long; a terminal sees that it does."""
    resource = LoadBalancerSlsResource(name="slow", imageName="slow:1")
    account.deploy(resource, wait=False)
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    assert cli.main(["ping", "slow", "--timeout", "0.3"]) == 4
    assert "ping slow" in terminal.text()
