"""What moves between the floors: nothing secret shows, and texts are cut after it is hidden."""

from __future__ import annotations

import copy
import enum
import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbsls.errors import ApiError
from lbsls.values import (
    Body,
    Env,
    Headers,
    Health,
    Ping,
    Request,
    Response,
    Secret,
    excerpt,
    redact,
    shown,
)

KEY = "rpa_KEYKEYKEY"


class Level(str, enum.Enum):
    """An enum of texts as an app may have one."""

    DEBUG = "debug"


def test_a_secret_is_a_text_that_does_not_show() -> None:
    """A secret can be sent, and a traceback with locals does not have it."""
    secret = Secret(KEY)
    assert (KEY, "'***'", True) == (str(secret), repr(secret), secret == KEY)
    assert "<6 bytes>" == repr(Body(b"abcdef"))


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        ("a KEY1 b KEY1", ["KEY1"], "a *** b ***"),
        ("short abc stays", ["abc"], "short abc stays"),
        ("KEY1LONGER KEY1", ["KEY1", "KEY1LONGER"], "*** ***"),
        ('said {"a": "two\\nlines"}', ["two\nlines"], 'said {"a": "***"}'),
        ('said {"a": "\\u00e9t\\u00e9s"}', ["étés"], 'said {"a": "***"}'),
        ("said étés", ["étés"], "said ***"),
        ("said 'a\\\\b\\n'", ["a\\b\n"], "said '***'"),
        ("said 'it\\'s \"x\" it'", ["it's"], "said '*** \"x\" it'"),
        ("said b'\\xc3\\xa9t\\xc3\\xa9s'", ["étés"], "said b'***'"),
        ("to ?q=a%2Fb+c%26 and a/b%20c%26", ["a/b c&"], "to ?q=*** and ***"),
        ("a lone \ud800 stays", ["abc\ud800"], "a lone \ud800 stays"),
        ("nothing", [], "nothing"),
        ("nothing", [""], "nothing"),
    ],
)
def test_secrets_are_redacted(text: str, secrets: list[str], expected: str) -> None:
    """A secret is found as it is and as it is written elsewhere; longer ones first."""
    assert expected == redact(text, secrets)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ""),
        (b" a\r\n\tb\x00c ", "a b c"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 201, "x" * 199 + "…"),
        (b"x" * 200, "x" * 200),
        (b" " * 1995 + KEY.encode(), "***"),
        (b"x" * 195 + KEY.encode(), "x" * 195 + "***"),
    ],
)
def test_an_excerpt_is_one_line_without_secrets(content: bytes, expected: str) -> None:
    """The beginning of any body fits into an error, and no half of a secret is left."""
    assert expected == excerpt(content, [KEY])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_part_of_a_secret_is_left(content: bytes, at: int) -> None:
    """Wherever a secret stands in whatever body, its beginning does not show either."""
    whole = content[:at] + KEY.encode() + content[at:]
    if b"rpa_" not in content:
        assert "rpa_" not in excerpt(whole, [KEY], limit=30)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "'a'"),
        (None, "None"),
        ("x" * 100, "'" + "x" * 78 + "…"),
        ([10**5000], "<list that cannot be shown>"),
    ],
)
def test_anything_can_be_shown(value: object, expected: str) -> None:
    """A message shows what was passed, cut, and never fails itself."""
    assert expected == shown(value)


def test_env_is_a_frozen_mapping() -> None:
    """Variables are read like a dict's, compare and hash by content, and do not change."""
    given_ = {"A": "1", "B": "2"}
    env = Env(given_)
    given_["A"] = "changed"
    assert ({"A": "1", "B": "2"}, 2, "1") == (dict(env), len(env), env["A"])
    assert env == {"A": "1", "B": "2"} == Env([("A", "1"), ("B", "2")])
    assert hash(env) == hash(Env({"B": "2", "A": "1"}))
    assert {} == Env()
    with pytest.raises(TypeError):
        env["A"] = "3"  # type: ignore[index]


def test_env_hides_its_values() -> None:
    """Names show, values do not, not even one by one."""
    env = Env({"PASSWORD": KEY})
    assert "{'PASSWORD': '***'}" == repr(env) == str(env)
    assert "'***'" == repr(env["PASSWORD"])
    assert KEY not in repr(dict(env)) + repr(list(env.items())) + repr(list(env.values()))


