"""Whether an endpoint is there and whether it serves, asked once; asking must not cost."""

from __future__ import annotations

from typing import Any

import pytest

from lbsls import AuthError, ConfigError, ConnectError, Endpoint, Health, NotFound, WireError
from lbsls.flows.find import get_by_id
from lbsls.flows.pings import check_ping, is_deployed, is_healthy
from lbsls.records import replace
from lbsls.testing import FakeClock, play
from lbsls.values import Request
from stories import (
    KEY,
    NO_WORKER,
    RESOURCE,
    UNKNOWN,
    answer,
    context,
    endpoint,
    listed,
    lost,
    page,
    taking,
    workers,
)

COLD, WARM, OFF = endpoint(), endpoint(workers=(1, 3)), endpoint(workers=(0, 0))
REFUSED_KEY = answer({"status": 401, "title": "Unauthorized", "detail": "invalid api key"}, 401)


def refused(request: Request) -> ConnectError:
    """Make no connection."""
    return ConnectError("it", "refused")


def live(given: dict[str, Any] = COLD) -> Endpoint:
    """Give an endpoint as a program holds it."""
    return play(get_by_id(context(), "e1"), [answer(given)]).result()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([listed()], False),
        ([listed(COLD), workers()], True),
        ([listed(OFF), workers()], False),
        ([listed(COLD), workers("RUNNING"), page(200)], True),
        ([listed(COLD), workers("RUNNING"), page(204)], True),
        ([listed(COLD), workers("RUNNING"), page(500)], False),
        ([listed(COLD), workers("INITIALIZING"), NO_WORKER], False),
        ([listed(COLD), workers("RUNNING"), lost], False),
        ([listed(WARM), page(200)], True),
        ([listed(WARM), page(204)], True),
        ([listed(WARM), page(503)], False),
        ([listed(WARM), page(404), answer(WARM)], False),
        ([listed(WARM), UNKNOWN, UNKNOWN, listed()], False),
        ([listed(WARM), refused, UNKNOWN, listed()], False),
        ([listed(COLD), UNKNOWN, UNKNOWN, listed()], False),
        ([listed(COLD), UNKNOWN, UNKNOWN, listed(COLD)], True),
    ],
)
def test_is_deployed(script: Any, expected: bool) -> None:
    """Asleep counts as deployed, gone does not, and a worker that is up is asked."""
    assert play(is_deployed(context(), RESOURCE), script).result() is expected


def test_is_deployed_never_wakes_a_worker() -> None:
    """Without one up, nothing is sent to the endpoint."""
    played = play(is_deployed(context(), RESOURCE), [listed(COLD), workers()])
    assert [r.url for r in played.requests if "runpod.ai" in r.url] == []


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([answer(WARM), page(200)], True),
        ([answer(COLD), workers()], True),
        ([UNKNOWN, UNKNOWN, listed()], False),
        ([UNKNOWN, UNKNOWN, listed(COLD)], True),
    ],
)
def test_is_deployed_of_an_endpoint_reads_it_anew(script: Any, expected: bool) -> None:
    """What a program holds may be old; what its list shows is not gone."""
    assert play(is_deployed(context(), live()), script).result() is expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([listed()], False),
        ([listed(COLD), page(200)], True),
        ([listed(COLD), page(204)], False),
        ([listed(COLD), NO_WORKER], False),
        ([listed(COLD), UNKNOWN, UNKNOWN, listed()], False),
    ],
)
def test_is_healthy(script: Any, expected: bool) -> None:
    """It is a 200 now."""
    assert play(is_healthy(context(), RESOURCE), script).result() is expected


@pytest.mark.parametrize("flow", [is_healthy, is_deployed])
@pytest.mark.parametrize(
    ("pinged", "kind"), [([REFUSED_KEY], AuthError), ([refused, answer(WARM)], ConnectError)]
)
def test_a_wrong_key_and_no_connection_are_errors(flow: Any, pinged: Any, kind: type[Any]) -> None:
    """They say nothing about the endpoint, so neither True nor False would be right."""
    played = play(flow(context(), RESOURCE), [listed(WARM), *pinged])
    assert type(played.error) is kind
    assert "ping endpoint 'app' (e1)" in str(played.error)


