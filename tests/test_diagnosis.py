"""Why an endpoint is not up: the likely cause in words, from pings, workers and a log."""

from __future__ import annotations

from typing import Any

import pytest

from lbsls.diagnosis import Look, Story, is_failing, summary
from lbsls.live import LogLine, Worker
from lbsls.values import Health, Ping
from samples import endpoint

COLD = Ping(Health.COLD, elapsed=15.0, detail="held")
BUSY = Ping(Health.COLD, 400)


def worker(
    status: str = "RUNNING", id: str = "w1", started: str | None = "t1", **more: Any
) -> Worker:
    """Make a worker."""
    return Worker(id, status, started_at=started, **more)


def story(pings: Any = (COLD,), looks: Any = (), log: Any = ()) -> Story:
    """Tell a story of pings, of looks at workers ten seconds apart, and of log lines."""
    told = Story()
    for ping in pings:
        told = told.with_ping(ping)
    for number, workers in enumerate(looks):
        told = told.with_look(Look(15.0 + 10.0 * number, tuple(workers)))
    return told.with_log([LogLine("system", line) for line in log])


def answered(status: int, detail: str = "") -> Ping:
    """Make a ping that was answered."""
    health = {200: Health.READY, 204: Health.INITIALIZING}.get(status, Health.UNHEALTHY)
    return Ping(health, status, detail=detail)


UP, DOWN, NEW = worker(), worker("UNHEALTHY"), worker("INITIALIZING", started=None)
THROTTLED = worker("THROTTLED", started=None)
NO_IMAGE = "image 'my-app:latest' cannot start"
CRASHES = "the workers crash and are restarted (crash loop)"
PROBE = "the workers are up and fail Runpod's health probe"
STARTING = "workers are still starting"
SLEEPS = endpoint(workers={"min": 0, "max": 0})
KEY_REFUSED = Ping(Health.UNHEALTHY, 401, refused_key=True)

CAUSES: list[tuple[str, Story, str]] = [
    ("wrong key", story([KEY_REFUSED, COLD], [[UP]]), "the endpoint refuses the API key"),
    ("image missing", story(looks=[[NEW]], log=['image "x" not found; known images: y']), NO_IMAGE),
    ("pull failed", story(looks=[[NEW]], log=["Failed to pull my-app: denied"]), NO_IMAGE),
    ("no manifest", story(looks=[[DOWN]], log=["manifest for x: no such manifest"]), NO_IMAGE),
    ("bad command", story(looks=[[NEW]], log=["cannot start container: x"]), NO_IMAGE),
    ("still pulling", story(looks=[[NEW]], log=["pulling image my-app: 40%"]), STARTING),
    ("zoom is no oom", story(looks=[[NEW]], log=["loading bloom-zoom"]), STARTING),
    ("exited", story(looks=[[NEW]], log=["container exited with code 1"]), CRASHES),
    ("killed", story(looks=[[DOWN]], log=["OOMKilled"]), CRASHES),
    ("restarted", story(looks=[[worker()], [worker(started="t2")]]), CRASHES),
    ("probe", story(looks=[[DOWN, UP]]), PROBE),
    ("no connection", story([Ping(Health.UNREACHABLE)]), "no connection to https://ep1.api"),
    ("no path", story([answered(404)], [[UP]], ["pull failed"]), "no health path (404)"),
    ("loading", story([answered(204)], [[UP]]), "still says that it is initializing (204)"),
    ("wrong port", story([answered(502)], [[UP]]), "nothing listens on the port (502)"),
    ("own error", story([answered(500, "Oops")]), "answers UNHEALTHY 500 after 0.0s: Oops; it"),
    ("mismatch", story([BUSY], [[UP]]), "port mismatch: a worker runs and requests hang"),
    ("no capacity", story(looks=[[THROTTLED]]), "no capacity: workers wait for a machine"),
    ("no worker", story(looks=[[]]), "no worker was started; there may be no capacity"),
    ("starting", story(looks=[[NEW]]), STARTING),
    ("other status", story(looks=[[worker("DREAMING")]]), "requests are held and no worker"),
    ("nothing known", story(), "requests are held and no worker got ready"),
    ("no ping either", Story(), "requests are held and no worker got ready"),
    ("no look", story([answered(204)]), "still says that it is initializing (204)"),
    (
        "update",
        story([answered(200)], [[UP, worker(is_stale=True)]]),
        "not yet as updated (1 of 2 workers still run the older release)",
    ),
]


