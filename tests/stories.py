"""What flows are played against: answers of the control plane and of the edge, and contexts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from itertools import count
from typing import Any

from lbsls import Endpoint, LoadBalancerSlsResource, Response, TransportTimeout
from lbsls.events import Creating, Pinged, Updating
from lbsls.flows.context import Context, Memory, Pacing
from lbsls.flows.deploy import DeployOptions, deploy
from lbsls.testing import FakeClock, Play, Step, play
from lbsls.values import Headers, Request, Secret

KEY = "rpa_THEKEY0123456789"
BASE = "https://api.runpod.io"
RESOURCE = LoadBalancerSlsResource(name="app", imageName="img:1")
CREATED = "2026-11-20T10:00:00.000001Z"
NOW = datetime(2026, 11, 20, 10, 0, 1, tzinfo=timezone.utc).timestamp()


def context(
    clock: FakeClock | None = None, *, memory: Memory | None = None, **rest: Any
) -> Context:
    """Make a context with a clock that stands still and nonces that count: n1, n2 ..."""
    numbers = count(1)
    settings: dict[str, Any] = {
        "base_url": BASE,
        "api_key": Secret(KEY),
        "project": "",
        "clock": clock or FakeClock(),
        "random": lambda: 0.5,
        "nonce": lambda: f"n{next(numbers)}",
        "memory": memory or Memory(),
        "pacing": Pacing(),
        "account": None,
        "wall": lambda: NOW,
    }
    return Context(**(settings | rest))


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(status, Headers(headers or {}), json.dumps(value).encode())


def endpoint(
    id: str = "e1",
    name: str = "app",
    *,
    nonce: str | None = "n0",
    project: str = "",
    created: str = CREATED,
    env: dict[str, str] | None = None,
    workers: tuple[int, int] = (0, 3),
    **more: Any,
) -> dict[str, Any]:
    """Give an endpoint as REST v2 writes it; without a nonce lbsls did not make it."""
    mark = {} if nonce is None else {"LBSLS_MARK": f"{project}/{name}/{nonce}"}
    return {
        "id": id,
        "name": name,
        "type": "LOAD_BALANCER",
        "createdAt": created,
        "image": "img:1",
        "env": {"PORT": "80", "PORT_HEALTH": "80", **(env or {}), **mark},
        "workers": {"min": workers[0], "max": workers[1]},
        "scaling": {"type": "REQUEST_COUNT", "requestCount": 4},
        "ports": ["80/http"],
        "requestUrls": {
            "base": f"https://{id}.api.runpod.ai",
            "health": f"https://{id}.api.runpod.ai/ping",
        },
        **more,
    }


def listed(*endpoints: dict[str, Any]) -> Response:
    """Answer a look."""
    return answer({"endpoints": list(endpoints)})


def workers(*statuses: str, stale: int = 0, started: str = "s1") -> Response:
    """Answer with workers w1, w2 ... of these statuses, the first ``stale`` of them stale."""
    found = [
        {"id": f"w{i}", "status": status, "isStale": i <= stale, "startedAt": started}
        for i, status in enumerate(statuses, start=1)
    ]
    return answer({"workers": found})


def log(*lines: str) -> Response:
    """Answer with the lines of a system log."""
    events = [f"data: {json.dumps({'line': line, 'source': 'system'})}\n\n" for line in lines]
    return Response(200, Headers({"content-type": "text/event-stream"}), "".join(events).encode())


def problem(status: int, title: str = "", detail: str = "", **headers: str) -> Response:
    """Answer with a refusal of the control plane."""
    body = {"title": title, "status": status, "detail": detail}
    return answer(body, status, {k.replace("_", "-"): v for k, v in headers.items()})


def page(status: int, worker: str | None = None, body: bytes = b"") -> Response:
    """Answer as an app behind the edge does, or the edge itself."""
    headers = {"X-Runpod-Worker-Id": worker} if worker else {}
    return Response(status, Headers(headers), body)


NO_WORKER = page(400, body=b'{"error":"no workers available"}')
UNKNOWN = problem(404, "Not Found", "no such endpoint")
GONE = Response(204)


def lost(request: Request) -> TransportTimeout:
    """Give no answer."""
    return TransportTimeout(f"{request.method} {request.url}", "no answer")


def taking(clock: FakeClock, seconds: float, given: Response) -> Any:
    """Answer after so many seconds; when the request allows less, not at all."""

    def step(request: Request) -> Any:
        clock.now += min(seconds, request.timeout)
        return given if seconds <= request.timeout else lost(request)

    return step


def deploying(
    script: Iterable[Step],
    resource: Any = RESOURCE,
    *,
    clock: FakeClock | None = None,
    ctx: Context | None = None,
    **options: Any,
) -> Play[Endpoint]:
    """Play a deploy."""
    clock = clock or FakeClock()
    ctx = ctx or context(clock)
    claim = ctx.memory.claim("app")
    try:
        return play(deploy(ctx, resource, DeployOptions(**options), claim), script, clock)
    finally:
        claim.release()


def told(played: Play[Any]) -> list[str]:
    """Name the events of a play, without pings and what is about to be done."""
    silent = (Pinged, Creating, Updating)
    return [type(event).__name__ for event in played.events if not isinstance(event, silent)]
