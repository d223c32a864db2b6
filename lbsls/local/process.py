"""One command under its keeper, seen from the local Runpod. Knows nothing of workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

KEEPER = Path(__file__).with_name("keeper.py")
LINE_LIMIT = 16 * 1024
DRAIN = 0.2


def ending(words: Mapping[str, str]) -> str:
    """Say how a command ended, from what its keeper reported."""
    if "failed" in words:
        return words["failed"]
    if "exited" in words:
        return f"container exited with code {words['exited']}"
    if "killed" in words:
        number = int(words["killed"])
        names = {each.value: each.name for each in signal.Signals}
        return f"container killed by signal {names.get(number, number)}"
    return "container lost"


def is_lost(words: Mapping[str, str]) -> bool:
    """Whether the keeper ended before the command did: somebody killed it."""
    return "started" in words and not {"exited", "killed"} & words.keys()


class Lines(asyncio.Protocol):
    """Cut what comes out of a pipe into lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Give each whole line away; a line without an end is cut."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_LIMIT:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._give(line)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the last line, which may have no end."""
        if self._rest:
            self._give(self._rest)
        self.ended.set_result(None)

    def _give(self, line: bytes) -> None:
        self._on_line(line.rstrip(b"\r").decode("utf-8", "replace"))


class Process:
    """A running command. Made by `start`; `wait` must be awaited to its end."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self._words: dict[str, str] = {}
        self._outputs: list[Lines] = []
        self._pipes: list[asyncio.BaseTransport] = []
        self._status: Lines | None = None
        self._unsent: list[int] = []

    async def listen(self, status: IO[bytes], on_line: Callable[[str], None]) -> None:
        """Read the keeper's words and the command's output."""
        assert self._popen.stdout is not None
        assert self._popen.stderr is not None
        self._status = await self._read(status, self._hear)
        for pipe in (self._popen.stdout, self._popen.stderr):
            self._outputs.append(await self._read(pipe, on_line))

    async def _read(self, pipe: IO[bytes], on_line: Callable[[str], None]) -> Lines:
        loop = asyncio.get_running_loop()
        transport, lines = await loop.connect_read_pipe(lambda: Lines(on_line), pipe)
        self._pipes.append(transport)
        return lines

    def _hear(self, line: str) -> None:
        word, _, value = line.partition(" ")
        self._words[word] = value
        while word == "started" and self._unsent:
            self.signal(self._unsent.pop(0))

    async def wait(self) -> str:
        """Wait until the command and its whole group have ended; say how."""
        assert self._status is not None
        await self._status.ended
        await asyncio.wait([output.ended for output in self._outputs], timeout=DRAIN)
        self.stop()
        for pipe in self._pipes:
            pipe.close()
        self._popen.wait()  # its descriptors are closed: it is as good as gone
        if is_lost(self._words):
            with suppress(ProcessLookupError):
                os.killpg(int(self._words["started"]), signal.SIGKILL)
        return ending(self._words)

    def signal(self, number: int) -> None:
        """Send a signal to the command's whole group, as soon as there is one."""
        if "started" not in self._words:
            self._unsent.append(number)
        elif not {"exited", "killed"} & self._words.keys():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(int(self._words["started"]), number)

    def stop(self) -> None:
        """Tell the keeper to end the command: SIGTERM, and SIGKILL after the grace time."""
        control = self._popen.stdin
        assert control is not None
        if not control.closed:
            with suppress(BrokenPipeError):
                control.write(b".")
            control.close()


async def start(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None,
    grace: float,
    on_line: Callable[[str], None],
) -> Process:
    """Start a command under a keeper.

    Raises:
        OSError: the working directory is missing, or there are no more processes.
        ValueError: a word or a variable that no process can have, such as one with a NUL.
    """
    reader, writer = os.pipe()
    status = open(reader, "rb", buffering=0)  # noqa: SIM115
    try:
        popen = subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), str(writer), str(grace), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=env,
            cwd=cwd,
            pass_fds=(writer,),
            start_new_session=True,
        )
    except BaseException:
        status.close()
        raise
    finally:
        os.close(writer)
    process = Process(popen)
    await process.listen(status, on_line)
    return process
