"""What answers say of the rate limit: read as Runpod writes it, and never an error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lbsls.budget import Limit
from lbsls.values import Response
from lbsls.wire.limits import limits


def said(state: str, policy: str) -> tuple[Limit, ...]:
    """Read these two headers."""
    return limits(Response(200, {"RateLimit": state, "RateLimit-Policy": policy}))


def test_each_window_is_read() -> None:
    """The example of Runpod's API description."""
    state = '"minute";r=0;t=12, "hour";r=2800;t=1812, "day";r=49500;t=45012'
    policy = '"minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400'
    assert said(state, policy) == (
        Limit("minute", 60, 60, 0, 12),
        Limit("hour", 3000, 3600, 2800, 1812),
        Limit("day", 50000, 86400, 49500, 45012),
    )


def test_what_cannot_be_is_cut_to_what_can() -> None:
    """No window lasts longer than itself, or has more left than it has."""
    assert said('"a";r=99;t=999', '"a";q=9;w=60') == (Limit("a", 9, 60, 9, 60),)


def test_half_a_window_is_none() -> None:
    """Neither without what is left, nor without the rule, nor with a rule that allows nothing."""
    assert said("", '"a";q=9;w=60') == said('"a";r=9;t=6', "") == limits(Response(200)) == ()
    assert said('"a";r=9', '"a";q=9;w=60') == said('"a";r=0;t=1', '"a";q=0;w=60') == ()


@given(st.text(), st.text())
def test_no_header_is_an_error(state: str, policy: str) -> None:
    """Whatever it says."""
    assert len(said(state, policy)) <= 8
    assert len(said(f'"a";r=1;t=1{state}', f'"a";q=1;w=1{policy}')) <= 8
