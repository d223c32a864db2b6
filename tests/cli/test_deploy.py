"""``lbsls deploy``: endpoints of lbsls.toml, several at once, on Runpod or here."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from commandline import APP, Lbsls, Terminal, Trigger
from lbsls import Account, ConfigError, HealthTimeout, LoadBalancerSlsResource, cli
from processes import running

Write = Callable[[str], Path]

TWO = f"""
[project]
name = "shop"
[endpoints.api]
imageName = "app:1"
[endpoints.web]
imageName = "app:1"
[local.images]
"app:1" = ["python", "{APP}"]
"""


def names(account: Account) -> list[str]:
    """Name what there is."""
    return [endpoint.name for endpoint in account.endpoints()]


def test_all_of_them(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """Without a name everything is deployed, as this project's; stdout says what and where."""
    toml(TWO)
    done = lbsls("deploy")
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines()]
    found = account.endpoints()
    assert rows == [[each.name, each.id, each.endpoint_url] for each in found]
    assert [str(each.mark).split("/")[:2] for each in found] == [["shop", "api"], ["shop", "web"]]
    assert done.err.count(" is healthy after ") == 2


def test_one_of_them(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """With a name that one alone; without a wait nothing is waited for."""
    toml(TWO)
    done = lbsls("deploy", "web", "--no-wait", "--timeout", "60")
    assert (done.code, names(account)) == (0, ["web"])
    assert "healthy" not in done.err


@pytest.mark.parametrize("first", [True, False])
def test_another_file(
    lbsls: Lbsls, account: Account, toml: Write, tmp_path: Path, first: bool
) -> None:
    """--config names the file, before or behind the command's name."""
    other = toml(TWO).rename(tmp_path / "other.toml")
    option = ["--config", str(other)]
    words = ["deploy", "web", "--no-wait"]
    assert lbsls(*(option + words if first else words + option)).code == 0
    assert names(account) == ["web"]


def test_json(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """One document on stdout; what happens meanwhile is on stderr."""
    toml(TWO)
    document = json.loads(lbsls("deploy", "--json").out)
    assert [each["name"] for each in document["endpoints"]] == ["api", "web"]
    assert document["endpoints"][0]["url"].startswith("http://127.0.0.1:")
    assert document["endpoints"][0]["mark"].startswith("shop/api/")
    assert (document["failed"], "environ" in document) == ([], False)


def test_again_changes_what_differs(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """A second deploy finds what is there, a changed file changes it."""
    toml(TWO)
    lbsls("deploy", "api")
    assert "found api (" in lbsls("deploy", "api").err
    toml(TWO.replace("[endpoints.api]\n", "[endpoints.api]\nworkersMax = 1\n"))
    assert "workersMax" in lbsls("deploy", "api").err


def test_what_is_not_ours(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """Somebody else's endpoint is refused with the difference, and changed when told to."""
    toml(TWO)
    other = LoadBalancerSlsResource(name="api", imageName="app:1", workersMax=1)
    with Account(
        account.environ()["RUNPOD_API_KEY"], base_url=account.base_url, project="theirs"
    ) as theirs:
        theirs.deploy(other, wait=False)
    toml(TWO.replace("[endpoints.api]\n", "[endpoints.api]\nworkersMax = 2\n"))
    done = lbsls("deploy", "api", "--no-wait")
    assert (done.code, done.out) == (1, "")
    assert "was not created by this project" in done.err
    assert "adopt=False was given" in lbsls("deploy", "api", "--no-wait", "--no-adopt").err
    assert lbsls("deploy", "api", "--no-wait", "--adopt").code == 0


def test_one_fails_and_the_other_is_finished(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """The code is that of what failed, stdout has what did not."""
    toml(TWO.replace('"app:1"\n[endpoints.web]', '"slow:1"\n[endpoints.web]'))
    assert lbsls("deploy", "web").code == 0  # up, it needs no time below
    done = lbsls("deploy", "--json", "--timeout", "3")
    document = json.loads(done.out)
    assert done.code == 4
    assert [each["name"] for each in document["endpoints"]] == ["web"]
    (failed,) = document["failed"]
    assert (failed["name"], failed["type"], failed["exit"]) == ("api", "HealthTimeout", 4)
    assert f"LB endpoint api ({failed['id']}) failed to become healthy within 3s" in done.err
    assert names(account) == ["api", "web"]


def test_what_fails_is_removed_when_asked_for(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """With --cleanup on-failure nothing is left of what this run created."""
    toml(TWO.replace('"app:1"\n[endpoints.web]', '"slow:1"\n[endpoints.web]'))
    done = lbsls("deploy", "api", "--json", "--timeout", "3", "--cleanup", "on-failure")
    (failed,) = json.loads(done.out)["failed"]
    assert (done.code, failed["name"], failed["id"]) == (4, "api", None)
    assert "The endpoint was removed again" in done.err
    assert names(account) == []


def test_failures_of_several_kinds(
    lbsls: Lbsls, account: Account, toml: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is told, and the code is 1."""

    def fail(self: Account, resource: LoadBalancerSlsResource, **options: Any) -> None:
        if resource.name == "api":
            raise HealthTimeout("api", "i", 1.0)
        raise ConfigError("web", [])

    toml(TWO)
    monkeypatch.setattr(Account, "deploy", fail)
    done = lbsls("deploy")
    assert (done.code, done.out, done.err.count("error: ")) == (1, "", 2)


def test_a_bug_in_a_deployment_is_told_as_one(
    lbsls: Lbsls, account: Account, toml: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong in a thread is not lost there."""

    def fail(self: Account, resource: LoadBalancerSlsResource, **options: Any) -> None:
        raise KeyError("x")

    toml(TWO)
    monkeypatch.setattr(Account, "deploy", fail)
    done = lbsls("deploy", "api")
    assert (done.code, done.err) == (1, "error: unexpected KeyError: 'x' (-vv shows where)\n")


def test_verbose_leaves_progress_to_the_log(lbsls: Lbsls, account: Account, toml: Write) -> None:
    """Nothing is said twice."""
    toml(TWO)
    done = lbsls("deploy", "-v", "api")
    assert done.err.count("created api") == 1
    assert " INFO created api" in done.err


def test_local_until_ctrl_c(
    toml: Write, capsys: pytest.CaptureFixture[str], trigger: Callable[..., Trigger]
) -> None:
    """It serves until Ctrl-C, which is its ordinary end."""
    toml(TWO)
    stream = trigger("another shell")
    assert cli.main(["deploy", "--local"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["api", "web"]
    assert stream.getvalue().endswith("stopped; nothing is left\n")


def test_local_says_how_others_get_there(toml: Write, tmp_path: Path) -> None:
    """The address works from another shell, with the variables that were printed."""
    toml(TWO)
    command = [sys.executable, "-m", "lbsls", "deploy", "--local", "api", "--json"]
    with running(command, stdout=PIPE, stderr=PIPE) as process:
        lines = [process.stdout.readline()]
        while lines[-1] not in {"}\n", ""}:
            lines.append(process.stdout.readline())
        document = json.loads("".join(lines))
        environ = document["environ"]
        with Account(environ["RUNPOD_API_KEY"], base_url=environ["RUNPOD_API_BASE_URL"]) as here:
            assert here.request("api", "GET", "/x").json()["path"] == "/x"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_local_and_exit(lbsls: Lbsls, toml: Write) -> None:
    """A check that everything comes up needs no Ctrl-C."""
    toml(TWO)
    done = lbsls("deploy", "--local", "--exit", "api")
    assert (done.code, done.out.split()[0]) == (0, "api")
    assert "Ctrl-C" not in done.err


def test_local_does_not_serve_what_failed(lbsls: Lbsls, toml: Write) -> None:
    """A failed local deployment ends with its code."""
    toml('[endpoints.api]\ntemplateId = "nope"\nexecutionTimeoutMs = 600000')
    done = lbsls("deploy", "--local")
    assert (done.code, done.out) == (3, "")
    assert "warning: api: executionTimeoutMs" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--exit"], "--exit goes with --local"),
        (["nope"], "it declares no endpoint 'nope'"),
        (["--timeout", "-1"], "--timeout"),
        (["--local"], "image 'app:1' has no command for the local Runpod"),
    ],
)
def test_mistakes_are_2(lbsls: Lbsls, toml: Write, arguments: list[str], said: str) -> None:
    """Nothing is deployed that was not meant."""
    toml(TWO.split("[local")[0])
    done = lbsls("deploy", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_ctrl_c_says_what_exists(
    account: Account, toml: Write, trigger: Callable[..., Trigger]
) -> None:
    """Prompt, one line, 130; what was created is named with the command that removes it."""
    toml('[endpoints.api]\nimageName = "slow:1"')
    stream = trigger("waiting for api")
    assert cli.main(["deploy"]) == 130
    (endpoint,) = account.endpoints()
    assert stream.getvalue().splitlines()[-1] == (
        f"lbsls: interrupted; api ({endpoint.id}) exists and was not seen healthy: "
        f"`lbsls rm {endpoint.id}`"
    )


def test_sigterm_of_a_local_deployment(toml: Write, trigger: Callable[..., Trigger]) -> None:
    """143, and nothing exists any more."""
    toml(TWO)
    stream = trigger("created", signal.SIGTERM)
    assert cli.main(["deploy", "--local"]) == 143
    says = "lbsls: terminated; the local Runpod is stopped, and all that was in it is gone"
    assert stream.getvalue().splitlines()[-1] == says


def test_a_terminal_sees_the_wait(
    account: Account,
    toml: Write,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A live line says what is waited for; what lasts stays above it."""
    toml(TWO)
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    assert cli.main(["deploy", "api"]) == 0
    text = terminal.text()
    assert "created api (" in text
    assert "\x1b[?25h" in text, "the cursor is back"
    assert "✔" in text
    assert "of 300s" in text


def test_no_color(
    account: Account, toml: Write, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR is heard, on a terminal too."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    assert cli.main(["deploy"]) == 2
    assert terminal.text().startswith("error: lbsls.toml: there is none here")
