"""WebSockets through the balancer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType

from lbsls.local import websockets

from .conftest import APPS, Site, eventually

Talk = Callable[[aiohttp.ClientWebSocketResponse], Awaitable[Any]]


@pytest.fixture
def sockets(start_site: Callable[..., Site]) -> Site:
    """Give a local Runpod whose one image has WebSockets."""
    return start_site({"plain": ["python", str(APPS / "sockets.py")]}, body_limit=1_000_000)


def talk(site: Site, endpoint: dict[str, Any], path: str, talk: Talk, **options: Any) -> Any:
    """Open a WebSocket and do something with it."""

    async def run() -> Any:
        """Talk in an event loop."""
        headers = {"Authorization": f"Bearer {site.local.api_key}"}
        url = endpoint["requestUrls"]["base"].replace("http:", "ws:") + path
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(url, timeout=aiohttp.ClientWSTimeout(ws_close=10), **options) as ws,
        ):
            return await talk(ws)

    return asyncio.run(run())


def test_messages_pass_both_ways(sockets: Site) -> None:
    """Texts and bytes, small and large, come back; a cold endpoint holds the handshake."""
    endpoint = sockets.create()

    async def echo(ws: aiohttp.ClientWebSocketResponse) -> list[Any]:
        """Send, and see what comes back."""
        headers = await ws.receive_json()
        got = []
        for text in ("hello", "ü" * 100_000):
            await ws.send_str(text)
            got.append(await ws.receive_str() == text)
        await ws.send_bytes(b"\0\xff")
        got.append(await ws.receive_bytes() == b"\0\xff")
        return [headers, *got]

    headers, *same = talk(sockets, endpoint, "/echo", echo, headers={"X-Mine": "1"})
    assert [True, True, True] == same
    assert ("1", "127.0.0.1") == (headers["x-mine"], headers["x-forwarded-for"])
    assert "authorization" not in headers
    eventually((sockets.gates / "closed-1000").exists)


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["chat.v1", "chat.v2"], "chat.v1"), (["other"], None), ([], None)]
)
def test_the_worker_chooses_the_subprotocol(
    sockets: Site, offered: list[str], chosen: str | None
) -> None:
    """What the caller offers and the worker speaks is what both speak."""

    async def protocol(ws: aiohttp.ClientWebSocketResponse) -> str | None:
        """Give the subprotocol that was chosen."""
        return ws.protocol

    assert chosen == talk(sockets, sockets.create(), "/echo", protocol, protocols=offered)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4999])
def test_a_workers_close_reaches_the_caller(sockets: Site, code: int) -> None:
    """Code and reason are the worker's."""

    async def closing(ws: aiohttp.ClientWebSocketResponse) -> tuple[Any, ...]:
        """Wait until the other side closes."""
        message = await ws.receive()
        return message.type, message.data, message.extra

    said = talk(sockets, sockets.create(), f"/close?code={code}", closing)
    assert (WSMsgType.CLOSE, code, "because") == said


def test_a_callers_close_reaches_the_worker(sockets: Site) -> None:
    """The worker learns the code."""

    async def leave(ws: aiohttp.ClientWebSocketResponse) -> None:
        """Close as a caller does."""
        await ws.receive()
        await ws.close(code=4001)

    talk(sockets, sockets.create(), "/echo", leave)
    eventually((sockets.gates / "closed-4001").exists)


def test_a_caller_that_vanishes_is_going_away(sockets: Site) -> None:
    """The worker is told when the connection breaks."""

    async def vanish(ws: aiohttp.ClientWebSocketResponse) -> None:
        """Go away without a word."""
        await ws.receive()
        transport = ws.get_extra_info("socket")
        assert transport is not None
        ws._response.connection.transport.abort()  # type: ignore[union-attr]

    talk(sockets, sockets.create(), "/echo", vanish)
    eventually(lambda: list(sockets.gates.glob("closed-*")))


def test_a_caller_that_vanishes_under_a_flood_ends_it(sockets: Site) -> None:
    """A worker that says something all the time does not say it to nobody."""

    async def vanish(ws: aiohttp.ClientWebSocketResponse) -> None:
        """Go away without a word."""
        await ws.receive()
        ws._response.connection.transport.abort()  # type: ignore[union-attr]

    talk(sockets, sockets.create(), "/flood", vanish)
    eventually((sockets.gates / "flood-over").exists)


