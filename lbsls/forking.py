"""What a fork must wait for, so that the child does not wait for ever.

A thread that imports a module holds that module's lock. A child that is forked meanwhile has the
lock and not the thread: its own import of the module would never end. lbsls imports much of itself
and of others when it is first used, so a fork lets such an import end first; and one that began
after that, in the moment before the fork itself, is begun anew in the child.

Python has no public way to ask who imports what. ``_module_locks`` of importlib is asked, which
CPython 3.10 to 3.14 have; where it is missing, forks are as they are without lbsls.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from typing import Protocol

__all__ = ["begin_imports_anew", "wait_for_imports"]

PATIENCE = 5.0
"""Seconds; who is in the middle of an import that does not end holds no fork for ever."""

_LATE = sys.stdlib_module_names | {
    *("anyio", "attr", "attrs", "backoff", "cattrs", "certifi", "chardet", "charset_normalizer"),
    *("exceptiongroup", "idna", "lbsls", "outcome", "requests", "sniffio", "sortedcontainers"),
    *("trio", "typing_extensions", "urllib3"),
}
"""What lbsls and what it uses may import late. A program that runs as the import of a module of
its own, as some servers do, holds that module's lock all its life: such are left alone."""


class _Lock(Protocol):
    """What importlib locks a module with while it finds and runs it."""

    owner: int | None  # a thread's identifier


_LOCKS: MutableMapping[str, Callable[[], _Lock | None]] = getattr(
    sys.modules["_frozen_importlib"], "_module_locks", {}
)


def wait_for_imports(patience: float = PATIENCE) -> None:
    """Wait until no other thread imports what lbsls may need in the child."""
    until = time.monotonic() + patience
    while any(_imports_of_others()) and time.monotonic() < until:
        threading.Event().wait(0.001)


def begin_imports_anew() -> None:
    """Drop in a child what threads of its parent were importing: no import waits for them."""
    for name in tuple(_imports_of_others()):
        _LOCKS.pop(name, None)
        if getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False):
            del sys.modules[name]


def _imports_of_others() -> Iterator[str]:
    me = threading.get_ident()
    for name, reference in tuple(_LOCKS.items()):
        lock = reference() if name.partition(".")[0] in _LATE else None
        if lock is not None and lock.owner not in {None, me}:
            yield name


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none, and no fork
    os.register_at_fork(before=wait_for_imports, after_in_child=begin_imports_anew)
