"""Whether a request may come in: its key and the host it was sent to. Pure."""

from __future__ import annotations

import hmac
import secrets

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def new_key() -> str:
    """Draw a key that no other local Runpod has."""
    return f"local-{secrets.token_urlsafe(24)}"


def bearer(authorization: str | None) -> str | None:
    """Give the token of an `Authorization: Bearer` header, or None where there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_key(token: str, key: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(token.encode("utf-8", "replace"), key.encode())


def is_loopback(host: str | None) -> bool:
    """Whether a Host header names this machine.

    A page in a browser can make its own host name point at 127.0.0.1 (DNS rebinding); the header
    still says what name it used.
    """
    name, _, port = (host or "").rpartition(":")
    return (name if name and port.isdigit() else (host or "")).lower() in LOOPBACK
