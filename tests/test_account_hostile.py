"""Other sides that misbehave: each ends in a typed error, in time, and nothing leaks."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lbsls import (
    Account,
    ApiError,
    AuthError,
    ConnectError,
    FixedSchedule,
    HealthTimeout,
    LbslsError,
    LoadBalancerSlsResource,
    ServerError,
    TransportError,
    TransportTimeout,
    WireError,
)
from servers import Asked, Server, always, reply, serving, unused_port
from stories import KEY, answer, endpoint, problem

Call = Callable[..., Any]
SECRET = "a-value-of-env-9876"
RESOURCE = LoadBalancerSlsResource(name="app", imageName="img:1", env={"TOKEN": SECRET})
SCHEDULE = FixedSchedule(3, 0.05, 0.05)


@contextmanager
def failing(kind: type[LbslsError], caplog: pytest.LogCaptureFixture) -> Iterator[list[Any]]:
    """Expect an error of a kind within seconds, with no secret in anything that shows it."""
    caplog.set_level(logging.DEBUG)
    started = time.monotonic()
    caught: list[Any] = []
    with pytest.raises(kind) as raised:
        yield caught
    caught.append(raised.value)
    assert time.monotonic() - started < 8
    seen = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    texts = [str(raised.value), repr(raised.value), *library_frames(seen), caplog.text]
    assert [text for text in texts if KEY in text or SECRET in text] == []


def library_frames(seen: traceback.TracebackException | None) -> list[str]:
    """Give what a traceback with locals shows, without the frames of these tests."""
    if seen is None:
        return []
    seen.stack[:] = [frame for frame in seen.stack if "test" not in frame.filename]
    own = [*seen.stack.format(), *seen.format_exception_only()]
    return [*library_frames(seen.__cause__), *library_frames(seen.__context__), *own]


def never(server: Server, conn: socket.socket) -> None:
    """Read and answer nothing."""
    server.read(conn)
    server.over.wait(20)


ECHO = reply("500 Oops", f"your key is {KEY}".encode())
CONTROL_PLANES: dict[str, tuple[Any, type[LbslsError]]] = {
    "html": (reply("200 OK", b"<html><body>Hello", "Content-Type: text/html"), WireError),
    "truncated": (reply("200 OK", b'{"endpoints": [{"id": "e1", "na'), WireError),
    "another shape": (reply("200 OK", b'{"endpoints": [{"id": 7}]}'), WireError),
    "a list": (reply("200 OK", b"[]"), WireError),
    "nothing in it": (reply("200 OK", b""), WireError),
    "deep": (reply("200 OK", b"[" * 100_000), WireError),
    "garbage": (b"\x00\x01\x02\r\n\r\n", TransportError),
    "a firewall": (reply("403 Forbidden", b"<html>blocked"), ApiError),
    "a wrong key": (reply("401 Unauthorized", problem(401, "Unauthorized").content), AuthError),
    "an echo": (ECHO, ServerError),
    "silence": (never, TransportTimeout),
}


@pytest.mark.parametrize("how", CONTROL_PLANES)
def test_a_control_plane_that_misbehaves(
    call: Call, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is taken for an empty account."""
    handler, kind = CONTROL_PLANES[how]
    with (
        serving(handler) as server,
        Account(KEY, base_url=server.url) as account,
        failing(kind, caplog),
    ):
        call(account, "deploy", RESOURCE, timeout=0.6)