@pytest.mark.parametrize(("told", "expected"), [pytest.param(*c[1:], id=c[0]) for c in CAUSES])
def test_each_cause_is_named(told: Story, expected: str) -> None:
    """The sentence names the cause and what to do about it."""
    assert expected in told.cause(endpoint())


def test_max_workers_zero_comes_first() -> None:
    """Where nothing can start, no other cause is looked for."""
    assert story([KEY_REFUSED]).cause(SLEEPS).startswith("max workers is 0, so nothing can start")


def test_a_mismatch_names_the_port() -> None:
    """The port of the advice is the one that the endpoint has."""
    told = story(looks=[[UP]])
    assert "at env PORT (8000), and 8000/http must" in told.cause(endpoint(env={"PORT": "8000"}))
    assert "at env PORT (80), and 80/http must" in told.cause(endpoint(env=None))


def test_the_last_fifty_pings_are_kept_and_all_counted() -> None:
    """A long wait tells how it went without filling memory."""
    told = story([answered(404)] * 3 + [Ping(Health.COLD, at=float(n)) for n in range(60)])
    assert (50, 10.0, 59.0) == (len(told.pings), told.pings[0].at, told.pings[-1].at)
    assert {"COLD": 60, "404": 3} == dict(told.counts)


def test_what_was_seen_is_told_in_lines() -> None:
    """The workers by status, and the end of the log."""
    told = story(looks=[[UP], [UP, DOWN, worker("UNHEALTHY", "w3")]], log="abcdefg")
    expected = ["workers: 1 RUNNING, 2 UNHEALTHY", *(f"system log: {line}" for line in "cdefg")]
    assert expected == told.observations()
    assert [] == story().observations()
    assert ("none", ()) == (summary(()), story().workers)


@pytest.mark.parametrize(
    ("workers", "before", "expected"),
    [
        ([DOWN], None, True),
        ([DOWN, worker("UNHEALTHY", "w2")], None, True),
        ([], None, False),
        ([DOWN, UP], None, False),
        ([DOWN, THROTTLED], None, False),
        ([DOWN, NEW], None, False),
        ([NEW], [NEW], False),
        ([worker("INITIALIZING", started="t2")], [worker("INITIALIZING")], True),
        ([worker("INITIALIZING")], [worker("INITIALIZING")], False),
        ([worker("INITIALIZING", "w2")], [worker("INITIALIZING")], False),
    ],
)
def test_when_workers_are_failing(workers: Any, before: Any, expected: bool) -> None:
    """All unhealthy or restarted, none up; one that waits for a machine proves nothing."""
    earlier = None if before is None else Look(5.0, tuple(before))
    assert expected is is_failing(Look(15.0, tuple(workers)), earlier)


RESTARTING = [[worker("INITIALIZING", started=f"t{n}")] for n in range(4)]


@pytest.mark.parametrize(
    ("looks", "proof", "expected"),
    [
        ([[DOWN]] * 3, 20.0, True),
        ([[DOWN]] * 3, 20.1, False),
        ([[DOWN]] * 2, 1.0, False),
        ([[UP], *[[DOWN]] * 3], 20.0, True),
        ([[DOWN], [UP], [DOWN]], 1.0, False),
        ([[DOWN], [THROTTLED], [DOWN]], 1.0, False),
        (RESTARTING, 20.0, True),
        (RESTARTING[:3], 20.0, False),
        ([], 0.0, False),
    ],
)
def test_what_proves_that_it_will_not_come_up(looks: Any, proof: float, expected: bool) -> None:
    """Three failing looks in a row over long enough end a wait early; nothing less does."""
    assert expected is story(looks=looks).proves_failure(proof)


def test_a_story_is_a_value() -> None:
    """Adding to a story gives a new one; the old one stays as it was."""
    empty = Story()
    empty.with_ping(COLD)
    assert Story() == empty


def test_a_log_line_cannot_move_the_cursor() -> None:
    """What a worker writes is shown as text, without what a terminal would obey."""
    told = story(looks=[[DOWN]]).with_log([LogLine("system", "\x1b[2Jgone\r\x07")])
    assert "system log: [2Jgone" == told.observations()[-1]
