"""Samples, medians, and a table of them."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence

from attrs import frozen

__all__ = ["Row", "alternate", "grid", "machine", "proved", "render", "spread"]


@frozen
class Row:
    """One line of a table: what, its figures, and what was promised."""

    what: str
    figure: str
    spread: str = ""
    floor: str = ""
    ratio: str = ""
    promised: str = ""


HEAD = Row("what", "median", "middle half", "floor", "ratio", "promised")


def alternate(
    runs: int, *measures: Callable[[], float], warmup: int = 1
) -> tuple[list[float], ...]:
    """Measure several things in turn, so that what disturbs one disturbs all."""
    for measure in measures:
        for _ in range(warmup):
            measure()
    samples: tuple[list[float], ...] = tuple([] for _ in measures)
    for _ in range(runs):
        for sample, measure in zip(samples, measures, strict=True):
            sample.append(measure())
    return samples


def spread(samples: Sequence[float], unit: str = "ms", scale: float = 1000.0) -> str:
    """Give the middle half of the samples."""
    low, _, high = statistics.quantiles(samples, n=4)
    return f"{low * scale:.1f} to {high * scale:.1f} {unit}"


def render(title: str, rows: Sequence[Row]) -> str:
    """Lay out figures as a table."""
    head, *lines = (
        [row.what, row.figure, row.spread, row.floor, row.ratio, row.promised]
        for row in (HEAD, *rows)
    )
    return grid(title, head, lines)


def grid(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lay out any table as reStructuredText."""
    cells = [head, *lines]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    rule = "  ".join("=" * width for width in widths)
    laid = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    return "\n".join([title, "-" * len(title), "", rule, laid[0], rule, *laid[1:], rule, ""])


def proved(table: str, wrong: object) -> str:
    """Give a table if nothing is wrong with it.

    Raises:
        SystemExit: With the table and what is wrong.
    """
    if wrong:
        raise SystemExit(f"{table}\nnot as promised: {wrong}")
    return table


def machine() -> str:
    """Say on what the figures were measured."""
    load = os.getloadavg()[0]
    return (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, load {load:.1f} at the start"
    )
