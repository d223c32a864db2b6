"""A request that is given up ends at once, in whatever thread it waits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import anyio
import pytest

from lbsls.transports.aborting import Abort, abort_of_this_request
from lbsls.transports.blocking import RequestsTransport
from lbsls.transports.threads import ThreadTransport
from lbsls.values import Request
from servers import Server, serving


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_request_leaves_no_thread_behind(backend: str) -> None:
    """The connection is shut down, so a program that ends need not wait for an answer."""
    held, ended = threading.Event(), threading.Event()

    def hold(server: Server, conn: socket.socket) -> None:
        server.read(conn)
        held.set()
        if conn.recv(1) == b"":
            ended.set()

    async def main(url: str) -> None:
        """Do it in an event loop."""
        transport = ThreadTransport(RequestsTransport())
        async with anyio.create_task_group() as group:
            group.start_soon(transport.send, Request("GET", url, timeout=100.0))
            assert await anyio.to_thread.run_sync(held.wait, 30)
            group.cancel_scope.cancel()
        assert await anyio.to_thread.run_sync(ended.wait, 30)

    with serving(hold) as server:
        anyio.run(main, server.url, backend=backend)


def test_what_was_given_up_early_is_not_sent() -> None:
    """Between the connection and the request there is time to change one's mind."""
    abort = Abort()
    abort.give_up()
    abort.waits_on(None)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ConnectionAbortedError):
        abort.waits_on(ours)


def broken(sock: socket.socket) -> None:
    """Break a connection."""
    sock.close()


def whole(sock: socket.socket) -> None:
    """Leave a connection as it is."""


@pytest.mark.parametrize("first", [broken, whole])
def test_giving_up_cannot_fail(first: Callable[[socket.socket], None]) -> None:
    """Not on a connection that broke meanwhile, not after the request is over."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        abort = Abort()
        abort.waits_on(ours)
        first(ours)
        abort.give_up()
        assert theirs.recv(1) == b""
        Abort().give_up()
    assert abort_of_this_request() is None
