"""What an operation tells while it runs: frozen objects, each with a line for people.

A flow notifies; who listens (`lbsls.hooks`, ``on_event=``) decides what to do with it.
"""

from __future__ import annotations

import logging
from typing import ClassVar, Union

from attrs import frozen

from lbsls.values import Pinged

__all__ = [
    "Created",
    "Creating",
    "Event",
    "NotRemoved",
    "Pinged",
    "Ready",
    "Removed",
    "Retrying",
    "Unchanged",
    "Updated",
    "Updating",
    "Vanished",
    "Waiting",
    "WorkersSeen",
]


@frozen
class Creating:
    """A create is about to be sent; until it is answered there may be an endpoint."""

    level: ClassVar[int] = logging.DEBUG
    name: str

    def __str__(self) -> str:
        return f"creating {self.name}"


@frozen
class Created:
    """An endpoint was created."""

    name: str
    id: str

    def __str__(self) -> str:
        return f"created {self.name} ({self.id})"


@frozen
class Unchanged:
    """An endpoint of that name exists and is as declared."""

    name: str
    id: str

    def __str__(self) -> str:
        return f"found {self.name} ({self.id}), as declared"


@frozen
class Updating:
    """An update is about to be sent."""

    level: ClassVar[int] = logging.DEBUG
    name: str
    id: str

    def __str__(self) -> str:
        return f"updating {self.name} ({self.id})"


@frozen
class Updated:
    """An endpoint was changed to what is declared; ``changes`` are lines that hide env values."""

    name: str
    id: str
    changes: tuple[str, ...]

    def __str__(self) -> str:
        return f"updated {self.name} ({self.id}): " + "; ".join(self.changes)


@frozen
class Removed:
    """An endpoint was deleted."""

    name: str
    id: str
    reason: str

    def __str__(self) -> str:
        return f"removed {self.name} ({self.id}): {self.reason}"


@frozen
class NotRemoved:
    """What a failed deploy created should have been removed, and could not be."""

    level: ClassVar[int] = logging.WARNING
    name: str
    id: str
    reason: str

    def __str__(self) -> str:
        return (
            f"could not remove {self.name} ({self.id}): {self.reason} It still exists; remove it "
            f"with `lbsls rm {self.id}` or account.undeploy({self.id!r})"
        )


@frozen
class Vanished:
    """An endpoint that was being waited for is gone; the deploy looks again."""

    name: str
    id: str

    def __str__(self) -> str:
        return f"{self.name} ({self.id}) is gone, looking again"


@frozen
class Waiting:
    """The wait for a healthy endpoint begins; ``seconds`` is its deadline."""

    name: str
    id: str
    seconds: float

    def __str__(self) -> str:
        return f"waiting for {self.name} ({self.id}), {self.seconds:g}s at most"


@frozen
class WorkersSeen:
    """The workers were looked at; ``summary`` says what they do."""

    level: ClassVar[int] = logging.DEBUG
    name: str
    id: str
    summary: str

    def __str__(self) -> str:
        return f"workers of {self.name}: {self.summary}"


@frozen
class Ready:
    """The endpoint serves, ``seconds`` after the operation began."""

    name: str
    id: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.name} ({self.id}) is healthy after {self.seconds:.1f}s"


@frozen
class Retrying:
    """A request failed in a way that may pass; it is sent again after ``delay`` seconds."""

    level: ClassVar[int] = logging.WARNING
    what: str
    reason: str
    attempt: int
    delay: float

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}; trying again in {self.delay:.1f}s"


Event = Union[
    Creating,
    Created,
    Unchanged,
    Updating,
    Updated,
    Removed,
    NotRemoved,
    Vanished,
    Waiting,
    Pinged,
    WorkersSeen,
    Ready,
    Retrying,
]
