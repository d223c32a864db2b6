"""What is known of deployments that run: fed with events, read by who shows it. Prints nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from lbsls.events import Creating, Event, Pinged, Ready, Removed, Waiting, WorkersSeen

if TYPE_CHECKING:
    from lbsls.live import Endpoint
    from lbsls.values import Ping

__all__ = ["Board", "Ended", "Heard", "Message", "Row"]


@frozen
class Heard:
    """A deployment told an event."""

    name: str
    event: Event


@frozen
class Ended:
    """A deployment is over: with an endpoint, or with an error."""

    name: str
    endpoint: Endpoint | None = None
    error: Exception | None = None


Message = Heard | Ended


@define
class Row:
    """One deployment as it stands.

    Attributes:
        id: The endpoint's id, empty until there is one.
        creating: A create was sent.
        limit: Seconds that the wait may take, None before it begins.
        ended: What it came to, None while it runs.
    """

    name: str
    id: str = ""
    creating: bool = False
    limit: float | None = None
    ping: Ping | None = None
    workers: str = ""
    healthy: bool = False
    ended: Ended | None = None

    @property
    def doing(self) -> str:
        """What it waits for, in words."""
        if self.limit is None:
            return "looking" if not self.id else "settling"
        last = f"last ping {self.ping}" if self.ping else "first ping sent, no answer yet"
        return f"{last}, workers: {self.workers}" if self.workers else last


@define
class Board:
    """All deployments of one run of the command."""

    rows: dict[str, Row] = field(factory=dict)

    @classmethod
    def of(cls, names: Sequence[str]) -> Board:
        """Make a board for deployments that are about to begin."""
        return cls({name: Row(name) for name in names})

    def feed(self, message: Message) -> None:
        """Take in what was told."""
        row = self.rows[message.name]
        if isinstance(message, Ended):
            row.ended = message
            return
        event = message.event
        if isinstance(event, Removed):
            # A duplicate; or what this deploy created, because it failed.
            if row.id == event.id:
                row.id, row.creating = "", False
            return
        row.id = getattr(event, "id", row.id)
        row.creating = row.creating or isinstance(event, Creating)
        if isinstance(event, Waiting):
            row.limit = event.seconds
        elif isinstance(event, Pinged):
            row.ping = event.ping
        elif isinstance(event, WorkersSeen):
            row.workers = event.summary
        elif isinstance(event, Ready):
            row.healthy = True

    @property
    def running(self) -> list[Row]:
        """Those that are not over."""
        return [row for row in self.rows.values() if row.ended is None]

    @property
    def endpoints(self) -> list[Endpoint]:
        """What was deployed."""
        ended = (row.ended for row in self.rows.values())
        return [each.endpoint for each in ended if each and each.endpoint]

    @property
    def failures(self) -> list[tuple[Row, Exception]]:
        """What failed, and with what."""
        rows = ((row, row.ended.error) for row in self.rows.values() if row.ended)
        return [(row, error) for row, error in rows if error is not None]

    def summary(self) -> str:
        """Say in a line what exists, for who is interrupted."""
        return "; ".join(map(_existence, self.rows.values()))


def _existence(row: Row) -> str:
    if row.ended is not None and row.ended.error is None:
        return f"{row.name} ({row.id}) is deployed"
    if row.id:
        return f"{row.name} ({row.id}) exists and was not seen healthy: `lbsls rm {row.id}`"
    if row.creating:
        return f"{row.name} may have been created: `lbsls ls`"
    return f"{row.name} was not created"
