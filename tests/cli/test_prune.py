"""``lbsls prune``: deletes what this project deployed and declares no more, after asking."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commandline import Lbsls, Terminal
from lbsls import Account, LoadBalancerSlsResource, ServerError

Write = Callable[[str], Path]
FILE = '[project]\nname = "shop"\n[endpoints.a]\nimageName = "app:1"\n'


@pytest.fixture
def ids(account: Account, toml: Write) -> Iterator[dict[str, str]]:
    """Create a, b and c of this project, and x of another, and give their ids."""
    toml(FILE)
    key = account.environ()["RUNPOD_API_KEY"]
    for project, names in (("shop", "abc"), ("blog", "x"), (None, "y")):
        with Account(key, base_url=account.base_url, project=project) as owner:
            for name in names:
                owner.deploy(LoadBalancerSlsResource(name=name, imageName="app:1"), wait=False)
    return {endpoint.name: endpoint.id for endpoint in account.endpoints()}


def left(account: Account) -> str:
    """Name what there is."""
    return "".join(endpoint.name for endpoint in account.endpoints())


def test_with_yes(lbsls: Lbsls, account: Account, ids: dict[str, str]) -> None:
    """What is declared stays, and so does what is not this project's."""
    done = lbsls("prune", "--yes")
    assert done == (0, f"deleted b ({ids['b']})\ndeleted c ({ids['c']})\n", "")
    assert left(account) == "axy"
    assert lbsls("prune", "--yes") == (0, "", "there is nothing to delete\n")


def test_a_pipe_needs_yes(lbsls: Lbsls, account: Account, ids: dict[str, str]) -> None:
    """Where nobody can answer, it lists, deletes nothing, and says what to type."""
    done = lbsls("prune")
    assert (done.code, done.out, left(account)) == (2, "", "abcxy")
    assert f"b  {ids['b']}  " in done.err
    assert f"This would delete b ({ids['b']}), c ({ids['c']}). Write --yes to mean it." in done.err


@pytest.mark.parametrize(("answer", "code", "stays"), [("y", 0, "axy"), ("n", 1, "abcxy")])
def test_a_terminal_is_asked(
    lbsls: Lbsls,
    account: Account,
    ids: dict[str, str],
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    stays: str,
) -> None:
    """No means no."""
    with open(terminal.file.fileno(), encoding="utf-8", closefd=False) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        terminal.type(f"{answer}\n")
        done = lbsls("prune")
    assert (done.code, left(account)) == (code, stays)


def test_as_json(lbsls: Lbsls, account: Account, ids: dict[str, str]) -> None:
    """One document says what was deleted."""
    document = json.loads(lbsls("prune", "-y", "--json").out)
    assert document == {
        "removed": [{"name": name, "id": ids[name]} for name in "bc"],
        "failed": [],
    }


def test_without_a_project_it_only_lists(
    lbsls: Lbsls, account: Account, ids: dict[str, str], toml: Write
) -> None:
    """It says how to set a name; --yes cannot be obeyed then, and the code says so."""
    toml('[endpoints.a]\nimageName = "app:1"\n')
    done = lbsls("prune")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"y  {ids['y']}  ")
    assert 'Name it in lbsls.toml:\n\n    [project]\n    name = "my-shop"' in done.err
    forced = lbsls("prune", "--yes", "--json")
    document = json.loads(forced.out)
    assert (forced.code, [each["name"] for each in document["orphans"]]) == (2, ["y"])
    toml('[endpoints.y]\nimageName = "app:1"\n')
    assert lbsls("prune", "--yes") == (0, "", "there is nothing to delete\n")
    assert left(account) == "abcxy"


def test_without_a_file(lbsls: Lbsls, account: Account, tmp_path: Path) -> None:
    """Without a declaration nothing is undeclared."""
    done = lbsls("prune", "--yes")
    assert done.code == 2
    assert "there is none here" in done.err


def test_what_changed_meanwhile_stays(
    lbsls: Lbsls, account: Account, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is gone, or was taken over by somebody, is told and not counted."""
    found = account.endpoints()

    def stale(self: Account, declared: object) -> object:
        return tuple(endpoint for endpoint in found if endpoint.name in "bx")

    with monkeypatch.context() as patch:
        patch.setattr(Account, "orphans", stale)
        done = lbsls("prune", "--yes", "--json")
        assert json.loads(done.out)["removed"] == [{"name": "b", "id": ids["b"]}]
        text = lbsls("prune", "--yes").out
    assert text.splitlines() == [
        f"is gone, or no orphan any more: {name} ({ids[name]})" for name in "bx"
    ]


def test_one_that_cannot_be_deleted(
    lbsls: Lbsls, account: Account, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are deleted all the same."""
    real = Account.prune

    def fail(self: Account, declared: list[str], *, only: list[object]) -> object:
        if getattr(only[0], "name", "") == "b":
            raise ServerError("delete b", status=500)
        return real(self, declared, only=only)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Account, "prune", fail)
        done = lbsls("prune", "-y")
    assert (done.code, done.out) == (1, f"deleted c ({ids['c']})\n")
    assert "delete b: 500" in done.err
    assert left(account) == "abxy"
