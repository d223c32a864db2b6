"""Where the API key may go, and what an answer of the edge means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbsls.addresses import Trust
from lbsls.errors import ConnectError, TransportError, TransportTimeout
from lbsls.values import Health, Ping, Response
from lbsls.wire.edge import is_no_worker, may_carry_key, ping_of
from samples import KEY, answer

RUNPOD = "https://api.runpod.io"
LOCAL = "http://127.0.0.1:8000"
OWN = "https://rp.example.com/api"

GOOD = [
    ("https://ep1.api.runpod.ai/ping", RUNPOD),
    ("https://EP1.API.RUNPOD.AI/ping", RUNPOD),
    ("https://ep1.api.runpod.ai:443/ping?a=b#c", RUNPOD),
    ("https://ep1.eu.api.runpod.ai", RUNPOD),
    ("https://ep1.api.runpod.ai/ping", LOCAL),
    ("HTTPS://ep1.api.runpod.ai/ping", RUNPOD),
    ("https://api.runpod.io/v2/ep1/ping", RUNPOD),
    ("http://127.0.0.1:43210/ping", LOCAL),
    ("https://127.0.0.1:43210/ping", LOCAL),
    ("http://[::1]:5000/ping", "http://[::1]:8000"),
    ("http://localhost:8000/", LOCAL),
    ("http://127.0.0.2:8000/", LOCAL),
    ("http://127.0.0.1:8000/", "https://localhost:8000"),
    ("https://rp.example.com/ep1/", OWN),
    ("https://ep1.rp.example.com/", OWN),
    ("https://ep1.lb.rp.example.com/", OWN),
]
BAD = [
    ("https://ep1.runpod.ai.evil.com/ping", RUNPOD),
    ("https://ep1.evilrunpod.ai/ping", RUNPOD),
    ("https://evilrunpod.ai/ping", RUNPOD),
    ("https://ep2.api.runpod.ai/ping", RUNPOD),
    ("https://api.runpod.ai/v2/ep1", RUNPOD),
    ("https://runpod.ai/", RUNPOD),
    ("https://xep1.api.runpod.ai/", RUNPOD),
    ("https://evil.com/ep1.api.runpod.ai", RUNPOD),
    ("https://evil.com#ep1.api.runpod.ai", RUNPOD),
    ("https://evil.com?@ep1.api.runpod.ai", RUNPOD),
    ("https://ep1.api.runpod.ai@evil.com/", RUNPOD),
    ("https://user:pass@ep1.api.runpod.ai/", RUNPOD),
    ("https://ep1.evil.com\\.runpod.ai/", RUNPOD),
    ("https://ep1.evil.com\\@x.runpod.ai/", RUNPOD),
    ("https://ep1.evil.com%2f.runpod.ai/", RUNPOD),
    ("https://ep1.evil.com\t.runpod.ai/", RUNPOD),
    ("https://ep1.evil.com .runpod.ai/", RUNPOD),
    ("https://ep1.evil\u3002runpod.ai/", RUNPOD),
    ("https://ep1.api.runpod.a\u0131/", RUNPOD),
    ("https://ep1.api.runpod.ai./", RUNPOD),
    ("http://ep1.api.runpod.ai/ping", RUNPOD),
    ("http://api.runpod.io/v2", RUNPOD),
    ("ftp://ep1.api.runpod.ai/", RUNPOD),
    ("file:///etc/passwd", RUNPOD),
    ("//ep1.api.runpod.ai/", RUNPOD),
    ("/ping", RUNPOD),
    ("", RUNPOD),
    ("https:///ping", RUNPOD),
    ("https://[", RUNPOD),
    ("https://[::1", "http://[::1]:8000"),
    ("http://127.0.0.1:8000/", RUNPOD),
    ("http://localhost/", OWN),
    ("http://rp.example.com/", OWN),
    ("http://ep1.rp.example.com/", OWN),
    ("https://rp.example.com/", LOCAL),
    ("https://ep1.runpod.ai", RUNPOD),
    ("https://ep1.proxy.runpod.io/", RUNPOD),
    ("HTTP://ep1.api.runpod.ai/ping", RUNPOD),
    ("http://ep1.127.0.0.1/", LOCAL),
    ("https://rp.example.com.evil.com/", OWN),
    ("https://ep1.notrp.example.com/", OWN),
    ("https://example.com/", OWN),
]


@pytest.mark.parametrize(("url", "base"), GOOD)
def test_the_key_goes_to_the_endpoint(url: str, base: str) -> None:
    """An endpoint of the account is called with the key, in Runpod's cloud or elsewhere."""
    assert may_carry_key(url, base_url=base, endpoint_id="Ep1")


@pytest.mark.parametrize(("url", "base"), BAD)
def test_the_key_goes_nowhere_else(url: str, base: str) -> None:
    """No look-alike, no plain http and no address that can be read in two ways gets the key."""
    assert not may_carry_key(url, base_url=base, endpoint_id="ep1")


GATEWAY = Trust.of("gw.corp", ())
PLAIN = Trust.of("gw.corp", "gw.corp")


