"""Ctrl-C and SIGTERM as one exception, so that every command ends in order. Prints nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stopped", "signals_as_errors", "until_stopped"]


class Stopped(BaseException):
    """The command was told to end.

    Attributes:
        number: The signal.
        says: What exists now, in words, if the command knows more than that nothing was changed.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.says = ""

    @property
    def code(self) -> int:
        """The exit code that shells use for this signal."""
        return 128 + self.number

    @property
    def word(self) -> str:
        """What happened, in a word."""
        return "interrupted" if self.number == signal.SIGINT else "terminated"


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


@contextmanager
def signals_as_errors() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise `Stopped` in the main thread; elsewhere change nothing.

    A signal that is ignored stays ignored: so a shell protects what it runs in the background.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def until_stopped() -> Iterator[None]:
    """Do something, then wait for Ctrl-C or SIGTERM: the ordinary end of a command that serves."""
    try:
        yield
        threading.Event().wait()
    except Stopped:
        pass
