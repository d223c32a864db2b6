"""How the messages of errors are put together. Knows no error."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["sentences", "tried"]


def tried(attempts: int, elapsed: float) -> str:
    """Say how often and how long something was tried, if it was more than once."""
    return "" if attempts == 1 else f" (tried {attempts} times in {elapsed:.1f}s)"


def sentences(parts: Sequence[str]) -> str:
    """Join parts, each with a full stop."""
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts)
