"""Every request that came in, counted and timed, without a secret in it. Does no I/O."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

KEPT = 20_000
HIDDEN = "***"


@dataclass(frozen=True)
class Seen:
    """A request.

    Attributes:
        number: counts requests from 1.
        at: when it came in.
        operation: `list`, `create`, `get`, `update`, `delete`, `workers`, `logs`, or `call` for one
            to an endpoint's own address; `unknown` for anything else.
        path: without its query.
        endpoint: the id that it names, or that it made; None without one.
        name: the endpoint's name, where it is known.
        body: what a create or an update asked for; values of env are hidden.
        status: of the answer; None if there was none, or none yet.
        fault: the kind of the fault that struck it.
    """

    number: int
    at: datetime
    operation: str
    method: str
    path: str
    endpoint: str | None = None
    name: str | None = None
    body: Mapping[str, Any] | None = None
    status: int | None = None
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Write it for other programs."""
        return {**vars(self), "at": self.at.isoformat()}


class Journal:
    """The requests of a local Runpod: the last 20,000, and how many there were. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._seen: dict[int, Seen] = {}
        self._counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Seen]:
        with self._lock:
            return iter(list(self._seen.values()))

    def __len__(self) -> int:
        with self._lock:
            return len(self._seen)

    @property
    def counts(self) -> dict[str, int]:
        """How many requests of each operation there were, forgotten ones too."""
        with self._lock:
            return dict(self._counts)

    def of(self, operation: str | None = None, *, endpoint: str | None = None) -> list[Seen]:
        """Give the requests of an operation, to an endpoint by its name or id; None is any."""
        return [
            seen
            for seen in self
            if operation in (None, seen.operation) and endpoint in (None, seen.endpoint, seen.name)
        ]

    def clear(self) -> None:
        """Forget all requests and begin to count again."""
        with self._lock:
            self._seen.clear()
            self._counts.clear()

    def begin(self, at: datetime, operation: str, method: str, path: str, **known: Any) -> Seen:
        """Note a request that came in. For the local Runpod itself."""
        with self._lock:
            self._number += 1
            seen = Seen(self._number, at, operation, method, path, **known)
            self._seen[seen.number] = seen
            self._seen.pop(seen.number - KEPT, None)
            self._counts[operation] += 1
            return seen

    def end(self, seen: Seen, **known: Any) -> None:
        """Note how it ended. For the local Runpod itself."""
        with self._lock:
            if seen.number in self._seen:
                self._seen[seen.number] = replace(self._seen[seen.number], **known)


def shown(body: Any) -> Mapping[str, Any] | None:
    """Give the body of a create or an update with the values of its env hidden."""
    if not isinstance(body, dict):
        return None
    env = body.get("env")
    if "env" not in body:
        return body
    return {**body, "env": dict.fromkeys(env, HIDDEN) if isinstance(env, dict) else HIDDEN}
