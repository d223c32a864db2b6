"""What becomes of a request's bytes on their way to a worker, and of the answer's."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from .conftest import Site, connect, eventually, head, read_until

# ---- what reaches the worker


def test_a_request_reaches_the_worker_as_it_was_sent(site: Site) -> None:
    """Path, query, method, body and headers pass; hop-by-hop headers and the key do not."""
    endpoint = site.create()
    response = site.call(
        endpoint,
        "/a%2Fb/ü?x=%20&y=a+b&z",
        "POST",
        data=b"body",
        headers={
            "X-Mine": "1",
            "Connection": "keep-alive, X-Named",
            "X-Named": "1",
            "TE": "trailers",
            "X-Forwarded-For": "10.0.0.1",
            "X-Runpod-Worker-Id": "unknown",
        },
    )
    seen = response.json()
    headers = dict(seen["headers"])
    base = urlsplit(endpoint["requestUrls"]["base"]).netloc
    assert "/a%2Fb/%C3%BC?x=%20&y=a+b&z" == seen["path"]
    assert ("POST", "body", "1", "4") == (
        seen["method"],
        seen["body"],
        headers["x-mine"],
        headers["content-length"],
    )
    assert (base, base, "http", "10.0.0.1, 127.0.0.1") == (
        headers["host"],
        headers["x-forwarded-host"],
        headers["x-forwarded-proto"],
        headers["x-forwarded-for"],
    )
    dropped = {"authorization", "te", "x-named", "x-runpod-worker-id"}
    assert set() == dropped & set(headers)
    assert site.local.api_key not in json.dumps(seen)


def test_the_balancer_adds_no_headers_of_its_own(site: Site) -> None:
    """A worker sees no user agent, no encodings and no type that the caller did not send."""
    endpoint = site.create()
    with connect(endpoint) as connection:
        connection.sendall(head(site, "/", "GET", "Connection: close"))
        data = read_until(connection, b"}")
    seen = dict(json.loads(data.partition(b"\r\n\r\n")[2])["headers"])
    assert {"host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"} == set(seen)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_any_method_reaches_the_worker(site: Site, method: str) -> None:
    """Workers define their methods."""
    assert method == site.call(site.create(), method=method).json()["method"]


def test_a_body_in_chunks_passes(site: Site) -> None:
    """A body of unknown length is sent on as it comes."""
    response = site.call(site.create(), "/count", "POST", data=iter([b"a" * 70_000, b"b"]))
    assert "70001" == response.text


def test_a_large_body_passes(site: Site) -> None:
    """Everything up to Runpod's limit passes, either way."""
    endpoint = site.create()
    size = 30 * 1024 * 1024
    assert str(size) == site.call(endpoint, "/count", "POST", data=b"x" * size).text
    assert size == len(site.call(endpoint, f"/big?{size}").content)


def test_a_body_is_asked_for_only_when_a_worker_is_there(site: Site) -> None:
    """`Expect: 100-continue` is answered when the body can go somewhere."""
    endpoint = site.create(env={"START": "go"})
    with connect(endpoint) as connection:
        expect = ("Expect: 100-continue", "Content-Length: 4", "Connection: close")
        connection.sendall(head(site, "/", "POST", *expect))
        eventually(lambda: site.statuses(endpoint))
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(20)
        site.open("go")
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == read_until(connection, b"\r\n\r\n")
        connection.sendall(b"body")
        answer = json.loads(read_until(connection, b"}").partition(b"\r\n\r\n")[2])
    assert "body" == answer["body"]
    assert "expect" not in dict(answer["headers"])


# ---- what comes back


@pytest.mark.parametrize("status", [201, 204, 301, 304, 404, 418, 500, 502])
def test_a_workers_status_comes_back(site: Site, status: int) -> None:
    """Whatever a worker answers is the answer; redirects are not followed."""
    endpoint = site.create()
    response = site.call(endpoint, f"/status?{status}", allow_redirects=False)
    assert (status, "/elsewhere") == (response.status_code, response.headers["location"])
    assert (b"" if status in (204, 304) else b"body") == response.content


def test_an_answer_comes_back_as_it_was_sent(site: Site) -> None:
    """Nothing is added but the worker's id; repeated headers stay, hop-by-hop ones go."""
    endpoint = site.create()
    with connect(endpoint) as connection:
        connection.sendall(head(site, "/bare"))
        data = read_until(connection, b"ok")
    lines = data.decode().split("\r\n")
    worker = site.workers(endpoint)[0]["id"]
    assert "HTTP/1.1 200 Fine" == lines[0]
    assert [
        "Content-Length: 2",
        "Set-Cookie: a",
        "Set-Cookie: b",
        f"X-Runpod-Worker-Id: {worker}",
    ] == sorted(lines[1:-2])


def test_a_head_says_how_long_the_answer_would_be(site: Site) -> None:
    """HEAD has the headers of GET and no body, and the connection can be used again."""
    endpoint = site.create()
    for _ in range(2):
        response = site.call(endpoint, "/big?50", "HEAD")
        assert ("50", "HEAD", b"") == (
            response.headers["Content-Length"],
            response.headers["X-Seen-Method"],
            response.content,
        )


def test_long_headers_pass(site: Site) -> None:
    """A header of 50 kB is not too long, either way."""
    endpoint = site.create()
    long = "x" * 50_000
    assert long == dict(site.call(endpoint, headers={"X-Long": long}).json()["headers"])["x-long"]
    assert long == site.call(endpoint, "/large_header?50000").headers["X-Large"]


