"""What can go wrong, as types a program can catch. No I/O, nothing above the standard library.

::

    LbslsError
    ├── ConfigError (ValueError)            .violations
    ├── TransportError                      .sent
    │   ├── ConnectError
    │   │   └── TlsError
    │   ├── TransportTimeout (TimeoutError)
    │   └── AnswerTooLarge                  .limit
    ├── ApiError (ValueError)               .status .request_id .body_excerpt
    │   ├── AuthError
    │   ├── PermissionDenied
    │   ├── NotFound
    │   ├── Conflict
    │   ├── CapacityError
    │   ├── RateLimited                     .retry_after
    │   └── ServerError
    ├── WireError                           .reason .body_excerpt
    │   └── UntrustedHost                   .host .url
    ├── AmbiguousEndpoint                   .candidates
    ├── NotOurs                             .changes
    └── HealthTimeout (TimeoutError)        .pings .ping_counts .diagnosis
        └── DeployFailed

``except ValueError`` catches what is wrong with a declaration or refused by the control plane,
``except TimeoutError`` what did not become healthy. Every error can be pickled, and none holds a
secret: texts that came from outside are redacted before they get here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lbsls.records import Record
from lbsls.sentences import fate, not_ours, sentences, several, tried, untrusted

if TYPE_CHECKING:
    from lbsls.values import Ping

__all__ = [
    "AmbiguousEndpoint",
    "AnswerTooLarge",
    "ApiError",
    "AuthError",
    "CapacityError",
    "ConfigError",
    "Conflict",
    "ConnectError",
    "DeployFailed",
    "HealthTimeout",
    "LbslsError",
    "LbslsWarning",
    "NotFound",
    "NotOurs",
    "PermissionDenied",
    "RateLimited",
    "ServerError",
    "TlsError",
    "TransportError",
    "TransportTimeout",
    "UntrustedHost",
    "Violation",
    "WireError",
]


class LbslsWarning(UserWarning):
    """A declaration that is allowed but will disappoint."""


class Violation(Record):
    """One broken rule: which field, why, and what to write instead."""

    field: str
    reason: str
    instead: str = ""

    def __str__(self) -> str:
        return f"{self.reason} {self.instead}".rstrip()


def _rebuild(kind: type[LbslsError], args: tuple[Any, ...], state: dict[str, Any]) -> LbslsError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class LbslsError(Exception):
    """The root: ``except LbslsError`` catches all that this library raises on purpose.

    Attributes:
        attempts: How many times it was tried; 0 if nothing was sent.
        elapsed: Seconds from the first try to the last failure.
    """

    attempts = 1
    elapsed = 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigError(LbslsError, ValueError):
    """A declaration, a setting or an argument is wrong; every mistake is in ``violations``."""

    def __init__(self, subject: str, violations: Sequence[Violation]) -> None:
        super().__init__(subject)
        self.subject = subject
        self.violations = tuple(violations)

    def __str__(self) -> str:
        if len(self.violations) == 1:
            return str(self.violations[0])
        lines = [f"{self.subject} has {len(self.violations)} mistakes:"]
        return "\n".join(lines + [f"  {item.field}: {item}" for item in self.violations])


class TransportError(LbslsError):
    """No usable answer: the connection could not be made, broke, or ran out of time.

    Attributes:
        sent: Whether the request may have reached the other side.
    """

    def __init__(self, what: str, reason: str, *, sent: bool = True) -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason
        self.sent = sent

    advice = "Look at the network between this machine and that address, then try again."

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}{tried(self.attempts, self.elapsed)}. {self.advice}"


class ConnectError(TransportError):
    """No connection could be made, so nothing was sent."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason, sent=False)

    advice = "Check the address, the network and any proxy; nothing was sent."


class TlsError(ConnectError):
    """The other side could not prove who it is, or spoke no TLS; trying again does not help."""

    advice = "Nothing was sent."


class TransportTimeout(TransportError, TimeoutError):
    """The request was sent and no answer came in time."""

    advice = "It may have been done all the same; look before you send it again."


class AnswerTooLarge(TransportError):
    """The answer is longer than the ``limit`` in bytes, unpacked; it was not read to its end."""

    advice = "It may have been done all the same; ask for less at a time."

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(what, f"the answer is larger than {limit} bytes")
        self.limit = limit


class ApiError(LbslsError, ValueError):
    """The other side answered, and the answer is a refusal.

    Attributes:
        what: What was being done, in words.
        status: HTTP status.
        title, detail: From the RFC 9457 problem body, if there was one.
        errors: Single validation failures, if the answer lists them.
        request_id: From the answer's headers, for Runpod's support.
        body_excerpt: The beginning of the body, secrets removed.
    """

    advice = ""

    def __init__(
        self,
        what: str,
        *,
        status: int = 0,
        title: str = "",
        detail: str = "",
        errors: Sequence[str] = (),
        request_id: str | None = None,
        body_excerpt: str = "",
    ) -> None:
        super().__init__(what, status)
        self.what = what
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.request_id = request_id
        self.body_excerpt = body_excerpt

    def __str__(self) -> str:
        answer = " ".join(part for part in (str(self.status or ""), self.title) if part)
        said = "; ".join(part for part in (self.detail, *self.errors) if part) or self.body_excerpt
        parts = [f"{self.what}: " + ": ".join(part for part in (answer, said) if part)]
        parts[0] += tried(self.attempts, self.elapsed)
        if self.advice:
            parts.append(self.advice)
        if self.request_id:
            parts.append(f"Request id: {self.request_id}.")
        return sentences(parts)


