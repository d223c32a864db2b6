"""The control plane over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from lbsls.local import RUNPOD, Window
from lbsls.local.cloud import Cloud
from lbsls.local.images import Images, Ports
from lbsls.local.keys import is_loopback
from lbsls.local.options import World
from lbsls.local.worker import Ground

from .conftest import Site


def raw(site: Site, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
    """Send a request that no decent client sends."""
    connection = http.client.HTTPConnection(urlsplit(site.local.url).netloc, timeout=20)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    response = connection.getresponse()
    response.body = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


def test_an_endpoint_lives_from_create_to_delete(site: Site) -> None:
    """Create, get, list, change and delete show one and the same endpoint."""
    made = site.create(name="first")
    assert made == site.api("GET", f"/{made['id']}").json()
    assert {"endpoints": [made]} == site.api("GET").json()
    changed = site.api("PATCH", f"/{made['id']}", json={"name": "second"}).json()
    assert {**made, "name": "second"} == changed
    gone = site.api("DELETE", f"/{made['id']}")
    assert (204, b"") == (gone.status_code, gone.content)
    assert 404 == site.api("GET", f"/{made['id']}").status_code
    assert {"endpoints": []} == site.api("GET").json()


def test_a_create_answers_where_the_endpoint_is_and_when_it_was_made(site: Site) -> None:
    """Two creations within a second can be told apart."""
    response = site.api("POST", json={**BODY, "workers": {"max": 0}})
    assert f"/v2/serverless/{response.json()['id']}" == response.headers["Location"]
    assert "no-store" == response.headers["Cache-Control"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", response.json()["createdAt"])


BODY: dict[str, Any] = {
    "name": "a",
    "type": "QUEUE",
    "image": "i",
    "gpu": {"pools": ["ADA_24"]},
    "scaling": {"type": "QUEUE_DELAY", "queueDelay": 4},
}


def test_a_caller_that_goes_away_leaves_a_whole_endpoint() -> None:
    """A create whose answer nobody waits for happened, as on Runpod."""

    async def main() -> list[dict[str, Any]]:
        """Do it in an event loop."""
        async with aiohttp.ClientSession() as session:
            cloud = Cloud(Ground(World(), Images({}), Ports(), session), "key")
            body = {
                **BODY,
                "type": "LOAD_BALANCER",
                "scaling": {"type": "REQUEST_COUNT", "requestCount": 1},
            }
            task = asyncio.ensure_future(cloud.create_endpoint(body))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            (endpoint,) = cloud.list_endpoints()
            _, writer = await asyncio.open_connection(
                "127.0.0.1", urlsplit(endpoint["requestUrls"]["base"]).port
            )
            writer.close()
            await writer.wait_closed()
            await cloud.close()
            return cloud.list_endpoints()

    assert asyncio.run(main()) == []


def test_names_are_not_unique(site: Site) -> None:
    """Runpod makes a second endpoint of the same name, so this does, too."""
    ids = {site.api("POST", json=BODY).json()["id"] for _ in range(2)}
    assert 2 == len(ids)


def test_a_queue_is_kept_but_runs_no_workers_yet(site: Site) -> None:
    """Queue-based endpoints can be made and looked at."""
    made = site.api("POST", json={**BODY, "workers": {"min": 1}}).json()
    assert f"{site.local.url}/v2/{made['id']}/run" == made["requestUrls"]["run"]
    shown = site.api("GET", f"/{made['id']}/workers").json()
    assert (1, [], 0) == (shown["endpointVersion"], shown["workers"], shown["summary"]["total"])
    assert 404 == site.api("GET", f"/{made['id']}/workers/w/logs").status_code
    assert 200 == site.api("PATCH", f"/{made['id']}", json={"image": "j"}).status_code
    assert 2 == site.api("GET", f"/{made['id']}/workers").json()["endpointVersion"]
    assert 204 == site.api("DELETE", f"/{made['id']}").status_code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/none"),
        ("PATCH", "/none"),
        ("DELETE", "/none"),
        ("GET", "/none/workers"),
        ("GET", "/none/workers/w/logs"),
    ],
)
def test_an_unknown_endpoint_is_a_404(site: Site, method: str, path: str) -> None:
    """Each operation says that there is no such endpoint."""
    response = site.api(method, path, json={} if method == "PATCH" else None)
    problem = {"title": "Not Found", "status": 404, "detail": "endpoint not found"}
    assert (404, problem) == (response.status_code, response.json())
    assert "application/problem+json" == response.headers["Content-Type"]


def test_an_unknown_path_is_a_404(site: Site) -> None:
    """What is no operation is not found."""
    response = site.http.get(f"{site.local.url}/v2/pods", timeout=20)
    assert (404, "resource not found") == (response.status_code, response.json()["detail"])


@pytest.mark.parametrize(
    ("path", "allow"), [("", "GET, POST"), ("/x", "DELETE, GET, PATCH"), ("/x/workers", "GET")]
)
def test_a_method_that_a_path_does_not_have_is_a_405(site: Site, path: str, allow: str) -> None:
    """The answer says which methods there are."""
    response = site.api("PUT", path)
    assert (405, allow) == (response.status_code, response.headers["Allow"])
    assert "Method Not Allowed" == response.json()["title"]


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        (None, "missing bearer token"),
        ("", "missing bearer token"),
        ("Basic abc", "missing bearer token"),
        ("Bearer ", "missing bearer token"),
        ("Bearer wrong", "invalid bearer token"),
        ("Bearer wr\u00f6ng", "invalid bearer token"),
    ],
)
def test_nobody_comes_in_without_the_key(
    site: Site, authorization: str | None, detail: str
) -> None:
    """The control plane answers 401 as Runpod does, and says nothing of limits."""
    headers = {} if authorization is None else {"Authorization": authorization}
    response = raw(site, "GET", "/v2/serverless", **headers)
    problem = {"title": "Unauthorized", "status": 401, "detail": detail}
    assert (401, problem) == (response.status, json.loads(response.body))  # type: ignore[attr-defined]
    assert None is response.getheader("RateLimit")


def test_a_page_in_a_browser_cannot_come_in_by_another_name(site: Site) -> None:
    """A host name that was made to point at this machine is refused."""
    key = f"Bearer {site.local.api_key}"
    response = raw(site, "GET", "/v2/serverless", Authorization=key, Host="evil.example")
    assert 403 == response.status


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:80", True),
        ("LOCALHOST:80", True),
        ("localhost", True),
        ("[::1]", True),
        ("[::1]:80", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        (None, False),
    ],
)
def test_which_hosts_are_this_machine(host: str | None, expected: bool) -> None:
    """Only loopback names are."""
    assert expected == is_loopback(host)


def test_a_body_that_the_schema_refuses_names_the_field(site: Site) -> None:
    """Unknown fields are a 422 in Runpod's words."""
    response = site.api("POST", json={**BODY, "bogus": 1})
    assert 422 == response.status_code
    assert {
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "Request validation failed.",
        "errors": ["$: additional properties 'bogus' not allowed"],
    } == response.json()