def test_events_come_as_they_are_sent(site: Site) -> None:
    """A stream is not buffered: each event is there before the next is made."""
    endpoint = site.create()
    with site.call(endpoint, "/stream?s", stream=True) as response:
        lines = response.iter_lines(chunk_size=None)
        for number in range(3):
            assert f"data: {number}".encode() == next(lines)
            assert b"" == next(lines)
            site.open(f"s{number}")
        assert [] == list(lines)


def test_a_caller_that_goes_away_ends_the_workers_work(site: Site) -> None:
    """A worker notices that nobody reads any more, in the middle of an answer."""
    endpoint = site.create()
    with site.call(endpoint, "/endless?e", stream=True) as response:
        assert response.raw.read(10)
    site.http.close()
    eventually((site.gates / "e.broken").exists)


def test_a_worker_that_stops_reading_can_still_answer(site: Site) -> None:
    """An answer that comes before the whole body was read reaches the caller."""
    endpoint = site.create()
    with connect(endpoint) as connection:
        connection.sendall(head(site, "/early", "POST", "Content-Length: 1000000") + b"x" * 1000)
        data = read_until(connection, b"enough")
    assert data.startswith(b"HTTP/1.1 403")


def test_an_answer_that_breaks_off_breaks_off(site: Site) -> None:
    """A caller can tell a cut answer from a whole one."""
    endpoint = site.create()
    with pytest.raises(requests.RequestException):
        site.call(endpoint, "/cut")
    site.http.close()


def test_connections_to_the_worker_are_kept(site: Site) -> None:
    """A hundred calls in a row reuse one connection, on either side."""
    endpoint = site.create()
    ports = {site.call(endpoint, "/ping").raw.connection is None for _ in range(100)}
    assert 1 == len(ports)


# ---- what is too much


def test_a_body_over_the_limit_is_a_413(start_site: Callable[..., Site]) -> None:
    """A body that is too large is refused, whether its length is known or not."""
    site = start_site(body_limit=1000)
    endpoint = site.create()
    assert "1000" == site.call(endpoint, "/count", "POST", data=b"x" * 1000).text
    refused = site.call(endpoint, "/count", "POST", data=b"x" * 1001)
    assert (413, "the request is larger than 1000 bytes") == (
        refused.status_code,
        refused.json()["detail"],
    )
    assert 413 == site.call(endpoint, "/count", "POST", data=iter([b"x" * 600] * 2)).status_code
    site.http.close()


def test_an_answer_over_the_limit_does_not_arrive(start_site: Callable[..., Site]) -> None:
    """An answer that is too large is a 502 if its length is known, and breaks off otherwise."""
    site = start_site(body_limit=1000)
    endpoint = site.create()
    assert 1000 == len(site.call(endpoint, "/big?1000").content)
    assert 502 == site.call(endpoint, "/big?1001").status_code
    assert "1001" == site.call(endpoint, "/big?1001", "HEAD").headers["Content-Length"]
    with pytest.raises(requests.RequestException):
        site.call(endpoint, "/endless?e")
    site.http.close()


@pytest.mark.parametrize("options", [{"request_timeout": 0.2}, {}])
def test_a_request_that_takes_too_long_is_a_524(
    start_site: Callable[..., Site], options: dict[str, Any]
) -> None:
    """The balancer's limit or the endpoint's own ends a request."""
    site = start_site(**options)
    endpoint = site.create(timeout=300 if not options else 60000)
    eventually(lambda: site.call(endpoint, "/ping").status_code == 200)
    response = site.call(endpoint, "/gate?g")
    assert (524, 524) == (response.status_code, response.json()["status"])


def test_a_stream_that_takes_too_long_breaks_off(start_site: Callable[..., Site]) -> None:
    """The time limit holds for the whole answer."""
    site = start_site(request_timeout=1)
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    with pytest.raises(requests.RequestException):
        site.call(endpoint, "/stream?never")
    site.http.close()


# ---- workers that fail


def test_a_worker_that_closes_without_an_answer_is_a_502(site: Site) -> None:
    """The caller learns which worker it was; the worker, still healthy, goes on."""
    endpoint = site.create()
    response = site.call(endpoint, "/hang_up", "POST")
    worker = site.workers(endpoint)[0]["id"]
    assert (502, worker) == (response.status_code, response.headers["X-Runpod-Worker-Id"])
    assert f"worker {worker} closed the connection before it answered" == response.json()["detail"]
    assert 200 == site.call(endpoint).status_code


def test_a_worker_that_dies_in_a_request_is_a_502_and_is_started_again(
    start_site: Callable[..., Site],
) -> None:
    """Others wait for its next life instead of failing."""
    site = start_site(restart_delay=0.01)
    endpoint = site.create()
    assert 502 == site.call(endpoint, "/die?3", "POST").status_code
    assert 200 == site.call(endpoint).status_code


def test_two_requests_that_die_with_their_worker_are_two_502(
    site: Site, pool: ThreadPoolExecutor
) -> None:
    """Each caller is told; the worker is doubted once."""
    endpoint = site.create()
    waiting = [pool.submit(site.call, endpoint, f"/gate?g{number}") for number in range(2)]
    for number in range(2):
        site.seen(f"g{number}")
    assert site.call(endpoint, "/die?1", "POST").status_code == 502
    assert [502, 502] == [future.result().status_code for future in waiting]


def test_a_port_that_nobody_listens_on_is_a_502(start_site: Callable[..., Site]) -> None:
    """A worker whose server is gone is taken out at once, not at the next probe."""
    site = start_site(probe_interval=3600)
    endpoint = site.create(env={"PORT_HEALTH": "81", "WRONG_PORT": str(free_port())})
    response = site.call(endpoint)
    assert 502 == response.status_code
    assert "does not accept connections" in response.json()["detail"]


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
