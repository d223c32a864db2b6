"""How the demo looks: a timeline; on a terminal coloured and with a live part. Decides nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from lbsls.cli.output import is_terminal

__all__ = ["Plain", "Terminal", "View", "bar", "open_view", "short"]

BAR = 36
INDENT = " " * 18
COLORS = ("cyan", "magenta", "yellow", "blue", "green")


class View(Protocol):
    """Shows what the demo does."""

    def heading(self, text: str, more: str) -> None:
        """Show what begins."""

    def step(self, name: str, text: str) -> None:
        """Show that a step begins."""

    def note(self, text: str) -> None:
        """Show what happened within a step."""

    def good(self, text: str) -> None:
        """Show that a step was done and verified."""

    def bad(self, text: str) -> None:
        """Show that a step failed."""

    def code(self, text: str) -> None:
        """Show lines of code."""

    def spread(self, counts: Mapping[str, int]) -> None:
        """Show how many requests each worker answered."""

    def live(self, text: str, counts: Mapping[str, int]) -> None:
        """Show what goes on right now, where that can be shown."""

    def closing(self, text: str, code: str, more: str) -> None:
        """Show what to do next."""


def short(worker: str) -> str:
    """Give the beginning of a worker's id, which is enough to tell a few from each other."""
    return worker[:7]


def bar(count: int, most: int, block: str) -> str:
    """Draw a number: a block each, or fewer if the largest number would not fit."""
    length = count if most <= BAR else round(BAR * count / most)
    return block * max(length, min(1, count))


@contextmanager
def open_view() -> Iterator[View]:
    """Open the view that stdout can show."""
    if not is_terminal(sys.stdout):
        yield Plain()
        return
    view = Terminal()
    with view.region:
        yield view


class _Clock:
    def __init__(self) -> None:
        self._began = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._began:5.1f}s"


class Plain:
    """For a pipe: lines, no colours, and only characters that its encoding has."""

    def __init__(self) -> None:
        self._clock = _Clock()
        encoding = sys.stdout.encoding or "ascii"
        self._fancy = encoding.lower().replace("-", "") in ("utf8", "utf16")

    def heading(self, text: str, more: str) -> None:
        """Show what begins."""
        self._print(f"{text}\n{more}")

    def step(self, name: str, text: str) -> None:
        """Show that a step begins."""
        self._print(f"\n{self._clock}  {name:<8}  {text}")

    def note(self, text: str) -> None:
        """Show what happened within a step."""
        self._print(f"{self._clock}  {'':<8}  {text}")

    def good(self, text: str) -> None:
        """Show that a step was done and verified."""
        self._print(f"{self._clock}  {'✔' if self._fancy else 'ok':<8}  {text}")

    def bad(self, text: str) -> None:
        """Show that a step failed."""
        self._print(f"{self._clock}  {'✘' if self._fancy else 'FAILED':<8}  {text}")

    def code(self, text: str) -> None:
        """Show lines of code."""
        for line in text.splitlines():
            self._print(f"{INDENT}{line}")

    def spread(self, counts: Mapping[str, int]) -> None:
        """Show how many requests each worker answered."""
        most, block = max(counts.values()), "█" if self._fancy else "#"
        for worker, count in counts.items():
            self._print(f"{INDENT}{short(worker)}  {bar(count, most, block)} {count}")

    def live(self, text: str, counts: Mapping[str, int]) -> None:
        """Show nothing: a pipe cannot take back what it got."""

    def closing(self, text: str, code: str, more: str) -> None:
        """Show what to do next."""
        self._print(f"\n{text}\n")
        self._print("\n".join(f"    {line}" for line in code.splitlines()))
        self._print(f"\n{more}")

    def _print(self, text: str) -> None:
        print(text, flush=True)


class Terminal:
    """For a terminal: colours, and below the timeline what goes on right now."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self._clock = _Clock()
        self._console = Console(highlight=False)
        self._spinner = Spinner("dots", style="cyan")
        self._text = ""
        self._counts: dict[str, int] = {}
        self._colors: dict[str, str] = {}
        self.region = Live(self, console=self._console, transient=True, refresh_per_second=12)

    def heading(self, text: str, more: str) -> None:
        """Show what begins."""
        self._print((text, "bold"))
        self._print((more, "dim"))

    def step(self, name: str, text: str) -> None:
        """Show that a step begins."""
        self.live("", {})
        self._print("")
        self._timed((f"{name:<8}", "bold cyan"), (text, "bold"))

    def note(self, text: str) -> None:
        """Show what happened within a step."""
        self._timed(" " * 8, text)

    def good(self, text: str) -> None:
        """Show that a step was done and verified."""
        self.live("", {})
        self._timed((f"{'✔':<8}", "bold green"), (text, "green"))

    def bad(self, text: str) -> None:
        """Show that a step failed."""
        self.live("", {})
        self._timed((f"{'✘':<8}", "bold red"), (text, "red"))

    def code(self, text: str) -> None:
        """Show lines of code."""
        for line in text.splitlines():
            self._print(INDENT, (line, "cyan"))

    def spread(self, counts: Mapping[str, int]) -> None:
        """Show how many requests each worker answered."""
        for line in self._bars(counts):
            self._console.print(line)

    def live(self, text: str, counts: Mapping[str, int]) -> None:
        """Show what goes on right now."""
        self._text, self._counts = text, dict(counts)

    def closing(self, text: str, code: str, more: str) -> None:
        """Show what to do next."""
        self._print("")
        self._print((text, "bold"))
        self._print("")
        for line in code.splitlines():
            self._print("    ", (line, "cyan"))
        self._print("")
        self._print(more)

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        if not self._text:
            return Text("")
        line = Table.grid(padding=(0, 1))
        line.add_row(Text(f"{self._clock} "), self._spinner, Text(" " * 8 + self._text, "dim"))
        return Group(*self._bars(self._counts), line)

    def _bars(self, counts: Mapping[str, int]) -> list[Any]:
        from rich.text import Text

        most = max(counts.values(), default=0)
        return [
            Text.assemble(
                INDENT,
                (short(worker), self._color(worker)),
                "  ",
                (bar(count, most, "█"), self._color(worker)),
                f" {count}",
            )
            for worker, count in counts.items()
        ]

    def _color(self, worker: str) -> str:
        return self._colors.setdefault(worker, COLORS[len(self._colors) % len(COLORS)])

    def _timed(self, mark: str | tuple[str, str], text: str | tuple[str, str]) -> None:
        self._print((f"{self._clock}  ", "dim"), mark, "  ", text)

    def _print(self, *parts: str | tuple[str, str]) -> None:
        from rich.text import Text

        self._console.print(Text.assemble(*parts), soft_wrap=True)
