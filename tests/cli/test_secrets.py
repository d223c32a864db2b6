"""What the command writes has no secret in it, and neither has what a process is started with."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

import lbsls as package
from canaries import KEY, LIVE, TOKEN, leaks
from commandline import APP, Lbsls, Trigger
from lbsls import cli
from processes import family, running

Write = Callable[[str], Path]
TOML = f"""
[endpoints.api]
imageName = "app:1"
env = {{ TOKEN = "${{TOKEN}}", OTHER = "{LIVE}" }}
[local.images]
"app:1" = ["python", "{APP}"]
"""


@pytest.fixture
def secrets(toml: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment and lbsls.toml be full of them."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TOKEN", TOKEN)
    toml(TOML)


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("options", [[], ["--json"], ["-vv"], ["--json", "-vv"]], ids=" ".join)
@pytest.mark.parametrize("secret", [KEY, TOKEN, LIVE], ids=["key", "token", "live"])
@pytest.mark.parametrize("kind", [KeyError, OSError, RuntimeError])
def test_a_crash_tells_no_secret(
    lbsls: Lbsls,
    options: list[str],
    secret: str,
    kind: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever went wrong where: neither in the line, nor in a traceback, nor as JSON."""

    def crash(*args: object, **options: object) -> None:
        try:
            raise ValueError(f"cannot use {secret}")
        except ValueError as cause:
            raise kind(f"it was {secret}") from cause

    monkeypatch.setattr(package.Account, "deploy", crash)
    monkeypatch.setattr(package.Account, "endpoints", crash)
    for command in (["deploy"], ["ls"]):
        done = lbsls(*command, *options)
        assert done.code == 1
        assert "it was ***" in done.err
        assert leaks(done.out + done.err) == []


@pytest.mark.usefixtures("secrets")
def test_a_crash_before_the_file_was_read_tells_no_key(
    lbsls: Lbsls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the file would say of env is not known then, and not needed."""

    def crash(*args: object) -> None:
        raise LookupError(KEY)

    monkeypatch.setattr("lbsls.cli.config.locate", crash)
    done = lbsls("ls", "-vv")
    assert (done.code, leaks(done.out + done.err)) == (1, [])


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc here")
def test_no_process_has_a_secret_in_its_arguments(toml: Write, tmp_path: Path) -> None:
    """Everybody on the machine can read them: of the command, of a local Runpod, of its workers."""
    toml(TOML)
    environ = {**os.environ, "TOKEN": TOKEN, "LBSLS_LOCAL_API_KEY": KEY}
    command = [sys.executable, "-m", "lbsls", "deploy", "--local", "-vv"]
    seen = []
    with running(command, env=environ, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout.readline().startswith("api ")
        for pid in family(process.pid):
            with contextlib.suppress(OSError):  # one that ended meanwhile
                seen.append(Path(f"/proc/{pid}/cmdline").read_bytes())
        process.terminate()
        out, err = process.communicate(timeout=60)
    assert len(seen) >= 3
    assert any(str(APP).encode() in each for each in seen)
    assert leaks(b"\n".join(seen).decode() + out + err) == []


def test_a_local_key_may_come_from_the_environment(
    trigger: Callable[..., Trigger],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On the command line everybody on the machine could read it."""
    monkeypatch.setenv("LBSLS_LOCAL_API_KEY", "theirs")
    trigger("Ctrl-C ends it")
    assert cli.main(["local"]) == 0
    assert "export RUNPOD_API_KEY=theirs\n" in capsys.readouterr().out
