"""Who listens to events: logging by default, and whom a caller adds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbsls.events import Event

__all__ = ["Listening", "log_event"]

_LOGGER = logging.getLogger("lbsls")


def log_event(event: Event) -> None:
    """Write an event to the logger ``lbsls``: details as DEBUG, retries as WARNING, else INFO."""
    _LOGGER.log(getattr(event, "level", logging.INFO), "%s", event)


class Listening:
    """Hears the events of one operation: logs each, then tells the caller's own listener.

    In a with statement it says, when the operation is cut short (Ctrl-C, a task that is
    cancelled), what that operation made and left. A WARNING of a program that set up no logging
    goes to stderr.
    """

    def __init__(self, on_event: Callable[[Event], object] | None = None) -> None:
        self._on_event = on_event
        self._left: dict[str, tuple[str, str]] = {}  # by name: an id, and what to say

    def __call__(self, event: Event) -> object:
        self._note(event)
        log_event(event)
        return None if self._on_event is None else self._on_event(event)

    def __enter__(self) -> Listening:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is not None and not isinstance(error, Exception):
            for _id, text in self._left.values():
                _LOGGER.warning("interrupted: %s", text)

    def _note(self, event: Event) -> None:
        """Keep what there is to say of a name; what was there before and is as it was is not."""
        name, id = getattr(event, "name", ""), getattr(event, "id", "")
        kind = type(event).__name__  # a ping would have to import the classes
        remove = f"remove it with `lbsls rm {id or name}` or account.undeploy({id or name!r})"
        if kind == "Creating":
            text = f"an endpoint {name!r} may have been created; {remove}"
        elif kind == "Created":
            text = f"endpoint {name!r} ({id}) was created and exists; {remove}"
        elif kind in ("Updating", "Updated"):
            text = f"endpoint {name!r} ({id}) may have been changed; deploy it again"
        else:
            ends = kind == "Unchanged" or self._left.get(name, ("", ""))[0] == id != ""
            if ends and kind in ("Unchanged", "Removed", "Vanished"):
                self._left.pop(name, None)
            return
        self._left[name] = id, text
