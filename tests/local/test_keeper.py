"""The keeper: one command in a group of its own, that ends with whoever wanted it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbsls.local import keeper

from .conftest import eventually

READY = "import signal, sys; print('ready', flush=True);"
SLEEP = f"{READY} signal.pause()"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
PARENT = f"""
import subprocess, sys
subprocess.Popen([sys.executable, '-c', {DEAF!r}])
import signal; signal.pause()
"""


class Kept:
    """A keeper at work, seen from its parent."""

    def __init__(self, *command: str, grace: float = 20) -> None:
        reader, writer = os.pipe()
        self.status = open(reader)  # noqa: SIM115
        # without -I and -S, so that coverage can look on
        self.process = subprocess.Popen(
            [sys.executable, "-m", keeper.__name__, str(writer), str(grace), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(writer,),
            start_new_session=True,
        )
        os.close(writer)

    def words(self) -> list[str]:
        """Give all that it reports, to its end."""
        return self.status.read().splitlines()

    def started(self) -> int:
        """Wait until the command says that it is there; give its group."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        word, _, pid = self.status.readline().strip().partition(" ")
        assert word == "started"
        return int(pid)

    def close(self) -> None:
        """Clean up."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.status.close()


@contextlib.contextmanager
def keeping(*command: str, grace: float = 20) -> Iterator[Kept]:
    """Keep a command for a while."""
    kept = Kept(*command, grace=grace)
    try:
        yield kept
    finally:
        kept.close()


def python(code: str) -> tuple[str, str, str]:
    """Give a command that runs this."""
    return sys.executable, "-c", code


def is_alive(group: int) -> bool:
    """Whether anything of a process group runs."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("pass", "exited 0"),
        ("raise SystemExit(7)", "exited 7"),
        ("import os; os.kill(os.getpid(), 9)", "killed 9"),
    ],
)
def test_a_commands_end_is_reported(code: str, word: str) -> None:
    """Exit code and signal reach the local Runpod."""
    with keeping(*python(code)) as kept:
        started, ended = kept.words()
    assert started.startswith("started ")
    assert ended == word


def test_a_command_that_does_not_exist_is_reported() -> None:
    """The reason is there to be shown."""
    with keeping("/nowhere/at-all") as kept:
        assert kept.words() == ["failed cannot run /nowhere/at-all: No such file or directory"]
        assert kept.process.wait() == 127


def test_the_end_of_the_pipe_ends_the_command() -> None:
    """That is what a local Runpod that was killed looks like."""
    with keeping(*python(SLEEP)) as kept:
        kept.started()
        assert kept.process.stdin is not None
        kept.process.stdin.close()
        assert kept.words() == ["killed 15"]


def test_a_byte_ends_the_command_though_the_pipe_stays_open() -> None:
    """A forked copy of the local Runpod may hold the pipe for long."""
    with keeping(*python(SLEEP)) as kept:
        kept.started()
        assert kept.process.stdin is not None
        kept.process.stdin.write(b".")
        kept.process.stdin.flush()
        assert kept.words() == ["killed 15"]


def test_sigterm_to_the_keeper_ends_the_command() -> None:
    """Whoever ends the keeper ends what it keeps."""
    with keeping(*python(SLEEP)) as kept:
        kept.started()
        kept.process.terminate()
        assert kept.words() == ["killed 15"]


def test_a_command_that_does_not_listen_is_killed_after_its_grace_time() -> None:
    """SIGTERM is a request; SIGKILL is not."""
    with keeping(*python(DEAF), grace=0.1) as kept:
        kept.started()
        assert kept.process.stdin is not None
        began = time.monotonic()
        kept.process.stdin.close()
        assert kept.words() == ["killed 9"]
        assert 0.1 <= time.monotonic() - began


def test_what_a_command_leaves_behind_ends_with_it() -> None:
    """Its children are in its group and go, too, however deaf they are."""
    with keeping(*python(PARENT)) as kept:
        group = kept.started()
        os.kill(group, signal.SIGKILL)
        assert kept.words() == ["killed 9"]
        eventually(lambda: not is_alive(group))


def test_a_change_of_parent_ends_the_command(tmp_path: Path) -> None:
    """The one who started it was killed, but a forked copy holds the pipe open."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, subprocess, sys, time\n"
        "control, hold = os.pipe()\n"
        f"command = [sys.executable, {keeper.__file__!r}, '2', '1', sys.executable, '-c',"
        f" {SLEEP!r}]\n"
        "keeper = subprocess.Popen(command, stdin=control)\n"
        "if os.fork() == 0:\n"
        "    sys.stdin.read()\n"  # the copy, until the test lets it go
        "    os._exit(0)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stderr is not None
    assert parent.stdout.readline() == "ready\n"
    group = int(parent.stderr.readline().split()[1])
    parent.kill()
    parent.wait()
    eventually(lambda: not is_alive(group))
    parent.communicate()


def test_a_keeper_nobody_listens_to_ends_quietly() -> None:
    """Its reports cannot be read any more: it does its work all the same."""
    with keeping(*python(SLEEP)) as kept:
        group = kept.started()
        kept.status.close()
        assert kept.process.stdin is not None
        kept.process.stdin.close()
        assert kept.process.wait() == 0
        assert not is_alive(group)
