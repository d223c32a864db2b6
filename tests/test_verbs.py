"""The verbs of resources and endpoints: they ask the right account for the right thing."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from lbsls import Account, ConfigError, Endpoint, FixedSchedule, Health
from lbsls.testing import ScriptedTransport
from stories import BASE, GONE, KEY, RESOURCE, answer, endpoint, listed, page, workers

Call = Callable[..., Any]
SAME = endpoint()
READY = page(200, "w1")


def scripted(*steps: Any) -> tuple[Account, ScriptedTransport]:
    """Make an account whose transport answers from a script."""
    transport = ScriptedTransport(steps)
    return Account(KEY, transport=transport), transport


def live(*steps: Any) -> tuple[Endpoint, ScriptedTransport]:
    """Give an endpoint whose account answers from a script, and what is sent."""
    account, transport = scripted(answer(SAME), *steps)
    found = account.get("e1")
    transport.requests.clear()
    return found, transport


OF_RESOURCE: list[tuple[str, dict[str, Any], list[Any], Any]] = [
    ("deploy", {"wait": False}, [listed(SAME), listed(SAME)], "e1"),
    ("deploy", {"timeout": 9.0}, [listed(SAME), READY, listed(SAME)], "e1"),
    ("deploy", {"dry_run": True}, [listed(SAME)], "nothing"),
    ("undeploy", {}, [listed(SAME), GONE], True),
    ("workers", {}, [listed(SAME), workers()], ()),
    ("is_deployed", {}, [listed()], False),
    ("is_healthy", {}, [listed(SAME), READY], True),
    ("check_ping", {"timeout": 2.0}, [listed(SAME), READY], Health.READY),
    ("wait_for_health", {"max_retries": 2, "retry_interval": 1}, [listed(SAME), READY], True),
    ("wait_for_health", {"strategy": FixedSchedule(), "timeout": 3}, [listed(SAME), READY], True),
]


def plain(value: Any) -> Any:
    """Give what can be compared: an id, a health, an action, or the value."""
    named = (getattr(value, name, None) for name in ("id", "health", "action"))
    return next((found for found in named if found is not None), value)


@pytest.mark.parametrize("verb", OF_RESOURCE, ids=lambda verb: verb[0])
def test_verbs_of_a_resource(call: Call, verb: Any) -> None:
    """They act on the endpoint of its name, in the account that is given."""
    name, options, steps, expected = verb
    account, transport = scripted(*steps)
    assert plain(call(RESOURCE, name, account=account, **options)) == expected
    assert len(transport.requests) == len(steps)


def test_verbs_of_a_resource_use_the_environment(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an account it is the environment's; without a key the error says what to set."""
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    for name in ("deploy", "undeploy", "is_deployed"):
        with pytest.raises(ConfigError, match="RUNPOD_API_KEY is not set"):
            call(RESOURCE, name)


OF_ENDPOINT: list[tuple[str, tuple[Any, ...], dict[str, Any], list[Any], Any]] = [
    ("deploy", (), {"wait": False}, [listed(SAME), listed(SAME)], "e1"),
    ("undeploy", (), {}, [GONE], True),
    ("workers", (), {}, [workers()], ()),
    ("is_deployed", (), {}, [answer(SAME), workers()], True),
    ("is_healthy", (), {}, [page(204)], False),
    ("check_ping", (), {"timeout": 1.0}, [READY], Health.READY),
    ("wait_for_health", (), {"max_retries": 1}, [READY], True),
]


@pytest.mark.parametrize("verb", OF_ENDPOINT, ids=lambda verb: verb[0])
def test_verbs_of_an_endpoint(call: Call, verb: Any) -> None:
    """They act on that very endpoint, without looking for its name."""
    name, args, options, steps, expected = verb
    found, transport = live(*steps)
    assert plain(call(found, name, *args, **options)) == expected
    assert len(transport.requests) == len(steps)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "request"])
def test_calls_of_an_endpoint(call: Call, method: str) -> None:
    """As in requests: a path, and what to send."""
    found, transport = live(page(201, body=b'{"a": 1}'))
    args = ("OPTIONS", "/run") if method == "request" else ("/run",)
    got = call(found, method, *args, params={"q": "1"}, timeout=4.0)
    sent = transport.requests[0]
    assert sent.method == ("OPTIONS" if method == "request" else method.upper())
    assert (sent.url, sent.timeout <= 4.0) == ("https://e1.api.runpod.ai/run?q=1", True)
    assert (got.status_code, got.json()) == (201, {"a": 1})
    assert got.headers == {}


def test_an_endpoint_that_was_pickled_uses_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither key nor values of env travel with it."""
    found, _ = live()
    data = pickle.dumps(found)
    assert KEY.encode() not in data
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", BASE)
    thawed = pickle.loads(data)
    assert (thawed.id, thawed.account.base_url, thawed.settings.env) == ("e1", BASE, None)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", "https://else.test")
    with pytest.raises(ConfigError, match=r"is of https://api\.runpod\.io, not of https://else"):
        thawed.is_healthy()


@pytest.mark.parametrize(
    ("more", "kind"), [({}, "LoadBalancerSlsResource"), ({"type": "QUEUE"}, "ServerlessResource")]
)
def test_an_endpoint_tells_what_would_declare_it(more: dict[str, Any], kind: str) -> None:
    """Every live setting written out, but not what is lbsls's or Runpod's own."""
    placed = {"dataCenterIds": ["EU-RO-1"], "networkVolumes": ["v1"], "gpu": {"pools": ["ADA_24"]}}
    made = endpoint(env={"A": "1", "RUNPOD_X": "2"}) | placed | more
    found = scripted(answer(made))[0].get("e1")
    declared = found.resource
    assert (type(declared).__name__, declared.name) == (kind, "app")
    assert dict(declared.env or {}) == {"A": "1", "PORT": "80", "PORT_HEALTH": "80"}
    assert (declared.datacenter, declared.gpus) == (("EU-RO-1",), ("ADA_24",))
    assert [volume.id for volume in declared.networkVolume or ()] == ["v1"]
    assert pickle.loads(pickle.dumps(found)).resource.env is None
