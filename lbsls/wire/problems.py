"""Refusals of the control plane as typed errors. Pure.

Problem bodies: RFC 9457, https://docs.runpod.io/api-reference-v2, ErrorResponse.
"""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from lbsls.errors import (
    ApiError,
    AuthError,
    CapacityError,
    Conflict,
    LbslsError,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    WireError,
)
from lbsls.values import Request, Response, excerpt, redact

__all__ = ["error_of", "is_markup", "retry_after"]

_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthError,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}
_NO_CAPACITY = "no longer any instances available"


def error_of(what: str, request: Request, response: Response) -> LbslsError:
    """Make the error that an answer of 300 and above means."""
    status = response.status_code
    if status < 400:
        return _redirected(what, request, response)
    problem = _problem(response)
    detail = _text(problem.get("detail"), request)
    markup = is_markup(response)
    if markup:
        detail = "a page of HTML came instead of an answer of the API"
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    if status == 400 and _NO_CAPACITY in detail:
        kind = CapacityError
    if status == 403 and markup:
        detail += "; that is a firewall or a proxy in between, not the key"
    listed = problem.get("errors")
    arguments: dict[str, Any] = {
        "status": status,
        "title": _text(problem.get("title"), request),
        "detail": detail,
        "errors": [
            _text(item, request) for item in (listed if isinstance(listed, list) else ())[:20]
        ],
        "request_id": response.headers.get("x-request-id"),
        "body_excerpt": excerpt(response.content, request.secrets),
    }
    if kind is RateLimited:
        arguments["retry_after"] = retry_after(response)
    return kind(what, **arguments)


def retry_after(response: Response) -> float | None:
    """Give the seconds that ``Retry-After`` asks for, written as seconds or as a date."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        # The answer's own clock, so that no clock of ours has to be right.
        then, now = (
            parsedate_to_datetime(text) for text in (value, response.headers.get("date", ""))
        )
        return max(0.0, (then - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _redirected(what: str, request: Request, response: Response) -> WireError:
    host = urlsplit(request.url).netloc
    # Redacted before it is cut: of a secret that is cut in two, the half would stay.
    location = redact(response.headers.get("location", ""), request.secrets)
    target = _host(location) or "another path"
    return WireError(
        what,
        f"{host} redirects to {target} ({response.status_code}); "
        "the API does not do that, so it was not followed and the key stayed here",
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return "a place that is no address"


def _problem(response: Response) -> dict[str, Any]:
    try:
        value = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: object, request: Request) -> str:
    # Redacted before it is cut: of a secret that is cut in two, the half would stay.
    return redact(value, request.secrets)[:500] if isinstance(value, str) else ""


def is_markup(response: Response) -> bool:
    """Tell whether a page came, from a proxy or a portal in between."""
    return response.content.lstrip()[:1] == b"<"
