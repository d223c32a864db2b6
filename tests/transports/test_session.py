"""A `requests.Session` for one endpoint: its base, its key, its patience."""

from __future__ import annotations

import io
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from lbsls import Account, ConfigError, Endpoint
from lbsls.testing import ScriptedTransport
from servers import Asked, Server, always, reply, serving
from stories import KEY, answer, endpoint

REFUSED = reply("400 Bad Request", b'{"error":"no workers available"}')


def live(server: Server, **more: Any) -> Endpoint:
    """Give an endpoint that is at a server of this machine."""
    made = endpoint(requestUrls={"base": server.url, "health": server.url + "/ping"}, **more)
    transport = ScriptedTransport([answer(made)])
    return Account(KEY, base_url=server.url, transport=transport).get("e1")


def refusing(times: int, then: bytes) -> Callable[[Server, Any], None]:
    """Refuse so many requests for want of a worker, then answer."""
    answers: Iterator[bytes] = iter([REFUSED] * times)
    return always(lambda asked: next(answers, then))


def test_relative_urls_are_the_endpoints() -> None:
    """With its key, and everything that requests can do."""
    with serving(reply("200 OK", b'{"a": 1}')) as server, live(server).session() as session:
        assert session.get("/run", params={"q": 1}).json() == {"a": 1}
        assert session.post("run", json={"b": 2}).status_code == 200
    assert [asked.path for asked in server.asked] == ["/run?q=1", "/run"]
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {KEY}"}


def test_the_key_goes_to_the_endpoint_only() -> None:
    """Neither to another host nor along with a redirect to one."""
    with serving(reply("200 OK", b"thanks")) as other:
        moved = reply("302 Found", b"", f"Location: http://localhost:{other.port}/x")
        with serving(moved) as server, live(server).session() as session:
            assert session.get(f"{other.url}/direct").text == "thanks"
            assert session.get("/moved").text == "thanks"
    assert [asked.headers.get("authorization") for asked in other.asked] == [None, None]


def test_a_redirect_within_the_endpoint_keeps_the_key() -> None:
    """As a user expects."""

    def moved(asked: Asked) -> bytes:
        if asked.path == "/a":
            return reply("302 Found", b"", "Location: /b")
        return reply("200 OK", b"there")

    with serving(always(moved)) as server, live(server).session() as session:
        assert session.get("/a").text == "there"
    assert [asked.headers["authorization"] for asked in server.asked] == [f"Bearer {KEY}"] * 2


def test_a_netrc_file_does_not_replace_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests would prefer it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    moved = reply("302 Found", b"", "Location: /again")
    with serving(moved) as server, live(server).session() as session:
        session.get("/", allow_redirects=False)
        with pytest.raises(requests.TooManyRedirects):
            session.get("/")
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {KEY}"}


def test_an_authorization_of_the_callers_own_is_kept() -> None:
    """An app may have its own."""
    with serving(reply()) as server, live(server).session() as session:
        session.get("/", headers={"Authorization": "Basic x"})
    assert server.asked[0].headers["authorization"] == "Basic x"


BODIES: list[tuple[Any, bytes]] = [
    (None, b""),
    ("text", b"text"),
    (b"bytes", b"bytes"),
    ({"a": "b"}, b"a=b"),
    (io.BytesIO(b"a file"), b"a file"),
]


@pytest.mark.parametrize(("data", "sent"), BODIES)
def test_what_was_refused_for_want_of_a_worker_is_sent_again(data: Any, sent: bytes) -> None:
    """With the whole body, every time."""
    with (
        serving(refusing(2, reply("200 OK", b"done"))) as server,
        live(server).session() as session,
    ):
        assert session.post("/run", data=data).text == "done"
    assert [asked.body for asked in server.asked] == [sent] * 3


def test_what_cannot_be_sent_twice_is_sent_once() -> None:
    """A generator is gone after the first time."""
    chunks = iter([b"a", b"b"])

    def handle(server: Server, conn: Any) -> None:
        conn.recv(65536)
        conn.sendall(REFUSED + b"")

    with serving(handle) as server, live(server).session() as session:
        assert session.post("/run", data=chunks).status_code == 400


def test_no_worker_in_time_is_the_balancers_answer() -> None:
    """Its own 400, readable as any other."""
    with serving(REFUSED) as server, live(server).session() as session:
        got = session.get("/", timeout=0.3)
    assert (got.status_code, got.json()) == (400, {"error": "no workers available"})
    assert len(server.asked) > 1


@pytest.mark.parametrize("timeout", [(1, None), (None, None), (1, 2), 3.0])
def test_every_timeout_of_requests_can_be_given(timeout: Any) -> None:
    """None as well, which there means for ever."""
    with (
        serving(refusing(1, reply("200 OK", b"x"))) as server,
        live(server).session() as session,
    ):
        assert session.get("/", timeout=timeout).text == "x"


def test_a_prepared_request_can_be_sent() -> None:
    """Without a timeout, as requests allows."""
    with (
        serving(refusing(1, reply("200 OK", b"x"))) as server,
        live(server).session() as session,
    ):
        prepared = session.prepare_request(requests.Request("GET", server.url + "/p"))
        assert session.send(prepared).text == "x"
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_an_apps_own_400_is_sent_once_and_can_be_read() -> None:
    """Only the balancer's words mean that no worker saw it."""
    with (
        serving(reply("400 Bad Request", b'{"error":"mine"}')) as server,
        live(server).session() as session,
    ):
        assert session.get("/").json() == {"error": "mine"}
    assert len(server.asked) == 1


def test_a_stream_is_not_read_ahead() -> None:
    """What the app sends is read when the program wants it."""

    def stream(server: Server, conn: Any) -> None:
        server.read(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\nfirst\n")
        server.over.wait(20)

    with (
        serving(stream) as server,
        live(server).session() as session,
        session.get("/", stream=True) as got,
    ):
        assert next(got.iter_lines(chunk_size=1)) == b"first"


def test_a_broken_connection_is_an_error_of_requests() -> None:
    """Code that is written for requests goes on working."""
    with (
        serving(lambda server, conn: server.read(conn)) as server,
        live(server).session() as session,
        pytest.raises(requests.ConnectionError),
    ):
        session.get("/")


def test_mocks_of_requests_work() -> None:
    """Those that patch its adapter, that is."""
    with serving(reply()) as server, responses.RequestsMock() as mock:
        mock.get(server.url + "/x", body="mocked")
        with live(server).session() as session:
            assert session.get("/x").text == "mocked"


def test_a_queue_has_no_session() -> None:
    """There is no HTTP server behind it."""
    with serving(reply()) as server, pytest.raises(ConfigError, match="queue-based"):
        live(server, type="QUEUE").session()


def test_ctrl_c_goes_through() -> None:
    """Without the frames in which the key was sent."""

    def interrupt(server: Server, conn: Any) -> None:
        server.read(conn)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        server.over.wait(20)

    with (
        serving(interrupt) as server,
        live(server).session() as session,
        pytest.raises(KeyboardInterrupt) as raised,
    ):
        session.get("/")
    assert "urllib3" not in {frame.path.parent.name for frame in raised.traceback}
