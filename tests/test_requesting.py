"""What a caller writes to call an endpoint: as a URL, headers and bytes, or a mistake by name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbsls.errors import ConfigError
from lbsls.requesting import CALL_TIMEOUT, prepare

BASE = "https://ep1.api.runpod.ai"
SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("/generate", None, f"{BASE}/generate"),
        ("generate", {}, f"{BASE}/generate"),
        ("/", None, f"{BASE}/"),
        ("", None, f"{BASE}/"),
        ("/a b", None, f"{BASE}/a b"),
        ("/a?x=1", {"y": 2}, f"{BASE}/a?x=1&y=2"),
        ("/a#b", {"y": 2}, f"{BASE}/a?y=2"),
        ("/a", {"x": [1, "b"], "y": None, "z": True}, f"{BASE}/a?x=1&x=b&z=True"),
        ("/a", {"q": "ü &"}, f"{BASE}/a?q=%C3%BC+%26"),
        ("/@evil.com", None, f"{BASE}/@evil.com"),
        ("///evil.com", None, f"{BASE}/evil.com"),
    ],
)
@pytest.mark.parametrize("base", [BASE, BASE + "/"])
def test_the_address_of_a_call(base: str, path: str, params: Any, expected: str) -> None:
    """A path and a query make a URL of the endpoint, and of nothing else."""
    assert expected == prepare(base, path, params=params).url


@pytest.mark.parametrize(
    ("options", "body", "kind"),
    [
        ({}, None, None),
        ({"json": {"a": [1, "é"]}}, b'{"a": [1, "\\u00e9"]}', "application/json"),
        ({"json": 0}, b"0", "application/json"),
        ({"data": b"\x00\xff"}, b"\x00\xff", None),
        ({"data": bytearray(b"ab")}, b"ab", None),
        ({"data": ""}, b"", "text/plain; charset=utf-8"),
        ({"data": "é"}, "é".encode(), "text/plain; charset=utf-8"),
        ({"data": {"a": "b c", "d": "é"}}, b"a=b+c&d=%C3%A9", "application/x-www-form-urlencoded"),
        ({"data": b"a", "headers": {"content-type": "text/csv"}}, b"a", "text/csv"),
    ],
)
def test_the_body_of_a_call(options: Any, body: bytes | None, kind: str | None) -> None:
    """JSON, bytes, texts and forms are sent as such; a type of one's own is kept."""
    call = prepare(BASE, "/", **options)
    assert (body, kind) == (call.body, call.headers.get("Content-Type"))


def test_headers_of_ones_own_are_sent() -> None:
    """What a caller adds goes with the call, and credentials do not show."""
    call = prepare(BASE, "/", headers={"Authorization": SECRET, "X-A": "1"})
    assert {"Authorization": SECRET, "X-A": "1"} == call.headers
    assert SECRET not in repr(call)


def test_how_long_a_call_may_take() -> None:
    """The balancer's own limit, unless told otherwise."""
    assert (340.0, 2) == (prepare(BASE, "/").timeout, prepare(BASE, "/", timeout=2).timeout)
    assert 330 < CALL_TIMEOUT


DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]
PATH = "path must be a path of the endpoint, not "
TIMEOUT = "timeout must be a number of seconds above 0, not "

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"path": "https://evil.com/x"}, "path", PATH + "'https://evil.com/x'. Write '/generate'."),
    ({"path": "//evil.com/x"}, "path", PATH + "'//evil.com/x'."),
    ({"path": "a:b"}, "path", PATH + "'a:b'."),
    ({"path": "//["}, "path", PATH + "'//['."),
    ({"path": None}, "path", PATH + "None."),
    ({"path": b"/x"}, "path", PATH + "b'/x'."),
    ({"json": 1, "data": b"a"}, "data", "json and data exclude each other. Keep one."),
    ({"data": 5}, "data", "data must be bytes, a text or a mapping, not int."),
    ({"data": [SECRET]}, "data", "data must be bytes, a text or a mapping, not list."),
    ({"timeout": 0}, "timeout", TIMEOUT + "0. Leave it out for 340."),
    ({"timeout": None}, "timeout", TIMEOUT + "None."),
    ({"timeout": "5"}, "timeout", TIMEOUT + "'5'."),
    ({"timeout": True}, "timeout", TIMEOUT + "True."),
    ({"timeout": float("nan")}, "timeout", TIMEOUT + "nan."),
    ({"timeout": float("inf")}, "timeout", TIMEOUT + "inf."),
    ({"json": {SECRET}}, "json", "json cannot be written as JSON: "),
    ({"json": float("nan")}, "json", "json cannot be written as JSON: "),
    ({"json": DEEP}, "json", "json cannot be written as JSON: "),
    ({"headers": {"X": 5}}, "headers", "header 'X' must have a text of one line, not int."),
    ({"headers": {"X": f"{SECRET}\n"}}, "headers", "header 'X' must have a text of one line"),
    ({"headers": {"X\r\nY": "1"}}, "headers", "header 'X\\r\\nY' must have a text of one line"),
]


@pytest.mark.parametrize(("options", "field", "expected"), WRONG)
def test_what_cannot_be_sent_is_named(options: dict[str, Any], field: str, expected: str) -> None:
    """A mistake is a ConfigError before anything is sent, and shows no secret."""
    with pytest.raises(ConfigError) as caught:
        prepare(BASE, **{"path": "/", **options})
    (violation,) = caught.value.violations
    assert field == violation.field
    assert str(violation).startswith(expected)
    assert SECRET not in f"{caught.value} {caught.value!r}"


def test_all_that_cannot_be_sent_is_named_at_once() -> None:
    """A call is put right in one go."""
    with pytest.raises(ConfigError) as caught:
        prepare(BASE, "//x", json=1, data=5, timeout=-1, headers={"X": 1})  # type: ignore[arg-type,dict-item]
    fields = ["path", "data", "data", "timeout", "headers"]
    assert fields == [violation.field for violation in caught.value.violations]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20))
def test_no_path_leaves_the_endpoint(path: str) -> None:
    """Whatever a path holds, the URL begins with the endpoint's, or it is refused."""
    try:
        url = prepare(BASE, path).url
    except ConfigError:
        return
    assert url.startswith(f"{BASE}/")