@pytest.mark.parametrize("flow", [is_healthy, is_deployed])
def test_a_text_that_matches_nothing_is_an_error(flow: Any) -> None:
    """It may be a typing error."""
    assert isinstance(play(flow(context(), "ap"), [listed(COLD)]).error, NotFound)


@pytest.mark.parametrize(
    ("pinged", "health", "status"),
    [
        (page(200, "w1"), Health.READY, 200),
        (page(204), Health.INITIALIZING, 204),
        (NO_WORKER, Health.COLD, 400),
        (page(400, body=b'{"error": "bad request"}'), Health.UNHEALTHY, 400),
        (page(500), Health.UNHEALTHY, 500),
        (lost, Health.COLD, None),
        (refused, Health.UNREACHABLE, None),
        (REFUSED_KEY, Health.UNHEALTHY, 401),
    ],
)
def test_check_ping_tells_what_came(pinged: Any, health: Health, status: int | None) -> None:
    """It raises for nothing that a ping can meet."""
    ping = play(check_ping(context(), live(), 5.0), [pinged]).result()
    assert (ping.health, ping.status) == (health, status)


def test_a_ping_does_not_tell_what_an_app_echoes() -> None:
    """A health path that answers with what it was sent, or knows, tells neither key nor env."""
    told = page(500, body=f"Authorization: Bearer {KEY}, TOKEN=hunter2, PORT=8000".encode())
    env = {"TOKEN": "hunter2", "PORT": "8000"}
    target = play(get_by_id(context(), "e1"), [answer(endpoint(env=env))]).result()
    result = play(check_ping(context(), target, 5.0), [told]).result()
    assert "Authorization: Bearer ***, TOKEN=***, PORT=8000" == result.detail


def test_a_ping_knows_how_long_it_took() -> None:
    """And who answered."""
    clock = FakeClock()
    script = [taking(clock, 1.5, page(200, "w7"))]
    ping = play(check_ping(context(clock), live(), 5.0), script, clock).result()
    assert (ping.at, ping.elapsed, ping.worker_id) == (0.0, 1.5, "w7")


def test_a_ping_goes_to_the_health_url_with_key_and_timeout() -> None:
    """Where the control plane says."""
    played = play(check_ping(context(), live(), 2.5), [page(200)])
    request = played.requests[0]
    assert (request.url, request.timeout) == ("https://e1.api.runpod.ai/ping", 2.5)
    assert request.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), None, "1", True])
def test_a_ping_needs_a_time(timeout: Any) -> None:
    """The mistake is named before anything is sent."""
    assert isinstance(play(check_ping(context(), live(), timeout), []).error, ConfigError)


@pytest.mark.parametrize(
    "url", ["https://evil.test/ping", "http://e1.api.runpod.ai/ping", "https://a@e1.api.runpod.ai"]
)
def test_the_key_goes_to_no_other_host(url: str) -> None:
    """Whatever the control plane calls the endpoint's address."""
    played = play(check_ping(context(), replace(live(), health_url=url), 5.0), [])
    assert isinstance(played.error, WireError)
    assert "the API key was not sent there" in str(played.error)


@pytest.mark.parametrize("flow", [is_healthy, is_deployed, lambda c, t: check_ping(c, t, 1.0)])
def test_a_queue_has_no_ping(flow: Any) -> None:
    """It has no health path."""
    queue = COLD | {"type": "QUEUE"}
    error = play(flow(context(), "e1"), [listed(queue)]).error
    assert isinstance(error, ConfigError)
    assert "is queue-based and has no ping" in str(error)


def test_pinging_what_is_not_deployed_is_an_error() -> None:
    """There is nothing to tell of."""
    assert isinstance(play(check_ping(context(), RESOURCE, 1.0), [listed()]).error, NotFound)
