"""How an endpoint is called: what is held, what is followed, where the key goes."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import pytest

from lbsls import (
    AnswerTooLarge,
    ConfigError,
    ConnectError,
    NotFound,
    Response,
    TlsError,
    TransportError,
    TransportTimeout,
)
from lbsls.events import Retrying
from lbsls.flows.calls import MAX_REDIRECTS, call
from lbsls.testing import FakeClock, Play, play
from lbsls.values import Headers, Request
from stories import KEY, NO_WORKER, context, endpoint, listed, lost, page

BASE = "https://e1.api.runpod.ai"
FOUND = listed(endpoint())


def calling(
    script: Any, method: str = "GET", path: str = "/", clock: Any = None, **options: Any
) -> Play[Response]:
    """Play a call of the endpoint named app."""
    clock = clock or FakeClock()
    return play(call(context(clock), "app", method, path, options), script, clock)


def moved(location: str, status: int = 302) -> Response:
    """Answer with a redirect."""
    return Response(status, Headers({"Location": location}))


@pytest.mark.parametrize("status", [200, 204, 400, 404, 500, 503])
def test_an_answer_is_given_whatever_its_status(status: int) -> None:
    """The app's answer is the app's affair."""
    assert calling([FOUND, page(status, body=b"x")]).result().status_code == status


def test_a_call_carries_key_path_query_and_body() -> None:
    """As they were written."""
    played = calling([FOUND, page(200)], "post", "run", params={"a": [1, 2]}, json={"b": 1})
    request = played.requests[1]
    assert (request.method, request.url) == ("POST", f"{BASE}/run?a=1&a=2")
    assert (request.body, request.timeout) == (b'{"b": 1}', 340.0)
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"


def test_headers_of_the_caller_replace_the_accounts() -> None:
    """An app may have an authorization of its own."""
    played = calling([FOUND, page(200)], headers={"authorization": "Basic x", "X-A": "b"})
    assert played.requests[1].headers["Authorization"] == "Basic x"


def test_a_call_without_a_worker_is_sent_again_within_its_time() -> None:
    """No worker saw it, so this is safe for every method."""
    played = calling([FOUND, NO_WORKER, NO_WORKER, page(200, body=b"done")], "POST", json=1)
    assert (played.result().content, played.slept) == (b"done", [0.1, 0.2])


def test_a_call_that_finds_no_worker_in_time_gets_that_answer() -> None:
    """The balancer's own words."""
    clock = FakeClock()
    played = calling([FOUND, *repeat(NO_WORKER, 100)], clock=clock, timeout=10)
    assert played.result().status_code == 400
    assert clock.now <= 1010


def test_an_apps_own_400_is_given_at_once() -> None:
    """Bodies are matched, not only statuses."""
    assert calling([FOUND, page(400, body=b'{"error":"no"}')]).slept == []


def test_a_call_that_is_not_answered_is_not_sent_again() -> None:
    """It may have been done."""
    assert isinstance(calling([FOUND, lost], "POST").error, TransportTimeout)


def refused(request: Request) -> TransportError:
    """Make no connection."""
    return ConnectError("it", "refused")


def broke(request: Request) -> TransportError:
    """Break off."""
    return TransportError("it", "broke")


def untrusted(request: Request) -> TransportError:
    """Show a wrong certificate."""
    return TlsError("it", "no TLS")


def flooded(request: Request) -> TransportError:
    """Answer more than was allowed."""
    return AnswerTooLarge("it", request.max_bytes)


@pytest.mark.parametrize(
    ("trouble", "method", "retry", "times"),
    [
        (page(502), "GET", None, 5),
        (page(502), "DELETE", None, 5),
        (page(502), "POST", None, 1),
        (page(502), "PATCH", None, 1),
        (page(502), "POST", True, 5),
        (page(502), "GET", False, 1),
        (page(500), "GET", True, 1),
        (broke, "PUT", None, 5),
        (broke, "POST", None, 1),
        (broke, "POST", True, 5),
        (refused, "POST", None, 5),
        (refused, "GET", False, 5),
        (untrusted, "GET", None, 1),
        (lost, "GET", True, 1),
        (flooded, "GET", True, 1),
    ],
)
def test_only_what_may_be_done_twice_is_sent_again(
    trouble: Any, method: str, retry: bool | None, times: int
) -> None:
    """Unless it was certainly not done, or the caller says that it may be."""
    played = calling([FOUND, *repeat(trouble, times)], method, retry=retry)
    assert len(played.requests) == 1 + times
    if played.error is None:
        assert played.result() == trouble
    else:
        assert (played.error.attempts, "tried 5 times in" in str(played.error)) == (
            times,
            times > 1,
        )


