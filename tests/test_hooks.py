"""Who hears of events: the log always, and whom a caller adds."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from lbsls import Health, Ping
from lbsls.events import (
    Created,
    Creating,
    Pinged,
    Removed,
    Retrying,
    Unchanged,
    Updated,
    Updating,
    Vanished,
    Waiting,
    WorkersSeen,
)
from lbsls.hooks import Listening, log_event

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
    assert Listening(lambda heard: ("heard", heard))(event) == ("heard", event)
    assert Listening()(event) is None
    assert [record.getMessage() for record in caplog.records] == ["created app (e1)"] * 2


def go_through(events: list[Any], stop: type[BaseException] | None = None) -> None:
    """Hear events, and be cut short."""
    with Listening() as listener:
        for event in events:
            listener(event)
        if stop is not None:
            raise stop


CREATING, CREATED = Creating("app"), Created("app", "e1")
LEFT: list[tuple[list[Any], str]] = [
    ([], ""),
    ([Unchanged("app", "e1"), Waiting("app", "e1", 9.0)], ""),
    (
        [CREATING],
        "interrupted: an endpoint 'app' may have been created; remove it with `lbsls rm app`",
    ),
    (
        [CREATING, CREATED],
        "interrupted: endpoint 'app' (e1) was created and exists; remove it with",
    ),
    (
        [CREATING, CREATED, Removed("app", "e0", "lost")],
        "'app' (e1) was created and exists; remove",
    ),
    ([CREATING, CREATED, Removed("app", "e1", "lost"), Unchanged("app", "e0")], ""),
    ([CREATING, Unchanged("app", "e0")], ""),
    ([CREATING, CREATED, Vanished("app", "e1")], ""),
    (
        [CREATING, CREATED, Vanished("app", "e1"), CREATING],
        "an endpoint 'app' may have been created",
    ),
    ([Updating("app", "e1")], "endpoint 'app' (e1) may have been changed; deploy it again"),
    ([Updating("app", "e1"), Updated("app", "e1", ())], "'app' (e1) may have been changed"),
]


@pytest.mark.parametrize(("events", "says"), LEFT)
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_who_is_cut_short_says_what_is_left(
    events: list[Any], says: str, stop: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """What this operation made or changed, with how to remove it; and not what was there before."""
    with pytest.raises(stop):
        go_through(events, stop)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == bool(says)
    assert says in "".join(warned)


def test_an_error_says_it_itself(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is said twice, and nothing when all went well."""
    go_through([CREATED])
    with pytest.raises(LookupError):
        go_through([CREATED], LookupError)
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []
