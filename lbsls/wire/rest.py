"""Each operation of REST v2 that lbsls uses, as a value: how to ask, how to read the answer. Pure.

Codecs are imported by the operation that needs them, so that a ping, which needs none, is light.
Source: https://docs.runpod.io/api-reference-v2/serverless
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from lbsls import __version__
from lbsls.errors import WireError
from lbsls.records import Record
from lbsls.values import Body, Request, Response, Secret, excerpt

if TYPE_CHECKING:
    from lbsls.live import Endpoint, LogLine, Mark, Settings, Worker
    from lbsls.resources import ServerlessResource

__all__ = [
    "Operation",
    "create_endpoint",
    "delete_endpoint",
    "get_endpoint",
    "list_endpoints",
    "list_workers",
    "update_endpoint",
    "worker_logs",
]

T = TypeVar("T")
USER_AGENT = f"lbsls/{__version__}"
MAX_ANSWER = 16 * 1024 * 1024


class Operation(Record, Generic[T], hidden=("body", "secrets")):
    """One operation of the control plane.

    Attributes:
        what: What it does, in words, for errors and logs.
        idempotent: Sending it twice does what sending it once does.
        secrets: Values that must not appear in a text about it.
        partial: Its answer is a stream that does not end.
    """

    what: str
    method: str
    path: str
    decode: Callable[[Response, str, tuple[str, ...]], T]
    body: Mapping[str, Any] | None = None
    idempotent: bool = True
    secrets: tuple[str, ...] = ()
    partial: bool = False

    def request(self, base_url: str, api_key: str, timeout: float) -> Request:
        """Build the request."""
        headers = {
            "Authorization": f"Bearer {api_key}",
            "Accept": "text/event-stream" if self.partial else "application/json",
            "User-Agent": USER_AGENT,
        }
        body = None
        if self.body is not None:
            headers["Content-Type"] = "application/json"
            body = Body(json.dumps(self.body).encode())
        return Request(
            self.method,
            base_url + self.path,
            headers,
            body,
            timeout=timeout,
            max_bytes=MAX_ANSWER,
            partial=self.partial,
            secrets=(Secret(api_key), *self.secrets),
        )

    def read(self, request: Request, response: Response) -> T:
        """Give the value of an answer.

        Raises:
            LbslsError: The typed error that the answer means.
        """
        if response.status_code >= 300:
            from lbsls.wire.problems import error_of

            raise error_of(self.what, request, response)
        return self.decode(response, self.what, request.secrets)


def _decoder(name: str) -> Callable[[Response, str, tuple[str, ...]], Any]:
    """Name a decoder that is imported when there is something to decode."""

    def decode(response: Response, what: str, secrets: tuple[str, ...]) -> Any:
        from lbsls.wire import decode as decoders

        try:
            return getattr(decoders, name)(response, what, secrets)
        except WireError as error:
            # Their frames hold what was decoded, values of env among it, and so may the context.
            error.__context__ = None
            raise error.with_traceback(None) from None

    return decode


def _nothing(response: Response, what: str, secrets: tuple[str, ...]) -> None:
    from lbsls.wire.problems import is_markup

    if is_markup(response):
        seen = excerpt(response.content, secrets)
        raise WireError(what, "a page came instead of an empty answer", body_excerpt=seen)


def _secrets_of(env: Mapping[str, str] | None) -> tuple[str, ...]:
    return tuple((env or {}).values())


def _path(*parts: str) -> str:
    return "/v2/serverless" + "".join("/" + quote(part, safe="") for part in parts)


def list_endpoints() -> Operation[tuple[Endpoint, ...]]:
    """List every endpoint of the account."""
    return Operation("list endpoints", "GET", _path(), _decoder("endpoints"))


def get_endpoint(id: str) -> Operation[Endpoint]:
    """Get one endpoint by its id."""
    return Operation(f"get endpoint {id}", "GET", _path(id), _decoder("endpoint"))


def create_endpoint(resource: ServerlessResource, mark: Mark) -> Operation[Endpoint]:
    """Create an endpoint; not idempotent, as names are not unique."""
    from lbsls.wire.encode import create_body

    return Operation(
        f"create endpoint {resource.name!r}",
        "POST",
        _path(),
        _decoder("endpoint"),
        body=create_body(resource, mark),
        idempotent=False,
        secrets=_secrets_of(resource.env),
    )


def update_endpoint(
    id: str, resource: ServerlessResource, fields: Collection[str], live: Settings
) -> Operation[Endpoint]:
    """Change the given fields of an endpoint to what is declared.

    Not idempotent: sent again, it would undo what somebody else changed meanwhile.
    """
    from lbsls.wire.encode import patch_body

    return Operation(
        f"update endpoint {resource.name!r} ({id})",
        "PATCH",
        _path(id),
        _decoder("endpoint"),
        body=patch_body(resource, fields, live),
        idempotent=False,
        secrets=_secrets_of(resource.env) + _secrets_of(live.env),
    )


def delete_endpoint(id: str) -> Operation[None]:
    """Delete an endpoint with all its workers."""
    return Operation(f"delete endpoint {id}", "DELETE", _path(id), _nothing)


def list_workers(id: str) -> Operation[tuple[Worker, ...]]:
    """List the workers of an endpoint."""
    return Operation(f"list workers of {id}", "GET", _path(id, "workers"), _decoder("workers"))


def worker_logs(
    id: str, worker_id: str, *, source: str, tail: int, secrets: Iterable[str] = ()
) -> Operation[tuple[LogLine, ...]]:
    """Read the last lines of a worker's log; the stream goes on, so what has come is the answer.

    ``secrets`` are taken out of the lines: a worker may write its environment.
    """
    query = urlencode({"source": source, "tail": tail})
    return Operation(
        f"read the log of worker {worker_id}",
        "GET",
        f"{_path(id, 'workers', worker_id, 'logs')}?{query}",
        _decoder("log_lines"),
        secrets=tuple(secrets),
        partial=True,
    )
