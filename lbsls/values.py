"""What moves between the floors: requests, responses, pings. Frozen, secrets hidden, no I/O.

They are records and not attrs classes, as every ping needs them; see `lbsls.records`.
"""

from __future__ import annotations

import enum
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, SupportsIndex, Union
from urllib.parse import quote, quote_plus

from lbsls.errors import ApiError
from lbsls.records import Record, replace

__all__ = [
    "Body",
    "Env",
    "Headers",
    "Health",
    "Ping",
    "Pinged",
    "Request",
    "Response",
    "Secret",
    "excerpt",
    "redact",
    "shown",
]

MASK = "***"
Items = Union[Mapping[str, str], Iterable[tuple[str, str]]]


class Secret(str):
    """A string whose repr is masked, so that tracebacks with locals do not show it."""

    __slots__ = ()

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        # What shows only the beginning of long texts takes a slice first.
        return Secret(str.__getitem__(self, key))

    def __repr__(self) -> str:
        return f"'{MASK}'"


class Body(bytes):
    """A request body: bytes whose repr shows only their number."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        part = bytes.__getitem__(self, key)
        return Body(part) if isinstance(part, bytes) else part

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret of four characters or more in a text that came from outside.

    A secret is found as it is, and as JSON, Python and addresses write it.
    """
    long = {str(secret) for secret in secrets if len(secret) >= 4}
    spellings = {spelling for secret in long for spelling in _spellings(secret)}
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, MASK)
    return text


def _spellings(secret: str) -> Iterator[str]:
    data = secret.encode("utf-8", "replace")
    yield from (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    # Which quotes are escaped depends on what else is in the text.
    yield from (repr(secret)[1:-1], repr(f"'\"{secret}")[4:-1], repr(data)[2:-1])
    yield from (quote(data), quote(data, safe=""), quote_plus(data))


def shown(value: object, *, limit: int = 80) -> str:
    """Give the repr of what a user passed, cut, whatever it is."""
    try:
        text = repr(value)
    except Exception:  # an int of thousands of digits, or a class of somebody's own
        return f"<{type(value).__name__} that cannot be shown>"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def excerpt(content: bytes, secrets: Iterable[str] = (), *, limit: int = 200) -> str:
    """Give the beginning of a body as one line of text without secrets."""
    # Redacted before it is cut: of a secret that is cut in two, the half would stay.
    text = redact(content.decode("utf-8", "replace"), secrets)[: 10 * limit]
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


class Env(Mapping[str, str]):
    """The environment variables of a resource: frozen, and its values stay out of its repr."""

    __slots__ = ("_items",)

    def __init__(self, items: Items = ()) -> None:
        pairs = dict(items).items()
        # str.__str__ takes the text of a member of an enum of texts, where str() takes its name.
        self._items = {k: Secret(str.__str__(v)) if isinstance(v, str) else v for k, v in pairs}

    def __getitem__(self, key: str) -> str:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: '{MASK}'" for key in self._items) + "}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ({key: str(value) for key, value in self._items.items()},)


_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
_HARMLESS = re.compile(
    "accept.*|allow|connection|content-.*|date|ratelimit.*|retry-after|server|transfer-encoding|"
    "user-agent|vary|x-request-id|x-runpod-worker-id"
)
"""Headers whose values are shown; others may repeat a key, or hold one that only an app knows."""


