"""How many workers there should be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbsls.local.scaler import Limits, Plan, Seen, plan, wanted


def limits(
    minimum: int = 0, maximum: int = 3, request_count: int = 1, idle_timeout: float = 10
) -> Limits:
    """Give an endpoint's limits."""
    return Limits(minimum, maximum, request_count, idle_timeout, startup_patience=100)


def seen(
    id_: str = "a",
    *,
    current: bool = True,
    ready: bool = True,
    in_flight: int = 0,
    idle_since: float = 0,
) -> Seen:
    """Give a worker."""
    return Seen(id_, current, ready, in_flight, idle_since)


@pytest.mark.parametrize(
    ("queued", "in_progress", "rule", "number"),
    [
        (0, 0, limits(), 0),
        (1, 0, limits(), 1),
        (0, 1, limits(), 1),
        (1, 1, limits(), 2),
        (9, 9, limits(), 3),
        (0, 0, limits(minimum=1), 1),
        (4, 0, limits(request_count=4), 1),
        (4, 1, limits(request_count=4), 2),
        (5, 0, limits(maximum=0), 0),
        (5, 0, limits(minimum=2, maximum=0), 0),
    ],
)
def test_the_number_of_workers_follows_runpods_formula(
    queued: int, in_progress: int, rule: Limits, number: int
) -> None:
    """Workers are the load over the request count, rounded up, between min and max."""
    assert number == wanted(queued, in_progress, rule)


@given(
    queued=st.integers(0, 1000),
    in_progress=st.integers(0, 1000),
    minimum=st.integers(0, 10),
    more=st.integers(0, 10),
    request_count=st.integers(1, 50),
)
def test_the_formula_holds_for_any_load(
    queued: int, in_progress: int, minimum: int, more: int, request_count: int
) -> None:
    """The number is never outside of the limits, and never less than the load needs."""
    rule = limits(minimum, minimum + more, request_count)
    number = wanted(queued, in_progress, rule)
    assert minimum <= number <= minimum + more
    need = math.ceil((queued + in_progress) / request_count)
    assert max(minimum, min(need, minimum + more)) == number


@pytest.mark.parametrize(
    ("workers", "queued", "rule", "now", "decision"),
    [
        pytest.param([], 0, limits(), 0, Plan(), id="nobody asks"),
        pytest.param([], 1, limits(), 0, Plan(start=1), id="from zero at once"),
        pytest.param([], 0, limits(minimum=2), 0, Plan(start=2), id="the minimum"),
        pytest.param([seen()], 0, limits(), 5, Plan(again_at=10), id="idle, not yet for long"),
        pytest.param([seen()], 0, limits(), 10, Plan(stop=("a",)), id="idle for long"),
        pytest.param([seen()], 0, limits(minimum=1), 99, Plan(), id="idle, but the minimum"),
        pytest.param(
            [seen(ready=False)], 0, limits(), 99, Plan(again_at=100), id="starting, not asked for"
        ),
        pytest.param(
            [seen(ready=False)], 0, limits(), 100, Plan(stop=("a",)), id="never became ready"
        ),
        pytest.param(
            [seen("a", in_flight=1), seen("b", in_flight=1)],
            0,
            limits(request_count=4),
            99,
            Plan(),
            id="busy workers stay, needed or not",
        ),
        pytest.param(
            [seen("a", in_flight=2), seen("b")],
            0,
            limits(maximum=1),
            0,
            Plan(stop=("b",)),
            id="a lower maximum takes the idle one",
        ),
        pytest.param(
            [seen("a", in_flight=2), seen("b", in_flight=1)],
            0,
            limits(maximum=0),
            0,
            Plan(stop=("b", "a")),
            id="maximum zero takes all",
        ),
        pytest.param(
            [seen("a", idle_since=3), seen("b", idle_since=1)],
            0,
            limits(),
            2,
            Plan(again_at=11),
            id="looks again when the first is due",
        ),
        pytest.param(
            [seen(current=False)], 0, limits(), 0, Plan(start=1), id="new before old, if idle too"
        ),
        pytest.param(
            [seen(current=False, ready=False)], 0, limits(), 0, Plan(stop=("a",)), id="old, useless"
        ),
        pytest.param(
            [seen("a", current=False), seen("b", ready=False)],
            0,
            limits(),
            0,
            Plan(),
            id="old until new is ready",
        ),
        pytest.param(
            [seen("a", current=False), seen("b")],
            0,
            limits(),
            0,
            Plan(stop=("a",)),
            id="new is ready",
        ),
        pytest.param(
            [seen("a", current=False, in_flight=9), seen("b", current=False), seen("c")],
            0,
            limits(minimum=2, request_count=9),
            0,
            Plan(start=1, stop=("b",)),
            id="the busiest old one stays longest",
        ),
        pytest.param(
            [seen("a", current=False)],
            0,
            limits(maximum=0),
            0,
            Plan(stop=("a",)),
            id="old, none allowed",
        ),
    ],
)
def test_a_plan(workers: list[Seen], queued: int, rule: Limits, now: float, decision: Plan) -> None:
    """Each situation has one right answer."""
    in_progress = sum(worker.in_flight for worker in workers)
    made = plan(workers, queued=queued, in_progress=in_progress, limits=rule, now=now)
    assert decision == made


workers_of_any_kind = st.lists(
    st.builds(
        Seen,
        id=st.uuids().map(str),
        current=st.booleans(),
        ready=st.booleans(),
        in_flight=st.integers(0, 5),
        idle_since=st.floats(0, 50),
    ),
    max_size=8,
)


@given(workers_of_any_kind, st.integers(0, 20), st.integers(0, 3), st.integers(0, 5))
def test_a_plan_keeps_its_promises(
    workers: list[Seen], queued: int, minimum: int, more: int
) -> None:
    """Whatever the situation: enough workers, never too many, none stopped that is needed."""
    rule = limits(minimum, minimum + more)
    load = sum(worker.in_flight for worker in workers)
    made = plan(workers, queued=queued, in_progress=load, limits=rule, now=60)
    current = [worker for worker in workers if worker.current and worker.id not in made.stop]
    assert len(current) + made.start >= wanted(queued, load, rule)
    assert len(current) <= rule.maximum
    assert not made.start or len(current) + made.start <= rule.maximum
    had = any(worker.ready for worker in workers)
    has = any(worker.ready and worker.id not in made.stop for worker in workers)
    if had and (queued or load) and rule.maximum:
        assert has
