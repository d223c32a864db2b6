"""Pure checks on what an account is made of, and what follows from its address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Union
from urllib.parse import urlsplit

from lbsls.errors import Violation
from lbsls.values import shown

__all__ = [
    "DEFAULT_BASE_URL",
    "Names",
    "Trust",
    "check_account",
    "is_loopback",
    "is_segment",
    "queue_base",
    "several",
]

DEFAULT_BASE_URL = "https://api.runpod.io"
Names = Union[str, Iterable[str]]
"""One name, or several."""

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LOOPBACK = re.compile(rf"127(?:\.{_OCTET}){{3}}|::1|localhost")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:]*")


class Trust(NamedTuple):
    """Hosts that somebody named, in lower case.

    Attributes:
        hosts: May get the API key besides Runpod's own and the control plane's.
        plain: May be spoken to over ``http://``, where the key goes in clear.
    """

    hosts: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()

    @classmethod
    def of(cls, hosts: object, plain: object) -> Trust:
        """Make one of what a user wrote; what is no text is left to `check_account`."""
        return cls(_lowered(hosts), _lowered(plain))


def _lowered(names: object) -> frozenset[str]:
    return frozenset(name.lower() for name in several(names) if isinstance(name, str))


def several(names: object) -> list[object]:
    """Give one name, or each of several; what is neither stands for itself."""
    return list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]


def is_loopback(url: str) -> bool:
    """Tell whether an address is on this machine."""
    return _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None


def is_segment(text: str) -> bool:
    """Tell whether an id can stand in a path and mean itself.

    Nothing and dots name what is above it, and a lone surrogate has no bytes.
    """
    return text.isprintable() and bool(text.strip(". "))


def queue_base(base_url: str) -> str:
    """Give the address of queues: Runpod's own, or for another control plane the one beside it."""
    if base_url == DEFAULT_BASE_URL:
        return "https://api.runpod.ai/v2"
    return f"{base_url}/v2"


def check_account(
    api_key: object,
    base_url: object,
    project: object,
    trusted_hosts: object = (),
    allow_http: object = (),
) -> tuple[Violation, ...]:
    """Check what an account is made of. The key itself stays out of every message."""
    trust = Trust.of(trusted_hosts, allow_http)
    return (
        *_check_key(api_key),
        *_check_url(base_url, trust),
        *_check_project(project),
        *_check_hosts("trusted_hosts", trusted_hosts),
        *_check_hosts("allow_http", allow_http),
    )


def _check_key(api_key: object) -> Iterator[Violation]:
    if not isinstance(api_key, str) or not api_key.strip() or not api_key.isprintable():
        reason = "api_key must be a text that is not empty and has no control characters."
        yield Violation("api_key", reason, "Write Account(api_key='...') or Account.from_env().")
    elif not api_key.isascii() or api_key != api_key.strip():
        reason = "api_key has blanks around it or characters that no HTTP header can carry."
        yield Violation("api_key", reason, "Copy it once more from Runpod's console.")


def _check_project(project: object) -> Iterator[Violation]:
    if project is None:
        return
    if not isinstance(project, str) or not project.strip() or "/" in project:
        reason = f"project must be a text without '/' that is not empty, not {shown(project)}."
        yield Violation("project", reason, "Write project='my-project', or leave it out.")


def _check_hosts(field: str, names: object) -> Iterator[Violation]:
    for name in several(names):
        if not isinstance(name, str) or not _HOST.fullmatch(name.lower()):
            reason = f"{field} must name hosts, without scheme, port or '*', not {shown(name)}."
            yield Violation(field, reason, f"Write {field}=['runpod.example.com'].")


def _check_url(base_url: object, trust: Trust) -> Iterator[Violation]:
    field, example = "base_url", f"Write base_url={DEFAULT_BASE_URL!r}."
    text = base_url if isinstance(base_url, str) else ""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if "@" in text:  # first: the other messages show what they refuse
        yield Violation(field, "base_url must not hold a user or a password.", example)
    elif not host or parts.scheme not in ("http", "https"):
        reason = f"base_url must be an http(s) address, not {shown(base_url)}."
        yield Violation(field, reason, example)
    elif not text.isprintable() or " " in text or "\\" in text:
        reason = f"base_url has blanks, backslashes or control characters in it: {shown(text)}."
        yield Violation(field, reason, example)
    elif parts.path.rstrip("/").endswith("/v2"):
        yield Violation(field, "base_url must not end in /v2: lbsls adds it.", example)
    elif parts.query or parts.fragment:
        yield Violation(field, "base_url must not have a query or a fragment.", example)
    elif parts.scheme == "http" and not is_loopback(text) and host not in trust.plain:
        reason = f"base_url is http:// and {host} is not this machine: the key would go in clear."
        instead = f"Write https://; or name it: allow_http={host!r} or LBSLS_ALLOW_HTTP={host}."
        yield Violation(field, reason, instead)
