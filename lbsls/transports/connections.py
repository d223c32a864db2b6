"""Connections of urllib3 that keep one deadline, and know whether a request was sent.

A socket's own timeout begins anew with every byte, so a server that drips could hold a request
for ever. While a thread is in an `Exchange`, whatever its connections send and receive ends by the
exchange's deadline: request, status line, headers and body. Outside of one they are as usual.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from lbsls.addresses import is_loopback
from lbsls.transports.aborting import abort_of_this_request

__all__ = ["Exchange", "chain_of", "new_adapter", "strip"]

POOL_SIZE = 64
_here = threading.local()


class Exchange:
    """One request and its response, on this thread, until a deadline.

    Attributes:
        connecting: A connection was begun for it.
        sent: A connection was there, and the request may have reached the other side.
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._abort = abort_of_this_request()
        self.connecting = False
        self.sent = False

    def __enter__(self) -> Exchange:
        _here.exchange = self
        return self

    def __exit__(self, *exc_info: object) -> None:
        _here.exchange = None
        self.uses(None)

    def uses(self, sock: object) -> None:
        """Tell who may give this exchange up on which connection it is; None when it is over."""
        if self._abort is not None:
            self._abort.waits_on(sock)

    @property
    def left(self) -> float:
        """Seconds until the deadline; none or fewer when it is over."""
        return self._deadline - time.monotonic()


def _exchange() -> Exchange | None:
    return getattr(_here, "exchange", None)


class _Reader(io.RawIOBase):
    """Reads from a socket as long as the exchange lasts."""

    _raw: Any = None
    """Ctrl-C may come before there is one, and what is thrown away then is closed all the same."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._exchange.left <= 0:
            raise TimeoutError("the time for the whole exchange is over")
        self._sock.settimeout(self._exchange.left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()
        super().close()


class _Source:
    """What a response takes for its socket; all it asks of it is to make a file."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock, self._exchange = sock, exchange

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._exchange))


class _Response(HTTPResponse):
    fp: Any = None
    """None as long as there is none, as above."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        if exchange := _exchange():
            sock = _Source(sock, exchange)
        super().__init__(sock, *args, **options)


class _Connection(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        if exchange := _exchange():
            exchange.connecting = True
        super().connect()

    def endheaders(self, *args: Any, **options: Any) -> None:
        if exchange := _exchange():
            if self.sock is None:
                self.connect()
            exchange.uses(self.sock)
            exchange.sent = True
            # urllib3 would give the body no longer than it gave the connection to be made.
            self.sock.settimeout(  # pyright: ignore[reportOptionalMemberAccess]
                max(0.001, exchange.left)
            )
        super().endheaders(*args, **options)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection  # pyright: ignore[reportAssignmentType]


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection  # pyright: ignore[reportAssignmentType]


_POOLS: dict[type, type] = {HTTPConnectionPool: _Pool, HTTPSConnectionPool: _TlsPool}


def _watch(manager: Any) -> None:
    """Let a manager make our pools; those of a SOCKS proxy stay what they are."""
    kinds = manager.pool_classes_by_scheme.items()
    manager.pool_classes_by_scheme = {name: _POOLS.get(kind, kind) for name, kind in kinds}


class _Adapter(HTTPAdapter):
    def send(  # type: ignore[override]
        self, request: Any, *, proxies: Any = None, **options: Any
    ) -> requests.Response:
        # To this machine itself no proxy leads but one that is on it; and the API key, in clear
        # over plain http, would leave the machine.
        if is_loopback(request.url) and not is_loopback(select_proxy(request.url, proxies) or ""):
            proxies = {}
        return super().send(request, proxies=proxies, **options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _watch(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        _watch(manager)
        return manager


def new_adapter() -> HTTPAdapter:
    """Make an adapter that keeps as many connections as there are threads to use them."""
    return _Adapter(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE)


def chain_of(cause: BaseException) -> Iterator[BaseException]:
    """Give an exception and all that it came from, each once."""
    waiting, seen = [cause], set[int]()
    while waiting:
        error = waiting.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        others = [error.__cause__, error.__context__, getattr(error, "reason", None), *error.args]
        waiting += [each for each in others if isinstance(each, BaseException)]


def strip(cause: BaseException) -> None:
    """Let go of what holds what was sent and what came, with secrets in it: frames, requests."""
    for error in chain_of(cause):
        error.__traceback__ = None
        if isinstance(error, requests.RequestException):
            error.request = error.response = None
