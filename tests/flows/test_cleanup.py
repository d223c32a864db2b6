"""What becomes of an endpoint whose deploy fails: it stays, or it is removed when asked for."""

from __future__ import annotations

import pickle
from itertools import chain, repeat
from typing import Any

import pytest

from lbsls import ConfigError, HealthTimeout, LbslsError, NotOurs, ServerError
from lbsls.events import NotRemoved
from lbsls.testing import FakeClock
from lbsls.values import Request
from stories import (
    GONE,
    RESOURCE,
    UNKNOWN,
    answer,
    context,
    deploying,
    endpoint,
    listed,
    page,
    problem,
    taking,
    told,
    workers,
)

OWN = endpoint(nonce="n1")


def failing(*deleted: Any, found: Any = None, **options: Any) -> Any:
    """Play a deploy whose pings say 503 until its time is over, and whose deletes are answered."""
    clock = FakeClock()
    deletes = iter(deleted)
    looks = chain([listed()], repeat(listed(OWN))) if found is None else repeat(listed(found))

    def world(request: Request) -> Any:
        if request.method == "DELETE":
            return next(deletes)
        if request.method == "POST":
            return answer(OWN, 201)
        if request.url.endswith("/workers"):
            return workers("RUNNING")
        return taking(clock, 1.0, page(503))(request) if "ping" in request.url else next(looks)

    return deploying(repeat(world), clock=clock, **{"timeout": 20.0, **options})


def deletes(played: Any) -> list[str]:
    """Give the deletes that were sent."""
    return [sent for sent in played.sent if sent.startswith("DELETE")]


def test_by_default_it_stays() -> None:
    """The error names it, and how to remove it."""
    played = failing()
    assert isinstance(played.error, HealthTimeout)
    assert (played.error.removed, deletes(played)) == (False, [])
    assert "remove it with `lbsls rm e1` or account.undeploy('e1')" in str(played.error)


def test_what_this_call_created_is_removed() -> None:
    """The error says so, also in another process."""
    played = failing(GONE, cleanup="on_failure")
    error = pickle.loads(pickle.dumps(played.error))
    assert (error.removed, deletes(played)) == (True, ["DELETE /v2/serverless/e1"])
    assert "The endpoint was removed again" in str(error)
    assert "still exists" not in str(error)
    assert told(played)[-1] == "Removed"


def test_what_was_there_before_stays() -> None:
    """Only what this call created is removed."""
    played = failing(found=endpoint(), cleanup="on_failure")
    assert (played.error.removed, deletes(played)) == (False, [])
    assert "still exists" in str(played.error)


def test_a_delete_that_fails_is_told() -> None:
    """The error of the deploy stays the error; it names what is left, and why."""
    played = failing(problem(403, "Forbidden"), cleanup="on_failure")
    assert isinstance(played.error, HealthTimeout)
    assert (played.error.removed, "403" in str(played.error.cleanup_error)) == (False, True)
    assert "should have been removed, and that failed: delete endpoint" in str(played.error)
    assert "The endpoint still exists; remove it with `lbsls rm e1`" in str(played.error)
    assert isinstance(played.events[-1], NotRemoved)


def test_a_service_that_is_down_is_asked_again() -> None:
    """A delete may be sent twice, so a moment of trouble leaves nothing behind."""
    played = failing(problem(503), problem(503), GONE, cleanup="on_failure")
    assert (played.error.removed, len(deletes(played))) == (True, 3)


def test_a_young_one_that_is_not_found_is_deleted_again() -> None:
    """Just created, it can be answered with 404 and be there all the same."""
    played = failing(UNKNOWN, UNKNOWN, GONE, cleanup="on_failure", timeout=2.0)
    assert (played.error.removed, len(deletes(played))) == (True, 3)


def test_an_old_one_that_is_not_found_is_gone() -> None:
    """Somebody else was quicker."""
    played = failing(UNKNOWN, cleanup="on_failure")
    assert (played.error.removed, len(deletes(played))) == (True, 1)


@pytest.mark.parametrize("trouble", [problem(401), problem(400)])
def test_any_failure_cleans_up(trouble: Any) -> None:
    """Also one that is not about health: what it created would be left without a word."""
    clock = FakeClock()
    script = [listed(), answer(OWN, 201), trouble, GONE]
    played = deploying(script, clock=clock, cleanup="on_failure")
    assert isinstance(played.error, LbslsError)
    assert told(played) == ["Created", "Removed"]


def test_what_is_removed_already_is_not_removed_again() -> None:
    """A loser that was deleted in the election is gone."""
    first = "2026-11-20T09:00:00Z"
    winner = endpoint("e0", nonce="n9", created=first, project="else", image="img:0")
    script = [listed(), answer(OWN, 201), listed(winner, OWN), GONE]
    played = deploying(script, cleanup="on_failure")
    assert isinstance(played.error, NotOurs)
    assert deletes(played) == ["DELETE /v2/serverless/e1"]


def test_a_create_that_fails_leaves_nothing_to_clean_up() -> None:
    """Nothing is sent for what is not there."""
    played = deploying([problem(500)] * 5, cleanup="on_failure")
    assert (type(played.error), deletes(played)) == (ServerError, [])


@pytest.mark.parametrize("wrong", ["on-failure", "always", True, None])
def test_only_two_ways_are_known(wrong: Any) -> None:
    """The error names both, before anything is sent."""
    played = deploying([], RESOURCE, ctx=context(), cleanup=wrong)
    assert isinstance(played.error, ConfigError)
    assert "cleanup must be 'never' or 'on_failure', not" in str(played.error)
    assert isinstance(played.error, ValueError)


def test_interrupted_it_ends_at_once() -> None:
    """Ctrl-C and cancellation clean nothing up: the endpoint stays for the next deploy."""
    script = [listed(), answer(OWN, 201), listed(OWN), _interrupt]
    clock = FakeClock()
    ctx = context(clock)
    with pytest.raises(KeyboardInterrupt):
        deploying(script, clock=clock, ctx=ctx, cleanup="on_failure")
    assert ctx.memory.claim("app").try_take()


def _interrupt(request: Request) -> Any:
    raise KeyboardInterrupt
