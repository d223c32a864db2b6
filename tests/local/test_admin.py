"""The address where a local Runpod is told to misbehave, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import Site


def admin(site: Site, method: str, path: str, **options: Any) -> requests.Response:
    """Ask it with its key, or with the headers given."""
    environ = site.local.admin_environ()
    options.setdefault("headers", {"Authorization": f"Bearer {environ['LBSLS_LOCAL_ADMIN_KEY']}"})
    return requests.request(method, environ["LBSLS_LOCAL_ADMIN_URL"] + path, timeout=20, **options)


def test_a_fault_is_set_and_ended(site: Site) -> None:
    """Like in Python: it strikes, is listed, and ends."""
    body = {"kind": "answer", "status": 503, "operation": "list", "retry_after": 2}
    made = admin(site, "POST", "/faults", json=body)
    assert (201, 0) == (made.status_code, made.json()["fired"])
    refused = site.api("GET")
    assert (503, "2") == (refused.status_code, refused.headers["Retry-After"])
    (listed,) = admin(site, "GET", "/faults").json()["faults"]
    assert {**made.json(), "fired": 1} == listed
    path = f"/faults/{listed['id']}"
    ended = [admin(site, "DELETE", path).status_code for _ in range(2)]
    assert ([204, 404], 200) == (ended, site.api("GET").status_code)


def test_all_faults_end_at_once(site: Site) -> None:
    """Also one with a date."""
    date = "2026-11-24T12:00:00Z"
    body = {"kind": "answer", "status": 429, "retry_after": date, "lasts": 60, "endpoint": None}
    assert 201 == admin(site, "POST", "/faults", json=body).status_code
    (listed,) = admin(site, "GET", "/faults").json()["faults"]
    assert "2026-11-24T12:00:00+00:00" == listed["retry_after"]
    assert 429 == site.api("GET").status_code
    assert 204 == admin(site, "DELETE", "/faults").status_code
    assert {"faults": []} == admin(site, "GET", "/faults").json()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("{", "not JSON"),
        ("[]", "an object with kind, status"),
        ("{}", "kind is missing"),
        ('{"kind": "nothing"}', "kind is one of answer"),
        ('{"kind": "hang", "when": 1}', "when is not one of kind, status"),
        ('{"kind": "hang", "times": true}', "times cannot be True"),
        ('{"kind": "hang", "times": 0}', "times is at least 1"),
        ('{"kind": "delay", "seconds": NaN}', "seconds is at least 0"),
        ('{"kind": "answer", "retry_after": "soon"}', "retry_after is seconds or a time"),
    ],
)
def test_a_fault_that_cannot_be_is_told(site: Site, body: str, error: str) -> None:
    """What is wrong, and what is possible."""
    refused = admin(site, "POST", "/faults", data=body)
    assert 422 == refused.status_code
    assert error in "; ".join(refused.json()["errors"])
    assert {"faults": []} == admin(site, "GET", "/faults").json()


def test_what_was_sent_is_told_and_forgotten(site: Site) -> None:
    """All of it, or of one operation."""
    site.api("GET")
    site.api("GET", "/none")
    found = admin(site, "GET", "/requests", params={"operation": "get"}).json()
    assert {"list": 1, "get": 1} == found["counts"]
    assert [("get", 404)] == [(each["operation"], each["status"]) for each in found["requests"]]
    assert 204 == admin(site, "DELETE", "/requests").status_code
    assert {"counts": {}, "requests": []} == admin(site, "GET", "/requests").json()


def test_it_wants_a_key_of_its_own(site: Site) -> None:
    """The account's leads nowhere, and no other name of this machine does."""
    theirs = {"Authorization": f"Bearer {site.local.api_key}"}
    for headers in ({}, theirs, {"Authorization": "Basic x"}):
        refused = admin(site, "GET", "/faults", headers=headers)
        assert 401 == refused.status_code
        assert "LBSLS_LOCAL_ADMIN_KEY" in refused.json()["detail"]
    rebound = admin(site, "GET", "/faults", headers={**theirs, "Host": "evil.example"})
    assert 403 == rebound.status_code
    assert 404 == admin(site, "GET", "/").status_code
    assert 405 == admin(site, "PUT", "/faults").status_code


def test_no_endpoint_leads_there(site: Site) -> None:
    """An endpoint's address, and the control plane's, know nothing of it."""
    endpoint = site.create(workers={"min": 1})
    key = site.local.admin_environ()["LBSLS_LOCAL_ADMIN_KEY"]
    headers = {"Authorization": f"Bearer {key}"}
    assert 401 == site.call(endpoint, "/faults", headers=headers).status_code
    assert 401 == requests.get(f"{site.local.url}/faults", headers=headers).status_code
    assert 404 == site.http.get(f"{site.local.url}/faults").status_code
    environ = site.call(endpoint, "/env").text
    assert (False, False) == (key in environ, "LBSLS_LOCAL" in environ)
