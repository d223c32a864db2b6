"""No operation outlives its timeout by more than a moment, whatever the other side does."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lbsls import ConnectError, FixedSchedule, LoadBalancerSlsResource, TransportError
from lbsls.errors import LbslsError
from lbsls.flows.wait import wait_for_health
from lbsls.testing import FakeClock, Play, play
from lbsls.values import Request
from stories import (
    GONE,
    NO_WORKER,
    UNKNOWN,
    answer,
    context,
    deploying,
    endpoint,
    listed,
    lost,
    page,
    problem,
    workers,
)

MARGIN = 2.0
SAME, DRIFTED = endpoint(), endpoint(image="img:0")
OLDER, OWN = endpoint("e0", nonce="a", created="2026-11-20T09:00:00Z"), endpoint(nonce="n1")
LOOKS = [listed(), listed(SAME), listed(DRIFTED), listed(OLDER, SAME), listed(OLDER, OWN)]
ANSWERS: list[Any] = [
    *LOOKS,
    answer(SAME),
    answer(OWN, 201),
    GONE,
    UNKNOWN,
    NO_WORKER,
    lost,
    lambda request: ConnectError("it", "refused"),
    lambda request: TransportError("it", "broke"),
    page(200, "w1"),
    page(200, "w1", b"<html>"),
    page(204),
    page(500, body=b"oops"),
    problem(429, Retry_After="0"),
    problem(429, Retry_After="100"),
    problem(503),
    workers("RUNNING"),
    workers("UNHEALTHY", stale=1),
    workers(),
]
FITTING = {"GET serverless": LOOKS, "POST serverless": [answer(OWN, 201), lost]}
few = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def world(rnd: Any, clock: FakeClock, favourites: list[Any]) -> Any:
    """Give a step that answers anything, after any time that the request allows."""

    def step(request: Request) -> Any:
        held = rnd.choice([0.02, 0.02, 0.2, 3.0, 1000.0])
        clock.now += min(held, request.timeout)
        if held > request.timeout:
            return lost(request)
        kind = f"{request.method} {request.url.rpartition('/')[2]}"
        fitting = FITTING.get(kind, favourites)
        chosen = rnd.choice(fitting if rnd.random() < 0.7 else ANSWERS)
        return chosen(request) if callable(chosen) else chosen

    return step


def assert_in_time(played: Play[Any], clock: FakeClock, timeout: float) -> None:
    """The operation ended with a result or a typed error, and not late."""
    assert played.error is None or isinstance(played.error, LbslsError)
    assert clock.now - 1000.0 <= timeout + MARGIN, played.sent[-20:]


@few
@given(
    rnd=st.randoms(use_true_random=False),
    timeout=st.sampled_from([0.05, 1.0, 10.0, 40.0]),
    favourites=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4),
    chance=st.sampled_from([0.0, 0.5, 1.0]),
    options=st.fixed_dictionaries({"adopt": st.sampled_from([None, True]), "wait": st.booleans()}),
)
def test_a_deploy_ends_in_time(
    rnd: Any, timeout: float, favourites: list[Any], chance: float, options: dict[str, Any]
) -> None:
    """With one deadline for looking, creating, updating and waiting."""
    clock = FakeClock()
    resource = LoadBalancerSlsResource(name="app", imageName="img:1", env={"A": "1"})
    ctx = context(clock, random=lambda: chance)
    steps = iter(lambda: world(rnd, clock, favourites), None)
    played = deploying(steps, resource, clock=clock, ctx=ctx, timeout=timeout, **options)
    assert_in_time(played, clock, timeout)


@few
@given(
    rnd=st.randoms(use_true_random=False),
    timeout=st.sampled_from([0.05, 2.0, 30.0, None]),
    favourites=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4),
)
def test_a_wait_ends_in_time(rnd: Any, timeout: float | None, favourites: list[Any]) -> None:
    """With the looks at the end in it; finding the endpoint first has a minute of its own."""
    clock = FakeClock()
    ctx = context(clock)
    schedule = FixedSchedule(5, 2.0)
    flow = wait_for_health(
        ctx, "e1", max_retries=None, retry_interval=None, strategy=schedule, timeout=timeout
    )
    played = play(flow, iter(lambda: world(rnd, clock, favourites), None), clock)
    assert_in_time(played, clock, 60 + 60 + (timeout or 10))
