"""What the edge of a load balancer says, and where an API key may go. Pure.

Source: https://docs.runpod.io/serverless/load-balancing/overview and what callers saw live.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from lbsls.addresses import Trust, is_loopback
from lbsls.errors import ConnectError, TransportError, TransportTimeout
from lbsls.values import Health, Ping, Response, excerpt

__all__ = ["host_of", "is_no_worker", "may_carry_key", "ping_of"]

WORKER_HEADER = "X-Runpod-Worker-Id"
"""Names the worker that answered; sent back, it asks for that worker."""

_NO_WORKER = ("no workers available", "timed out waiting for worker")
_RUNPOD_HOSTS = ("api.runpod.ai", "api.runpod.io")
NOBODY_ELSE = Trust()
_PLAIN_URL = re.compile(r"[!-\[\]-~]+")  # what ASCII can print, less blank and backslash
_PLAIN_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)


def is_no_worker(response: Response) -> bool:
    """Tell whether the balancer refused for want of a worker; an app's own 400 is not that."""
    if response.status_code != 400 or len(response.content) > 1000:
        return False
    if WORKER_HEADER in response.headers:  # a worker answered, so there is one
        return False
    error = _object(response).get("error")
    return isinstance(error, str) and any(words in error for words in _NO_WORKER)


def ping_of(
    answer: Response | TransportError, *, at: float, elapsed: float, secrets: Iterable[str] = ()
) -> Ping:
    """Classify what came of a ping; ``secrets`` stay out of its detail."""
    if isinstance(answer, ConnectError):
        return Ping(Health.UNREACHABLE, at=at, elapsed=elapsed, detail=answer.reason)
    if isinstance(answer, TransportTimeout):
        return Ping(Health.COLD, at=at, elapsed=elapsed, detail="held, not answered in time")
    if isinstance(answer, TransportError):
        return Ping(Health.UNHEALTHY, at=at, elapsed=elapsed, detail=answer.reason)
    health, detail = _health(answer, secrets)
    return Ping(
        health,
        answer.status_code,
        answer.headers.get(WORKER_HEADER),
        at=at,
        elapsed=elapsed,
        detail=detail,
        refused_key=_is_key_refusal(answer),
    )


def _health(response: Response, secrets: Iterable[str]) -> tuple[Health, str]:
    if response.status_code == 200:
        return Health.READY, ""
    if response.status_code == 204:
        return Health.INITIALIZING, ""
    said = excerpt(response.content, secrets, limit=120)
    return (Health.COLD if is_no_worker(response) else Health.UNHEALTHY), said


def _is_key_refusal(response: Response) -> bool:
    if response.status_code != 401:
        return False
    problem = _object(response)
    return problem.get("title") == "Unauthorized" and problem.get("status") == 401


def _object(response: Response) -> dict[str, Any]:
    try:
        value = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def host_of(url: str) -> str:
    """Give the host of an address, or nothing if two parsers may read it in two ways.

    So does one with a user, a backslash, blanks, or other letters than ASCII's in the host.
    """
    try:
        parts = urlsplit(url)
        plain = _PLAIN_URL.fullmatch(url) and _PLAIN_HOST.fullmatch(parts.netloc)
    except ValueError:
        return ""
    return parts.hostname or "" if plain and parts.scheme in ("http", "https") else ""


def may_carry_key(url: str, *, base_url: str, endpoint_id: str, trust: Trust = NOBODY_ELSE) -> bool:
    """Tell whether the API key may go to a URL that the control plane named.

    It may go to the control plane's own host (from one on this machine, to this machine), to a
    host that somebody named, and to a host below one of these or of Runpod's whose first label is
    the endpoint's id. Over TLS, but where the host is on this machine or was named for plain HTTP.
    """
    host, home = host_of(url), urlsplit(base_url).hostname or ""
    if not host:
        return False
    label, _, domain = host.partition(".")
    known, here = (home, *trust.hosts), is_loopback(url)
    if not (host in known or (here and is_loopback(base_url))):
        below = any(domain == d or domain.endswith(f".{d}") for d in (*_RUNPOD_HOSTS, *known))
        if not below or label != endpoint_id.lower() or not label:
            return False
    encrypted = urlsplit(url).scheme == "https"
    return encrypted or here or not {host, domain}.isdisjoint(trust.plain)
