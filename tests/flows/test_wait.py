"""How an endpoint is waited for, and what is said when it does not come up."""

from __future__ import annotations

from itertools import pairwise, repeat
from typing import Any

import pytest

from lbsls import (
    AuthError,
    Backoff,
    ConfigError,
    Consecutive,
    DeployFailed,
    FixedSchedule,
    Health,
    HealthTimeout,
    NotFound,
)
from lbsls.events import WorkersSeen
from lbsls.flows.context import Pacing
from lbsls.flows.wait import wait_for_health
from lbsls.testing import FakeClock, Play, play
from lbsls.values import Request
from stories import (
    NO_WORKER,
    RESOURCE,
    UNKNOWN,
    answer,
    context,
    deploying,
    endpoint,
    listed,
    log,
    lost,
    page,
    problem,
    workers,
)

SAME = endpoint()
READY = page(200, "w1")


class Site:
    """An endpoint that stands still: what pings, workers and logs answer."""

    def __init__(self, clock: FakeClock, ping: Any, there: Any = None, logged: Any = None) -> None:
        self.clock, self.ping = clock, ping
        self.there, self.logged = there or workers(), logged or log()

    def __call__(self, request: Request) -> Any:
        """Answer; a request that is held uses up its time."""
        path = request.url.partition("//")[2].partition("/")[2]
        given = self.ping if path == "ping" else listed(SAME)
        if path.endswith("/workers"):
            given = self.there
        elif "/logs" in path:
            given = self.logged
        elif path.endswith("/e1"):
            given = answer(SAME)
        if given is lost:
            self.clock.now += request.timeout
        return given(request) if callable(given) else given


def deploy_at(ping: Any, there: Any = None, logged: Any = None, **options: Any) -> Play[Any]:
    """Deploy against a site."""
    clock = options.pop("clock", None) or FakeClock()
    ctx = options.pop("ctx", None) or context(clock)
    return deploying(repeat(Site(clock, ping, there, logged)), clock=clock, ctx=ctx, **options)


CAUSES = {
    "image": (lost, workers("UNHEALTHY"), log("manifest unknown"), "image 'img:1' cannot start"),
    "crash": (lost, workers("UNHEALTHY"), log("container exited with 1"), "crash loop"),
    "probe": (lost, workers("UNHEALTHY"), None, "fail Runpod's health probe"),
    "port": (page(502), workers("RUNNING"), None, "nothing listens on the port (502)"),
    "mismatch": (lost, workers("RUNNING"), None, "port mismatch"),
    "path": (page(404), workers("RUNNING"), None, "no health path (404)"),
    "loading": (page(204), workers("RUNNING"), None, "still says that it is initializing"),
    "broken": (page(500, body=b"oops"), workers("IDLE"), None, "the health path answers UNHEALTHY"),
    "capacity": (lost, workers("THROTTLED"), None, "no capacity"),
    "none": (NO_WORKER, workers(), None, "no worker was started"),
    "starting": (lost, workers("INITIALIZING"), None, "workers are still starting"),
    "unknown": (lost, problem(500), None, "requests are held and no worker got ready"),
}


@pytest.mark.parametrize("case", CAUSES)
def test_a_deploy_that_does_not_come_up_says_why(case: str) -> None:
    """The likely cause is in the text, and it comes in time."""
    ping, there, logged, cause = CAUSES[case]
    clock = FakeClock()
    played = deploy_at(ping, there, logged, clock=clock, timeout=60)
    assert isinstance(played.error, HealthTimeout)
    assert cause in played.error.diagnosis
    assert "LB endpoint app (e1) failed to become healthy" in str(played.error)
    assert "remove it with `lbsls rm e1`" in str(played.error)
    assert clock.now <= 1061
    assert played.error.pings
    assert sum(played.error.ping_counts.values()) >= len(played.error.pings)


def test_the_text_of_a_timeout_names_the_deadline_and_the_pings() -> None:
    """In the words of the design document."""
    played = deploy_at(page(204), workers("RUNNING"), timeout=20)
    assert str(played.error).startswith(
        "LB endpoint app (e1) failed to become healthy within 20s\n  pings: "
    )
    assert " x 204" in str(played.error)
    assert "workers: 1 RUNNING" in str(played.error)


