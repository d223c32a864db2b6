"""Which headers pass a proxy, and which it adds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from multidict import CIMultiDict, CIMultiDictProxy

WORKER_ID = "X-Runpod-Worker-Id"

# RFC 9110, 7.6.1, and what older proxies send
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

# The account's key is for the edge. A worker has no business with it, and its log might keep it.
# The worker's id is between the caller and the balancer; 100-continue is answered by the balancer.
FOR_THE_EDGE = frozenset({"authorization", "expect", WORKER_ID.lower()})

Headers = CIMultiDict[str]


def end_to_end(headers: CIMultiDictProxy[str], without: Iterable[str] = ()) -> Headers:
    """Give the headers that pass a proxy."""
    named = {
        name.strip().lower()
        for value in headers.getall("Connection", ())
        for name in value.split(",")
    }
    dropped = HOP_BY_HOP | named | set(without)
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in dropped
    )


def to_worker(headers: CIMultiDictProxy[str], caller: str) -> Headers:
    """Give the headers that a worker sees."""
    passed = end_to_end(headers, FOR_THE_EDGE)
    before = passed.popall("X-Forwarded-For", [])
    passed["X-Forwarded-For"] = ", ".join([*before, caller])
    passed["X-Forwarded-Host"] = headers.get("Host", "")
    passed["X-Forwarded-Proto"] = "http"
    return passed


def to_caller(headers: CIMultiDictProxy[str], worker: str) -> Headers:
    """Give the headers that a caller sees."""
    passed = end_to_end(headers)
    passed[WORKER_ID] = worker
    return passed


@dataclass(frozen=True)
class Wish:
    """Which worker a caller would like.

    https://docs.runpod.io/serverless/load-balancing/worker-affinity
    """

    worker: str = ""
    strict: bool = False
    resume: bool = False


def wish(value: str) -> Wish:
    """Read the worker id that a caller sent."""
    mode, _, worker = value.strip().partition(" ")
    if not worker:
        return Wish(worker=mode)
    return Wish(worker.strip(), strict=True, resume=mode == "strict-resume")
