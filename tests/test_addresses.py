"""What an account may be made of, and where the key must not go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbsls.addresses import DEFAULT_BASE_URL, Trust, check_account, is_loopback, queue_base

KEY = "rpa_KEYKEYKEY"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://LOCALHOST:1/x", True),
        ("http://[::1]:5", True),
        ("http://127.255.0.9", True),
        ("http://127.0.0.256", False),
        ("http://127.0.0.01", False),
        ("http://127.1", False),
        ("http://127.0.0.1.2", False),
        ("https://api.runpod.io", False),
        ("http://127.0.0.1.evil.com", False),
        ("http://localhost.evil.com", False),
        ("", False),
    ],
)
def test_what_is_on_this_machine(url: str, expected: bool) -> None:
    """Only this machine's own names count, nothing that looks like them."""
    assert expected is is_loopback(url)


def test_where_queues_are() -> None:
    """Runpod's queues have an address of their own; another control plane's are beside it."""
    assert "https://api.runpod.ai/v2" == queue_base(DEFAULT_BASE_URL)
    assert "http://127.0.0.1:8000/v2" == queue_base("http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("url", "project"),
    [
        (DEFAULT_BASE_URL, None),
        ("https://api.runpod.io/", "shop"),
        ("https://rp.example.com:8443/api", "my shop"),
        ("http://127.0.0.1:8000", None),
        ("http://127.9.9.9:8000", None),
        ("http://[::1]:8000", None),
    ],
)
def test_what_is_right_passes(url: str, project: str | None) -> None:
    """Runpod's address, a company's own, and one on this machine."""
    assert () == check_account(KEY, url, project)


CASES: list[tuple[Any, Any, Any, str, str]] = [
    (KEY, "https://api.runpod.io/v2/", None, "base_url", "must not end in /v2: lbsls adds it"),
    ("", DEFAULT_BASE_URL, None, "api_key", "must be a text that is not empty"),
    (None, DEFAULT_BASE_URL, None, "api_key", "must be a text that is not empty"),
    (f"{KEY}\n", DEFAULT_BASE_URL, None, "api_key", "has no control characters"),
    (f" {KEY}", DEFAULT_BASE_URL, None, "api_key", "has blanks around it"),
    (f"{KEY}é", DEFAULT_BASE_URL, None, "api_key", "that no HTTP header can carry"),
    (KEY, DEFAULT_BASE_URL, "", "project", "not empty, not ''."),
    (KEY, DEFAULT_BASE_URL, "a/b", "project", "a text without '/'"),
    (KEY, DEFAULT_BASE_URL, 5, "project", "not 5."),
    (KEY, "", None, "base_url", "must be an http(s) address, not ''."),
    (KEY, None, None, "base_url", "must be an http(s) address, not None."),
    (KEY, "api.runpod.io", None, "base_url", "must be an http(s) address"),
    (KEY, "ftp://api.runpod.io", None, "base_url", "must be an http(s) address"),
    (KEY, "https://", None, "base_url", "must be an http(s) address"),
    (KEY, "https://[", None, "base_url", "must be an http(s) address"),
    (KEY, "https://h:99999", None, "base_url", "must be an http(s) address"),
    (KEY, [10**5000], None, "base_url", "<list that cannot be shown>"),
    (KEY, f"https://u:{KEY}@h", None, "base_url", "must not hold a user or a password."),
    (KEY, f"ftp://u:{KEY}@h", None, "base_url", "must not hold a user or a password."),
    (KEY, f"https://h?api_key={KEY}", None, "base_url", "must not have a query"),
    (KEY, "https://h#x", None, "base_url", "must not have a query or a fragment."),
    (KEY, "https://api.runpod.io ", None, "base_url", "has blanks"),
    (KEY, "https://api.run\npod.io", None, "base_url", "or control characters"),
    (KEY, "https://api.runpod.io\\x", None, "base_url", "backslashes"),
    (KEY, "http://api.runpod.io", None, "base_url", "the key would go in clear."),
    (KEY, "http://127.0.0.1.evil.com", None, "base_url", "evil.com is not this machine"),
]


@pytest.mark.parametrize(("key", "url", "project", "field", "reason"), CASES)
def test_what_cannot_be_right_is_named(
    key: Any, url: Any, project: Any, field: str, reason: str
) -> None:
    """One mistake, one violation that says what to write instead and does not show the key."""
    (violation,) = check_account(key, url, project)
    assert (field, True) == (violation.field, bool(violation.instead))
    assert reason in violation.reason
    assert KEY not in str(violation)


def test_all_mistakes_are_named_at_once() -> None:
    """An account is put right in one go."""
    found = check_account("", "nowhere", "a/b")
    assert ["api_key", "base_url", "project"] == [violation.field for violation in found]


@pytest.mark.parametrize("named", ["Gw.corp", ["gw.corp"], ("other", "GW.CORP"), {"gw.corp"}])
def test_plain_http_can_be_allowed_by_name(named: Any) -> None:
    """One host, or several, however they are spelled; and it is no other that is allowed."""
    assert () == check_account(KEY, "http://gw.corp:8000/api", None, (), named)
    (violation,) = check_account(KEY, "http://x.gw.corp:8000", None, named, named)
    assert "the key would go in clear" in violation.reason
    assert "allow_http='x.gw.corp' or LBSLS_ALLOW_HTTP=x.gw.corp." in violation.instead
    assert "gw.corp" in Trust.of(named, ()).hosts


@pytest.mark.parametrize(
    "name", ["*", "*.corp", "http://gw", "gw:80", "a b", "", ".", None, 5, True]
)
def test_what_names_no_host_is_refused(name: Any) -> None:
    """Nothing is allowed wholesale, and no spelling that would never fit is taken in silence."""
    found = [
        each for both in (name, [name]) for each in check_account(KEY, "https://h", None, both)
    ]
    assert ["trusted_hosts"] * 2 == [violation.field for violation in found]
    assert "allow_http must name hosts" in check_account(KEY, "https://h", None, (), name)[0].reason


@settings(max_examples=60, deadline=None)
@given(st.none() | st.text(max_size=30) | st.text(max_size=20).map("https:".__add__))
def test_any_address_is_judged(text: str | None) -> None:
    """No text makes the check itself fail."""
    assert len(check_account(KEY, text, text)) <= 2