def test_a_caller_that_waits_for_the_end_sees_it(sockets: Site) -> None:
    """After the closing handshake the balancer ends the connection."""
    address = urlsplit(sockets.create()["requestUrls"]["base"])
    with socket.create_connection((address.hostname, address.port or 0), timeout=20) as connection:
        lines = [
            "GET /close?code=1000 HTTP/1.1",
            f"Host: {address.netloc}",
            f"Authorization: Bearer {sockets.local.api_key}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        data = b""
        while not data.endswith(b"because"):
            data += connection.recv(4096)
        assert data.startswith(b"HTTP/1.1 101 ")
        connection.sendall(b"\x88\x82\0\0\0\0\x03\xe8")  # the reply, masked with zeros
        assert connection.recv(4096) == b""


def test_a_worker_that_vanishes_ends_the_callers_socket(sockets: Site) -> None:
    """The caller is not left waiting."""

    async def closing(ws: aiohttp.ClientWebSocketResponse) -> Any:
        """Wait until the other side closes."""
        return (await ws.receive()).data

    assert 1001 == talk(sockets, sockets.create(), "/vanish", closing)


def test_too_large_a_message_ends_the_socket(sockets: Site) -> None:
    """The limit of a body holds for a message."""

    async def too_large(ws: aiohttp.ClientWebSocketResponse) -> Any:
        """Send too much."""
        await ws.receive()
        await ws.send_str("x" * 1_000_001)
        return (await ws.receive()).data

    assert 1009 == talk(sockets, sockets.create(), "/echo", too_large)


@pytest.mark.parametrize(("path", "status"), [("/refuse", 403), ("/drop", 502), ("/none", 404)])
def test_a_worker_may_refuse_the_handshake(sockets: Site, path: str, status: int) -> None:
    """Its status and headers reach the caller."""

    async def never(ws: aiohttp.ClientWebSocketResponse) -> None:
        """Be refused."""
        raise AssertionError("connected")

    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        talk(sockets, sockets.create(), path, never)
    assert status == caught.value.status
    if path == "/refuse":
        assert caught.value.headers
        assert "not today" == caught.value.headers["X-Why"]


def test_a_socket_needs_the_key(sockets: Site) -> None:
    """The edge asks before the handshake."""

    async def never(ws: aiohttp.ClientWebSocketResponse) -> None:
        """Be refused."""
        raise AssertionError("connected")

    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        talk(sockets, sockets.create(), "/echo", never, headers={"Authorization": "Bearer no"})


def test_an_open_socket_counts_as_a_request(sockets: Site) -> None:
    """A worker with an open WebSocket is busy, and ends with its endpoint."""
    endpoint = sockets.create()

    async def open_(ws: aiohttp.ClientWebSocketResponse) -> Any:
        """Hold a socket open."""
        await ws.receive()
        assert ["RUNNING"] == await asyncio.to_thread(sockets.statuses, endpoint)
        await asyncio.to_thread(sockets.api, "DELETE", f"/{endpoint['id']}")
        return (await ws.receive()).type

    ended = (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
    assert talk(sockets, endpoint, "/echo", open_) in ended


@pytest.mark.parametrize(
    ("endings", "given"),
    [
        ([None, (1001, b"over")], (1001, b"over")),
        ([None, None], (WSCloseCode.GOING_AWAY, b"")),
        ([(4000, b"first"), (4001, b"second")], (4000, b"first")),
    ],
)
def test_the_reason_that_there_is_closes_both_sides(
    endings: list[Any], given: tuple[int, bytes]
) -> None:
    """A side that broke has none; the other may still have left one, and else it went away."""

    async def ending() -> tuple[int, bytes]:
        """Let both sides end, the first one at once."""
        first: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def one() -> Any:
            """End, and let the other end."""
            first.set_result(None)
            return endings[0]

        async def other() -> Any:
            """End when the first has ended."""
            await first
            return endings[1]

        tasks = [asyncio.create_task(one()), asyncio.create_task(other())]
        return await websockets._ending(tasks)

    assert given == asyncio.run(ending())
