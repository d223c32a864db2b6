"""Whatever control plane and edge answer, only our own errors come of it, then and later."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbsls import drift
from lbsls.errors import ConfigError, LbslsError, WireError
from lbsls.live import Endpoint, LogLine, Mark, Worker
from lbsls.values import Response
from lbsls.wire import edge, problems, rest
from samples import KEY, MARK, answer, cpu_json, endpoint, endpoint_json, request, resource

ODD = ["\ud800", "\0", "", " ", ".", "..", "a/b", "http://[", "https://h:99999", "[::1", "\u2028"]
DEEP = b'{"a":' * 100_000
WORKER = {"id": "w1", "status": "RUNNING", "isStale": False, "version": 1, "uptimeSeconds": 1.5}
LINE = {"line": "hello", "source": "container", "ts": "2026-11-20T10:00:00Z"}
PROBLEM = {
    "title": "Unauthorized",
    "status": 401,
    "detail": "said",
    "errors": ["one"],
    "error": "no workers available",
}

texts = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=[]), max_size=6)
scalars = st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats()
values = st.recursive(
    texts | scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
headers = texts | st.from_regex(
    r"[A-Z][a-z]{2}, \d{1,3} Nov \d{1,6} \d{1,3}:\d\d:\d\d (GMT|[+-]\d{1,12})", fullmatch=True
)
often = settings(max_examples=100, deadline=None)


def use_endpoint(found: Endpoint) -> None:
    """Do with an endpoint what operations do with it."""
    assert found.id in repr(pickle.loads(pickle.dumps(found))) or not found.id.isprintable()
    edge.may_carry_key(found.endpoint_url, base_url="https://api.runpod.io", endpoint_id=found.id)
    drift.differences(resource(disk=5, scalerValue=3, env={"A": "b"}), found)
    for ask in (rest.get_endpoint, rest.delete_endpoint, rest.list_workers):
        path = ask(found.id).request("https://api.runpod.io", KEY, 1.0).url.split("/")
        assert not {"", ".", ".."} & set(path[3:])
    with suppress(ConfigError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found.resource


def use_endpoints(found: tuple[Endpoint, ...]) -> None:
    """Use each."""
    for each in found:
        use_endpoint(each)


def use_workers(found: tuple[Worker, ...]) -> None:
    """Ask for the log of each."""
    for each in found:
        asked = rest.worker_logs("ep1", each.id, source="container", tail=1)
        assert "/logs" in asked.request("https://api.runpod.io", KEY, 1.0).url


def use_lines(found: tuple[LogLine, ...]) -> None:
    """Show each."""
    assert [each.line for each in found] == [str(each.line) for each in found]


def use_nothing(found: None) -> None:
    """Have nothing to use."""
    assert found is None


def plain(value: Any) -> bytes:
    """Write a body."""
    return json.dumps(value).encode()


def event(value: Any) -> bytes:
    """Write an event of a stream."""
    return b"data: " + plain(value) + b"\n\n"


Case = tuple[rest.Operation[Any], Any, Callable[[Any], bytes], Callable[[Any], None]]
LIVE = endpoint().settings
CASES: dict[str, Case] = {
    "list_endpoints": (
        rest.list_endpoints(),
        {"endpoints": [endpoint_json(), cpu_json()]},
        plain,
        use_endpoints,
    ),
    "get_endpoint": (rest.get_endpoint("ep1"), endpoint_json(), plain, use_endpoint),
    "create_endpoint": (
        rest.create_endpoint(resource(), MARK),
        cpu_json(),
        plain,
        use_endpoint,
    ),
    "update_endpoint": (
        rest.update_endpoint("ep1", resource(), ["imageName"], LIVE),
        endpoint_json(),
        plain,
        use_endpoint,
    ),
    "delete_endpoint": (rest.delete_endpoint("ep1"), {}, plain, use_nothing),
    "list_workers": (rest.list_workers("ep1"), {"workers": [WORKER]}, plain, use_workers),
    "worker_logs": (
        rest.worker_logs("ep1", "w1", source="container", tail=1),
        LINE,
        event,
        use_lines,
    ),
}


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


def read(name: str, response: Response) -> None:
    """Read an answer and use what it says, or get an error that can be shown and sent on."""
    operation, _, _, use = CASES[name]
    try:
        found = operation.read(request(), response)
    except LbslsError as error:
        assert str(error) == str(pickle.loads(pickle.dumps(error)))
    else:
        use(found)


def test_every_operation_is_tried() -> None:
    """An operation that is added is added here."""
    assert {*rest.__all__} - {"Operation"} == set(CASES)


@pytest.mark.parametrize("name", CASES)
@often
@given(data=st.data(), part=values)
def test_an_answer_with_one_wrong_part(name: str, data: st.DataObject, part: Any) -> None:
    """A part of it may be anything: it is refused, or every later use is safe."""
    _, sample, write, _ = CASES[name]
    path = data.draw(st.sampled_from(places(sample)))
    read(name, answer(write(replaced(sample, path, part))))


@pytest.mark.parametrize("name", CASES)
@often
@given(content=st.binary(max_size=60), status=st.integers(200, 599))
def test_any_bytes(name: str, content: bytes, status: int) -> None:
    """With any status."""
    read(name, answer(content, status))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("content", [DEEP, b"data: " + DEEP + b"\n\n", b"9" * 10_000])
def test_no_depth_and_no_length_is_too_much(name: str, status: int, content: bytes) -> None:
    """Neither a hundred thousand objects in each other nor a number of ten thousand digits."""
    read(name, answer(content, status))
    edge.ping_of(answer(content, status), at=0.0, elapsed=0.0)


@often
@given(st.data(), values, st.integers(200, 599), headers, headers)
def test_a_refusal_with_one_wrong_part(
    data: st.DataObject, part: Any, status: int, first: str, second: str
) -> None:
    """Of the control plane or of the edge, with any headers."""
    path = data.draw(st.sampled_from(places(PROBLEM)))
    body = replaced(PROBLEM, path, part)
    response = answer(body, status, retry_after=first, date=second, location=first)
    for name in CASES:
        read(name, response)
    assert (problems.retry_after(response) or 0.0) >= 0.0
    assert edge.ping_of(response, at=0.0, elapsed=0.0).health


@often
@given(texts | st.lists(texts, max_size=5).map("/".join))
def test_any_mark(text: str) -> None:
    """It is none, or the same when it is written again."""
    mark = Mark.parse(text)
    assert mark is None or str(mark) == text


@pytest.mark.parametrize("id", ["", " ", ".", "..", "\ud800", "\0"])
def test_an_id_that_would_ask_for_something_else_is_refused(id: str) -> None:
    """A DELETE of ``..`` is one of the path above; a lone surrogate has no bytes to send."""
    with pytest.raises(WireError, match="id is no id"):
        rest.get_endpoint("ep1").read(request(), answer(endpoint_json(id=id)))
    with pytest.raises(WireError, match="id is no id"):
        rest.list_workers("ep1").read(request(), answer({"workers": [{**WORKER, "id": id}]}))
