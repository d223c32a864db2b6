"""What many tests share: one test, three modes."""

from __future__ import annotations

from collections.abc import Callable
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
