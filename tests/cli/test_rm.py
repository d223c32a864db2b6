"""``lbsls rm``: deletes what was meant, after asking."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from commandline import Lbsls, Terminal
from lbsls import Account, LoadBalancerSlsResource, ServerError

Write = Callable[[str], Path]


@pytest.fixture
def ids(account: Account) -> list[str]:
    """Create a, b and c, and give their ids."""
    resources = [LoadBalancerSlsResource(name=name, imageName="app:1") for name in "abc"]
    return [account.deploy(resource, wait=False).id for resource in resources]


def names(account: Account) -> list[str]:
    """Name what there is."""
    return [endpoint.name for endpoint in account.endpoints()]


def test_by_name_and_by_id(lbsls: Lbsls, account: Account, ids: list[str]) -> None:
    """Both mean one endpoint; named twice it is deleted once."""
    done = lbsls("rm", "-y", "a", ids[1], "b")
    assert done == (0, f"deleted a ({ids[0]})\ndeleted b ({ids[1]})\n", "")
    assert names(account) == ["c"]


def test_one_that_is_not_there(lbsls: Lbsls, account: Account, ids: list[str]) -> None:
    """The others are deleted, and the code says that something was not found."""
    done = lbsls("rm", "--yes", "nope", "a", "--json")
    document = json.loads(done.out)
    assert (done.code, names(account)) == (3, ["b", "c"])
    assert document["removed"] == [{"name": "a", "id": ids[0]}]
    assert document["failed"][0]["type"] == "NotFound"
    assert "find 'nope'" in done.err


def test_nothing_named(lbsls: Lbsls, account: Account, ids: list[str]) -> None:
    """``lbsls rm`` alone deletes nothing."""
    done = lbsls("rm", "--yes")
    assert done.code == 2
    assert "Name what to delete, or write --all" in done.err
    assert names(account) == ["a", "b", "c"]


def test_all_of_the_file(lbsls: Lbsls, account: Account, ids: list[str], toml: Write) -> None:
    """What is declared and not there is no error; what is there and not declared stays."""
    toml('[endpoints.a]\nimageName = "x"\n[endpoints.z]\nimageName = "x"')
    assert lbsls("rm", "--all", "--yes") == (0, f"deleted a ({ids[0]})\n", "")
    assert lbsls("rm", "--all", "--yes") == (0, "", "there is nothing to delete\n")
    assert names(account) == ["b", "c"]
    assert lbsls("rm", "--all", "b").code == 2


def test_all_of_the_file_is_of_its_project(
    lbsls: Lbsls, account: Account, ids: list[str], toml: Write
) -> None:
    """What another project made under a declared name stays, unless it is named."""
    toml('[project]\nname = "shop"\n[endpoints.a]\nimageName = "x"')
    done = lbsls("rm", "--all", "--yes")
    assert (done.code, done.out, names(account)) == (1, "", ["a", "b", "c"])
    assert "was not created by this project but by lbsls without a project" in done.err
    assert lbsls("rm", "--yes", "a") == (0, f"deleted a ({ids[0]})\n", "")


def test_all_without_a_file(lbsls: Lbsls, account: Account) -> None:
    """--all is of a file, never of the whole account."""
    done = lbsls("rm", "--all", "--yes")
    assert done.code == 2
    assert "there is none here" in done.err


def test_a_pipe_needs_yes(lbsls: Lbsls, account: Account, ids: list[str]) -> None:
    """Where nobody can answer, nothing is deleted."""
    done = lbsls("rm", "a")
    assert (done.code, done.out) == (2, "")
    assert f"This would delete a ({ids[0]}). Write --yes to mean it." in done.err
    assert len(names(account)) == 3


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, "bc"), ("n", 1, "abc")])
def test_a_terminal_is_asked(
    lbsls: Lbsls,
    account: Account,
    ids: list[str],
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    left: str,
) -> None:
    """It asks with name and id, and no means no."""
    with open(terminal.file.fileno(), encoding="utf-8", closefd=False) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        terminal.type(f"{answer}\n")
        done = lbsls("rm", "a")
    assert (done.code, names(account)) == (code, list(left))
    assert f"Delete a ({ids[0]})? [y/N]" in done.out + done.err
    assert ("nothing was changed" in done.err) == (answer == "n")


def test_it_was_gone_already(
    lbsls: Lbsls, account: Account, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody else deletes meanwhile is as good as deleted."""
    real = Account.undeploy

    def twice(self: Account, target: Any) -> bool:
        real(self, target)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Account, "undeploy", twice)
        assert lbsls("rm", "-y", "a") == (0, f"was gone already: a ({ids[0]})\n", "")


def test_one_that_cannot_be_deleted(
    lbsls: Lbsls, account: Account, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are deleted all the same."""
    real = Account.undeploy

    def fail(self: Account, target: Any) -> bool:
        if target.name == "a":
            raise ServerError("delete a", status=500)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Account, "undeploy", fail)
        done = lbsls("rm", "-y", "a", "b")
    assert (done.code, done.out) == (1, f"deleted b ({ids[1]})\n")
    assert "delete a: 500" in done.err
    assert names(account) == ["a", "c"]


@pytest.mark.parametrize(("stop_at", "deleted"), [("a", "nothing yet"), ("b", "a")])
def test_ctrl_c_says_what_is_deleted(
    lbsls: Lbsls,
    account: Account,
    ids: list[str],
    monkeypatch: pytest.MonkeyPatch,
    stop_at: str,
    deleted: str,
) -> None:
    """Who interrupts knows what is gone."""
    real = Account.undeploy

    def stop(self: Account, target: Any) -> bool:
        if target.name == stop_at:
            signal.raise_signal(signal.SIGINT)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Account, "undeploy", stop)
        done = lbsls("rm", "-y", "a", "b")
    says = f"lbsls: interrupted; deleted: {deleted}; see `lbsls ls`\n"
    assert (done.code, done.err) == (130, says)


def test_a_name_of_two(lbsls: Lbsls, account: Account, ids: list[str]) -> None:
    """Two endpoints of one name are told with their ids, and stay; the others are deleted."""
    body = {
        "name": "twin",
        "type": "LOAD_BALANCER",
        "image": "app:1",
        "gpu": {"pools": ["AMPERE_16"]},
        "scaling": {"type": "REQUEST_COUNT", "requestCount": 1},
    }
    headers = {"Authorization": f"Bearer {account.environ()['RUNPOD_API_KEY']}"}
    for _ in range(2):
        url = f"{account.base_url}/v2/serverless"
        requests.post(url, json=body, headers=headers, timeout=10).raise_for_status()
    done = lbsls("rm", "--yes", "twin", "b")
    assert (done.code, done.out) == (1, f"deleted b ({ids[1]})\n")
    assert "2 endpoints are named 'twin'" in done.err
    assert names(account) == ["a", "c", "twin", "twin"]
