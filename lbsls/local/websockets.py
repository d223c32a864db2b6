"""Pass a WebSocket through to a worker and back, message by message. Chooses no worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web
from multidict import CIMultiDict, CIMultiDictProxy

from lbsls.local.clock import to_its_end
from lbsls.local.headers import WORKER_ID, to_caller, to_worker
from lbsls.local.proxy import broken, url_of
from lbsls.local.worker import Worker

HANDSHAKE = "sec-websocket-"
CLOSE_TIMEOUT = 2.0
# A message over the limit is read to its end, so that its sender, who is still sending, hears why
# its connection ends; one over this many times the limit is not worth the memory.
READ_TO_ITS_END = 2

Ending = tuple[int, bytes]
if TYPE_CHECKING:
    from typing import TypeAlias

    Upstream: TypeAlias = aiohttp.ClientWebSocketResponse[bool]
    Socket: TypeAlias = web.WebSocketResponse | Upstream


def is_upgrade(request: web.Request) -> bool:
    """Whether a request asks for a WebSocket."""
    return (
        request.method == "GET"
        and request.headers.get("Upgrade", "").lower() == "websocket"
        and "upgrade" in request.headers.get("Connection", "").lower()
    )


def protocols(request: web.Request) -> list[str]:
    """Give the subprotocols that the caller speaks."""
    offered = ",".join(request.headers.getall("Sec-WebSocket-Protocol", ()))
    return [name.strip() for name in offered.split(",") if name.strip()]


async def forward(
    request: web.Request,
    worker: Worker,
    session: aiohttp.ClientSession,
    *,
    limit: int,
) -> web.StreamResponse:
    """Open a WebSocket to the worker, then the caller's, and pass messages until either ends.

    Raises:
        Refusal: the worker did not answer.
    """
    headers = to_worker(request.headers, request.remote or "")
    for name in [name for name in headers if name.lower().startswith(HANDSHAKE)]:
        headers.popall(name, None)
    try:
        upstream = await session.ws_connect(
            url_of(request, worker, "ws"),
            headers=headers,
            protocols=protocols(request),
            max_msg_size=READ_TO_ITS_END * limit,
            autoping=True,
        )
    except aiohttp.WSServerHandshakeError as cause:
        return _refused(cause, worker)
    except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as cause:
        raise broken(worker, cause) from cause
    async with upstream:
        return await _join(request, upstream, worker, limit)


def _refused(cause: aiohttp.WSServerHandshakeError, worker: Worker) -> web.Response:
    """Pass on that the worker wants no WebSocket here; its body is lost with the handshake."""
    headers = to_caller(CIMultiDictProxy(CIMultiDict(cause.headers or ())), worker.id)
    for name in ("Content-Length", "Content-Encoding", "Content-Type"):
        headers.popall(name, None)
    return web.Response(status=cause.status if cause.status >= 400 else 502, headers=headers)


async def _join(
    request: web.Request,
    upstream: Upstream,
    worker: Worker,
    limit: int,
) -> web.WebSocketResponse:
    chosen = [upstream.protocol] if upstream.protocol else []
    downstream = web.WebSocketResponse(
        protocols=chosen, max_msg_size=READ_TO_ITS_END * limit, timeout=CLOSE_TIMEOUT
    )
    downstream.headers[WORKER_ID] = worker.id
    await downstream.prepare(request)
    loop = asyncio.get_running_loop()
    both = [
        loop.create_task(_pass(downstream, upstream, limit)),
        loop.create_task(_pass(upstream, downstream, limit)),
    ]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return downstream  # pragma: no cover - the end of the caller's side cancels this, mostly
    finally:
        # Also when the caller has gone, which cancels this, perhaps more than once: its last word
        # may still be on its way to the worker.
        await to_its_end(_part(upstream, downstream, both))


async def _part(
    upstream: Upstream, downstream: web.WebSocketResponse, both: list[asyncio.Task[Ending | None]]
) -> None:
    """Close both sides, for the reason that ended one of them.

    Nobody may read from a side that is being closed: aiohttp then hangs up before the reply has
    come, and a reply to a connection that is gone resets it, with what it had still to deliver.
    """
    ending = await _ending(both)
    for task in both:
        task.cancel()
    await asyncio.wait(both)
    await asyncio.gather(_close(upstream, *ending), _close(downstream, *ending))


async def _ending(both: list[asyncio.Task[Ending | None]]) -> Ending:
    """Give the first reason there is; a side that broke under a message may have left its own."""
    for when in (asyncio.FIRST_COMPLETED, asyncio.ALL_COMPLETED):
        done, _ = await asyncio.wait(both, timeout=CLOSE_TIMEOUT, return_when=when)
        for task in both:
            if task in done and (ending := task.result()):
                return ending
    return WSCloseCode.GOING_AWAY, b""


async def _pass(source: Socket, target: Socket, limit: int) -> Ending | None:
    """Pass messages on until the source ends, and give its reason; None when the target broke."""
    while True:
        message = await source.receive()
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            break
        data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        if len(data) > limit:
            return WSCloseCode.MESSAGE_TOO_BIG, b""
        try:
            await target.send_frame(data, message.type)
        except ConnectionError:
            return None
    if message.type is WSMsgType.CLOSE:
        return message.data or WSCloseCode.OK, (message.extra or "").encode()
    return WSCloseCode.GOING_AWAY, b""


async def _close(socket: Socket, code: int, reason: bytes) -> None:
    """Say why, and wait for the reply, but not for one that never comes among other messages."""
    try:
        await asyncio.wait_for(socket.close(code=code, message=reason), CLOSE_TIMEOUT)
    except asyncio.TimeoutError:
        pass