class Headers(Mapping[str, str]):
    """HTTP headers: keys compare without case, and the repr shows only harmless values."""

    __slots__ = ("_items",)

    def __init__(self, items: Items = ()) -> None:
        self._items: dict[str, tuple[str, str]] = {}
        for key, value in dict(items).items():
            hidden = key.lower() in _SECRET_HEADERS
            self._items[key.lower()] = (key, Secret(value) if hidden else value)

    def __getitem__(self, key: str) -> str:
        return self._items[key.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._items

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        theirs = {str(key).lower(): value for key, value in other.items()}
        return {key: value for key, (_, value) in self._items.items()} == theirs

    def __hash__(self) -> int:
        return hash(frozenset((key, value) for key, (_, value) in self._items.items()))

    def __repr__(self) -> str:
        shown = (
            f"{key!r}: {(value if _HARMLESS.fullmatch(lowered) else MASK)!r}"
            for lowered, (key, value) in self._items.items()
        )
        return "{" + ", ".join(shown) + "}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (tuple((key, str(value)) for key, value in self._items.values()),)

    def merged(self, other: Mapping[str, str]) -> Headers:
        """Give these headers with the other ones on top."""
        return Headers([*self._items.values(), *other.items()])


class Request(Record, hidden=("secrets",)):
    """One HTTP request, ready to be moved.

    Attributes:
        timeout: Seconds for the whole exchange.
        max_bytes: A larger answer is a `TransportError`.
        partial: What was read when time or room ran out is the answer, not an error; for
            streams that never end.
        secrets: What must not appear in a text about this request.
    """

    method: str
    url: str
    headers: Headers
    body: Body | None
    timeout: float
    max_bytes: int
    partial: bool
    secrets: tuple[str, ...]

    def __init__(
        self,
        method: str,
        url: str,
        headers: Items = (),
        body: Body | None = None,
        timeout: float = 30.0,
        max_bytes: int = 64 * 1024 * 1024,
        partial: bool = False,
        secrets: tuple[str, ...] = (),
    ) -> None:
        hidden = tuple(map(Secret, secrets))
        super().__init__(method, url, Headers(headers), body, timeout, max_bytes, partial, hidden)


class Response(Record):
    """One HTTP answer, read whole."""

    status_code: int
    headers: Headers
    content: bytes
    url: str
    _excerpt: str | None  # of the content, for errors, when it is known what is secret in it

    def __init__(
        self,
        status_code: int,
        headers: Items = (),
        content: bytes = b"",
        url: str = "",
        _excerpt: str | None = None,
    ) -> None:
        super().__init__(status_code, Headers(headers), content, url, _excerpt)

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def text(self) -> str:
        """The body as text, by the charset of its content type, else UTF-8."""
        _, _, parameters = self.headers.get("content-type", "").partition(";")
        charset = "utf-8"
        for parameter in parameters.split(";"):
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "charset" and value.strip():
                charset = value.strip().strip("\"'")
        try:
            return self.content.decode(charset, "replace")
        except (LookupError, ValueError):  # unknown, or no charset that text can have
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Give the body as JSON.

        Raises:
            ValueError: If it is not JSON.
        """
        return json.loads(self.content)

    def hiding(self, secrets: Iterable[str]) -> Response:
        """Give this answer such that its error does not repeat secrets."""
        return self if self.ok else replace(self, _excerpt=excerpt(self.content, secrets))

    def raise_for_status(self) -> Response:
        """Raise `ApiError` for a status of 400 and above, else give the response itself.

        It is never one of the subclasses: those speak of the control plane, and this is the app.
        """
        if self.ok:
            return self
        said = excerpt(self.content) if self._excerpt is None else self._excerpt
        what = self.url.partition("?")[0] or "the endpoint answered"
        raise ApiError(what, status=self.status_code, body_excerpt=said)


class Health(enum.Enum):
    """What a ping says about an endpoint."""

    READY = "ready"
    """200: a worker serves."""
    INITIALIZING = "initializing"
    """204: a worker is up and loading."""
    COLD = "cold"
    """Sent and held, or refused for want of a worker: none is ready yet."""
    UNHEALTHY = "unhealthy"
    """Any other answer, or a connection that broke."""
    UNREACHABLE = "unreachable"
    """No connection."""


class Ping(Record):
    """One GET of an endpoint's health path and what came of it.

    Attributes:
        health: The verdict.
        status: HTTP status, or None without an answer.
        worker_id: The worker that answered, if the balancer said so.
        at: Seconds from the beginning of the wait to the sending of this ping.
        elapsed: Seconds that it took.
        detail: What was answered or what went wrong, in a few words.
        refused_key: The edge refused the API key.
    """

    health: Health
    status: int | None = None
    worker_id: str | None = None
    at: float = 0.0
    elapsed: float = 0.0
    detail: str = ""
    refused_key: bool = False

    @property
    def outcome(self) -> str:
        """The status as text, or the health's name where there is none."""
        return str(self.status) if self.status is not None else self.health.name

    def __str__(self) -> str:
        what = f"{self.health.name} {self.status}" if self.status else self.health.name
        return f"{what} after {self.elapsed:.1f}s" + (f": {self.detail}" if self.detail else "")


class Pinged(Record):
    """A ping was answered, or given up.

    An event like those of `lbsls.events`, and here so that a ping need not import the others.
    """

    level = logging.DEBUG
    name: str
    id: str
    ping: Ping

    def __str__(self) -> str:
        return f"ping {self.name}: {self.ping}"