def test_a_refusal_that_repeats_what_was_sent(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """Validation errors like to quote, and env is in what they quote."""

    def refuse(asked: Asked) -> bytes:
        if asked.method == "GET":
            return reply("200 OK", b'{"endpoints": []}')
        said = problem(422, "Invalid", f"cannot use {asked.body.decode()}").content
        return reply("422 Unprocessable", said)

    with (
        serving(always(refuse)) as server,
        Account(KEY, base_url=server.url) as account,
        failing(ApiError, caplog) as caught,
    ):
        call(account, "deploy", RESOURCE)
    assert "Invalid" in str(caught[0])


def test_a_control_plane_that_is_not_there(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """The error says that nothing was sent."""
    account = Account(KEY, base_url=f"http://127.0.0.1:{unused_port()}")
    with failing(ConnectError, caplog) as caught:
        call(account, "deploy", RESOURCE, timeout=0.5)
    assert "nothing was sent" in str(caught[0])


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_the_key_does_not_follow_a_redirect(
    call: Call, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The other host never hears of it."""
    with serving(reply("200 OK", b'{"endpoints": []}')) as other:
        moved = reply(status, b"", f"Location: http://localhost:{other.port}/v2/serverless")
        with (
            serving(moved) as server,
            Account(KEY, base_url=server.url) as account,
            failing(WireError, caplog) as caught,
        ):
            call(account, "deploy", RESOURCE)
    assert other.asked == []
    assert f"redirects to localhost:{other.port}" in str(caught[0])


def site(ping: Any, port: int = 0) -> Callable[[Server, socket.socket], None]:
    """Give a server that is an account with one endpoint, whose health path is served by ping."""

    def handle(server: Server, conn: socket.socket) -> None:
        while asked := server.read(conn):
            if asked.path == "/ping":
                if callable(ping):
                    return ping(server, conn)
                conn.sendall(ping)
            else:
                conn.sendall(reply("200 OK", _answer(asked, server, port).content))
        return None

    return handle


def _answer(asked: Asked, server: Server, port: int) -> Any:
    base = f"http://127.0.0.1:{port or server.port}"
    env = {"TOKEN": SECRET}
    made = endpoint(requestUrls={"base": base, "health": base + "/ping"}, env=env)
    if asked.path.endswith("/workers"):
        return answer({"workers": [{"id": "w1", "status": "RUNNING"}]})
    return answer({"endpoints": [made]} if asked.path.endswith("serverless") else made)


ENDPOINTS: dict[str, tuple[Any, str]] = {
    "404": (reply("404 Not Found", b"no such page"), "no health path (404)"),
    "500": (reply("500 Oops", b"broken"), "the health path answers UNHEALTHY 500"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "still says that it is initializing"),
    "502": (reply("502 Bad Gateway"), "nothing listens on the port (502)"),
    "garbage": (b"\x00\x01\r\n\r\n", "the health path answers UNHEALTHY"),
    "never": (never, "port mismatch"),
}


@pytest.mark.parametrize("how", ENDPOINTS)
def test_an_endpoint_that_misbehaves(
    call: Call, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The error says what it answers and what to do."""
    ping, cause = ENDPOINTS[how]
    with (
        serving(site(ping)) as server,
        Account(KEY, base_url=server.url) as account,
        failing(HealthTimeout, caplog) as caught,
    ):
        call(account, "deploy", RESOURCE, strategy=SCHEDULE, timeout=4.0)
    assert cause in str(caught[0])


def test_an_endpoint_that_nobody_serves(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """Its address refuses connections."""
    with (
        serving(site(b"", unused_port())) as server,
        Account(KEY, base_url=server.url) as account,
        failing(HealthTimeout, caplog) as caught,
    ):
        call(account, "deploy", RESOURCE, strategy=SCHEDULE, timeout=2.0)
    assert "no connection to http://127.0.0.1:" in str(caught[0])


def test_an_endpoint_that_redirects_does_not_get_rid_of_the_key(call: Call) -> None:
    """Neither a ping nor a call hands it on."""
    with serving(reply("200 OK", b"thanks")) as other:
        moved = reply("302 Found", b"", f"Location: http://localhost:{other.port}/ping")
        with serving(site(moved)) as server, Account(KEY, base_url=server.url) as account:
            assert call(account, "check_ping", "app").status == 302
            assert other.asked == []
            assert call(account, "request", "app", "GET", "/ping").text == "thanks"
    assert [asked.headers.get("authorization") for asked in other.asked] == [None]
