"""A worker with WebSockets: says what it got, in the ways that its paths name."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from aiohttp import WSMsgType, web


async def ping(request: web.Request) -> web.Response:
    """Be well."""
    return web.Response(text="ok")


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Say the request's headers, and then everything again."""
    ws = web.WebSocketResponse(protocols=("chat.v2", "chat.v1"))
    await ws.prepare(request)
    await ws.send_json({name.lower(): value for name, value in request.headers.items()})
    async for message in ws:
        if message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    (Path(os.environ["GATES"]) / f"closed-{ws.close_code}").touch()
    return ws


async def close(request: web.Request) -> web.WebSocketResponse:
    """End with the code and the reason that are asked for."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.close(code=int(request.query["code"]), message=b"because")
    return ws


async def vanish(request: web.Request) -> web.WebSocketResponse:
    """Break off without a word."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    assert request.transport is not None
    request.transport.abort()
    return ws


async def flood(request: web.Request) -> web.WebSocketResponse:
    """Say something until nobody listens."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    try:
        while not ws.closed:
            await ws.send_str("x" * 1000)
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    (Path(os.environ["GATES"]) / "flood-over").touch()
    return ws


async def refuse(request: web.Request) -> web.Response:
    """Want no WebSocket."""
    return web.Response(status=403, text="no", headers={"X-Why": "not today"})


async def drop(request: web.Request) -> web.Response:
    """Break off before the handshake."""
    assert request.transport is not None
    request.transport.abort()
    await asyncio.sleep(0)
    return web.Response()


def main() -> None:
    """Serve."""
    app = web.Application()
    for handler in (ping, echo, close, vanish, flood, refuse, drop):
        app.router.add_get(f"/{handler.__name__}", handler)
    port = int(os.environ["PORT"])
    web.run_app(app, host="127.0.0.1", port=port, print=None, handle_signals=False)


if __name__ == "__main__":
    main()