@pytest.mark.parametrize(
    ("url", "trust", "expected"),
    [
        ("https://gw.corp:8443/ep1", GATEWAY, True),
        ("https://ep1.gw.corp/ping", GATEWAY, True),
        ("https://ep1.lb.gw.corp/ping", GATEWAY, True),
        ("https://ep2.gw.corp/ping", GATEWAY, False),
        ("https://xgw.corp/", GATEWAY, False),
        ("http://gw.corp/", GATEWAY, False),
        ("http://gw.corp/", PLAIN, True),
        ("http://ep1.gw.corp/", PLAIN, True),
        ("http://ep1.lb.gw.corp/", PLAIN, False),
        ("http://ep1.api.runpod.ai/", PLAIN, False),
        ("http://gw.corp/", Trust.of((), "gw.corp"), False),
    ],
)
def test_a_host_can_be_trusted_by_name(url: str, trust: Trust, expected: bool) -> None:
    """A gateway of one's own gets the key, over TLS unless plain http was allowed as well."""
    assert expected is may_carry_key(url, base_url=RUNPOD, endpoint_id="ep1", trust=trust)


def test_an_endpoint_without_an_id_has_no_host() -> None:
    """An empty id does not match an empty label."""
    assert not may_carry_key("https://.api.runpod.ai/", base_url=RUNPOD, endpoint_id="")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), st.sampled_from(["", "https://ep1.", "https://ep1.evil.com"]))
def test_any_address_is_judged(text: str, start: str) -> None:
    """Whatever a control plane names, the answer is yes or no; and no for a foreign host."""
    assert not may_carry_key(f"{start}{text}", base_url=RUNPOD, endpoint_id="ep1") or (
        start == "https://ep1." and "api.runpod." in text
    )


def ping(answered: Any) -> Ping:
    """Classify an answer that came after a second."""
    return ping_of(answered, at=2.0, elapsed=1.0, secrets=(KEY,))


REFUSED_KEY = {"status": 401, "title": "Unauthorized", "detail": "invalid api key"}
NO_WORKER = {"error": "no workers available"}


@pytest.mark.parametrize(
    ("answered", "health", "status", "detail"),
    [
        (ConnectError("w", "refused"), Health.UNREACHABLE, None, "refused"),
        (TransportTimeout("w", "no answer"), Health.COLD, None, "held, not answered in time"),
        (TransportError("w", "broke"), Health.UNHEALTHY, None, "broke"),
        (answer(b"pong", 200), Health.READY, 200, ""),
        (answer(b"", 204), Health.INITIALIZING, 204, ""),
        (answer(NO_WORKER, 400), Health.COLD, 400, '{"error": "no workers available"}'),
        (answer(b"nope", 400), Health.UNHEALTHY, 400, "nope"),
        (answer(b"not here", 404), Health.UNHEALTHY, 404, "not here"),
        (answer(b"", 201), Health.UNHEALTHY, 201, ""),
        (answer(b"", 302), Health.UNHEALTHY, 302, ""),
        (answer(b"\x00\xffgarb\nage", 500), Health.UNHEALTHY, 500, "\ufffdgarb age"),
        (answer(f"debug: {KEY}".encode(), 500), Health.UNHEALTHY, 500, "debug: ***"),
        (answer(b"x" * 500, 502), Health.UNHEALTHY, 502, "x" * 119 + "…"),
    ],
)
def test_what_a_ping_means(answered: Any, health: Health, status: Any, detail: str) -> None:
    """Every outcome of a ping is one of five healths, told in a few words."""
    assert Ping(health, status, None, 2.0, 1.0, detail) == ping(answered)


def test_the_worker_that_answered_is_known() -> None:
    """A deploy can tell a stale worker's answer from a fresh one's."""
    assert "w1" == ping(answer(b"", 200, x_runpod_worker_id="w1")).worker_id


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        (answer(REFUSED_KEY, 401), True),
        (answer({**REFUSED_KEY, "detail": "no token provided"}, 401), True),
        (answer({"detail": "log in"}, 401), False),
        (answer([], 401), False),
        (answer(b"Unauthorized", 401), False),
        (answer(REFUSED_KEY, 403), False),
    ],
)
def test_a_refused_key_is_not_an_apps_own_401(answered: Response, expected: bool) -> None:
    """A wrong key ends the wait; an app that wants a login does not look like one."""
    assert expected is ping(answered).refused_key
    assert Health.UNHEALTHY is ping(answered).health


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        (answer(NO_WORKER, 400), True),
        (answer({"error": "timed out waiting for worker", "title": "worker_timeout"}, 400), True),
        (answer({"error": "name is missing"}, 400), False),
        (answer({"error": ["no workers available"]}, 400), False),
        (answer(["no workers available"], 400), False),
        (answer(b"no workers available", 400), False),
        (answer(b"[" * 1000, 400), False),
        (answer({**NO_WORKER, "more": "x" * 1000}, 400), False),
        (answer(NO_WORKER, 503), False),
        (answer(NO_WORKER, 400, X_Runpod_Worker_Id="w1"), False),
    ],
)
def test_a_want_of_workers_is_not_an_apps_own_400(answered: Response, expected: bool) -> None:
    """Only what proves that no worker saw a request is sent again."""
    assert expected is is_no_worker(answered), json.dumps(answered.text)
