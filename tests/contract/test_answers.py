"""What every transport gives back of what a server answers."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
from collections.abc import Callable

import pytest

from lbsls import AnswerTooLarge, Response, TransportError
from lbsls.values import Body, Request
from servers import Asked, Server, always, reply, serving

Sender = Callable[[Request], Response]
SPLIT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 401, 404, 418, 429, 500, 502, 524])
def test_a_status_is_an_answer_and_no_error(send: Sender, status: int) -> None:
    """What a status means is for those to say who know what was asked."""
    with serving(reply(f"{status} Whatever", b"" if status == 204 else b"body")) as server:
        answer = send(Request("GET", server.url + "/x"))
    assert (answer.status_code, answer.content) == (status, b"" if status == 204 else b"body")
    assert answer.url == server.url + "/x"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_what_is_sent_arrives(send: Sender, method: str) -> None:
    """Method, path with query, headers and body arrive as written."""
    request = Request(method, "", {"X-Mine": "yes", "Authorization": "Bearer k"}, Body(b'{"a":1}'))
    with serving(reply()) as server:
        send(Request(method, server.url + "/p/q?r=s%20t", request.headers, request.body))
    asked = server.asked[0]
    assert (asked.method, asked.path, asked.body) == (method, "/p/q?r=s%20t", b'{"a":1}')
    assert (asked.headers["x-mine"], asked.headers["authorization"]) == ("yes", "Bearer k")


def test_nothing_is_sent_that_was_not_asked_for(send: Sender) -> None:
    """No cookie, no credentials and no library's name go along."""
    with serving(reply("200 OK", b"", "Set-Cookie: a=b")) as server:
        for _ in range(2):
            send(Request("GET", server.url, {"User-Agent": "me"}))
    assert {"cookie", "authorization"} & server.asked[1].headers.keys() == set()
    assert server.asked[1].headers["user-agent"] == "me"


def test_headers_can_be_read_in_any_case(send: Sender) -> None:
    """Servers differ in how they write header names."""
    with serving(reply("200 OK", b"", "x-RUNPOD-worker-ID: w1")) as server:
        assert send(Request("GET", server.url)).headers["X-Runpod-Worker-Id"] == "w1"


def test_a_head_request_has_no_body(send: Sender) -> None:
    """An answer to HEAD tells a length and does not wait for it."""
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") as server:
        answer = send(Request("HEAD", server.url, timeout=5.0))
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_compressed_body_is_unpacked(send: Sender) -> None:
    """What a server compresses, a user reads plain."""
    packed = gzip.compress(b"plain " * 50_000)
    with serving(reply("200 OK", packed, "Content-Encoding: gzip")) as server:
        assert send(Request("GET", server.url)).content == b"plain " * 50_000


def test_a_broken_compressed_body_is_a_transport_error(send: Sender) -> None:
    """Garbage under the name of gzip is no answer."""
    packed = reply("200 OK", b"no gzip at all", "Content-Encoding: gzip")
    with serving(packed) as server, pytest.raises(TransportError, match="broke"):
        send(Request("GET", server.url))


def test_a_chunked_body_is_put_together(send: Sender) -> None:
    """Chunks are the wire's affair."""
    with serving(SPLIT + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as server:
        assert send(Request("GET", server.url)).content == b"abcde"


def test_a_large_body_comes_whole(send: Sender) -> None:
    """Megabytes go both ways."""
    body = bytes(range(256)) * 40_000

    def answer(asked: Asked) -> bytes:
        return reply("200 OK", asked.body)

    with serving(always(answer)) as server:
        assert send(Request("POST", server.url, body=Body(body))).content == body


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large_a_body_is_a_transport_error(send: Sender, chunked: bool) -> None:
    """A body over the limit is not read to its end."""
    body = SPLIT + b"fffff\r\n" + b"x" * 0xFFFFF if chunked else reply("200 OK", b"x" * 1_000_000)
    with serving(body) as server, pytest.raises(AnswerTooLarge, match="larger than 1000 bytes"):
        send(Request("GET", server.url, max_bytes=1000))


@pytest.mark.parametrize("head", [SPLIT, b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_never_ends_is_cut_at_the_bound(send: Sender, head: bytes) -> None:
    """It fills no memory, however fast it comes."""
    part = b"x" * 65536

    def flood(server: Server, conn: socket.socket) -> None:
        server.read(conn)
        conn.sendall(head)
        while not server.over.is_set():
            conn.sendall(b"10000\r\n" + part + b"\r\n" if head is SPLIT else part)

    with serving(flood) as server:
        assert most_memory(send, Request("GET", server.url, max_bytes=2_000_000)) < 12_000_000


@pytest.mark.parametrize("chunked", [False, True])
def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_too(send: Sender, chunked: bool) -> None:
    """What counts are the bytes that would be in memory."""
    bomb = gzip.compress(bytes(100_000_000), 1)
    answer = reply("200 OK", bomb, "Content-Encoding: gzip")
    if chunked:
        coded = SPLIT.replace(b"OK\r\n", b"OK\r\nContent-Encoding: gzip\r\n")
        answer = coded + b"%x\r\n" % len(bomb) + bomb + b"\r\n0\r\n\r\n"
    with serving(answer) as server:
        assert most_memory(send, Request("GET", server.url, max_bytes=2_000_000)) < 40_000_000


def most_memory(send: Sender, request: Request) -> int:
    """Give the most memory that was in use while an answer was too large."""
    tracemalloc.start()
    try:
        with pytest.raises(AnswerTooLarge) as raised:
            send(request)
        assert raised.value.limit == request.max_bytes
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_of_a_stream_so_much_is_the_answer_as_was_allowed(send: Sender) -> None:
    """A stream may be cut where the room ends."""
    with serving(reply("200 OK", b"x" * 1_000_000)) as server:
        answer = send(Request("GET", server.url, max_bytes=1000, partial=True))
    assert answer.content == b"x" * 1000


@pytest.mark.parametrize("head", [SPLIT, b"HTTP/1.1 200 OK\r\n\r\n"])
def test_of_a_stream_that_does_not_end_the_answer_is_what_came(send: Sender, head: bytes) -> None:
    """A log that goes on and on is read for as long as the request allows."""
    event = b"data: 1\n\n"
    event = b"9\r\n" + event + b"\r\n" if head is SPLIT else event
    started = time.monotonic()

    def stream(server: object, conn: object) -> None:
        server.read(conn)  # type: ignore[attr-defined]
        conn.sendall(head + event)  # type: ignore[attr-defined]
        server.over.wait(20)  # type: ignore[attr-defined]

    with serving(stream) as server:
        answer = send(Request("GET", server.url, timeout=0.3, partial=True))
    assert answer.content == b"data: 1\n\n"
    assert time.monotonic() - started < 3


def test_a_redirect_is_not_followed(send: Sender) -> None:
    """Where a request goes next is not decided by who answers it."""
    with serving(reply()) as other:
        moved = reply("302 Found", b"", f"Location: {other.url}/elsewhere")
        with serving(moved) as server:
            answer = send(Request("GET", server.url, {"Authorization": "Bearer k"}))
    assert (answer.status_code, answer.headers["location"]) == (302, other.url + "/elsewhere")
    assert other.asked == []