def test_a_bad_moment_of_the_edge_passes() -> None:
    """The same body is sent again."""
    played = calling([FOUND, page(502), broke, page(200, body=b"x")], "POST", json=1, retry=True)
    assert played.result().content == b"x"
    assert [request.body for request in played.requests[1:]] == [b"1"] * 3
    assert [event.attempt for event in played.events if isinstance(event, Retrying)] == [1, 2]


def test_nothing_is_sent_again_after_the_deadline() -> None:
    """The answer that there is is given."""
    clock = FakeClock()
    assert calling([FOUND, page(502)], clock=clock, timeout=0.2).result().status_code == 502
    assert clock.slept == []


def test_an_answer_may_have_what_runpod_lets_through() -> None:
    """Thirty megabytes."""
    assert calling([FOUND, page(200)]).requests[1].max_bytes == 30 * 1024 * 1024


@pytest.mark.parametrize(
    ("status", "method", "onward", "keeps_body"),
    [
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (303, "PUT", "GET", False),
        (302, "HEAD", "HEAD", True),
        (307, "POST", "POST", True),
        (308, "PUT", "PUT", True),
    ],
)
def test_a_redirect_is_followed(status: int, method: str, onward: str, keeps_body: bool) -> None:
    """As browsers and requests do."""
    body = None if method == "HEAD" else b"x"
    played = calling([FOUND, moved("/b?c=d", status), page(200)], method, "/a", data=body)
    request = played.requests[2]
    assert (request.method, request.url) == (onward, f"{BASE}/b?c=d")
    assert request.body == (body if keeps_body else None)
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert ("Content-Type" in request.headers) is False


def test_what_a_body_was_is_not_said_of_a_request_without_one() -> None:
    """A POST that became a GET has no content type."""
    played = calling([FOUND, moved("/b", 303), page(200)], "POST", json={"a": 1})
    assert "content-type" not in played.requests[2].headers


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.test/",
        "//evil.test/",
        "http://e1.api.runpod.ai/",
        f"{BASE}:8443/",
        BASE + ".x",
    ],
)
def test_a_redirect_elsewhere_goes_without_the_key(location: str) -> None:
    """Nor do cookies of the caller's go along."""
    played = calling([FOUND, moved(location), page(200)], headers={"Cookie": "a=b", "X-A": "1"})
    assert played.requests[2].headers == {
        "User-Agent": played.requests[1].headers["user-agent"]
    } | {"X-A": "1"}


def test_a_redirect_back_home_does_not_bring_the_key_back() -> None:
    """What was dropped stays dropped."""
    script = [FOUND, moved("https://evil.test/"), moved(BASE + "/x"), page(200)]
    assert "Authorization" not in calling(script).requests[3].headers


@pytest.mark.parametrize("location", ["ftp://e1/", "mailto:a@b", "http://[::1", ""])
def test_a_redirect_to_nowhere_is_the_answer(location: str) -> None:
    """A caller can look at it."""
    assert calling([FOUND, moved(location)]).result().status_code == 302


def test_redirects_in_a_circle_end() -> None:
    """With the last of them as the answer."""
    played = calling([FOUND, *repeat(moved("/"), 100)])
    assert played.result().status_code == 302
    assert len(played.requests) == 2 + MAX_REDIRECTS


@pytest.mark.parametrize(
    "options",
    [
        {"path": "https://evil.test/"},
        {"path": "//evil.test/"},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"json": 1, "data": b"2"},
        {"json": object()},
        {"retry": "yes"},
    ],
)
def test_what_does_not_fit_is_refused(options: Any) -> None:
    """Before anything is sent to the endpoint."""
    played = calling([FOUND], **options)
    assert isinstance(played.error, ConfigError)
    assert len(played.requests) <= 1


def test_a_queue_cannot_be_called() -> None:
    """It serves no HTTP of its own."""
    assert isinstance(calling([listed(endpoint() | {"type": "QUEUE"})]).error, ConfigError)


def test_what_is_not_there_cannot_be_called() -> None:
    """The error names it."""
    assert isinstance(calling([listed()]).error, NotFound)