def test_three_failing_looks_end_the_wait_early() -> None:
    """Workers that are unhealthy for half a minute will not come up."""
    clock = FakeClock()
    played = deploy_at(NO_WORKER, workers("UNHEALTHY"), log("exec: not found"), clock=clock)
    assert isinstance(played.error, DeployFailed)
    assert "so the wait was ended after" in str(played.error)
    assert 1030 < clock.now < 1200
    assert "system log: exec: not found" in str(played.error)


def test_workers_that_restart_between_looks_are_failing_too() -> None:
    """A crash loop shows in the time of their last start."""
    clock = FakeClock()
    site = Site(clock, NO_WORKER)
    site.there = lambda request: workers("INITIALIZING", started=str(clock.now))
    played = deploying(repeat(site), clock=clock, ctx=context(clock), timeout=600)
    assert isinstance(played.error, DeployFailed)
    assert "crash loop" in str(played.error)


def test_throttled_workers_never_end_the_wait_early() -> None:
    """They wait for a machine; that proves nothing."""
    played = deploy_at(NO_WORKER, workers("THROTTLED", "UNHEALTHY"), timeout=500)
    assert type(played.error) is HealthTimeout
    assert played.error.seconds == 500


def test_looks_at_workers_spare_the_rate_limit() -> None:
    """First after 15 s without a ready ping, then at gaps that double, and once at the end."""
    clock = FakeClock()
    seen: list[float] = []

    def there(request: Request) -> Any:
        seen.append(round(clock.now - 1000))
        return workers("INITIALIZING")

    deploy_at(page(204), there, clock=clock, timeout=300)
    gaps = [b - a for a, b in pairwise(seen)]
    assert len(seen) <= 7
    assert 15 <= seen[0] <= 18
    assert gaps[:-1] == sorted(gaps[:-1])


def test_a_held_ping_is_repeated_at_once() -> None:
    """It will be answered the moment a worker is ready, so there is no gap to miss it in."""
    played = deploy_at(lost, workers("INITIALIZING"), timeout=100)
    assert played.slept == []
    assert {ping.health for ping in played.error.pings} == {Health.COLD}  # type: ignore[union-attr]


def test_where_the_answer_comes_at_once_the_gaps_grow() -> None:
    """From 0.1 s to a tenth of the time waited, 5 s at most."""
    played = deploy_at(page(204), workers("RUNNING"), timeout=200)
    assert played.slept[0] == pytest.approx(0.1)
    assert max(played.slept) <= 5.0
    assert played.slept == sorted(played.slept)


def test_a_refused_key_ends_the_wait() -> None:
    """No patience makes a wrong key right."""
    refused = answer({"status": 401, "title": "Unauthorized", "detail": "invalid api key"}, 401)
    played = deploying([listed(SAME), refused])
    assert isinstance(played.error, AuthError)
    assert "invalid api key" in str(played.error)


def test_an_apps_own_401_does_not_end_the_wait() -> None:
    """The app may protect its health path by mistake; the diagnosis says what it answers."""
    played = deploy_at(page(401, body=b"who are you"), workers("RUNNING"), timeout=20)
    assert "401" in str(played.error)
    assert type(played.error) is HealthTimeout


def test_max_workers_zero_fails_at_once() -> None:
    """Runpod lowers it to 0 on its own; waiting would be in vain."""
    played = deploying([listed(endpoint(workers=(0, 0)))])
    assert isinstance(played.error, DeployFailed)
    assert "max workers is 0" in str(played.error)
    assert played.slept == []


def test_a_control_plane_that_is_down_does_not_end_the_wait() -> None:
    """Looks explain; the pings decide."""
    clock = FakeClock()

    def ping(request: Request) -> Any:
        return READY if clock.now > 1100 else page(404)

    site = Site(clock, ping, problem(503))
    answers = iter([listed(SAME)])

    def world(request: Request) -> Any:
        if "ping" in request.url:
            return ping(request)
        if request.url.endswith("/workers"):
            return site(request)
        return next(answers, listed(SAME) if clock.now > 1100 else problem(503))

    played = deploying(repeat(world), clock=clock, timeout=300)
    assert played.result().id == "e1"
    assert clock.now < 1112


def test_a_rate_limit_does_not_hold_up_the_pings() -> None:
    """A look that is told to come back in two minutes is given up; only the last look waits."""
    clock = FakeClock()
    ready: list[float] = []

    def ping(request: Request) -> Any:
        if clock.now <= 1030:
            return page(204)
        ready.append(clock.now)
        return READY

    played = deploy_at(ping, problem(429, Retry_After="120"), clock=clock, timeout=300)
    assert played.result().id == "e1"
    assert ready[0] < 1036
    assert clock.now < 1140


