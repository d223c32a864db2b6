"""Strategies, played against pings that answer as an endpoint would; no time passes."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbsls.errors import ConfigError
from lbsls.health import (
    Adaptive,
    Backoff,
    Consecutive,
    Decision,
    FixedSchedule,
    Strategy,
    Verdict,
)
from lbsls.values import Health, Ping

READY, COLD, LOADING = Health.READY, Health.COLD, Health.INITIALIZING
AGAIN = Verdict.AGAIN


def play(
    strategy: Strategy, answers: Callable[[float], tuple[Health, float]], until: float = 600.0
) -> tuple[list[float], Verdict, float]:
    """Ping until the strategy or the time ends it.

    ``answers`` gives, for a moment, the health and the seconds that the answer takes. Gives when
    each ping was sent, the last verdict, and when it fell.
    """
    now, state, sent = 0.0, None, []
    while True:
        health, elapsed = answers(now)
        sent.append(round(now, 6))
        state, decision = strategy.observe(state, Ping(health, at=now, elapsed=elapsed))
        now += elapsed
        if decision.verdict is not AGAIN or now + decision.delay >= until:
            return sent, decision.verdict, now
        now += decision.delay


@pytest.mark.parametrize("elapsed", [0.0, 0.5, 4.9, 5.0])
def test_ten_times_five_seconds_are_fifty(elapsed: float) -> None:
    """The design's schedule runs start to start, so slow pings do not stretch it."""
    sent, verdict, over = play(FixedSchedule(), lambda now: (LOADING, elapsed))
    assert [5.0 * n for n in range(10)] == sent
    assert (Verdict.FAILED, True) == (verdict, over <= 50.0 == FixedSchedule().horizon)
    assert 5.0 == FixedSchedule().ping_timeout


def test_a_ping_slower_than_the_interval_is_followed_at_once() -> None:
    """No gap is added to a ping that took longer than the interval."""
    sent, _, _ = play(FixedSchedule(3, 2.0), lambda now: (COLD, 5.0))
    assert [0.0, 5.0, 10.0] == sent


def test_a_schedule_ends_with_the_first_ready_ping() -> None:
    """Healthy is healthy, also at the last of the pings."""
    sent, verdict, _ = play(FixedSchedule(3, 1), lambda now: (READY if now >= 2 else COLD, 0.0))
    assert ([0.0, 1.0, 2.0], Verdict.READY) == (sent, verdict)
    assert Decision(Verdict.READY) == FixedSchedule(1).observe(None, Ping(READY))[1]


def test_backoff_grows_to_its_maximum() -> None:
    """Gaps double up to ten seconds and go on for as long as the deadline lets them."""
    sent, verdict, _ = play(Backoff(), lambda now: (COLD, 0.0), until=45.0)
    assert [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 25.5, 35.5] == sent
    assert (AGAIN, None) == (verdict, Backoff().horizon)


def test_backoff_may_end_by_count() -> None:
    """With max_retries the last ping decides."""
    strategy = Backoff(first=1, factor=1, max_retries=3)
    assert ([0.0, 1.0, 2.0], Verdict.FAILED, 2.0) == play(strategy, lambda now: (COLD, 0.0))
    assert Verdict.READY is play(strategy, lambda now: (READY, 0.0))[1]


def test_backoff_after_very_many_pings() -> None:
    """A wait of days neither overflows nor slows down."""
    for strategy in (Backoff(), Backoff(factor=1), Backoff(factor=1e200)):
        state, decision = strategy.observe(10**12, Ping(COLD))
        assert (10**12 + 1, True) == (state, 0 < decision.delay <= 10.0)


def test_consecutive_wants_a_run() -> None:
    """One lucky answer among bad ones is not health."""
    answers = iter([COLD, READY, READY, LOADING, READY, READY, READY])
    strategy = Consecutive(3, of=FixedSchedule(5, 1.0), gap=0.25)
    sent, verdict, _ = play(strategy, lambda now: (next(answers), 0.0))
    assert ([0.0, 1.0, 1.25, 1.5, 2.5, 2.75, 3.0], Verdict.READY) == (sent, verdict)


