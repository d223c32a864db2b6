"""Delays between attempts: growth that ends, and numbers that do not overflow."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbsls.schedules import expo, fibo, full_jitter

HUGE = 10**12


def test_expo_doubles_up_to_its_maximum() -> None:
    """Delays grow as documented and stop growing where they are told to."""
    delays = [expo(attempt, first=0.5, maximum=8.0) for attempt in range(1, 8)]
    assert [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0] == delays
    assert [1.0, 3.0, 9.0] == [expo(n, first=1.0, base=3.0, maximum=10.0) for n in (1, 2, 3)]


def test_fibo_grows_more_slowly() -> None:
    """Fibonacci's numbers times the first delay, up to the maximum."""
    delays = [fibo(attempt, first=0.5, maximum=3.0) for attempt in range(1, 8)]
    assert [0.5, 0.5, 1.0, 1.5, 2.5, 3.0, 3.0] == delays


@pytest.mark.parametrize(
    ("settings_", "expected"),
    [
        ({"first": 0.5, "maximum": 8.0}, 8.0),
        ({"first": 0.5, "base": 1.0, "maximum": 8.0}, 0.5),
        ({"first": 9.0, "base": 1, "maximum": 8.0}, 8.0),
        ({"first": 1e-300, "base": 1e200, "maximum": 8.0}, 8.0),
        ({"first": 1e-9, "maximum": 1e308}, 1e308),
    ],
)
def test_no_attempt_is_too_many(settings_: dict[str, float], expected: float) -> None:
    """After however many attempts the delay is there at once, and is the maximum."""
    assert expected == expo(HUGE, **settings_)  # type: ignore[arg-type]
    assert 8.0 == fibo(HUGE, first=0.001, maximum=8.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, HUGE), st.floats(1e-3, 10), st.floats(1.1, 1e300), st.floats(1e-3, 1e9))
def test_a_delay_is_never_above_its_maximum(
    attempt: int, first: float, base: float, maximum: float
) -> None:
    """Whatever is chosen, a delay is a number from 0 to the maximum."""
    assert 0 < expo(attempt, first=first, base=base, maximum=maximum) <= maximum
    assert 0 < fibo(attempt, first=first, maximum=maximum) <= maximum


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0.0), (0.25, 1.0), (1.0, 4.0)])
def test_jitter_spreads_over_the_whole_delay(chance: float, expected: float) -> None:
    """Callers who failed together come back apart."""
    assert expected == full_jitter(4.0, lambda: chance)
