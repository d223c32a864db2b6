"""``lbsls demo``: the first thing that anybody sees of lbsls."""

from __future__ import annotations

import ast
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from commandline import Lbsls, Terminal, Trigger
from lbsls import Account, cli
from lbsls.cli import demo, demo_app, demo_view
from lbsls.cli.demo import DemoFailed
from lbsls.cli.demo_view import Plain, bar
from processes import running


class Quiet:
    """A view that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *parts: self.told.append(" ".join(map(str, [name, *parts])))


def test_all_of_it_happens(lbsls: Lbsls) -> None:
    """Deployed, called, scaled out, scaled to zero, taken down; in 80 columns."""
    done = lbsls("demo")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    steps = re.findall(r"^ *[0-9.]+s  ([a-z]+)", done.out, flags=re.MULTILINE)
    assert steps == ["start", "deploy", "call", "burst", "idle", "undeploy"]
    verified = [line[18:] for line in lines if line[8:9] == "✔"]
    assert len(verified) == 7
    assert verified[2].startswith('200 {"hello": "you", "worker": ')
    assert verified[3].endswith("none lost, by 3 workers:")
    assert verified[6] == "3 worker processes have ended, nothing is left"
    assert demo.SCRIPT.splitlines()[0] in done.out
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.out


def test_its_script_works(tmp_path: Path) -> None:
    """What it says to paste can be pasted."""
    script = tmp_path / "script.py"
    script.write_text(demo.SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=60
    )
    assert ast.literal_eval(done.stdout)["hello"] == "you"
    assert len(demo.SCRIPT.splitlines()) == 5


def test_what_it_shows_is_what_it_deploys() -> None:
    """The declaration on the screen is the one in the program."""
    shown = eval(demo.DECLARED, {"LoadBalancerSlsResource": type(demo.RESOURCE)})
    assert shown == demo.RESOURCE


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run the sample app in a thread, and give its address."""
    monkeypatch.setattr(demo_app, "WORK", 0.0)
    monkeypatch.setattr(demo_app, "LOADING", 1e9)
    with demo_app.Server(("127.0.0.1", 0), demo_app.Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_app_loads_and_then_serves(app: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers as a load-balanced worker should: 204 while it loads, then 200."""
    with requests.Session() as session:
        assert session.get(f"{app}/ping").status_code == 204
        monkeypatch.setattr(demo_app, "LOADING", 0.0)
        assert session.get(f"{app}/ping").status_code == 200
        assert session.get(f"{app}/hello").json()["hello"] == "world"
        assert session.get(f"{app}/work").json()["pid"] == os.getpid()
        assert session.get(f"{app}/nope").status_code == 404


def test_the_app_runs_alone() -> None:
    """``python -m lbsls.cli.demo_app`` serves on $PORT."""
    command = [sys.executable, "-m", "lbsls.cli.demo_app"]
    with running(command, env={**os.environ, "PORT": "0"}, stdout=PIPE) as process:
        port = process.stdout.readline().removeprefix("listening on port ").strip()
        assert requests.get(f"http://127.0.0.1:{port}/ping", timeout=10).status_code == 204
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM


def test_a_step_that_fails_is_told(lbsls: Lbsls, monkeypatch: pytest.MonkeyPatch) -> None:
    """1, the reason, and no traceback."""

    def fail(view: demo_view.View) -> None:
        raise DemoFailed("its workers did not stop")

    monkeypatch.setattr(demo, "perform", fail)
    done = lbsls("demo")
    assert (done.code, done.err) == (1, "")
    assert done.out.endswith("s  ✘         its workers did not stop\n")


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, 130, and nothing is left."""
    stream = Trigger("created demo")
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(["demo"]) == 130
    says = "lbsls: interrupted; the local Runpod is stopped, nothing is left\n"
    assert capsys.readouterr().err == says


def test_a_deployment_that_fails(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's reason is the demo's."""
    refused = type(demo.RESOURCE)(name="demo", templateId="nope")
    monkeypatch.setattr(demo, "RESOURCE", refused)
    with pytest.raises(DemoFailed, match=r"deploying failed: .*(nope|template)"):
        demo._deploy(Quiet(), account)


def test_a_request_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst in which one request is lost is no success."""

    def fail(path: str, timeout: float) -> None:
        raise OSError("connection lost")

    endpoint: Any = SimpleNamespace(get=fail, workers=lambda: ())
    with pytest.raises(DemoFailed, match=r"a request failed: .*connection lost"):
        demo._burst(Quiet(), endpoint)


def test_workers_that_never_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting has an end."""
    monkeypatch.setattr(demo, "PATIENCE", 0.1)
    endpoint: Any = SimpleNamespace(workers=lambda: [SimpleNamespace(is_up=True)])
    view = Quiet()
    with pytest.raises(DemoFailed, match="did not stop"):
        demo._idle(view, endpoint)
    assert view.told.count("note 1 worker") == 1


def test_processes_that_are_left_are_seen() -> None:
    """The last check can fail."""
    assert demo._is_alive(os.getpid())


def play(view: demo_view.View) -> None:
    """Let a view show one of everything."""
    view.heading("heading", "more")
    view.step("step", "text")
    view.live("working", {"aaaaaaaaaa": 3})
    view.note("note")
    view.code("one\ntwo")
    view.spread({"aaaaaaaaaa": 3, "bbbbbbbbbb": 0})
    view.good("good")
    view.bad("bad")
    view.closing("closing", "code", "more")


def test_a_terminal_gets_colours_and_a_live_part(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same text as a pipe gets, and more."""
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    with demo_view.open_view() as view:
        play(view)
        view.live("working", {"aaaaaaaaaa": 3})
        view.region.refresh()  # type: ignore[attr-defined]
        view.live("", {})
        view.region.refresh()  # type: ignore[attr-defined]
    text = terminal.text()
    for part in ("heading", "✔", "✘", "███", "aaaaaaa", "working", "\x1b[", "closing"):
        assert part in text


@pytest.mark.parametrize(
    ("encoding", "mark", "block"), [("utf-8", "✔", "███ 3"), ("ascii", "ok", "### 3")]
)
def test_a_pipe_gets_what_its_encoding_has(
    encoding: str, mark: str, block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No terminal and no locale can make the demo fail."""
    content = io.BytesIO()
    with io.TextIOWrapper(content, encoding=encoding) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        play(Plain())
        text = content.getvalue().decode(encoding)
    assert f"s  {mark:<8}  good\n" in text
    assert block in text
    assert "working" not in text


@pytest.mark.parametrize(
    ("count", "most", "length"), [(0, 5, 0), (5, 5, 5), (36, 36, 36), (72, 72, 36), (1, 999, 1)]
)
def test_bars(count: int, most: int, length: int) -> None:
    """A block each as long as that fits; nobody who worked is without."""
    assert bar(count, most, "#") == "#" * length
