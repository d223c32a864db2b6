"""A `requests.Session` for one endpoint: its base, its credentials, its patience."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import rewind_body

from lbsls.transports.connections import new_adapter, strip
from lbsls.values import Request, Response, Secret

__all__ = ["EndpointSession"]

Resend = Callable[[Callable[[Request], Response], Request], object]
"""Calls the function, and again as long as it answers that there is no worker."""


class _EndpointAuth(AuthBase):
    """Puts the API key on requests to the endpoint's own address, and on no other.

    As an auth of the session it also keeps requests from looking into ``.netrc``.
    """

    def __init__(self, base: str, api_key: str) -> None:
        self._origin = urlsplit(base)[:2]
        self._api_key = Secret(api_key)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if urlsplit(request.url or "")[:2] == self._origin:
            request.headers.setdefault("Authorization", Secret(f"Bearer {self._api_key}"))
        return request


class _PatientAdapter(HTTPAdapter):
    """Sends a request again that was refused for want of a worker."""

    def __init__(self, resend: Resend, patience: float) -> None:
        super().__init__()
        self._inner = new_adapter()
        self._patience = patience
        self._resend = resend

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, *, timeout: Any = None, **options: Any
    ) -> requests.Response:
        try:
            return self._send(request, timeout, options)
        except BaseException as error:
            strip(error)
            if isinstance(error, requests.RequestException):
                error.request = request.copy()
                error.request.headers.pop("Authorization", None)
            raise error.with_traceback(None)

    def _send(
        self, request: requests.PreparedRequest, timeout: Any, options: dict[str, Any]
    ) -> requests.Response:
        if not _can_resend(request):
            return self._inner.send(request, timeout=timeout, **options)
        connect, seconds = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        last: list[requests.Response] = []

        def once(attempt: Request) -> Response:
            if last:
                last.pop().close()
                _rewind(request)
            limits: Any = (connect, None if seconds is None else attempt.timeout)
            answer = self._inner.send(request, timeout=limits, **options)
            last.append(answer)
            # Only a refusal is read here: what else comes may be a stream.
            body = answer.content if answer.status_code == 400 else b""
            return Response(answer.status_code, answer.headers, body)

        # Without a limit of the caller's own, the one for waiting for a worker still holds.
        patience = self._patience if seconds is None else seconds
        self._resend(once, Request(request.method or "", request.url or "", timeout=patience))
        return last[0]

    def close(self) -> None:
        self._inner.close()


def _can_resend(request: requests.PreparedRequest) -> bool:
    """Tell whether the body can be sent twice: bytes can, a file that tells its position too."""
    if request.body is None or isinstance(request.body, (str, bytes)):
        return True
    return isinstance(getattr(request, "_body_position", None), int)


def _rewind(request: requests.PreparedRequest) -> None:
    if not (request.body is None or isinstance(request.body, (str, bytes))):
        rewind_body(request)


class EndpointSession(requests.Session):
    """Resolves relative URLs against an endpoint and authenticates there."""

    def __init__(self, base: str, api_key: str, timeout: float, resend: Resend) -> None:
        super().__init__()
        self._base = base.rstrip("/") + "/"
        self._timeout = timeout
        self.auth = _EndpointAuth(base, api_key)
        for scheme in ("http://", "https://"):
            self.mount(scheme, _PatientAdapter(resend, timeout))

    def request(  # type: ignore[override]
        self, method: str, url: str, *, timeout: Any = None, **options: Any
    ) -> requests.Response:
        """Send a request; a URL without a host is one of the endpoint's."""
        absolute = urljoin(self._base, url.lstrip("/")) if not urlsplit(url).netloc else url
        chosen = self._timeout if timeout is None else timeout
        return super().request(method, absolute, timeout=chosen, **options)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session holds the API key: open one where it is used")

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Keep the credentials on the endpoint's address, drop them elsewhere, read no netrc."""
        del response
        if urlsplit(prepared_request.url or "")[:2] != urlsplit(self._base)[:2]:
            prepared_request.headers.pop("Authorization", None)
