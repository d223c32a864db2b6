"""What a flow may ask for: to send, to sleep, to notify. The only place with a bare ``yield``.

A flow is a generator that holds one whole operation and does no I/O. It yields effects; a driver
(`lbsls.drive`) carries them out and sends back what came of them, or throws in the error.
Flows call each other, and these helpers, with ``yield from``.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from lbsls.records import Record
from lbsls.values import Request, Response

if TYPE_CHECKING:
    from lbsls.events import Event

__all__ = ["Effect", "Flow", "Notify", "Send", "Sleep", "notify", "send", "sleep"]


class Send(Record):
    """Move a request; what comes back is a `Response`, or a `TransportError` is thrown in."""

    request: Request


class Sleep(Record):
    """Let so many seconds pass."""

    seconds: float


class Notify(Record):
    """Tell who listens."""

    event: Event


T = TypeVar("T")
Effect = Union[Send, Sleep, Notify]
Flow = Generator[Effect, Any, T]


def send(request: Request) -> Flow[Response]:
    """Send a request and give its response."""
    return cast(Response, (yield Send(request)))


def sleep(seconds: float) -> Flow[None]:
    """Let so many seconds pass; none or fewer pass at once."""
    if seconds > 0:
        yield Sleep(seconds)


def notify(event: Event) -> Flow[None]:
    """Tell who listens about an event."""
    yield Notify(event)
