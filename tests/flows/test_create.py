"""What a first deploy does: look, create once, find what a lost answer made, count requests."""

from __future__ import annotations

import json
from itertools import repeat

import pytest

from lbsls import (
    ApiError,
    AuthError,
    CapacityError,
    ConfigError,
    ConnectError,
    LoadBalancerSlsResource,
    ServerError,
    ServerlessResource,
    TransportTimeout,
    WireError,
)
from lbsls.testing import FakeClock
from lbsls.values import Request
from stories import (
    RESOURCE,
    answer,
    context,
    deploying,
    endpoint,
    listed,
    lost,
    page,
    problem,
    taking,
    told,
)

OWN = endpoint(nonce="n1")
CREATED = answer(OWN, 201)
READY = page(200, "w1")
LIST, POST = "GET /v2/serverless", "POST /v2/serverless"


def test_a_first_deploy_that_is_quick_costs_three_requests() -> None:
    """Look, create, look; then the endpoint is pinged and is ready."""
    played = deploying([listed(), CREATED, listed(OWN), READY])
    assert played.result().id == "e1"
    assert played.sent == [LIST, POST, LIST, "GET /ping"]
    assert told(played) == ["Created", "Waiting", "Ready"]


def test_a_first_deploy_that_takes_longer_costs_four() -> None:
    """Who waits for more than a second looks once more: somebody may have been there first."""
    clock = FakeClock()
    script = [listed(), CREATED, listed(OWN), taking(clock, 1.5, READY), listed(OWN)]
    played = deploying(script, clock=clock)
    assert played.sent == [LIST, POST, LIST, "GET /ping", LIST]


def test_a_repeated_deploy_of_the_same_account_costs_one_look() -> None:
    """What this account elected before is not looked at twice."""
    clock = FakeClock()
    ctx = context(clock)
    deploying([listed(), CREATED, listed(OWN), READY], clock=clock, ctx=ctx)
    clock.now += 1000
    played = deploying([listed(OWN), READY], clock=clock, ctx=ctx)
    assert (played.result().id, told(played)) == ("e1", ["Unchanged", "Waiting", "Ready"])


def test_a_mark_with_a_new_nonce_is_written_by_a_create() -> None:
    """It is how an endpoint is known as ours."""
    played = deploying([listed(), CREATED, listed(OWN), READY], ctx=context(project="shop"))
    env = json.loads(played.requests[1].body or b"")["env"]
    assert env["LBSLS_MARK"] == "shop/app/n1"


def test_without_waiting_nothing_is_pinged() -> None:
    """``wait=False`` is for start-up code: it makes the endpoint exist, and no more."""
    played = deploying([listed(), CREATED, listed(OWN)], wait=False)
    assert (played.sent, told(played)) == ([LIST, POST, LIST], ["Created"])


def test_an_endpoint_without_workers_is_not_waited_for() -> None:
    """``workersMax=0`` puts it to sleep, so nothing can become healthy."""
    resource = LoadBalancerSlsResource(name="app", imageName="img:1", workersMax=0)
    own = endpoint(nonce="n1", workers=(0, 0))
    played = deploying([listed(), answer(own, 201), listed(own)], resource)
    assert played.result().settings.workersMax == 0


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (problem(500), ServerError),
        (problem(401), AuthError),
        (lost, TransportTimeout),
        (lambda request: ConnectError("it", "refused"), ConnectError),
        (page(200, body=b"<html>"), WireError),
        (answer([]), WireError),
        (answer({"endpoints": [{}]}), WireError),
        (page(302), WireError),
    ],
)
def test_an_error_while_looking_is_no_absence(trouble: object, kind: type[Exception]) -> None:
    """Nothing is created as long as nobody knows what is there."""
    played = deploying(repeat(trouble), timeout=30)  # type: ignore[arg-type]
    assert isinstance(played.error, kind)
    assert set(played.sent) == {LIST}


@pytest.mark.parametrize(
    "answered",
    [lost, problem(500), problem(502), page(201, body=b"{"), page(200, body=b"<html>"), page(302)],
)
def test_a_create_whose_answer_is_lost_is_found_by_its_nonce(answered: object) -> None:
    """Nothing is created twice because an answer did not arrive."""
    script = [listed(), answered, listed(), listed(OWN), listed(OWN), READY]
    played = deploying(script)  # type: ignore[arg-type]
    assert played.result().id == "e1"
    assert played.sent.count(POST) == 1


def test_a_stranger_of_that_name_is_not_taken_for_a_lost_create() -> None:
    """Only the nonce tells whose create made an endpoint."""
    other = endpoint("e0", nonce="zz", created="2026-11-20T09:00:00.5Z")
    script = [listed(), lost, listed(other), listed(OWN, other), listed(OWN, other)]
    played = deploying([*script, page(204), READY, listed(other)])
    assert [sent for sent in played.sent if "DELETE" in sent] == ["DELETE /v2/serverless/e1"]