@pytest.mark.parametrize(
    ("body", "type_", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"a": NaN}', "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"disk": 1' + b"0" * 5000 + b"}", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json; charset=utf-8", 422),
        (b" " * 1_100_000, "application/json", 413),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_body_that_is_no_json_is_refused_with_a_problem(
    site: Site, body: bytes, type_: str, status: int
) -> None:
    """Whatever is sent, the answer is a problem that says what is wrong."""
    response = site.api("POST", data=body, headers={"Content-Type": type_})
    assert (status, status) == (response.status_code, response.json()["status"])


def test_answers_say_how_much_of_the_limit_is_left(site: Site) -> None:
    """The headers of Runpod's policy are on every answer, a refusal too."""
    for response in (site.api("GET"), site.api("GET", "/none")):
        assert '"minute";q=60000;w=60' in response.headers["RateLimit-Policy"]
        assert re.match(r'"minute";r=5999\d;t=\d+, ', response.headers["RateLimit"])


def test_more_than_the_limit_is_refused(start_site: Callable[..., Site]) -> None:
    """A 429 says how long to wait."""
    site = start_site(rate_limit=(Window("minute", 2, 60), Window("hour", 9, 3600)))
    answers = [site.api("GET") for _ in range(3)]
    assert [200, 200, 429] == [answer.status_code for answer in answers]
    assert "rate limit exceeded for the minute window" == answers[2].json()["detail"]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60
    assert answers[2].headers["RateLimit"].startswith('"minute";r=0;t=')


def test_runpods_own_limits_can_be_asked_for(start_site: Callable[..., Site]) -> None:
    """Runpod's example policy is there to be tried."""
    policy = start_site(rate_limit=RUNPOD).api("GET").headers["RateLimit-Policy"]
    assert '"minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400' == policy


def test_limits_can_be_left_out(start_site: Callable[..., Site]) -> None:
    """An account without limits gets no headers about them, as on Runpod."""
    assert "RateLimit" not in start_site(rate_limit=()).api("GET").headers
