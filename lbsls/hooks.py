"""Who listens to events: logging by default, and whom a caller adds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbsls.events import Event

__all__ = ["combined", "log_event"]

_LOGGER = logging.getLogger("lbsls")


def log_event(event: Event) -> None:
    """Write an event to the logger ``lbsls``: details as DEBUG, retries as WARNING, else INFO."""
    _LOGGER.log(getattr(event, "level", logging.INFO), "%s", event)


def combined(on_event: Callable[[Event], object] | None) -> Callable[[Event], object]:
    """Give a listener that logs and then tells the caller's own."""
    if on_event is None:
        return log_event

    def listen(event: Event) -> object:
        log_event(event)
        return on_event(event)

    return listen
