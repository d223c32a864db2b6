"""What an operation tells while it runs, as a line for people."""

from __future__ import annotations

import pickle
from typing import get_args

import pytest

from lbsls import events
from lbsls.values import Health, Ping

LINES = [
    (events.Creating("app"), "creating app"),
    (events.Updating("app", "ep1"), "updating app (ep1)"),
    (events.Created("app", "ep1"), "created app (ep1)"),
    (events.Unchanged("app", "ep1"), "found app (ep1), as declared"),
    (
        events.Updated("app", "ep1", ("disk: 1 -> 2", "env: A added")),
        "updated app (ep1): disk: 1 -> 2; env: A added",
    ),
    (events.Removed("app", "ep1", "ep0 was first"), "removed app (ep1): ep0 was first"),
    (
        events.NotRemoved("app", "ep1", "500."),
        "could not remove app (ep1): 500. It still exists; remove it with `lbsls rm ep1` or "
        "account.undeploy('ep1')",
    ),
    (events.Vanished("app", "ep1"), "app (ep1) is gone, looking again"),
    (events.Waiting("app", "ep1", 300.0), "waiting for app (ep1), 300s at most"),
    (
        events.Pinged("app", "ep1", Ping(Health.COLD, elapsed=15.0, detail="held")),
        "ping app: COLD after 15.0s: held",
    ),
    (events.WorkersSeen("app", "ep1", "1 RUNNING"), "workers of app: 1 RUNNING"),
    (events.Ready("app", "ep1", 12.34), "app (ep1) is healthy after 12.3s"),
    (
        events.Retrying("list endpoints", "503", 1, 0.25),
        "list endpoints: 503; trying again in 0.2s",
    ),
]


@pytest.mark.parametrize(("event", "expected"), LINES)
def test_each_event_is_a_line(event: events.Event, expected: str) -> None:
    """A log, a terminal and a task queue can show it."""
    assert expected == str(event)
    assert event == pickle.loads(pickle.dumps(event))


def test_no_event_is_forgotten_here() -> None:
    """Every kind of event has a line of its own above."""
    assert set(get_args(events.Event)) == {type(event) for event, _ in LINES}
