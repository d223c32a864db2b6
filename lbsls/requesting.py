"""What a caller writes to call an endpoint, as a URL, headers and bytes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any, TypedDict, Union
from urllib.parse import urlencode, urlsplit

from attrs import frozen

from lbsls.errors import ConfigError, Violation
from lbsls.values import Body, Headers, shown

__all__ = ["CALL_BYTES", "CALL_TIMEOUT", "Call", "CallOptions", "method_of", "prepare"]

CALL_TIMEOUT = 340.0
"""Seconds: the balancer's own limit of 5.5 minutes, and a little for the way.

https://docs.runpod.io/serverless/load-balancing/overview
"""

CALL_BYTES = 30 * 1024 * 1024
"""What an answer may have, unpacked: as much as the balancer lets through.

https://docs.runpod.io/serverless/load-balancing/overview
"""

Scalar = Union[str, int, float, bool, None]


class CallOptions(TypedDict, total=False):
    """What a call may be given besides its method and path.

    Attributes:
        params: The query; a list gives a key several times.
        headers: On top of the account's own; an ``Authorization`` replaces the API key.
        json: Sent as JSON.
        data: Sent as it is (bytes, text) or as a form (mapping).
        timeout: Seconds for the whole call, 340 unless told otherwise.
        retry: What a broken connection or a 502 may have done once: True sends it again, whatever
            the method, False never; by default GET, HEAD, OPTIONS, PUT and DELETE are sent again.
        on_event: Called with what happens, such as a retry.
    """

    params: Mapping[str, Scalar | Sequence[Scalar]] | None
    headers: Mapping[str, str] | None
    json: Any
    data: bytes | str | Mapping[str, str] | None
    timeout: float
    retry: bool | None
    on_event: Any


@frozen
class Call:
    """A call, ready but for its credentials."""

    url: str
    headers: Headers
    body: Body | None
    timeout: float
    retry: bool | None = None


def method_of(text: object) -> str:
    """Give an HTTP method as it is sent.

    Raises:
        ConfigError: If it is none.
    """
    if not isinstance(text, str) or not text.isascii() or not text.isalpha():
        reason = f"method must be the name of an HTTP method, not {shown(text)}."
        raise ConfigError("the call", [Violation("method", reason, "Write 'GET'.")])
    return text.upper()


def prepare(
    base: str,
    path: str,
    *,
    params: Mapping[str, Scalar | Sequence[Scalar]] | None = None,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    data: bytes | str | Mapping[str, str] | None = None,
    timeout: float = CALL_TIMEOUT,
    retry: bool | None = None,
) -> Call:
    """Make a call of what was written.

    Raises:
        ConfigError: With every argument that does not fit.
    """
    violations = [*_violations(path, json, data, timeout), *_unsendable(headers or {})]
    if retry not in (True, False, None):
        reason = f"retry must be True, False or None, not {shown(retry)}."
        violations.append(Violation("retry", reason, "Leave it out to decide by the method."))
    if violations:
        raise ConfigError("the call", violations)
    path = path.partition("#")[0]  # a fragment is never sent
    url = f"{base.rstrip('/')}/{path.lstrip('/')}"
    query = {key: value for key, value in (params or {}).items() if value is not None}
    if query:
        url += ("&" if "?" in path else "?") + urlencode(query, doseq=True)
    body, kind = _encode(json, data)
    own = {"Content-Type": kind} if kind else {}
    return Call(url, Headers(own).merged(headers or {}), body, timeout, retry)


def _violations(path: Any, json: Any, data: Any, timeout: Any) -> Iterator[Violation]:
    if not _is_path(path):
        yield Violation(
            "path", f"path must be a path of the endpoint, not {shown(path)}.", "Write '/generate'."
        )
    if json is not None and data is not None:
        yield Violation("data", "json and data exclude each other.", "Keep one.")
    if not isinstance(data, (bytes, bytearray, memoryview, str, Mapping, type(None))):
        reason = f"data must be bytes, a text or a mapping, not {type(data).__name__}."
        yield Violation("data", reason, "Write data=file.read(), or json=...")
    fits = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not fits or not 0 < timeout < inf:
        reason = f"timeout must be a number of seconds above 0, not {shown(timeout)}."
        yield Violation("timeout", reason, f"Leave it out for {CALL_TIMEOUT:g}.")


def _is_path(path: Any) -> bool:
    try:
        return isinstance(path, str) and not any(urlsplit(path)[:2])
    except ValueError:  # such as //[
        return False


def _unsendable(headers: Mapping[str, str]) -> Iterator[Violation]:
    for name, value in headers.items():
        if not all(
            isinstance(text, str) and not set("\r\n\0") & set(text) for text in (name, value)
        ):
            # The value itself stays out of the message: it may be a secret.
            reason = (
                f"header {shown(name)} must have a text of one line, not {type(value).__name__}."
            )
            yield Violation("headers", reason)


def _encode(value: Any, data: bytes | str | Mapping[str, str] | None) -> tuple[Body | None, str]:
    if value is not None:
        try:
            return Body(json.dumps(value, allow_nan=False).encode()), "application/json"
        except (TypeError, ValueError, RecursionError) as cause:
            reason = f"json cannot be written as JSON: {cause}."
            raise ConfigError("the call", [Violation("json", reason)]) from None
    if isinstance(data, Mapping):
        return Body(urlencode(data, doseq=True).encode()), "application/x-www-form-urlencoded"
    if isinstance(data, str):
        return Body(data.encode()), "text/plain; charset=utf-8"
    return (None if data is None else Body(data)), ""
