"""Run one command in a process group of its own and end the group when told to, or orphaned.

A script: `python -I -S keeper.py STATUS_FD GRACE COMMAND...`, the standard library only, a few
imports, because each worker has one. Its standard input is a pipe whose other end the local Runpod
holds. A byte or the end of that pipe means stop: so the workers of a local Runpod that was killed
outright end too. Because a forked copy of the local Runpod may keep the pipe open, a change of
parent means stop as well.

It reports lines to STATUS_FD: `started PID`, and last `exited CODE`, `killed SIGNAL` or
`failed REASON`. A process that leaves its group (a daemon) is beyond its reach.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

POLL = 1.0
STDIN = 0


def main(arguments: list[str]) -> int:
    """Keep one command until it ends or has to."""
    status, grace, command = int(arguments[0]), float(arguments[1]), arguments[2:]
    os.set_inheritable(status, False)
    wake = _wake_on_signals()
    try:
        pid = _spawn(command)
    except OSError as cause:
        _report(status, f"failed cannot run {command[0]}: {cause.strerror}")
        return 127
    _report(status, f"started {pid}")
    _silence()
    code = _keep(pid, wake, grace)
    _signal_group(pid, signal.SIGKILL)
    _report(status, f"exited {code}" if code >= 0 else f"killed {-code}")
    return 0


def _wake_on_signals() -> int:
    """Make SIGCHLD and SIGTERM end a wait; give the descriptor that they make readable."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return reader


def _spawn(command: list[str]) -> int:
    return os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, STDIN, os.devnull, os.O_RDONLY, 0)],
        setpgroup=0,
        setsigdef=[signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD],
    )


def _silence() -> None:
    """Let go of the worker's output, so that its end is seen when the worker's group ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)


def _keep(pid: int, wake: int, grace: float) -> int:
    """Wait for the end of the process; stop its group when told to. Give the exit code."""
    parent = os.getppid()
    deadline: float | None = None
    while (code := _ended(pid)) is None:
        told = _wait([wake] if deadline else [wake, STDIN], deadline)
        if deadline is None and (told or os.getppid() != parent):
            _signal_group(pid, signal.SIGTERM)
            deadline = time.monotonic() + grace
        elif deadline is not None and time.monotonic() >= deadline:
            _signal_group(pid, signal.SIGKILL)
    return code


def _ended(pid: int) -> int | None:
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def _wait(readers: list[int], deadline: float | None) -> bool:
    """Wait for a signal or a word from the parent; say whether it means stop."""
    left = POLL if deadline is None else max(0.01, min(POLL, deadline - time.monotonic()))
    ready, _, _ = select.select(readers, [], [], left)
    signals = os.read(readers[0], 4096) if readers[0] in ready else b""
    return STDIN in ready or signal.SIGTERM in signals


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        pass


def _report(status: int, line: str) -> None:
    try:
        os.write(status, f"{line}\n".encode())
    except BrokenPipeError:  # the local Runpod was killed: nobody listens any more
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
