"""Pass one HTTP request to a worker and its answer back, piece by piece. Chooses no worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from yarl import URL

from lbsls.local.door import hang_up
from lbsls.local.headers import to_caller, to_worker
from lbsls.local.worker import Worker

ADDED_BY_AIOHTTP = ("Content-Type", "Date", "Server")


class Refusal(Exception):
    """A request that the balancer itself answers."""

    def __init__(self, status: int, title: str, detail: str, *, broken: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"status": status, "title": title, "detail": detail}
        self.broken = broken
        """Whether the worker is to blame."""


class Passed(web.StreamResponse):
    """A worker's answer on its way to the caller."""

    def __init__(self, answer: aiohttp.ClientResponse, worker: Worker) -> None:
        headers = to_caller(answer.headers, worker.id)
        super().__init__(status=answer.status, reason=answer.reason, headers=headers)
        self.original = answer.headers


async def leave_as_it_is(_request: web.Request, response: web.StreamResponse) -> None:
    """Take away what aiohttp adds to an answer that did not have it."""
    if isinstance(response, Passed):
        for name in ADDED_BY_AIOHTTP:
            if name not in response.original:
                response.headers.popall(name, None)


class Body:
    """A request's body, passed on as it comes, up to a limit."""

    def __init__(self, request: web.Request, limit: int) -> None:
        self._request = request
        self._limit = limit
        self.is_too_large = (request.content_length or 0) > limit

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give what arrives; fail when it is too much."""
        size = 0
        async for piece in self._request.content.iter_any():
            size += len(piece)
            if size > self._limit:
                self.is_too_large = True
                raise ValueError("too large")
            yield piece


def url_of(request: web.BaseRequest, worker: Worker, scheme: str = "http") -> URL:
    """Give the worker's address for the path that was asked for, spelled as it was."""
    path = request.raw_path if request.raw_path.startswith("/") else request.path_qs
    return URL(f"{scheme}://127.0.0.1:{worker.port}{path}", encoded=True)


async def forward(
    request: web.Request,
    worker: Worker,
    session: aiohttp.ClientSession,
    *,
    timeout: float,
    limit: int,
) -> web.StreamResponse:
    """Pass a request on and its answer back.

    Args:
        request: what the caller wants.
        worker: who is to do it.
        session: connections to workers.
        timeout: seconds that are left for all of it.
        limit: bytes that a body may have, either way.

    Raises:
        Refusal: there is no answer from the worker to pass back.
    """
    async with await _asked(request, worker, session, timeout, limit) as answer:
        return await _give_back(request, answer, worker, limit)


async def fetch(
    request: web.Request,
    worker: Worker,
    session: aiohttp.ClientSession,
    *,
    timeout: float,
    limit: int,
) -> web.StreamResponse:
    """Pass a request on and give its whole answer, not sent yet; as `forward` otherwise."""
    async with await _asked(request, worker, session, timeout, limit) as answer:
        try:
            body = await answer.read()
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as cause:
            raise broken(worker, cause) from cause
        headers = to_caller(answer.headers, worker.id)
        for name in ("Content-Length", "Transfer-Encoding"):
            headers.popall(name, None)
        return web.Response(status=answer.status, headers=headers, body=body)


async def _asked(
    request: web.Request,
    worker: Worker,
    session: aiohttp.ClientSession,
    timeout: float,
    limit: int,
) -> aiohttp.ClientResponse:
    body = Body(request, limit)
    if body.is_too_large:
        raise too_large("request", limit)
    try:
        answer = await _send(request, body, worker, session, timeout)
    except asyncio.TimeoutError as cause:
        raise Refusal(524, "A Timeout Occurred", "the worker did not answer in time") from cause
    except (aiohttp.ClientError, OSError) as cause:
        if body.is_too_large:
            raise too_large("request", limit) from None
        raise broken(worker, cause) from cause
    if (answer.content_length or 0) > limit and request.method != "HEAD":
        answer.close()
        raise Refusal(502, "Bad Gateway", f"the answer is larger than {limit} bytes")
    return answer


async def _send(
    request: web.Request,
    body: Body,
    worker: Worker,
    session: aiohttp.ClientSession,
    timeout: float,
) -> aiohttp.ClientResponse:
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await session.request(
        request.method,
        url_of(request, worker),
        headers=to_worker(request.headers, request.remote or ""),
        data=body.pieces() if request.can_read_body else None,
        allow_redirects=False,
        timeout=aiohttp.ClientTimeout(total=max(0.001, timeout)),
    )


async def _give_back(
    request: web.Request, answer: aiohttp.ClientResponse, worker: Worker, limit: int
) -> web.StreamResponse:
    passed = Passed(answer, worker)
    size = 0
    try:
        await passed.prepare(request)
        async for piece in answer.content.iter_any():
            size += len(piece)
            if size > limit:
                raise ValueError("too large")
            await passed.write(piece)
        await passed.write_eof()
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError):
        # the status is out already, or the caller has gone: a connection that breaks off is all
        # that can still be said
        hang_up(request)
    return passed


def too_large(what: str, limit: int) -> Refusal:
    """Refuse a body."""
    return Refusal(413, "Content Too Large", f"the {what} is larger than {limit} bytes")


def broken(worker: Worker, cause: BaseException) -> Refusal:
    """Say that a worker did not answer."""
    detail = f"worker {worker.id} closed the connection before it answered"
    if isinstance(cause, aiohttp.ClientConnectorError):
        detail = f"worker {worker.id} does not accept connections"
    return Refusal(502, "Bad Gateway", detail, broken=True)
