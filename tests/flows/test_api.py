"""How the control plane is asked: what is tried again, how often, for how long."""

from __future__ import annotations

import pickle
from itertools import repeat
from typing import Any

import pytest

from lbsls import (
    AnswerTooLarge,
    AuthError,
    ConnectError,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    TransportError,
    TransportTimeout,
    WireError,
)
from lbsls.events import Retrying
from lbsls.flows.api import call
from lbsls.flows.find import find
from lbsls.live import Mark
from lbsls.testing import FakeClock, play
from lbsls.values import Request
from lbsls.wire import rest
from stories import KEY, RESOURCE, answer, context, endpoint, listed, lost, page, problem

FOUND = listed(endpoint())


def refused(request: Request) -> ConnectError:
    """Make no connection."""
    return ConnectError("it", "refused")


def broke(request: Request) -> TransportError:
    """Break off."""
    return TransportError("it", "broke")


def flooded(request: Request) -> TransportError:
    """Answer more than was allowed."""
    return AnswerTooLarge("it", request.max_bytes)


@pytest.mark.parametrize("trouble", [lost, refused, broke, problem(500), problem(429)])
def test_what_may_pass_is_tried_again(trouble: Any) -> None:
    """A look changes nothing, so it may be sent as often as it takes."""
    played = play(find(context(), "app"), [trouble, trouble, FOUND])
    assert played.result().id == "e1"  # type: ignore[union-attr]
    assert [event.attempt for event in played.events if isinstance(event, Retrying)] == [1, 2]


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (lost, TransportTimeout),
        (refused, ConnectError),
        (broke, TransportError),
        (problem(500), ServerError),
    ],
)
def test_five_tries_are_enough(trouble: Any, kind: type[Any]) -> None:
    """The error says how many there were, and for how long."""
    played = play(find(context(), "app"), repeat(trouble))
    assert type(played.error) is kind
    assert "(tried 5 times in " in str(played.error)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (problem(401), AuthError),
        (problem(403), PermissionDenied),
        (problem(404), NotFound),
        (page(200, body=b"<html>"), WireError),
        (page(301), WireError),
        (flooded, AnswerTooLarge),
    ],
)
def test_a_refusal_is_not_tried_again(refusal: Any, kind: type[Any]) -> None:
    """Asking again would change nothing."""
    played = play(find(context(), "app"), [refusal])
    assert type(played.error) is kind
    assert played.slept == []


@pytest.mark.parametrize(
    ("trouble", "times"), [(lost, 1), (broke, 1), (problem(500), 1), (refused, 5)]
)
def test_what_may_have_been_done_is_not_done_again(trouble: Any, times: int) -> None:
    """A create is sent again only if it was certainly not done."""
    operation = rest.create_endpoint(RESOURCE, Mark("", "app", "n1"))
    played = play(call(context(), operation, 1060.0), repeat(trouble))
    assert len(played.requests) == times


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry_After": "20"}, 20, 21),
        ({"Retry_After": "0"}, 0.1, 1),
        ({}, 0.1, 1),
        ({"Retry_After": "soon"}, 0.1, 1),
    ],
)
def test_a_rate_limit_says_when_to_come_back(headers: Any, least: float, most: float) -> None:
    """Not all callers at the same moment, and never at once."""
    ctx = context(random=lambda: 0.0)
    played = play(find(ctx, "app"), [problem(429, **headers), FOUND])
    assert least <= played.slept[0] <= most


def test_a_rate_limit_longer_than_the_deadline_is_an_error_at_once() -> None:
    """Nobody waits for what will come too late."""
    clock = FakeClock()
    played = play(find(context(clock), "app"), [problem(429, Retry_After="100")], clock)
    assert isinstance(played.error, RateLimited)
    assert (played.error.retry_after, clock.now) == (100, 1000.0)


LIMITED = {"RateLimit": '"minute";r=0;t=40', "RateLimit-Policy": '"minute";q=60;w=60'}


def told(clock: FakeClock) -> Any:
    """Make a context whose account was told that nothing is left for 40 s."""
    ctx = context(clock)
    play(find(ctx, "app"), [answer({"endpoints": []}, headers=LIMITED)], clock)
    return ctx


def test_an_account_waits_before_it_is_refused() -> None:
    """The answer before said that there is no room."""
    clock = FakeClock()
    played = play(find(told(clock), "app"), [FOUND], clock)
    assert played.result().id == "e1"  # type: ignore[union-attr]
    assert (played.slept, clock.now) == ([40.0], 1040.0)


def test_no_room_before_the_deadline_is_an_error_at_once() -> None:
    """It says that nothing was sent, and when there will be room."""
    clock = FakeClock()
    played = play(call(told(clock), rest.list_endpoints(), 1010.0), [], clock)
    error = pickle.loads(pickle.dumps(played.error))
    assert isinstance(error, RateLimited)
    assert (error.status, error.retry_after, error.attempts) == (0, 40.0, 0)
    assert str(error).startswith(
        "list endpoints: not sent: the account's rate limit has no room for another 40.0s, "
        "and 10.0s were left. Wait, "
    )


def test_no_room_for_another_try_says_how_many_there_were() -> None:
    """The tries before count."""
    clock = FakeClock()
    ctx = context(clock)
    script = [
        problem(500),
        problem(500, **{key.replace("-", "_"): LIMITED[key] for key in LIMITED}),
    ]
    played = play(call(ctx, rest.list_endpoints(), 1020.0), script, clock)
    assert isinstance(played.error, RateLimited)
    assert "were left (tried 2 times in " in str(played.error)


def test_who_gives_up_while_waiting_keeps_no_place() -> None:
    """A cancelled caller is not waited for."""
    clock = FakeClock()
    ctx = told(clock)
    waiting = find(ctx, "app")
    assert next(waiting).seconds == 40.0  # type: ignore[union-attr]
    waiting.close()
    assert ctx.memory.budget.ask(ctx.memory.budget.ticket(), 1000.0) == 40.0


def test_a_wire_error_after_other_troubles_says_so() -> None:
    """Every error says how often it was tried."""
    played = play(find(context(), "app"), [problem(500), page(200, body=b"<html>")])
    assert isinstance(played.error, WireError)
    assert "(tried 2 times in " in str(played.error)


def test_every_request_gets_what_is_left_of_the_deadline() -> None:
    """Thirty seconds at most, and never none."""
    clock = FakeClock()
    given: list[float] = []

    def step(request: Request) -> Any:
        given.append(request.timeout)
        clock.now += request.timeout
        return lost(request)

    played = play(call(context(clock), rest.list_endpoints(), 1050.0), repeat(step), clock)
    assert isinstance(played.error, TransportTimeout)
    assert given[0] == 30.0
    assert 15 < given[1] < 20


def test_a_request_is_sent_with_key_and_name() -> None:
    """The control plane is told who asks."""
    played = play(find(context(), "app"), [FOUND])
    headers = played.requests[0].headers
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["User-Agent"].startswith("lbsls")
