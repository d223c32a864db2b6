"""The command as a whole: help, version, exit codes, and how a run ends that was cut short."""

from __future__ import annotations

import io
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest
from click.testing import CliRunner

import lbsls as package
from commandline import Lbsls
from lbsls import cli as command
from lbsls.cli import app, exits
from lbsls.cli.interrupts import signals_as_errors
from lbsls.cli.output import Output
from lbsls.errors import (
    AuthError,
    ConfigError,
    HealthTimeout,
    NotFound,
    PermissionDenied,
    ServerError,
    Violation,
)
from processes import running
from servers import reply, serving

COMMANDS = ["demo", "local", "deploy", "diff", "ls", "ping", "call", "rm", "prune"]


def test_version(lbsls: Lbsls) -> None:
    """``lbsls --version`` says which it is."""
    assert lbsls("--version") == (0, f"lbsls {package.__version__}\n", "")


def test_help_shows_how_to_begin(lbsls: Lbsls) -> None:
    """The help has examples, a file to copy, the exit codes and every command."""
    done = lbsls("--help")
    assert done.code == 0
    for text in ("  lbsls demo\n", "  [endpoints.api]\n", "  0  done  ", "130, 143"):
        assert text in done.out
    assert [name for name in COMMANDS if f"\n  {name} " not in done.out] == []
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(lbsls: Lbsls, name: str) -> None:
    """What a command does can be read without running it."""
    done = lbsls(name, "-h")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: lbsls {name} ")
    assert "\\b" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_help_is_light() -> None:
    """Help and version come at once: nothing that talks or draws is imported for them."""
    code = (
        "import sys; from lbsls.cli import main; main(['--help']); "
        "print([m for m in ('rich', 'requests', 'attrs', 'aiohttp', 'asyncio') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_wrong_command_line_is_2(lbsls: Lbsls) -> None:
    """A typing mistake does nothing and says so."""
    done = lbsls("lss")
    assert (done.code, done.out) == (2, "")
    assert "No such command 'lss'" in done.err


def test_no_command_shows_the_help(lbsls: Lbsls) -> None:
    """Somebody who types ``lbsls`` learns what there is."""
    done = lbsls()
    assert done == lbsls("--help")


def test_python_m_lbsls() -> None:
    """The command works where its script is not on the PATH."""
    done = subprocess.run(
        [sys.executable, "-m", "lbsls", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"lbsls {package.__version__}\n"


def test_python_m_lbsls_in_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The module ends with the code of the command."""
    monkeypatch.setattr(sys, "argv", ["lbsls", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("lbsls", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"lbsls {package.__version__}\n"
    assert "main" in runpy.run_module("lbsls", run_name="elsewhere")


def test_without_the_extra_it_says_what_to_install(
    lbsls: Lbsls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``pip install lbsls`` alone gives a sentence and no traceback."""
    monkeypatch.setitem(sys.modules, "click", None)
    done = lbsls("--help")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("lbsls: the command line needs the extra 'cli': pip install")
    assert done.err.count("\n") == 1


def test_without_the_local_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """``lbsls demo`` without aiohttp gives a sentence and no traceback."""
    code = (
        "import sys; sys.modules['aiohttp'] = None; "
        "from lbsls.cli import main; sys.exit(main(['local']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: this needs aiohttp: pip install 'lbsls[local]'\n"


def test_without_a_key_it_says_what_to_set(lbsls: Lbsls) -> None:
    """The library's own message, and a code of its own."""
    done = lbsls("ls")
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith("error: RUNPOD_API_KEY is not set in the environment. Make a key")


def test_a_failure_is_a_json_document_too(lbsls: Lbsls) -> None:
    """A machine reads what went wrong where it reads what went right."""
    done = lbsls("ls", "--json")
    error = json.loads(done.out)["error"]
    assert (error["type"], error["exit"], done.code) == ("ConfigError", 5, 5)


def test_there_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """What fails after the result was written does not spoil the JSON."""
    output = Output()
    output.document([1])
    output.document([2])
    assert json.loads(capsys.readouterr().out) == [1]


def test_nobody_listens_there(lbsls: Lbsls, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is 1, with the library's message."""
    monkeypatch.setenv("RUNPOD_API_KEY", "key")
    monkeypatch.setenv("RUNPOD_API_BASE_URL", "http://127.0.0.1:1")
    done = lbsls("ls")
    assert (done.code, done.out) == (1, "")
    assert "nothing was sent" in done.err
    assert "Traceback" not in done.err


def test_a_bug_is_one_line_and_a_traceback_on_demand(
    lbsls: Lbsls, account: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even what nobody expected ends in a line that says how to learn more."""

    def fail(self: object) -> None:
        raise KeyError("x")

    with monkeypatch.context() as patch:
        patch.setattr(package.Account, "endpoints", fail)
        done = lbsls("ls")
        assert (done.code, done.err) == (1, "error: unexpected KeyError: 'x' (-vv shows where)\n")
        assert "Traceback" in lbsls("ls", "-vv").err


def test_a_system_without_a_local_runpod(lbsls: Lbsls, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows the local Runpod says where it works."""

    def fail(*arguments: object, **options: object) -> None:
        raise NotImplementedError("the local Runpod needs Linux or macOS")

    monkeypatch.setattr("lbsls.local.runpod", fail)
    done = lbsls("local")
    assert (done.code, done.err) == (1, "error: the local Runpod needs Linux or macOS\n")


def test_verbose_writes_the_log(lbsls: Lbsls, api: str) -> None:
    """-v is the log of the library, -vv all of it; before or behind the command's name."""
    assert "DEBUG" not in lbsls("-v", "ping", "api").err
    assert "DEBUG ping api: READY" in lbsls("ping", "api", "-vv").err
    assert "DEBUG ping api: READY" in lbsls("-v", "ping", "api", "-v").err
    assert lbsls("ping", "api").err == ""


def test_hosts_can_be_named(lbsls: Lbsls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http only where it is allowed by name, on the command line or in the environment."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNPOD_API_KEY", "key")
    monkeypatch.setenv("RUNPOD_API_BASE_URL", "http://gw.test")
    done = lbsls("ls")
    assert (done.code, "name it: allow_http='gw.test'" in done.err) == (2, True)
    with serving(reply("200 OK", b'{"endpoints": []}')) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert lbsls("--allow-http", "gw.test", "ls").code == 0
        monkeypatch.setenv("LBSLS_ALLOW_HTTP", "gw.test")
        assert lbsls("ls").code == 0
    assert len(proxy.asked) == 2
    assert "trusted_hosts must name hosts" in lbsls("--trust-host", "*", "ls").err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AuthError("w"), 5),
        (PermissionDenied("w"), 5),
        (NotFound("w"), 3),
        (HealthTimeout("n", "i", 1.0), 4),
        (ConfigError("c", [Violation("f", "r")]), 2),
        (ConfigError("c", [Violation("RUNPOD_API_KEY", "r")]), 5),
        (ServerError("w"), 1),
        (RuntimeError("w"), 1),
    ],
)
def test_exit_codes(error: Exception, code: int) -> None:
    """A script can tell failures apart."""
    assert exits.code_of(error) == code


@pytest.mark.parametrize(
    ("codes", "code"), [([], 0), ([0, 0], 0), ([0, 4], 4), ([4, 4], 4), ([3, 4], 1)]
)
def test_one_code_for_several(codes: list[int], code: int) -> None:
    """Several failures of one kind have its code, of several kinds 1."""
    assert exits.worst(codes) == code


@pytest.fixture
def closed_pipe() -> Iterator[io.TextIOWrapper]:
    """Open a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    with io.TextIOWrapper(io.FileIO(writer, "wb"), write_through=True) as stream:
        yield stream


@pytest.mark.parametrize("arguments", [["--help"], ["ping", "api"], ["call", "api"]])
def test_a_broken_pipe_is_silent(
    api: str,
    arguments: list[str],
    closed_pipe: io.TextIOWrapper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``lbsls ls | head -1`` ends without a complaint."""
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stdout", closed_pipe)
    monkeypatch.setattr(sys, "stderr", errors)
    assert (command.main(arguments), errors.getvalue()) == (141, "")


def test_a_broken_pipe_is_silent_to_the_end(api: str) -> None:
    """The interpreter, which flushes last, has nothing to complain about either."""
    command = [sys.executable, "-m", "lbsls", "ls"]
    with running(command, stdout=PIPE, stderr=PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 141


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ping", "api"], "nothing was changed"),
        (["call", "api"], "may have been done all the same"),
    ],
)
def test_a_signal_is_one_line(
    api: str,
    lbsls: Lbsls,
    number: int,
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C and SIGTERM end a command with one line and the code that shells know."""

    def stop(*arguments: object, **options: object) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr(package.Account, "check_ping", stop)
    monkeypatch.setattr(package.Account, "request", stop)
    done = lbsls(*arguments)
    assert (done.code, done.out) == (128 + number, "")
    assert done.err.startswith("lbsls: interrupted; " if number == 2 else "lbsls: terminated; ")
    assert says in done.err
    assert done.err.count("\n") == 1


def test_signals_that_are_ignored_stay_so() -> None:
    """What a shell runs in the background does not end with Ctrl-C in the foreground."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with signals_as_errors():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_runs_in_a_thread(capsys: pytest.CaptureFixture[str]) -> None:
    """Where signals cannot be heard, the command works without."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(command.main(["--version"])))
    thread.start()
    thread.join()
    assert codes == [0]


def test_completion_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shell can complete the names of commands."""
    monkeypatch.setenv("_LBSLS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "lbsls ")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit) as ended:
        command.main([])
    assert ended.value.code == 0
    words = capsys.readouterr().out.split()
    assert [word.removeprefix("plain,") for word in words] == COMMANDS


def test_it_is_a_click_command() -> None:
    """Whoever builds on it can run it as click programs are run."""
    result = CliRunner().invoke(app.cli, ["--version"])
    assert (result.exit_code, result.output) == (0, f"lbsls {package.__version__}\n")