def test_consecutive_fails_as_the_other_strategy() -> None:
    """Only bad pings count towards the other strategy's end."""
    strategy = Consecutive(2, of=FixedSchedule(2, 1.0))
    answers = iter([COLD, READY, COLD])
    assert Verdict.FAILED is play(strategy, lambda now: (next(answers), 0.0))[1]
    assert (5.0, 2.0) == (strategy.ping_timeout, strategy.horizon)
    assert (15.0, None) == (Consecutive(2).ping_timeout, Consecutive(2).horizon)
    assert Verdict.READY is play(Consecutive(1), lambda now: (READY, 0.0))[1]


def test_a_held_ping_is_repeated_at_once() -> None:
    """Where the balancer holds requests no time is lost: ready is seen when it happens."""

    def held(now: float) -> tuple[Health, float]:
        return (READY, 40.0 - now) if now + 15.0 >= 40.0 else (COLD, 15.0)

    assert ([0.0, 15.0, 30.0], Verdict.READY, 40.0) == play(Adaptive(), held)


def test_what_is_answered_at_once_is_asked_at_growing_gaps() -> None:
    """A tenth of a second at first, a tenth of the time waited then, five seconds at most."""
    sent, _, _ = play(Adaptive(), lambda now: (COLD, 0.0), until=120.0)
    gaps = [later - sooner for sooner, later in itertools.pairwise(sent)]
    assert [0.1] * 10 == [round(gap, 6) for gap in gaps[:10]]
    pairs = list(zip(sent, gaps))
    assert [] == [(at, gap) for at, gap in pairs if gap > max(0.1, 0.1 * at) + 1e-5]
    assert 5.0 == max(round(gap, 6) for gap in gaps)
    assert gaps == pytest.approx(sorted(gaps), abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1e6), st.floats(0, 15), st.sampled_from([COLD, LOADING, Health.UNREACHABLE]))
def test_ready_is_never_seen_late(at: float, elapsed: float, health: Health) -> None:
    """The pause after a ping is at most a tenth of the time waited, and never above 5 s."""
    _, decision = Adaptive().observe(None, Ping(health, at=at, elapsed=elapsed))
    assert AGAIN is decision.verdict
    assert 0.0 <= decision.delay <= min(5.0, max(0.1, 0.1 * (at + elapsed)))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: FixedSchedule(0), "max_retries must be a whole number of 1 or more, not 0."),
        (lambda: FixedSchedule("3"), "max_retries must be a whole number of 1 or more, not '3'."),
        (lambda: FixedSchedule(2.5), "max_retries must be a whole number of 1 or more, not 2.5."),
        (lambda: FixedSchedule(True), "max_retries must be a whole number of 1 or more, not True."),
        (lambda: FixedSchedule(3, 0), "retry_interval must be a number above 0, not 0."),
        (lambda: FixedSchedule(3, None), "retry_interval must be a number above 0, not None."),
        (
            lambda: FixedSchedule(3, float("nan")),
            "retry_interval must be a number above 0, not nan",
        ),
        (
            lambda: FixedSchedule(3, float("inf")),
            "retry_interval must be a number above 0, not inf",
        ),
        (lambda: Backoff(factor=0.5), "factor must be a number of 1 or more, not 0.5."),
        (lambda: Backoff(first=-1), "first must be a number above 0, not -1."),
        (lambda: Backoff(max_retries=0), "max_retries must be a whole number of 1 or more, not 0."),
        (lambda: Consecutive(0), "n must be a whole number of 1 or more, not 0."),
        (lambda: Consecutive(2, gap=-1), "gap must be a number of 0 or more, not -1."),
        (lambda: Adaptive(ping_timeout=0), "ping_timeout must be a number above 0, not 0."),
    ],
)
def test_a_strategy_that_cannot_work_is_refused(make: Any, expected: str) -> None:
    """The mistake is named where it was made, not in the middle of a wait."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    "strategy", [FixedSchedule(), Backoff(), Adaptive(), Consecutive(2, of=Backoff())]
)
def test_a_strategy_is_a_value(strategy: Any) -> None:
    """It holds no state of a wait, so it can be shared, compared and sent on."""
    assert strategy == pickle.loads(pickle.dumps(strategy)) == copy.deepcopy(strategy)
    before = repr(strategy)
    strategy.observe(None, Ping(COLD))
    assert before == repr(strategy)
