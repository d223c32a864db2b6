"""Refusals of the control plane: each a typed error that says what to do and leaks nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lbsls import errors
from lbsls.values import Response
from lbsls.wire.problems import error_of, retry_after
from samples import KEY, answer, request

some = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
CAPACITY = "There are no longer any instances available with the requested specifications. Wait."


def problem(status: int, **rest: Any) -> Response:
    """Give an RFC 9457 answer."""
    return answer({"title": "Title", "status": status, "detail": "why", **rest}, status)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, errors.ApiError),
        (401, errors.AuthError),
        (402, errors.ApiError),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.ApiError),
        (429, errors.RateLimited),
        (500, errors.ServerError),
        (502, errors.ServerError),
        (503, errors.ServerError),
        (524, errors.ServerError),
    ],
)
def test_every_status_has_its_error(status: int, expected: type[errors.ApiError]) -> None:
    """A program can tell refusals apart by type, and a person by text."""
    error = error_of("create endpoint 'app'", request(), problem(status))
    assert expected is type(error)
    assert str(error).startswith(f"create endpoint 'app': {status} Title: why.")
    assert expected.advice in str(error)


def test_no_capacity_has_an_error_of_its_own() -> None:
    """That there is no machine is told apart from a mistake in the declaration."""
    error = error_of("create", request(), problem(400, detail=CAPACITY))
    assert errors.CapacityError is type(error)
    assert errors.ApiError is type(error_of("create", request(), problem(422, detail=CAPACITY)))


def test_every_validation_failure_is_named() -> None:
    """What Runpod finds wrong is passed on whole, except what is no text."""
    listed = ["$: additional properties 'bogus' not allowed", {"x": 1}, "$.disk: too small"]
    error = error_of("create", request(), problem(422, errors=listed))
    assert "why; $: additional properties 'bogus' not allowed; $.disk: too small." in str(error)
    error = error_of("create", request(), problem(422, errors={"not": "a list"}))
    assert () == error.errors  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (503, "a page of HTML came instead of an answer of the API."),
        (403, "that is a firewall or a proxy in between, not the key."),
    ],
)
def test_a_page_is_not_shown_but_named(status: int, expected: str) -> None:
    """A page of a gateway is told in words; its text is in the excerpt for who wants it."""
    error = error_of("list", request(), answer(b"\n<html><body>Sorry</body></html>", status))
    assert isinstance(error, errors.ApiError)
    assert expected in str(error)
    assert "<html>" not in str(error)
    assert "<html><body>Sorry</body></html>" == error.body_excerpt


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"title": "Bad Gateway", "detail": "the upstr', '500: {"title": "Bad Gateway"'),
        (b"", "list: 500. That is"),
        (b"[1]", "list: 500: [1]. That is"),
        (b'{"title": 5, "detail": null}', 'list: 500: {"title": 5, "detail": null}.'),
        (b"[" * 100_000, "list: 500: [["),
        (b"upstream timed out", "list: 500: upstream timed out."),
    ],
)
def test_a_body_of_another_kind_is_shown_in_part(content: bytes, expected: str) -> None:
    """Whatever came with a refusal helps as far as it can be read."""
    error = error_of("list", request(), answer(content, 500))
    assert expected in str(error)
    assert len(str(error)) < 400


def test_the_request_id_is_told() -> None:
    """Runpod's support can find the request."""
    response = answer({"title": "T", "detail": "d"}, 500, X_Request_Id="req-1")
    error = error_of("list", request(), response)
    assert "req-1" == error.request_id  # type: ignore[attr-defined]
    assert str(error).endswith("Request id: req-1.")


ENV = 'pass"word\nof two lines é'


@pytest.mark.parametrize(
    "body",
    [
        {"title": f"bad key {KEY}", "detail": f"env {ENV} refused", "errors": [f"{KEY} {ENV}"]},
        {"env": ENV, "token": KEY},
        {"detail": "x" * 495 + KEY},
        {"blanks": " " * 1990 + KEY, "and": ENV},
    ],
)
@pytest.mark.parametrize("ascii", [True, False])
def test_secrets_do_not_come_back(body: dict[str, Any], ascii: bool) -> None:
    """A refusal that repeats the request shows neither the key nor env, escaped, cut or whole."""
    content = json.dumps(body, ensure_ascii=ascii).encode()
    error = error_of("create", request("https://h/", ENV), answer(content, 400))
    text = str(error) + repr(error) + repr(vars(error))
    assert [] == [part for part in (KEY[:5], "pass", "word", "of two", "lines") if part in text]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://evil.example/v2/x", "redirects to evil.example (307)"),
        (f"https://{KEY}@evil.example/", "redirects to evil.example (307)"),
        (f"https://{KEY}.evil.example/", "redirects to ***.evil.example (307)"),
        ("/elsewhere", "redirects to another path (307)"),
        ("", "redirects to another path (307)"),
        ("https://[", "redirects to a place that is no address (307)"),
    ],
)
def test_a_redirect_is_not_followed(location: str, expected: str) -> None:
    """The error names where a redirect would have led; the key stayed here."""
    error = error_of("list endpoints", request(), answer(b"", 307, Location=location))
    assert errors.WireError is type(error)
    assert f"api.runpod.io {expected}" in str(error)
    assert KEY not in str(error)


DATE = "Fri, 20 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "Fri, 20 Nov 2026 10:00:30 GMT", "Date": DATE}, 30.0),
        ({"Retry-After": "Fri, 20 Nov 2026 09:00:00 GMT", "Date": DATE}, 0.0),
        ({"Retry-After": "Fri, 20 Nov 2026 10:00:30 GMT"}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 10:00:30 -0000", "Date": DATE}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 10:00:30 +" + "9" * 30, "Date": DATE}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], expected: float | None) -> None:
    """Seconds and dates are understood, by the answer's own clock; nonsense is nothing."""
    response = Response(429, headers)
    assert expected == retry_after(response)
    error = error_of("list", request(), response)
    assert expected == error.retry_after  # type: ignore[attr-defined]


@some
@given(
    st.integers(300, 599),
    st.binary(max_size=40)
    | st.dictionaries(
        st.sampled_from(["title", "detail", "errors", "status"]),
        st.text(max_size=5) | st.lists(st.none() | st.integers() | st.text(max_size=5)),
    ).map(lambda value: json.dumps(value).encode()),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30),
)
def test_whatever_comes_is_one_of_our_errors(status: int, content: bytes, header: str) -> None:
    """No refusal, however odd, raises anything else or an unreadable text."""
    headers = {"location": f"https:{header}", "retry-after": header, "date": header}
    error = error_of("list", request(), Response(status, headers, content))
    assert isinstance(error, errors.LbslsError)
    assert str(error).startswith("list: ")
