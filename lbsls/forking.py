"""What a fork must wait for, so that the child does not wait for ever.

A thread that imports a module holds that module's lock. A child that is forked meanwhile has the
lock and not the thread: its own import of the module would never end. lbsls imports much of itself
and of others when it is first used, so a fork lets such an import end first.
"""

from __future__ import annotations

import os
import sys
import threading
import time

__all__ = ["wait_for_imports"]

PATIENCE = 5.0
"""Seconds; who forks in the middle of its own import of one of these is not held for ever."""

_LAZY = frozenset(
    {"anyio", "asyncio", "attr", "attrs", "backoff", "cattrs", "concurrent", "lbsls"}
    | {"requests", "sniffio", "trio", "urllib3"}
)


def wait_for_imports(patience: float = PATIENCE) -> None:
    """Wait until nobody imports what lbsls imports when it is first used."""
    until = time.monotonic() + patience
    while _is_importing() and time.monotonic() < until:
        threading.Event().wait(0.001)


def _is_importing() -> bool:
    return any(
        getattr(getattr(module, "__spec__", None), "_initializing", False)
        for name, module in tuple(sys.modules.items())
        if name.partition(".")[0] in _LAZY
    )


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has none, and no fork
    os.register_at_fork(before=wait_for_imports)
