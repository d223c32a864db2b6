"""The blocking transport: `requests` moves the bytes.

It uses the adapter of requests without its session: one adapter serves many threads, keeps no
cookies, reads no ``.netrc`` and follows no redirect. Proxies and certificates are taken from the
environment as requests does.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from typing import cast

import requests
from requests import exceptions as problems
from urllib3 import exceptions as urllib3_problems

from lbsls.errors import AnswerTooLarge, ConnectError, TlsError, TransportError, TransportTimeout
from lbsls.transports.connections import Exchange, chain_of, new_adapter, strip
from lbsls.values import Request, Response

__all__ = ["RequestsTransport"]

CONNECT_TIMEOUT = 10.0
LONGEST = 10_000_000.0
"""Seconds; more than four months do not fit into every system's clock."""
CHUNK = 64 * 1024


class RequestsTransport:
    """Moves requests with the `requests` library; safe for threads and after a fork."""

    def __init__(self) -> None:
        self._adapter = new_adapter()
        self._settings = requests.Session()
        self._pid = os.getpid()

    def send(self, request: Request) -> Response:
        """Send a request and read its response."""
        with Exchange(min(request.timeout, LONGEST)) as exchange:
            try:
                answer = self._send(request)
                with answer:
                    return Response(
                        answer.status_code,
                        answer.headers,
                        _read(answer, request, exchange),
                        url=request.url,
                    )
            except BaseException as cause:
                strip(cause)
                if isinstance(cause, TransportError) or not isinstance(cause, _KNOWN):
                    # Ctrl-C, say. Python 3.10 would raise it again with all of its frames.
                    raise cause.with_traceback(None)
                raise _error(request, cause, exchange) from cause

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._adapter.close()
        self._settings.close()

    def _send(self, request: Request) -> requests.Response:
        if self._pid != os.getpid():
            # Connections of the parent process must not be shared with it.
            self._adapter, self._pid = new_adapter(), os.getpid()
        prepared = requests.PreparedRequest()
        prepared.prepare(
            method=request.method,
            url=request.url,
            headers=dict(request.headers.items()),
            data=request.body,
        )
        environment = self._settings.merge_environment_settings(request.url, {}, True, None, None)
        return self._adapter.send(
            prepared,
            stream=True,
            timeout=(min(CONNECT_TIMEOUT, request.timeout), min(request.timeout, LONGEST)),
            verify=cast("bool | str", environment["verify"]),
            cert=environment["cert"],
            proxies=environment["proxies"],
        )


def _read(answer: requests.Response, request: Request, exchange: Exchange) -> bytes:
    """Read the body, no longer than the exchange lasts and no more than allowed."""
    chunks: list[bytes] = []
    size = 0
    problem: TransportError | None = None
    try:
        for chunk in _arriving(answer):
            chunks.append(chunk)
            size += len(chunk)
            if size > request.max_bytes:
                problem = AnswerTooLarge(_what(request), request.max_bytes)
                break
            if exchange.left <= 0:
                problem = _late(request)
                break
    except (urllib3_problems.ReadTimeoutError, TimeoutError):
        problem = _late(request)
    if problem is not None and not request.partial:
        raise problem
    return b"".join(chunks)[: request.max_bytes]


def _arriving(answer: requests.Response) -> Iterator[bytes]:
    """Give what has arrived as it arrives, not only when there is enough of it."""
    raw = answer.raw
    if getattr(raw, "chunked", False) or not hasattr(raw, "read1"):
        yield from raw.stream(CHUNK, decode_content=True)
        return
    while chunk := raw.read1(CHUNK, decode_content=True):
        yield chunk


def _what(request: Request) -> str:
    # Not parsed: it may be what cannot be parsed.
    return f"{request.method} {request.url.partition('?')[0]}"


def _late(request: Request) -> TransportTimeout:
    return TransportTimeout(_what(request), f"no whole answer within {request.timeout:g}s")


_KNOWN = (problems.RequestException, urllib3_problems.HTTPError, OSError, ValueError)
_UNSENT: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((problems.ProxyError, urllib3_problems.ProxyError), "the proxy did not answer"),
    ((urllib3_problems.NameResolutionError,), "the host's name is not known"),
    ((urllib3_problems.NewConnectionError,), "no connection (refused or unreachable)"),
    (
        (problems.ConnectTimeout, urllib3_problems.ConnectTimeoutError),
        "no connection within the time limit",
    ),
    ((ValueError,), "the address or a header is not valid"),
)
"""What can go wrong before anything is sent; the first that fits says most."""


_UNKNOWN_ISSUER = frozenset({18, 19, 20, 21})
"""X509_V_ERR_: self-signed, self-signed in the chain, no local issuer, no first certificate."""


def _tls_reason(chain: list[BaseException]) -> str | None:
    """Say why there is no TLS connection, if that is what went wrong."""
    for error in chain:
        if isinstance(error, ssl.SSLCertVerificationError):
            own = "; if a CA of your own signed it, name that CA's file in REQUESTS_CA_BUNDLE"
            hint = own if error.verify_code in _UNKNOWN_ISSUER else ""
            said = error.verify_message.rstrip(".")
            return f"the server's TLS certificate could not be verified: {said}{hint}"
    if type(chain[0]) is OSError:  # of requests: the CA bundle is not there
        return f"{chain[0]}; REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names it"
    kinds = (problems.SSLError, urllib3_problems.SSLError, ssl.SSLError)
    return "no TLS connection" if any(isinstance(error, kinds) for error in chain) else None


def _error(request: Request, cause: Exception, exchange: Exchange) -> TransportError:
    what, chain = _what(request), list(chain_of(cause))

    def is_any(*kinds: type[BaseException]) -> bool:
        return any(isinstance(error, kinds) for error in chain)

    if not exchange.sent:
        if (tls := _tls_reason(chain)) is not None:
            return TlsError(what, tls)
        for kinds, reason in _UNSENT:
            if is_any(*kinds):
                return ConnectError(what, reason)
        if exchange.connecting:
            return ConnectError(what, "no connection (refused or unreachable)")
    if is_any(TimeoutError, problems.ReadTimeout, urllib3_problems.ReadTimeoutError):
        return TransportTimeout(what, f"no answer within {request.timeout:g}s")
    return TransportError(what, "the connection broke before the whole answer was there")
