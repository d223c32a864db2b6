"""How a wait looks: a live line on a terminal, lines with the time in a pipe. On stderr, always."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from lbsls.cli.board import Board, Heard, Message, Row
from lbsls.cli.output import Output, is_terminal
from lbsls.events import (
    Event,
    NotRemoved,
    Pinged,
    Ready,
    Removed,
    Retrying,
    Vanished,
    Waiting,
    WorkersSeen,
)

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["View", "busy", "watch"]

HEARTBEAT = 10.0
"""Seconds after which a pipe is told that the wait goes on."""


class View(Protocol):
    """Shows messages as they come."""

    def show(self, message: Message | None) -> None:
        """Show a message; None when time passed and nothing happened."""


@contextmanager
def watch(board: Board, output: Output, *, quiet: bool = False) -> Iterator[View]:
    """Show how deployments go; ``quiet`` when the log says it already."""
    if quiet:
        yield Nothing()
    elif is_terminal(sys.stderr):
        with _live(board, output) as view:
            yield view
    else:
        yield Lines(board, output)


class Nothing:
    """Shows nothing."""

    def show(self, message: Message | None) -> None:
        """Show nothing."""


class Lines:
    """A line for each event, with the time of day; pings only when they change, or now and then."""

    def __init__(
        self, board: Board, output: Output, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._board = board
        self._output = output
        self._clock = clock
        self._began = clock()
        self._pings: dict[str, str] = {}
        self._spoke = dict.fromkeys(board.rows, self._began)

    def show(self, message: Message | None) -> None:
        """Write a line, or none."""
        now = self._clock()
        if isinstance(message, Heard) and self._is_news(message):
            self._spoke[message.name] = now
            self._write(str(message.event))
        for row in self._board.running:
            if now - self._spoke[row.name] >= HEARTBEAT:
                self._spoke[row.name] = now
                self._write(f"{row.name} after {now - self._began:.0f}s: {row.doing}")

    def _is_news(self, message: Heard) -> bool:
        event = message.event
        if not isinstance(event, Pinged):
            return True
        before = self._pings.get(message.name)
        self._pings[message.name] = event.ping.outcome
        return before != event.ping.outcome

    def _write(self, text: str) -> None:
        self._output.note(f"{time.strftime('%H:%M:%S')} {text}")


@contextmanager
def _live(board: Board, output: Output) -> Iterator[View]:
    from rich.console import Console
    from rich.live import Live as Region

    console = Console(stderr=True, highlight=False)
    picture = _Picture(board)
    with Region(picture, console=console, transient=True, refresh_per_second=10):
        yield Live(console)


class Live:
    """Lasting events go above the live lines, which draw themselves."""

    def __init__(self, console: Any) -> None:
        self._console = console

    def show(self, message: Message | None) -> None:
        """Print an event that lasts."""
        if not isinstance(message, Heard):
            return
        if not isinstance(message.event, Pinged | WorkersSeen | Waiting):
            from rich.text import Text

            text = Text.assemble(_mark(message.event), " ", str(message.event))
            self._console.print(text, soft_wrap=True)


def _mark(event: Event) -> tuple[str, str]:
    if isinstance(event, Ready):
        return "✔", "bold green"
    if isinstance(event, Retrying | Vanished | Removed | NotRemoved):
        return "!", "yellow"
    return "•", "cyan"


class _Picture:
    """The live lines, one for each deployment that runs, drawn anew at every refresh."""

    def __init__(self, board: Board) -> None:
        from rich.spinner import Spinner

        self._board = board
        self._began = time.monotonic()
        self._spinner = Spinner("dots", style="cyan")

    def __rich__(self) -> Group:
        from rich.console import Group

        return Group(*map(self._line, self._board.running))

    def _line(self, row: Row) -> Any:
        from rich.table import Table
        from rich.text import Text

        now = time.monotonic()
        line = Table.grid(padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True, overflow="ellipsis")
        limit = f" of {row.limit:.0f}s" if row.limit is not None else ""
        text = Text.assemble(
            (row.name, "bold"), f"  {now - self._began:.1f}s{limit}  ", (row.doing, "dim")
        )
        line.add_row(self._spinner, text)
        return line


@contextmanager
def busy(text: str, *, quiet: bool = False) -> Iterator[None]:
    """Show on a terminal that a single request is under way, and for how long."""
    if quiet or not is_terminal(sys.stderr):
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(style="cyan"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(text, total=None)
        yield
