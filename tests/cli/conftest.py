"""What tests of the command share: a run of it, a local Runpod, a terminal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commandline import APP, Done, Lbsls, Terminal, Trigger
from lbsls import Account, Endpoint, LoadBalancerSlsResource, cli, local

IMAGES = {
    "app:1": ["python", str(APP)],
    "crash:1": ["python", "-c", "raise SystemExit('no model')"],
    "slow:1": ["python", "-c", "import time; time.sleep(600)"],
}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start each test in an empty folder, with no account and nothing of the caller's taste."""
    for name in ("RUNPOD_API_KEY", "RUNPOD_API_BASE_URL", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def lbsls(capsys: pytest.CaptureFixture[str]) -> Lbsls:
    """Run the command in this process."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = cli.main(arguments)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def runpod() -> Iterator[Account]:
    """Give the account of a local Runpod that all tests share."""
    with local.runpod(IMAGES) as account:
        yield account


@pytest.fixture
def account(runpod: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Give the same account, empty, and let the environment name it."""
    for name, value in runpod.environ().items():
        monkeypatch.setenv(name, value)
    yield runpod
    for endpoint in runpod.endpoints():
        runpod.undeploy(endpoint)


@pytest.fixture(scope="session")
def served() -> Iterator[Endpoint]:
    """Give an endpoint that is up, on a local Runpod of its own."""
    resource = LoadBalancerSlsResource(name="api", imageName="app:1", workersMin=1)
    with local.runpod(IMAGES) as account:
        yield account.deploy(resource)


@pytest.fixture
def api(served: Endpoint, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the environment name an account that has an endpoint named api, and give its id."""
    for name, value in served.account.environ().items():
        monkeypatch.setenv(name, value)
    return served.id


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str], Path]:
    """Write lbsls.toml into the current folder."""

    def write(text: str) -> Path:
        path = tmp_path / "lbsls.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """Open a terminal."""
    opened = Terminal()
    yield opened
    opened.close()
    os.close(opened._master)


@pytest.fixture
def trigger(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trigger]:
    """Put a trigger in the place of stderr."""

    def put(text: str, number: int = signal.SIGINT) -> Trigger:
        stream = Trigger(text, number)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return put