def test_a_create_that_was_never_done_is_sent_again_with_a_new_nonce() -> None:
    """After five seconds of looking it is clear that it did not happen."""
    clock = FakeClock()
    sent: list[str] = []

    def world(request: object) -> object:
        if request.method == "POST":  # type: ignore[attr-defined]
            sent.append(json.loads(request.body)["env"]["LBSLS_MARK"])  # type: ignore[attr-defined]
            return lost(request)  # type: ignore[arg-type]
        return listed()

    played = deploying(repeat(world), clock=clock)  # type: ignore[arg-type]
    assert sent == ["/app/n1", "/app/n2", "/app/n3"]
    assert isinstance(played.error, TransportTimeout)
    assert clock.now == 1000.0 + 3 * 5


def test_no_second_create_is_sent_when_somebody_else_made_one() -> None:
    """While a lost create was looked for, another racer's became the one of the name."""
    clock = FakeClock()
    other = endpoint("e9", nonce="zz")

    def world(request: Request) -> object:
        if request.method == "POST":
            return lost(request)
        if "/ping" in request.url:
            return READY
        return listed(other) if clock.now > 1002 else listed()

    played = deploying(repeat(world), clock=clock)  # type: ignore[arg-type]
    assert (played.result().id, played.sent.count(POST)) == ("e9", 1)


def test_no_second_create_is_sent_when_time_is_over() -> None:
    """The deadline holds for the search too."""
    played = deploying([listed(), lost, *[listed()] * 20], timeout=2)
    assert isinstance(played.error, TransportTimeout)
    assert (played.sent.count(POST), sum(played.slept)) == (1, 2)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (problem(400, detail="There are no longer any instances available"), CapacityError),
        (problem(422, detail="name"), ApiError),
        (problem(401), AuthError),
    ],
)
def test_a_refused_create_is_not_sent_again(refusal: object, kind: type[Exception]) -> None:
    """A refusal is an answer."""
    played = deploying([listed(), refusal])  # type: ignore[list-item]
    assert type(played.error) is kind


def test_a_create_that_could_not_be_sent_is_sent_again() -> None:
    """Where no connection was made nothing was done."""

    def refused(request: object) -> ConnectError:
        return ConnectError("it", "refused")

    played = deploying([listed(), refused, CREATED, listed(OWN), READY])
    assert (played.result().id, told(played)[0]) == ("e1", "Retrying")
    played = deploying([listed(), *[refused] * 5])
    assert isinstance(played.error, ConnectError)
    assert played.error.attempts == 5


def test_a_create_that_was_refused_for_its_rate_is_sent_again() -> None:
    """429 means that it was not done, and says when to come back."""
    script = [listed(), problem(429, Retry_After="7"), CREATED, listed(OWN), READY]
    played = deploying(script)
    assert played.result().id == "e1"
    assert 7 <= played.slept[0] <= 8


@pytest.mark.parametrize(
    "resource",
    [None, "app", {"name": "app"}, object(), ServerlessResource(name="app", imageName="img:1")],
)
def test_only_a_load_balanced_resource_can_be_deployed(resource: object) -> None:
    """What cannot be deployed is refused before anything is sent."""
    played = deploying([], resource)
    assert isinstance(played.error, ConfigError)
    assert "Write " in str(played.error)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "60", None, True])
def test_a_timeout_that_is_no_time_is_refused(timeout: object) -> None:
    """It would end at once, or never."""
    played = deploying([], timeout=timeout)
    assert isinstance(played.error, ConfigError)
    assert "timeout must be a number of seconds above 0" in str(played.error)


def test_another_thread_that_settles_the_name_is_waited_for() -> None:
    """Two threads of one account do not both create."""
    ctx = context(clock := FakeClock())
    other = ctx.memory.claim("app")
    other.try_take()

    def sleep_until_free(seconds: float) -> None:
        FakeClock.sleep(clock, seconds)
        if clock.now > 1000.3:
            other.release()

    clock.sleep = sleep_until_free  # type: ignore[method-assign]
    played = deploying([listed(OWN), READY, listed(OWN)], clock=clock, ctx=ctx)
    assert (played.result().id, clock.now > 1000.3) == ("e1", True)
    assert RESOURCE.name == "app"


def test_another_thread_that_hangs_is_not_waited_for_for_ever() -> None:
    """After a minute the name is settled beside it; the election makes that safe."""
    ctx = context(clock := FakeClock())
    ctx.memory.claim("app").try_take()
    played = deploying([listed(OWN), READY, listed(OWN)], clock=clock, ctx=ctx)
    assert played.result().id == "e1"
    assert round(clock.now) == 1060
