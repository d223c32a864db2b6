"""What many tests share: one test, three modes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import anyio
import pytest

Call = Callable[..., Any]


def _blocking(obj: Any, name: str, *args: Any, **options: Any) -> Any:
    return getattr(obj, name)(*args, **options)


def _twin(backend: str, obj: Any, name: str, *args: Any, **options: Any) -> Any:
    return anyio.run(partial(getattr(obj, f"{name}_async"), *args, **options), backend=backend)


MODES: dict[str, Call] = {
    "blocking": _blocking,
    "asyncio": partial(_twin, "asyncio"),
    "trio": partial(_twin, "trio"),
}


@pytest.fixture(params=MODES)
def call(request: pytest.FixtureRequest) -> Call:
    """Call ``obj.name(...)``, or its twin on asyncio or trio: ``call(obj, "name", ...)``."""
    return MODES[request.param]


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C reach the tests and their processes, also when a shell started them with ``&``.

    A shell without job control has what it starts in the background ignore SIGINT, and every
    process below inherits that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
