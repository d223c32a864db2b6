"""What tests of the command share: a run, a terminal, a signal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import signal
import struct
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

APP = Path(__file__).resolve().parents[1] / "examples" / "app.py"


class Done(NamedTuple):
    """How a run of the command ended."""

    code: int
    out: str
    err: str


Lbsls = Callable[..., Done]


class Terminal:
    """A real terminal of 80 columns, and what was written to it."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        size = struct.pack("HHHH", 24, 80, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self.file = open(slave, "r+b", buffering=0)  # noqa: SIM115
        self.stream = io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(os.dup(slave), "wb")),
            encoding="utf-8",
            line_buffering=True,
        )
        self._pieces: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # Linux's way to say that nobody writes any more
                return
            if not piece:
                return
            self._pieces.append(piece)

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._master, text.encode())

    def text(self) -> str:
        """End, and give all that was written."""
        self.close()
        return b"".join(self._pieces).decode()

    def close(self) -> None:
        """Close both ends."""
        self.stream.close()
        self.file.close()
        self._reader.join(10)


class Trigger(io.StringIO):
    """A stream that sends this process a signal when a text has been written to it."""

    def __init__(self, text: str, number: int = signal.SIGINT) -> None:
        super().__init__()
        self._text = text
        self._number = number
        self._sent = False

    def write(self, text: str) -> int:
        """Write, and send the signal once."""
        written = super().write(text)
        if self._text in self.getvalue() and not self._sent:
            self._sent = True
            signal.raise_signal(self._number)
        return written
