"""What a fork must wait for, so that the child does not wait for ever.

A thread that imports a module holds that module's lock. A child that is forked meanwhile has the
lock and not the thread: its own import of the module would never end. lbsls imports much of itself
and of others when it is first used, so a fork lets such an import end first.

Python has no public way to ask who imports what. ``_module_locks`` of importlib is asked, which
CPython 3.10 to 3.14 have; where it is missing, forks are as they are without lbsls.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

__all__ = ["wait_for_imports"]

PATIENCE = 5.0
"""Seconds; who is in the middle of an import that does not end holds no fork for ever."""

_LATE = sys.stdlib_module_names | {
    *("anyio", "attr", "attrs", "backoff", "cattrs", "certifi", "chardet", "charset_normalizer"),
    *("exceptiongroup", "idna", "lbsls", "outcome", "requests", "sniffio", "sortedcontainers"),
    *("trio", "typing_extensions", "urllib3"),
}
"""What lbsls and what it uses may import late. A program that runs as the import of a module of
its own, as some servers' do, holds that module's lock all its life: such are not waited for."""


class _Lock(Protocol):
    """What importlib locks a module with while it finds and runs it."""

    owner: int | None  # a thread's identifier


_LOCKS: Mapping[str, Callable[[], _Lock | None]] = getattr(
    sys.modules["_frozen_importlib"], "_module_locks", {}
)


def wait_for_imports(patience: float = PATIENCE) -> None:
    """Wait until no other thread imports what lbsls may need in the child."""
    until = time.monotonic() + patience
    while _is_importing() and time.monotonic() < until:
        threading.Event().wait(0.001)


def _is_importing() -> bool:
    held = [lock() for name, lock in tuple(_LOCKS.items()) if name.partition(".")[0] in _LATE]
    owners = {lock.owner for lock in held if lock is not None} - {threading.get_ident()}
    # A lock that was itself copied by a fork has an owner that is not there any more.
    return bool(owners) and not owners.isdisjoint(sys._current_frames())


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none, and no fork
    os.register_at_fork(before=wait_for_imports)
