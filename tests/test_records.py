"""Records: as frozen, comparable and quiet as attrs classes, and cheaper."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbsls.records import Record, replace

T = TypeVar("T")


class Point(Record):
    """A record with a default."""

    x: Any
    y: Any = 0


class Named(Point, kw_only=True):
    """A record on top of another; its own field goes by name."""

    name: str = ""


class Same(Point):
    """A record that adds nothing."""


class Quiet(Record, hidden=("key",)):
    """A record with what must not show, and with what is no part of its value."""

    key: str
    content: bytes = b""
    _owner: object = None


class Box(Record, Generic[T]):
    """A record of some kind; what has no annotation is no field."""

    value: T
    level = 10


class Upper(Record):
    """A record that converts what it is given."""

    text: str

    def __init__(self, text: str) -> None:
        super().__init__(text.upper())


@attrs.frozen
class Like:
    """What a record is to be like."""

    x: Any
    y: Any = 0


values = st.none() | st.integers(0, 2) | st.text(max_size=1) | st.tuples(st.booleans())


@given(values, values, values, values)
def test_a_record_is_like_an_attrs_class(a: Any, b: Any, c: Any, d: Any) -> None:
    """Equality, hash, repr, matching and copies are those of the attrs class of the same fields."""
    ours, theirs = (Point(a, b), Point(c, y=d)), (Like(a, b), Like(c, y=d))
    assert (theirs[0] == theirs[1]) is (ours[0] == ours[1])
    assert (theirs[0] != theirs[1]) is (ours[0] != ours[1])
    assert len({*theirs}) == len({*ours})
    assert repr(theirs[0]).replace("Like", "Point") == repr(ours[0])
    assert repr(attrs.evolve(theirs[0], y=d)) == repr(replace(ours[0], y=d)).replace(
        "Point", "Like"
    )
    assert attrs.asdict(theirs[0], recurse=False) == vars(ours[0])
    assert Like.__match_args__ == Point.__match_args__


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_record_survives_pickle_and_copy(protocol: int) -> None:
    """A record crosses process borders, whatever its constructor takes."""
    for record in (Named(1, name="n"), Quiet("k", b"x", "me"), Upper("a"), Box([1])):
        for copied in (
            pickle.loads(pickle.dumps(record, protocol)),
            copy.copy(record),
            copy.deepcopy(record),
        ):
            assert (type(record), vars(record)) == (type(copied), vars(copied))


def test_a_pickle_of_before_a_field_was_added() -> None:
    """A task that an older version queued is read by a newer one: the default counts."""
    old = Point.__new__(Point)
    vars(old).update(x=1)
    assert Point(1, 0) == pickle.loads(pickle.dumps(old))


@pytest.mark.parametrize(
    "change",
    [
        lambda record: setattr(record, "x", 2),
        lambda record: setattr(record, "z", 2),
        lambda record: delattr(record, "x"),
    ],
)
def test_a_record_is_frozen(change: Callable[[Point], None]) -> None:
    """Nothing about it changes, and the error is the one of every read-only attribute."""
    record = Point(1)
    with pytest.raises(AttributeError, match=r"Point is frozen: [xz] cannot be (changed|removed)"):
        change(record)
    assert {"x": 1, "y": 0} == vars(record)


@pytest.mark.parametrize(
    ("given_", "named", "said"),
    [
        ((), {}, "0 by place and none by name"),
        ((1, 2, 3), {}, "3 by place and none by name"),
        ((1,), {"x": 1}, "1 by place and x by name"),
        ((1,), {"z": 1}, "1 by place and z by name"),
        ((), {"y": 1, "z": 1}, "0 by place and y, z by name"),
    ],
)
def test_what_does_not_fit_is_refused(given_: Any, named: Any, said: str) -> None:
    """A field that is missing, twice or unknown is an error that names the fields."""
    with pytest.raises(TypeError, match=f"Point is made of x, y; it was given {said}"):
        Point(*given_, **named)


def test_records_on_records() -> None:
    """A subclass has the fields of its base, and is not equal to it."""
    named = Named(1, name="n")
    assert "Named(x=1, y=0, name='n')" == repr(named)
    assert (("x", "y"), "Same(x=1, y=0)") == (Named.__match_args__, repr(Same(1)))
    assert Point(1) != Same(1)
    assert Point(1) != (1, 0)
    with pytest.raises(TypeError, match="3 by place"):
        Named(1, 2, "n")


def test_what_must_not_show_does_not() -> None:
    """Hidden and private fields are not in a repr, and of bytes only how many there are."""
    assert "Quiet(content=<3 bytes>)" == repr(Quiet("secret", b"abc", _owner="me"))


def test_what_is_private_is_not_compared() -> None:
    """A hidden field is part of the value, a private one is not."""
    assert Quiet("k", _owner=1) == Quiet("k", _owner=2)
    assert hash(Quiet("k", _owner=1)) == hash(Quiet("k", _owner=[]))
    assert Quiet("k") != Quiet("j")


def test_a_generic_record() -> None:
    """A record may be generic, and what is not annotated belongs to the class."""
    assert (Box(1), 10, {"value": 1}) == (Box[int](1), Box(1).level, vars(Box(1)))


def test_a_changed_record_is_converted_too() -> None:
    """What is put into a copy goes through the constructor, as on the first time."""
    assert Upper("B") == replace(Upper("a"), text="b")
    with pytest.raises(TypeError):
        replace(Upper("a"), other="b")


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace is new in Python 3.13")
def test_the_standard_library_can_replace() -> None:
    """``copy.replace`` knows records."""
    assert Point(1, 2) == copy.replace(Point(1), y=2)  # type: ignore[attr-defined]
