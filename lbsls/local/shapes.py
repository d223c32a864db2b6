"""Shapes of JSON values: what a schema can say, checked in Runpod's words. Pure, knows no field.

Runpod's API checks bodies with a JSON Schema library whose messages its description quotes
(`$: additional properties 'bogus' not allowed`); the words here follow that library.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}


class Shape(Protocol):
    """Something that a value can be compared with."""

    def check(self, value: Any, path: str) -> Iterator[str]:
        """Give what is wrong with a value, a line each."""
        ...


def kind(value: Any) -> str:
    """Name the JSON type of a value."""
    return NAMES.get(type(value), "number")


def quoted(names: Sequence[str]) -> str:
    """Write names as the messages do."""
    return ", ".join(f"'{name}'" for name in names)


def _wrong_type(value: Any, want: str, path: str) -> str:
    return f"{path}: got {kind(value)}, want {want}"


@dataclass(frozen=True)
class Text:
    """A string."""

    min_length: int = 0
    one_of: tuple[str, ...] = ()
    pattern: str | None = None

    def check(self, value: Any, path: str) -> Iterator[str]:
        """Give what is wrong with it."""
        if not isinstance(value, str):
            yield _wrong_type(value, "string", path)
        elif self.one_of and value not in self.one_of:
            yield f"{path}: value must be one of {quoted(self.one_of)}"
        elif len(value) < self.min_length:
            yield f"{path}: minLength: got {len(value)}, want {self.min_length}"
        elif self.pattern and not re.search(self.pattern, value):
            yield f"{path}: {value!r} does not match pattern '{self.pattern}'"


@dataclass(frozen=True)
class Number:
    """A number, whole ones only where asked for; 4.0 is whole."""

    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False

    def check(self, value: Any, path: str) -> Iterator[str]:
        """Give what is wrong with it."""
        want = "integer" if self.whole else "number"
        if not self._is_number(value):
            yield _wrong_type(value, want, path)
        elif self.minimum is not None and value < self.minimum:
            yield f"{path}: minimum: got {value}, want {self.minimum:g}"
        elif self.maximum is not None and value > self.maximum:
            yield f"{path}: maximum: got {value}, want {self.maximum:g}"

    def _is_number(self, value: Any) -> bool:
        if isinstance(value, float):
            return value.is_integer() if self.whole else math.isfinite(value)
        return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Array:
    """A list of values of one shape."""

    items: Shape
    min_items: int = 0
    unique: bool = False

    def check(self, value: Any, path: str) -> Iterator[str]:
        """Give what is wrong with it and with its items."""
        if not isinstance(value, list):
            yield _wrong_type(value, "array", path)
            return
        if len(value) < self.min_items:
            yield f"{path}: minItems: got {len(value)}, want {self.min_items}"
        for number, item in enumerate(value):
            yield from self.items.check(item, f"{path}[{number}]")
            if self.unique and item in value[:number]:
                yield f"{path}: items at {value.index(item)} and {number} are equal"


@dataclass(frozen=True)
class Table:
    """An object with any keys and values of one shape."""

    values: Shape

    def check(self, value: Any, path: str) -> Iterator[str]:
        """Give what is wrong with it and with its values."""
        if not isinstance(value, dict):
            yield _wrong_type(value, "object", path)
            return
        for name, item in value.items():
            yield from self.values.check(item, f"{path}.{name}")


@dataclass(frozen=True)
class Record:
    """An object with these fields and no others."""

    fields: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    together: Mapping[str, str] = field(default_factory=dict)

    def check(self, value: Any, path: str) -> Iterator[str]:
        """Give what is wrong with it and with its fields."""
        if not isinstance(value, dict):
            yield _wrong_type(value, "object", path)
            return
        if missing := [name for name in self.required if name not in value]:
            yield f"{path}: missing {'property' if len(missing) == 1 else 'properties'} " + quoted(
                missing
            )
        if unknown := [name for name in value if name not in self.fields]:
            yield f"{path}: additional properties {quoted(unknown)} not allowed"
        for name, other in self.together.items():
            if name in value and other not in value:
                yield f"{path}: properties {quoted([other])} required, if {quoted([name])} exists"
        for name, shape in self.fields.items():
            if name in value:
                yield from shape.check(value[name], f"{path}.{name}")


@dataclass(frozen=True)
class OrNull:
    """A shape, or null."""

    shape: Shape

    def check(self, value: Any, path: str) -> Iterator[str]:
        """Give what is wrong with it where it is not null."""
        if value is not None:
            yield from self.shape.check(value, path)


@dataclass(frozen=True)
class ByType:
    """A record whose `type` says which of several it is."""

    variants: Mapping[str, Record]

    def check(self, value: Any, path: str) -> Iterator[str]:
        """Give what is wrong with it, as the variant that it says it is."""
        if not isinstance(value, dict):
            yield _wrong_type(value, "object", path)
        elif "type" not in value:
            yield f"{path}: missing property 'type'"
        elif value["type"] not in tuple(self.variants):
            yield f"{path}.type: value must be one of {quoted(tuple(self.variants))}"
        else:
            yield from self.variants[value["type"]].check(value, path)
