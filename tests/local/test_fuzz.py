"""Whatever is sent to a local Runpod, it refuses with a problem or takes it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbsls.local import admin, clock, endpoints, headers, journal, keys, schema, streams
from lbsls.local.problems import Problem

SAMPLE: dict[str, Any] = {
    "name": "a",
    "type": "LOAD_BALANCER",
    "image": "i",
    "gpu": {"pools": ["ADA_24"], "count": 1, "minCudaVersion": "12.4"},
    "scaling": {"type": "REQUEST_COUNT", "requestCount": 4},
    "workers": {"min": 0, "max": 3, "idleTimeout": 5},
    "env": {"A": "b"},
    "ports": ["80/http"],
    "dataCenterIds": ["EU-RO-1"],
    "timeout": 1000,
}
RULE = {"kind": "answer", "status": 503, "retry_after": "2026-11-24T00:00:00Z", "times": 2}

scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400)
    | st.floats() | st.text(max_size=8)
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
often = settings(max_examples=200, deadline=None)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the way to every part of a value."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], part: Any) -> Any:
    """Give a value with another part in one place."""
    if not path:
        return part
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = part
    return value


def created(body: Any) -> object:
    """Make an endpoint, written out again."""
    release = endpoints.created(schema.check_create(body), "e1", clock.SystemClock().now())
    return endpoints.rendered(release, base="http://127.0.0.1:1")


def changed(body: Any) -> object:
    """Change an endpoint by a checked body."""
    checked = schema.check_update(body)
    whole = endpoints.created(schema.check_create(SAMPLE), "e1", clock.SystemClock().now())
    return endpoints.rendered(endpoints.updated(whole, checked), base="http://127.0.0.1:1")


DECODERS: list[tuple[Callable[[Any], object], Any]] = [
    (created, SAMPLE),
    (changed, {key: SAMPLE[key] for key in SAMPLE if key != "type"}),
    (admin.wanted, RULE),
]


@often
@given(value=values)
@pytest.mark.parametrize(("decode", "sample"), DECODERS)
def test_any_body_is_taken_or_refused(
    decode: Callable[[Any], object], sample: Any, value: Any
) -> None:
    """Whatever JSON it is."""
    del sample
    try:
        decode(value)
    except Problem as problem:
        assert problem.status in (400, 422)


@often
@given(data=st.data(), part=values)
@pytest.mark.parametrize(("decode", "sample"), DECODERS)
def test_a_body_with_one_wrong_part_is_taken_or_refused(
    decode: Callable[[Any], object], sample: Any, data: st.DataObject, part: Any
) -> None:
    """A part of it may be anything."""
    body = replaced(sample, data.draw(st.sampled_from(places(sample))), part)
    try:
        decode(body)
    except Problem as problem:
        assert problem.status in (400, 422)
    journal.shown(body)


@often
@given(st.text(max_size=30), st.none() | st.text(max_size=30))
def test_any_header_and_query_is_taken_or_refused(text: str, other: str | None) -> None:
    """Keys, hosts, wishes for a worker, places in a log, times."""
    headers.wish(text)
    keys.is_loopback(text)
    token = keys.bearer(text)
    assert not (token and keys.is_key(token, "the key"))
    try:
        streams.selection({"tail": text, "since": text, "source": other or ""}, other)
    except Problem as problem:
        assert problem.status in (400, 422)
    try:
        clock.moment(text)
    except ValueError:
        pass
