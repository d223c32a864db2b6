"""Who hears of events: the log always, and whom a caller adds."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from lbsls import Health, Ping
from lbsls.events import Created, Pinged, Removed, Retrying, WorkersSeen
from lbsls.hooks import combined, log_event

EVENTS: list[tuple[Any, int]] = [
    (Created("app", "e1"), logging.INFO),
    (Removed("app", "e1", "undeployed"), logging.INFO),
    (Pinged("app", "e1", Ping(Health.COLD)), logging.DEBUG),
    (WorkersSeen("app", "e1", "none"), logging.DEBUG),
    (Retrying("list endpoints", "503", 1, 0.5), logging.WARNING),
]


@pytest.mark.parametrize(("event", "level"), EVENTS)
def test_events_are_logged(event: Any, level: int, caplog: pytest.LogCaptureFixture) -> None:
    """Details as DEBUG, what may worry as WARNING."""
    caplog.set_level(logging.DEBUG, "lbsls")
    log_event(event)
    assert caplog.record_tuples == [("lbsls", level, str(event))]


def test_a_listener_hears_what_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """And what it returns is handed on, so that it can be awaited."""
    caplog.set_level(logging.DEBUG, "lbsls")
    event = Created("app", "e1")
    assert combined(lambda heard: ("heard", heard))(event) == ("heard", event)
    assert [record.getMessage() for record in caplog.records] == ["created app (e1)"]


def test_without_a_listener_there_is_the_log() -> None:
    """And nothing else."""
    assert combined(None) is log_event
