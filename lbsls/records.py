"""Frozen values that cost next to nothing to define: a base class, without exec and without attrs.

All that a ping needs is made of records. To import attrs, and to let it write the methods of each
class, takes longer than everything else that a first ping adds to `requests`; the command
``python -m benchmarks startup`` shows both. What users declare, and what no ping needs, is attrs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    _Frozen = object
else:

    def dataclass_transform(**_: Any) -> Any:
        """Mean nothing at run time; a type checker knows by it how records are made."""
        return lambda kind: kind

    class _Frozen:
        """What cannot be assigned to. A checker that saw this would let any name be assigned."""

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be changed")

        def __delattr__(self, name: str) -> None:
            raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be removed")


__all__ = ["Record", "replace"]

R = TypeVar("R", bound="Record")


def replace(record: R, /, **changes: Any) -> R:
    """Give a record with some fields changed, made and converted as any other of its class."""
    return type(record)(**{**vars(record), **changes})


@dataclass_transform(frozen_default=True)
class Record(_Frozen):
    """A frozen class whose fields are the names that it annotates; a value there is the default.

    Records of one class with equal fields are equal. A field whose name begins with an underscore
    is neither compared nor shown, and bytes show only their number. ``vars(record)`` gives the
    fields by name, and they are what is pickled.

    Args:
        kw_only: In the class statement: the fields of this class are given by name only.
        hidden: In the class statement: the fields that its repr leaves out.
    """

    __match_args__: ClassVar[tuple[str, ...]] = ()
    _fields: ClassVar[tuple[str, ...]] = ()
    _hidden: ClassVar[frozenset[str]] = frozenset()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, *, kw_only: bool = False, hidden: Collection[str] = ()) -> None:
        super().__init_subclass__()
        own = tuple(name for name in cls.__annotations__ if name not in cls._fields)
        cls._fields += own
        cls._hidden |= frozenset(hidden)
        cls._defaults = {name: getattr(cls, name) for name in cls._fields if hasattr(cls, name)}
        if not kw_only:
            cls.__match_args__ += own  # type: ignore[misc]  # only mypy sees a fixed one

    def __init__(self, *values: Any, **named: Any) -> None:
        placed = dict(zip(self.__match_args__, values))
        fields = {**self._defaults, **placed, **named}
        if len(placed) < len(values) or placed.keys() & named or fields.keys() != {*self._fields}:
            raise TypeError(
                f"{type(self).__name__} is made of {', '.join(self._fields)}; it was given "
                f"{len(values)} by place and {', '.join(named) or 'none'} by name"
            )
        vars(self).update(fields)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash((type(self), *self._compared()))

    def __repr__(self) -> str:
        shown = (name for name in self._fields if name[0] != "_" and name not in self._hidden)
        values = (f"{name}={_shown(getattr(self, name))}" for name in shown)
        return f"{type(self).__name__}({', '.join(values)})"

    def _compared(self) -> list[Any]:
        return [getattr(self, name) for name in self._fields if name[0] != "_"]

    __replace__ = replace
    """What `copy.replace` of Python 3.13 calls."""


def _shown(value: object) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else repr(value)
