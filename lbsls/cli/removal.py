"""Deleting what was found: asked for first, told one by one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from lbsls.cli import exits
from lbsls.cli.interrupts import Stopped
from lbsls.cli.output import Output
from lbsls.errors import LbslsError

if TYPE_CHECKING:
    from lbsls.live import Endpoint

__all__ = ["ask", "remove", "report"]


def ask(found: Sequence[Endpoint]) -> None:
    """Ask whether endpoints may be deleted.

    Raises:
        click.UsageError: If nobody can answer; it says what to type.
        click.Abort: If the answer is no.
    """
    names = ", ".join(f"{endpoint.name} ({endpoint.id})" for endpoint in found)
    if not sys.stdin.isatty():
        raise click.UsageError(f"This would delete {names}. Write --yes to mean it.")
    click.confirm(f"Delete {names}?", abort=True, err=True)


def remove(
    output: Output,
    found: Sequence[Endpoint],
    delete: Callable[[Endpoint], object],
    errors: list[LbslsError],
    gone: str = "was gone already:",
) -> Iterator[dict[str, str]]:
    """Delete endpoints, tell of each, collect what went wrong, and give what was deleted.

    ``gone`` is said of one for which ``delete`` gave nothing.
    """
    done: list[str] = []
    try:
        for endpoint in found:
            try:
                was_there = delete(endpoint)
            except LbslsError as error:
                errors.append(error)
                continue
            if not output.json:
                word = "deleted" if was_there else gone
                output.result(f"{word} {endpoint.name} ({endpoint.id})")
            if was_there:
                done.append(endpoint.name)
                yield {"name": endpoint.name, "id": endpoint.id}
    except Stopped as stop:
        stop.says = f"deleted: {', '.join(done) or 'nothing yet'}; see `lbsls ls`"
        raise


def report(
    output: Output,
    found: Sequence[Endpoint],
    removed: Sequence[dict[str, str]],
    errors: Sequence[LbslsError],
) -> int:
    """Write what went wrong, and the document; give the exit code."""
    for error in errors:
        output.error(str(error))
    if output.json:
        output.document({"removed": removed, "failed": list(map(_as_json, errors))})
    elif not found and not errors:
        output.note("there is nothing to delete")
    return exits.worst(map(exits.code_of, errors))


def _as_json(error: LbslsError) -> dict[str, object]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "exit": exits.code_of(error),
    }
