"""Where text goes: results to stdout, all else to stderr. Knows nothing of Runpod."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

import click

__all__ = ["Output", "is_terminal"]


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Output:
    """Writes for one run of the command.

    Attributes:
        json: Whether stdout is for one JSON document and nothing else.
    """

    def __init__(self) -> None:
        self.json = False
        self._has_document = False

    @property
    def color(self) -> bool | None:
        """False if colours are not wanted (https://no-color.org); None leaves it to the stream."""
        return False if os.environ.get("NO_COLOR") else None

    def result(self, text: str) -> None:
        """Write what was asked for."""
        click.echo(text, color=self.color)

    def data(self, content: bytes) -> None:
        """Write bytes that were asked for, as they are."""
        click.echo(content, nl=False)

    def document(self, value: Any) -> None:
        """Write the JSON document; only the first one of a run."""
        if not self._has_document:
            self._has_document = True
            click.echo(json.dumps(value, indent=2))

    def note(self, text: str) -> None:
        """Write what helps a person."""
        click.echo(text, err=True, color=self.color)

    def warning(self, text: str) -> None:
        """Write what may disappoint."""
        self.note(f"{click.style('warning:', fg='yellow')} {text}")

    def error(self, text: str) -> None:
        """Write what failed."""
        self.note(f"{click.style('error:', fg='red', bold=True)} {text}")

    def failure(self, error: BaseException, code: int) -> None:
        """Write what the command failed with, for people and, if asked for, for machines."""
        self.error(str(error))
        if self.json:
            kind = type(error).__name__
            self.document({"error": {"type": kind, "message": str(error), "exit": code}})

    def width(self) -> int:
        """Give the columns that a table on stdout may have; in a pipe there is no limit."""
        if not sys.stdout.isatty():
            return sys.maxsize
        import shutil

        return shutil.get_terminal_size().columns
