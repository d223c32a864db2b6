"""How every transport treats its connections: kept, renewed, shared by threads, not by forks."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lbsls import ConnectError, Response
from lbsls.values import Request
from servers import Asked, Server, always, reply, serving, unused_port

Sender = Callable[[Request], Response]


def test_a_connection_is_used_again(send: Sender) -> None:
    """The second request does not pay for a new connection."""
    with serving(reply("200 OK", b"x")) as server:
        for _ in range(3):
            send(Request("GET", server.url))
    assert (len(server.asked), len(server.connections)) == (3, 1)


def test_a_connection_that_the_server_closed_is_renewed(send: Sender) -> None:
    """Servers close what was idle for long; a user does not notice."""
    closed = threading.Semaphore(0)

    def once(server: Server, conn: socket.socket) -> None:
        server.read(conn)
        conn.sendall(reply("200 OK", b"x"))
        conn.shutdown(socket.SHUT_RDWR)
        conn.close()
        closed.release()

    with serving(once) as server:
        for _ in range(3):
            assert send(Request("GET", server.url)).content == b"x"
            closed.acquire(timeout=5)
    assert len(server.connections) == 3


def test_after_an_answer_that_was_cut_the_next_one_is_whole(send: Sender) -> None:
    """The rest of a stream is not taken for the next answer."""
    with serving(always(lambda asked: reply("200 OK", asked.path.encode() * 9_999))) as server:
        send(Request("GET", server.url + "/first", max_bytes=10, partial=True))
        assert send(Request("GET", server.url + "/b")).content == b"/b" * 9_999


def test_many_threads_use_one_transport(send: Sender) -> None:
    """Every thread gets its own answer."""
    with serving(always(lambda asked: reply("200 OK", asked.path.encode()))) as server:

        def ask(number: int) -> bytes:
            return send(Request("GET", f"{server.url}/{number}")).content

        with ThreadPoolExecutor(16) as pool:
            got = list(pool.map(ask, range(64)))
    assert got == [f"/{number}".encode() for number in range(64)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_shares_no_connection(send: Sender) -> None:
    """Celery forks its workers: parent and child both go on, each with its own connection."""
    with serving(always(lambda asked: reply("200 OK", asked.path.encode()))) as server:
        send(Request("GET", server.url + "/before"))
        child = os.fork()
        if child == 0:
            fine = send(Request("GET", server.url + "/child")).content == b"/child"
            os._exit(0 if fine else 1)
        for _ in range(5):
            assert send(Request("GET", server.url + "/parent")).content == b"/parent"
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(server.connections) == 2


def test_a_netrc_file_is_not_read(
    send: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in a home directory does not replace the API key."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(reply()) as server:
        send(Request("GET", server.url, {"Authorization": "Bearer k"}))
        send(Request("GET", server.url))
    assert [asked.headers.get("authorization") for asked in server.asked] == ["Bearer k", None]


def test_a_proxy_of_the_environment_is_used(send: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only a proxy leads out, requests go through it."""
    with serving(reply("200 OK", b"from the proxy")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert send(Request("GET", "http://runpod.test/x")).content == b"from the proxy"
    assert proxy.asked[0].path == "http://runpod.test/x"


def test_a_proxy_is_not_used_where_the_environment_says_so(
    send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``no_proxy`` is honoured."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(reply("200 OK", b"direct")) as server:
        assert send(Request("GET", server.url)).content == b"direct"


def test_a_proxy_that_is_not_there_sent_nothing(
    send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error blames the proxy and not Runpod."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    with pytest.raises(ConnectError, match="the proxy did not answer"):
        send(Request("GET", "http://runpod.test/x"))


def test_a_proxy_that_refuses_a_tunnel_sent_nothing(
    send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key does not go to a proxy that will not pass it on."""

    def refuse(asked: Asked) -> bytes:
        return reply("403 Forbidden")

    with serving(always(refuse)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(ConnectError):
            send(Request("GET", "https://runpod.test/x", {"Authorization": "Bearer k"}))
    assert proxy.asked[0].method == "CONNECT"
    assert [asked for asked in proxy.asked if "authorization" in asked.headers] == []


def test_no_proxy_elsewhere_gets_what_is_for_this_machine(
    send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of a local Runpod does not leave the machine, whatever ``no_proxy`` forgot."""
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    monkeypatch.setenv("all_proxy", "http://proxy.invalid:3128")
    with serving(reply("200 OK", b"direct")) as server:
        assert send(Request("GET", server.url)).content == b"direct"
        with serving(reply("200 OK", b"watched")) as proxy:
            monkeypatch.setenv("http_proxy", proxy.url)
            assert send(Request("GET", server.url)).content == b"watched"