class AuthError(ApiError):
    """The API key is missing, malformed, expired or wrong (401)."""

    advice = "Check RUNPOD_API_KEY, or make a new key in Runpod's console under Settings, API Keys."


class PermissionDenied(ApiError):
    """The key is good but does not allow this (403), or a firewall stood in the way."""

    advice = "Give the key access to serverless endpoints in Runpod's console, or use another key."


class NotFound(ApiError):
    """What was asked for does not exist, or this key cannot see it (404)."""

    advice = "Look what there is with `lbsls ls` or account.endpoints()."


class Conflict(ApiError):
    """What was asked for contradicts what is there."""


class CapacityError(ApiError):
    """Runpod has no machine of the kind that was asked for."""

    advice = "Allow more GPU pools or data centers, or try again later."


class RateLimited(ApiError):
    """Too many requests (429); ``retry_after`` are the seconds that the answer asked for.

    With the status 0, nothing was sent: room for the request would have come after the deadline.
    """

    advice = "Wait, then try again; fewer parallel deployments help."

    def __init__(self, what: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(what, **rest)
        self.retry_after = retry_after


class ServerError(ApiError):
    """The other side failed (5xx)."""

    advice = "That is a fault of the service; try again later."


class WireError(LbslsError):
    """An answer that cannot be understood, or that must not be followed.

    Attributes:
        what: What was being done, in words.
        reason: What is wrong with the answer.
        body_excerpt: The beginning of the body, secrets removed.
    """

    def __init__(self, what: str, reason: str, *, body_excerpt: str = "") -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason
        self.body_excerpt = body_excerpt

    def __str__(self) -> str:
        seen = f" It began with: {self.body_excerpt}" if self.body_excerpt else ""
        return (
            f"{self.what}: {self.reason}{tried(self.attempts, self.elapsed)}.{seen} "
            "Check that RUNPOD_API_BASE_URL names Runpod's API and that no proxy answers instead."
        )


class UntrustedHost(WireError):
    """The control plane names an address, ``url``, on a ``host`` that must not get the API key."""

    def __init__(self, what: str, url: str, host: str) -> None:
        super().__init__(what, f"the control plane names the address {url!r}")
        self.url, self.host = url, host  # no host: none can be told for certain

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}, {untrusted(self.host, self.url)}"


class AmbiguousEndpoint(LbslsError):
    """Several endpoints have the name, and no rule says which one is meant.

    Attributes:
        name: The name they share.
        candidates: ``(id, created_at, marked)`` of each, oldest first.
    """

    def __init__(self, name: str, candidates: Sequence[tuple[str, str, bool]], reason: str) -> None:
        super().__init__(name)
        self.name = name
        self.candidates = tuple(candidates)
        self.reason = reason

    def __str__(self) -> str:
        return several(self.name, self.candidates, self.reason)


class NotOurs(LbslsError):
    """An endpoint of that name exists, and this project did not create it.

    It is not as declared, so that a deploy would change it; or it is to be undeployed.

    Attributes:
        name, id: Of the endpoint.
        changes: What differs, in words that hide values of env.
        project: Whose it is, empty for no project's; None if it was not to be undeployed.
    """

    def __init__(
        self, name: str, id: str, changes: Sequence[str], *, project: str | None = None
    ) -> None:
        super().__init__(name, id)
        self.name = name
        self.id = id
        self.changes = tuple(changes)
        self.project = project

    def __str__(self) -> str:
        return not_ours(self.name, self.id, self.changes, self.project)


class HealthTimeout(LbslsError, TimeoutError):
    """A load-balanced endpoint did not become healthy in time. It exists, unless ``removed``.

    Attributes:
        name, id: Of the endpoint.
        seconds: The deadline that passed.
        pings: The last 50 pings, oldest first.
        ping_counts: How many pings there were of each outcome, such as ``{"404": 3}``.
        diagnosis: The likely cause in words, and what to do about it.
        observations: What the workers were doing, a line each.
        removed: Whether it is gone: ``deploy(cleanup="on_failure")`` created and removed it.
        cleanup_error: Why that could not remove it, in words.
    """

    removed = False
    cleanup_error: str | None = None

    def __init__(
        self,
        name: str,
        id: str,
        seconds: float,
        *,
        pings: Sequence[Ping] = (),
        ping_counts: Mapping[str, int] | None = None,
        diagnosis: str = "",
        observations: Sequence[str] = (),
    ) -> None:
        super().__init__(name, id)
        self.name = name
        self.id = id
        self.seconds = seconds
        self.pings = tuple(pings)
        self.ping_counts = dict(ping_counts or {})
        self.diagnosis = diagnosis
        self.observations = tuple(observations)

    def _head(self) -> str:
        return (
            f"LB endpoint {self.name} ({self.id}) failed to become healthy within {self.seconds:g}s"
        )

    def __str__(self) -> str:
        counts = ", ".join(f"{count} x {what}" for what, count in self.ping_counts.items())
        lines = [self._head(), f"  pings: {counts or 'none was answered'}"]
        lines += [f"  {line}" for line in self.observations]
        if self.diagnosis:
            lines.append(f"  likely cause: {self.diagnosis}")
        lines += fate(self.id, self.removed, self.cleanup_error)
        return "\n".join(lines)


class DeployFailed(HealthTimeout):
    """The workers prove before the deadline that the endpoint will not come up."""

    def _head(self) -> str:
        return (
            f"LB endpoint {self.name} ({self.id}) failed to become healthy: "
            f"it will not come up as it is, so the wait was ended after {self.seconds:.3g}s"
        )