def test_a_worker_that_is_starting_is_asked_for_its_log() -> None:
    """Pulling an image shows there."""
    played = deploy_at(lost, workers("RUNNING", "INITIALIZING"), log("pulling"), timeout=40)
    assert any("/workers/w2/logs" in sent for sent in played.sent)
    assert any(isinstance(event, WorkersSeen) for event in played.events)


def test_a_local_control_plane_is_asked_sooner() -> None:
    """There is no rate limit to spare on this machine."""
    assert Pacing.of("http://127.0.0.1:8000") == Pacing(first_look=2.0, proof=4.0)
    assert Pacing.of("https://api.runpod.io") == Pacing()


def waiting(script: Any, target: Any = "e1", clock: FakeClock | None = None, **options: Any) -> Any:
    """Play a wait for health."""
    clock = clock or FakeClock()
    names = ("max_retries", "retry_interval", "strategy", "timeout")
    chosen = dict.fromkeys(names) | options
    return play(wait_for_health(context(clock), target, **chosen), script, clock)


def test_waiting_for_health_gives_true() -> None:
    """The first 200 ends it."""
    assert waiting([listed(SAME), page(204), page(204), READY]).result() is True


def test_the_default_schedule_is_ten_pings_in_fifty_seconds() -> None:
    """That of the design document."""
    clock = FakeClock()
    played = waiting(repeat(Site(clock, page(204))), clock=clock)
    assert played.sent.count("GET /ping") == 10
    assert str(played.error).startswith("LB endpoint app (e1) failed to become healthy within 50s")
    assert clock.now == 1045


def test_another_schedule_can_be_named() -> None:
    """In the words of the design document."""
    clock = FakeClock()
    played = waiting(repeat(Site(clock, page(204))), clock=clock, max_retries=20, retry_interval=3)
    assert played.sent.count("GET /ping") == 20
    assert "within 60s" in str(played.error)


def test_gaps_run_start_to_start_also_where_pings_are_held() -> None:
    """A held ping uses up its gap."""
    clock = FakeClock()
    played = waiting(repeat(Site(clock, lost)), clock=clock)
    assert played.sent.count("GET /ping") == 10
    assert played.slept == []


def test_a_strategy_without_an_end_gets_three_hundred_seconds() -> None:
    """Unless a timeout is given."""
    clock = FakeClock()
    played = waiting(repeat(Site(clock, page(500))), clock=clock, strategy=Backoff())
    assert "within 300s" in str(played.error)
    played = waiting(repeat(Site(clock, page(500))), clock=clock, strategy=Backoff(), timeout=7)
    assert "within 7s" in str(played.error)


def test_several_healthy_pings_in_a_row_can_be_asked_for() -> None:
    """A server that flaps is not ready."""
    script = [listed(SAME), READY, page(500), READY, READY, READY]
    played = waiting(script, strategy=Consecutive(3, of=FixedSchedule(5, 1)))
    assert played.sent.count("GET /ping") == 5


def test_a_strategy_and_a_schedule_exclude_each_other() -> None:
    """Which one is meant is not guessed."""
    played = waiting([], strategy=Backoff(), max_retries=3, retry_interval=1)
    assert isinstance(played.error, ConfigError)
    assert "strategy and max_retries and retry_interval exclude each other" in str(played.error)


@pytest.mark.parametrize("timeout", [0, -3, float("nan"), "5", False])
def test_a_wait_needs_a_time(timeout: Any) -> None:
    """Neither none nor for ever by mistake."""
    assert isinstance(waiting([], timeout=timeout).error, ConfigError)


def test_waiting_for_what_is_deleted_says_so() -> None:
    """It is not a timeout."""
    played = waiting([listed(SAME), UNKNOWN, UNKNOWN, listed(), UNKNOWN])
    assert isinstance(played.error, NotFound)


def test_waiting_for_what_was_never_there_says_so() -> None:
    """Nothing is pinged."""
    assert isinstance(waiting([listed()]).error, NotFound)
    played = waiting([listed()], target=RESOURCE)
    assert "it is not deployed; deploy() it first" in str(played.error)