def test_env_takes_the_text_of_an_enum() -> None:
    """A member of an enum of texts is sent as its text, on every Python."""
    assert '{"LEVEL": "debug"}' == json.dumps(dict(Env({"LEVEL": Level.DEBUG})))
    assert "debug" == str(Env({"LEVEL": Level.DEBUG})["LEVEL"])


@pytest.mark.parametrize("value", [Env({"A": KEY}), Headers({"Authorization": KEY, "X": "y"})])
def test_values_survive_pickle_and_copy(value: Any) -> None:
    """A resource can go to a task queue with its env, as only that makes sense."""
    assert value == pickle.loads(pickle.dumps(value)) == copy.deepcopy(value)
    assert KEY in dict(pickle.loads(pickle.dumps(value))).values()


def test_headers_compare_without_case() -> None:
    """A header is found however it is written; the last of a name counts."""
    headers = Headers([("X-A", "1"), ("x-a", "2"), ("B", "3")])
    assert ("2", "2", None) == (headers["X-A"], headers.get("X-a"), headers.get("C"))
    assert (["x-a", "B"], 2) == (list(headers), len(headers))
    assert ("b" in headers, 5 in headers) == (True, False)
    assert headers == {"X-A": "2", "b": "3"}
    assert hash(headers) == hash(Headers({"x-A": "2", "b": "3"}))
    assert headers != 5
    assert {"X-A": "2", "B": "4"} == dict(Headers({"X-A": "2"}).merged({"B": "4"}))


@pytest.mark.parametrize("name", ["Authorization", "COOKIE", "set-cookie", "Proxy-Authorization"])
def test_headers_hide_credentials(name: str) -> None:
    """A request in a log or a traceback shows what was sent and not the key."""
    headers = Headers({name: KEY, "Accept": "*/*"})
    assert f"{{{name!r}: '***', 'Accept': '*/*'}}" == repr(headers)
    request = Request("GET", "https://h/", headers, Body(KEY.encode()), secrets=(KEY,))
    assert KEY not in repr(request)
    assert KEY == request.headers[name]


def test_a_response_does_not_show_its_body() -> None:
    """An answer in a log is told by its size."""
    assert "<13 bytes>" in repr(Response(200, content=KEY.encode()))
    assert KEY not in repr(Response(200, {"Set-Cookie": KEY}, KEY.encode()))


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("", "é".encode(), "é"),
        ("text/html; charset=latin-1", b"\xe9", "é"),
        ('text/html; a=b; Charset="utf-16"', "é".encode("utf-16"), "é"),
        ("text/html; charset=", "é".encode(), "é"),
        ("text/html; charset=klingon", "é".encode(), "é"),
        ("text/html; charset=hex", b"ff", "ff"),
        ("text/html; charset=idna", "é".encode(), "é"),
        ("text/html; charset=undefined", "é".encode(), "é"),
        ("text/html; charset=a\x00b", "é".encode(), "é"),
        ("text/plain", b"\xff", "\ufffd"),
    ],
)
def test_text_of_any_charset(kind: str, content: bytes, expected: str) -> None:
    """The text of an answer can always be read, whatever charset it claims."""
    assert expected == Response(200, {"Content-Type": kind}, content).text


def test_json_of_a_response() -> None:
    """JSON is read; what is none is a ValueError."""
    assert {"a": 1} == Response(200, content=b'{"a": 1}').json()
    with pytest.raises(ValueError, match="Expecting value"):
        Response(200, content=b"<html>").json()


def test_raise_for_status() -> None:
    """A success passes on the response; a refusal raises with its status and how it began."""
    fine = Response(302)
    assert fine is fine.raise_for_status()
    bad = Response(500, content=b"Oops", url="https://ep1.api.runpod.ai/x")
    with pytest.raises(ApiError) as caught:
        bad.raise_for_status()
    assert (False, 500, "Oops") == (bad.ok, caught.value.status, caught.value.body_excerpt)
    assert "https://ep1.api.runpod.ai/x: 500: Oops." == str(caught.value)
    with pytest.raises(ApiError, match="the endpoint answered: 404"):
        Response(404).raise_for_status()


@pytest.mark.parametrize(
    ("ping", "outcome", "text"),
    [
        (Ping(Health.READY, 200, elapsed=0.25), "200", "READY 200 after 0.2s"),
        (Ping(Health.COLD, elapsed=15, detail="held"), "COLD", "COLD after 15.0s: held"),
    ],
)
def test_a_ping_says_what_came_of_it(ping: Ping, outcome: str, text: str) -> None:
    """Pings can be counted by outcome and read by people."""
    assert (outcome, text) == (ping.outcome, str(ping))
