"""Endpoints as text and as JSON. Pure but for the time of day that it is given."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from lbsls.live import Endpoint, Worker

__all__ = [
    "Listed",
    "age",
    "aligned",
    "as_json",
    "blocks",
    "exports",
    "state_of",
    "table",
    "whose",
]

HEADER = ("NAME", "ID", "TYPE", "STATE", "WORKERS", "AGE", "WHOSE", "IMAGE", "URL")


@frozen
class Listed:
    """An endpoint and its workers; None if they could not be read."""

    endpoint: Endpoint
    workers: tuple[Worker, ...] | None

    @property
    def state(self) -> str:
        """What it does, as far as its workers say."""
        return state_of(self.endpoint, self.workers)

    def scale(self) -> str:
        """Give its workers: how many there are, and the least and the most there may be."""
        settings = self.endpoint.settings
        now = "?" if self.workers is None else str(len(self.workers))
        return f"{now} ({_count(settings.workersMin)}-{_count(settings.workersMax)})"


def state_of(endpoint: Endpoint, workers: Sequence[Worker] | None) -> str:
    """Say what an endpoint does, without asking it: off, asleep, up, starting, ..."""
    if workers is None:
        return "unknown"
    if endpoint.settings.workersMax == 0:
        return "off"
    if not workers:
        return "asleep"
    if any(worker.is_up for worker in workers):
        return "up"
    statuses = Counter(worker.status for worker in workers)
    known = {"INITIALIZING": "starting", "THROTTLED": "throttled", "UNHEALTHY": "unhealthy"}
    return next((word for status, word in known.items() if status in statuses), "unknown")


def whose(endpoint: Endpoint, project: str | None) -> str:
    """Say who created an endpoint: ours, another project, or not lbsls."""
    mark = endpoint.mark
    if mark is None or mark.name != endpoint.name:
        return "not lbsls"
    if mark.project == (project or ""):
        return "ours"
    return mark.project or "no project"


def age(created: datetime, now: datetime) -> str:
    """Say how old something is, in one unit."""
    seconds = max(0, int((now - created).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def table(listed: Sequence[Listed], project: str | None, now: datetime) -> str:
    """Write a line for each endpoint under a header."""
    return aligned([HEADER, *(_cells(each, project, now) for each in listed)])


def blocks(listed: Sequence[Listed], project: str | None, now: datetime) -> str:
    """Write a few lines for each endpoint, for a screen that is narrower than the table."""
    return "\n".join(_block(_cells(each, project, now)) for each in listed)


def _block(cells: Sequence[str]) -> str:
    name, id_, kind, state, workers, old, who, image, url = cells
    return f"{name}  {id_}  {state}\n  {kind}, workers {workers}, {old}, {who}, {image}\n  {url}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Write rows of cells in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _cells(listed: Listed, project: str | None, now: datetime) -> tuple[str, ...]:
    endpoint = listed.endpoint
    return (
        endpoint.name,
        endpoint.id,
        endpoint.type.value,
        listed.state,
        listed.scale(),
        age(endpoint.created_at, now),
        whose(endpoint, project),
        endpoint.settings.imageName or "-",
        endpoint.endpoint_url,
    )


def _count(value: int | None) -> str:
    return "?" if value is None else str(value)


def as_json(endpoint: Endpoint) -> dict[str, Any]:
    """Give what identifies an endpoint and how it is set, without its env."""
    settings = endpoint.settings
    return {
        "name": endpoint.name,
        "id": endpoint.id,
        "type": endpoint.type.value,
        "url": endpoint.endpoint_url,
        "healthUrl": endpoint.health_url,
        "createdAt": endpoint.created_at.isoformat(),
        "imageName": settings.imageName,
        "workersMin": settings.workersMin,
        "workersMax": settings.workersMax,
        "mark": str(endpoint.mark) if endpoint.mark else None,
    }


def exports(environ: Mapping[str, str]) -> list[str]:
    """Write variables as lines for a shell to read."""
    return [f"export {name}={shlex.quote(value)}" for name, value in environ.items()]
