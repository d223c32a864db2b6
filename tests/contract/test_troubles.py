"""What every transport makes of servers that are slow, broken, or not there: typed, and in time."""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lbsls import ConnectError, Response, TransportError, TransportTimeout
from lbsls.values import Body, Request
from servers import Server, reply, serving, unused_port

Sender = Callable[[Request], Response]
SPLIT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
KEY = "rpa_THEKEY0123456789"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail if the block takes longer."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def never(server: Server, conn: socket.socket) -> None:
    """Read a request and answer nothing."""
    server.read(conn)
    server.over.wait(20)


def dripping(head: bytes, drop: bytes) -> Callable[[Server, socket.socket], None]:
    """Answer with a beginning, and then a little for ever."""

    def drip(server: Server, conn: socket.socket) -> None:
        server.read(conn)
        conn.sendall(head)
        server.drip(conn, drop)

    return drip


DRIPS = {
    "nothing": never,
    "status line": dripping(b"HTTP/1.1 200 O", b"K"),
    "headers": dripping(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "more headers": dripping(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "body without a length": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "one large chunk": dripping(SPLIT + b"ffff\r\n", b"x"),
    "small chunks": dripping(SPLIT, b"1\r\nx\r\n"),
    "chunk size": dripping(SPLIT, b"0"),
    "continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("slow", DRIPS)
def test_a_server_that_drips_cannot_outlive_the_timeout(send: Sender, slow: str) -> None:
    """The timeout is for the whole exchange, however the bytes come."""
    with serving(DRIPS[slow]) as server, within(2.0), pytest.raises(TransportError) as raised:
        send(Request("GET", server.url, timeout=0.15))
    # Some of these overflow a limit of the HTTP library before the time is over.
    assert isinstance(raised.value, TransportTimeout) or slow in ("more headers", "continue")
    assert raised.value.sent


def test_a_server_that_does_not_read_cannot_outlive_the_timeout(send: Sender) -> None:
    """The timeout holds for sending too."""

    def deaf(server: Server, conn: socket.socket) -> None:
        server.over.wait(20)

    with serving(deaf) as server, within(3.0), pytest.raises(TransportTimeout):
        send(Request("POST", server.url, body=Body(bytes(20_000_000)), timeout=0.15))


BROKEN = {
    "closes at once": b"",
    "closes in the status line": b"HTTP/1.1 2",
    "closes in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    "closes in a chunk": SPLIT + b"9\r\nabc",
    "closes between chunks": SPLIT + b"3\r\nabc\r\n",
    "is no HTTP": b"\x00\x01SSH-2.0-thing\r\n\r\n",
    "has a status of its own": b"HTTP/1.1 abc OK\r\n\r\n",
    "has chunks of its own": SPLIT + b"zz\r\nabc\r\n",
    "has endless headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_server_that_breaks_off_is_a_transport_error(send: Sender, how: str) -> None:
    """Half an answer is none, and it may have been done all the same."""

    def answer(server: Server, conn: socket.socket) -> None:
        server.read(conn)
        conn.sendall(BROKEN[how])

    with serving(answer) as server, within(5.0), pytest.raises(TransportError) as raised:
        send(Request("GET", server.url, timeout=5.0))
    assert (type(raised.value), raised.value.sent) == (TransportError, True)
    assert f"GET {server.url}" in str(raised.value)


def test_a_refused_connection_sent_nothing(send: Sender) -> None:
    """A program may try again what was never sent."""
    with within(5.0), pytest.raises(ConnectError, match="refused or unreachable") as raised:
        send(Request("POST", f"http://127.0.0.1:{unused_port()}/", body=Body(b"x"), timeout=5.0))
    assert raised.value.sent is False
    assert raised.value.__cause__ is not None


def test_an_unknown_host_is_named_as_such(send: Sender) -> None:
    """A typing error in a host's name does not look like a broken network."""
    with pytest.raises(ConnectError, match="the host's name is not known"):
        send(Request("GET", "http://no-such-host.invalid/", timeout=5.0))


def test_a_server_without_tls_sent_nothing(send: Sender) -> None:
    """A failed handshake is no connection."""

    def plain(server: Server, conn: socket.socket) -> None:
        conn.recv(100)
        conn.sendall(reply("400 Bad Request"))

    with serving(plain) as server, within(5.0), pytest.raises(ConnectError, match="TLS"):
        send(Request("GET", server.url.replace("http", "https"), timeout=5.0))


def test_a_tls_handshake_that_is_cut_off_sent_nothing(send: Sender) -> None:
    """The other side hangs up before there is a connection."""

    def hang_up(server: Server, conn: socket.socket) -> None:
        conn.recv(10)

    with serving(hang_up) as server, within(5.0), pytest.raises(ConnectError):
        send(Request("GET", server.url.replace("http", "https"), timeout=5.0))


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "not an address"),
        Request("GET", "http://"),
        Request("GET", "http://127.0.0.1:99999/"),
        Request("GET", "ftp://127.0.0.1/"),
        Request("GET", "http://[::1/"),
        Request("GET", "http://127.0.0.1:1/", {"X": "two\r\nlines"}),
        Request("GET", "http://127.0.0.1:1/", {"X": 1}),  # type: ignore[dict-item]
        Request("GET /\r\nX: y", "http://127.0.0.1:1/"),
        Request("GET", "http://127.0.0.1:1/", timeout=0),
        Request("GET", "http://127.0.0.1:1/", timeout=-1),
        Request("GET", "http://127.0.0.1:1/", timeout=float("nan")),
        Request("GET", "http://a" + "\u2028" * 70 + ".test/"),
    ],
    ids=lambda request: f"{request.method} {request.url} {request.timeout}"[:40],
)
def test_what_cannot_be_sent_is_a_connect_error(send: Sender, request_: Request) -> None:
    """A bad address, header or method ends in our own error and not in that of some library."""
    with within(5.0), pytest.raises(TransportError):
        send(request_)


@pytest.mark.parametrize("timeout", [1e9, 1e300, float("inf")])
def test_a_timeout_may_be_as_long_as_one_likes(send: Sender, timeout: float) -> None:
    """More seconds than a system's clock can hold are many seconds."""
    with serving(reply("200 OK", b"x")) as server:
        assert send(Request("GET", server.url, timeout=timeout)).content == b"x"


def _reset(server: Server, conn: socket.socket) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def _telling(server: Server, conn: socket.socket) -> None:
    server.read(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + KEY.encode() * 100)
    server.over.wait(20)


@pytest.mark.parametrize("most", [100, 100_000])
def test_no_traceback_shows_what_came(send: Sender, most: int) -> None:
    """Of an answer that is too slow or too large nothing is shown: it may hold values of env."""
    with serving(_telling) as server, pytest.raises(TransportError) as raised:
        send(Request("GET", server.url, timeout=0.3, max_bytes=most))
    seen = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    text = "".join(line for line in seen.format() if "test_troubles" not in line)
    assert KEY not in text
    assert KEY not in repr([vars(raised.value), raised.value.__cause__])


@pytest.mark.parametrize("trouble", [_reset, never, DRIPS["body"], "refused", "redirected"])
def test_no_traceback_shows_the_key(send: Sender, trouble: object) -> None:
    """Not even one that prints the locals of every frame, as error trackers do."""
    request = {"headers": {"Authorization": f"Bearer {KEY}"}, "body": Body(KEY.encode() * 100_000)}
    with serving(trouble if callable(trouble) else b"garbage\r\n\r\n") as server:
        port = unused_port() if trouble == "refused" else server.port
        url = f"http://127.0.0.1:{port}/"
        with pytest.raises(TransportError) as raised:
            send(Request("POST", url, timeout=0.15, secrets=(KEY,), **request))  # type: ignore[arg-type]
    seen = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    # From the transport inwards: the locals of this test are its own.
    text = "".join(line for line in seen.format() if "test_troubles" not in line)
    assert KEY not in text
