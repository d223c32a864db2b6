"""Every transport, under one face: send a request, get a response."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import anyio
import pytest

from lbsls.transports.blocking import RequestsTransport
from lbsls.transports.threads import ThreadTransport
from lbsls.values import Request, Response

Sender = Callable[[Request], Response]


def _blocking() -> Iterator[Sender]:
    transport = RequestsTransport()
    yield transport.send
    transport.close()


def _threads(backend: str) -> Iterator[Sender]:
    transport = ThreadTransport(RequestsTransport())
    yield lambda request: anyio.run(transport.send, request, backend=backend)
    anyio.run(transport.aclose, backend=backend)


TRANSPORTS: dict[str, Callable[[], Iterator[Sender]]] = {
    "requests": _blocking,
    "threads-asyncio": lambda: _threads("asyncio"),
    "threads-trio": lambda: _threads("trio"),
}


@pytest.fixture(params=TRANSPORTS)
def send(request: pytest.FixtureRequest) -> Iterator[Sender]:
    """A transport."""
    yield from TRANSPORTS[request.param]()


@pytest.fixture(autouse=True, scope="module")
def nothing_open() -> Iterator[None]:
    """What was left open is found before the next module, where its warning is an error."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine's environment says of proxies is not part of a test."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
