"""What a field of a resource may be written as, and what it becomes.

What does not fit passes unchanged: the rules name it together with all else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lbsls.enums import (
    DataCenter,
    FlashBoot,
    GpuPool,
    OpenEnum,
    ServerlessScalerType,
    ServerlessType,
)
from lbsls.values import Env

__all__ = [
    "always_lb",
    "data_centers",
    "env",
    "flashboot",
    "kind",
    "pools",
    "scaler",
    "several",
    "text",
    "texts",
]


def text(value: str) -> str:
    """Give a text as such: a member of an enum of texts is formatted by its name."""
    return str.__str__(value) if isinstance(value, str) else value


def several(value: Any, kind: type[OpenEnum] | None = None) -> Any:
    """Give one or several as a tuple."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Iterable) or isinstance(value, (Mapping, bytes)):
        return value
    return tuple(kind.of(item) if kind else item for item in value)


def texts(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Give one or several texts."""
    return several(value)  # type: ignore[no-any-return]


def pools(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Give one or several GPU pools."""
    return several(value, GpuPool)  # type: ignore[no-any-return]


def data_centers(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Give one or several data centers."""
    return several(value, DataCenter)  # type: ignore[no-any-return]


def env(value: Mapping[str, str] | None) -> Env | None:
    """Hide the values of an env."""
    return Env(value) if isinstance(value, Mapping) else value


def flashboot(value: FlashBoot | str | bool | None) -> str | None:
    """Let True and False mean FLASHBOOT and OFF."""
    if isinstance(value, bool):
        return FlashBoot.FLASHBOOT if value else FlashBoot.OFF
    return FlashBoot.of(value)  # type: ignore[no-any-return]


def kind(value: ServerlessType | str) -> ServerlessType:
    """Give the type of an endpoint."""
    return ServerlessType.of(value)  # type: ignore[no-any-return]


def always_lb(value: ServerlessType | str) -> ServerlessType:
    """Give LB, whatever is passed."""
    return ServerlessType.LB


def scaler(value: ServerlessScalerType | str) -> ServerlessScalerType:
    """Give the type of a scaler."""
    return ServerlessScalerType.of(value)  # type: ignore[no-any-return]
