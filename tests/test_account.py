"""The account as users see it: every verb in three modes, through what really sends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
import responses
from responses.registries import OrderedRegistry

from lbsls import (
    Account,
    ConfigError,
    FixedSchedule,
    Health,
    HealthTimeout,
    LoadBalancerSlsResource,
    NotFound,
    NotOurs,
    TransportTimeout,
)
from lbsls.account import default_account
from lbsls.testing import ScriptedTransport
from servers import reply, serving
from stories import BASE, GONE, KEY, RESOURCE, UNKNOWN, answer, endpoint, listed, log, page, workers

Call = Callable[..., Any]
SERVERLESS = f"{BASE}/v2/serverless"
PING = "https://e1.api.runpod.ai/ping"
SAME = endpoint()
READY = page(200, "w1")


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    """Answer in order, and fail if anything else is sent or anything is not."""
    with responses.RequestsMock(registry=OrderedRegistry) as mock:
        yield mock


def scripted(*steps: Any, **settings: Any) -> tuple[Account, ScriptedTransport]:
    """Make an account whose transport answers from a script."""
    transport = ScriptedTransport(steps)
    return Account(KEY, transport=transport, **settings), transport


def test_deploy_makes_an_endpoint_and_waits(call: Call, mocked: responses.RequestsMock) -> None:
    """Look, create, look, ping: the spec's diagram, through the library that really sends."""
    echoed: dict[str, Any] = {}

    def create(request: Any) -> tuple[int, dict[str, str], bytes]:
        nonce = request.body.decode().partition('"LBSLS_MARK": "')[2].partition('"')[0]
        echoed["made"] = answer(endpoint(nonce=nonce.rpartition("/")[2])).content
        return 201, {}, echoed["made"]

    def look(request: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b'{"endpoints": [' + echoed["made"] + b"]}"

    mocked.get(SERVERLESS, json={"endpoints": []})
    mocked.add_callback("POST", SERVERLESS, create)
    mocked.add_callback("GET", SERVERLESS, look)
    mocked.get(PING, headers={"X-Runpod-Worker-Id": "w1"})
    deployed = call(Account(KEY), "deploy", RESOURCE)
    assert (deployed.id, deployed.endpoint_url) == ("e1", "https://e1.api.runpod.ai")
    assert {each.request.headers["Authorization"] for each in mocked.calls} == {f"Bearer {KEY}"}


def test_deploy_raises_a_timeout_that_says_why(call: Call) -> None:
    """``except TimeoutError`` catches it."""
    steps = [listed(SAME), *[page(204)] * 3, workers("RUNNING"), log()]
    account, _ = scripted(*steps)
    with pytest.raises(TimeoutError, match="still says that it is initializing") as raised:
        call(account, "deploy", RESOURCE, timeout=30, strategy=FixedSchedule(3, 0.01))
    assert isinstance(raised.value, HealthTimeout)


def test_events_are_told_and_logged(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """A program can show progress, and a log has it without being asked."""
    caplog.set_level(logging.DEBUG, "lbsls")
    account, _ = scripted(listed(SAME), READY, listed(SAME))
    told: list[str] = []
    call(account, "deploy", RESOURCE, on_event=lambda event: told.append(str(event)))
    assert told[0] == "found app (e1), as declared"
    assert [record.getMessage() for record in caplog.records if record.name == "lbsls"] == told


def test_what_a_listener_raises_ends_the_operation(call: Call) -> None:
    """A mistake in it is not hidden, and the name is free again."""
    account, _ = scripted(listed(SAME), listed(SAME))

    def broken(event: object) -> None:
        raise LookupError("a mistake of the caller's")

    for _ in range(2):
        with pytest.raises(LookupError):
            call(account, "deploy", RESOURCE, on_event=broken, wait=False)


VERBS: list[tuple[str, tuple[Any, ...], list[Any], Any]] = [
    ("undeploy", ("app",), [listed(SAME), GONE], True),
    ("is_deployed", ("app",), [listed(SAME), workers()], True),
    ("is_healthy", ("app",), [listed(SAME), page(204)], False),
    ("wait_for_health", ("app",), [listed(SAME), READY], True),
    ("workers", ("app",), [listed(SAME), workers()], ()),
    ("find", ("none",), [listed(SAME)], None),
    ("endpoints", (), [listed()], ()),
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_every_verb(call: Call, verb: tuple[str, tuple[Any, ...], list[Any], Any]) -> None:
    """The same answer in every mode, and nothing is sent beyond what it takes."""
    name, args, steps, expected = verb
    account, transport = scripted(*steps)
    assert call(account, name, *args) == expected
    assert len(transport.requests) == len(steps)


def test_endpoints_that_are_found_can_be_used(call: Call) -> None:
    """They keep the account that they came from."""
    account, _ = scripted(answer(SAME), listed(SAME), listed(SAME), READY, page(200, body=b"hi"))
    assert call(account, "get", "e1") == call(account, "find", "app")
    found = call(account, "endpoints")[0]
    assert found.account is account
    assert call(found, "check_ping").health is Health.READY
    assert call(account, "request", found, "GET", "/hello").text == "hi"


def test_a_call_tells_what_happens(call: Call) -> None:
    """Retries for want of a worker, for one."""
    refused = page(400, body=b'{"error":"no workers available"}')
    account, _ = scripted(listed(SAME), refused, page(200))
    told: list[str] = []
    heard = lambda event: told.append(type(event).__name__)  # noqa: E731
    call(account, "request", "app", "GET", on_event=heard, timeout=5.0)
    assert told == ["Retrying"]


def test_an_account_can_be_used_after_it_was_closed() -> None:
    """Closing lets go of connections, not of the account."""
    account, _ = scripted(listed(), listed())
    with account as inside:
        assert inside.find("app") is None
    assert account.find("app") is None
    Account(KEY).close()
    anyio.run(Account(KEY).close_async)
    with serving(reply("200 OK", listed().content)) as server:
        for _ in range(2):
            with Account(KEY, base_url=server.url) as inside:
                assert inside.find("app") is None


def test_an_account_shows_no_key() -> None:
    """Neither its repr nor that of what it holds."""
    account = Account(KEY, project="shop")
    assert repr(account) == "Account('***', base_url='https://api.runpod.io', project='shop')"
    assert KEY not in repr(vars(account)) + repr(account._context)
    assert repr(Account(KEY)) == "Account('***', base_url='https://api.runpod.io')"


def test_the_environment_makes_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """And an account makes the environment for a child process."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    monkeypatch.delenv("RUNPOD_API_BASE_URL", raising=False)
    assert Account.from_env().environ() == {
        "RUNPOD_API_KEY": KEY,
        "RUNPOD_API_BASE_URL": BASE,
        "RUNPOD_ENDPOINT_BASE_URL": "https://api.runpod.ai/v2",
    }
    monkeypatch.setenv("RUNPOD_API_BASE_URL", "http://127.0.0.1:8000/")
    account = Account.from_env(project="shop")
    assert (account.base_url, account.project) == ("http://127.0.0.1:8000", "shop")


def test_the_environment_names_hosts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Besides those that are given; and a child process is told of all of them."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", "http://gw.corp:8000")
    monkeypatch.setenv("LBSLS_ALLOW_HTTP", "GW.corp, ,two.corp,")
    monkeypatch.setenv("LBSLS_TRUSTED_HOSTS", "lb.corp")
    account = Account.from_env(trusted_hosts="mine.corp")
    environ = account.environ()
    assert environ["LBSLS_ALLOW_HTTP"] == "gw.corp,two.corp"
    assert environ["LBSLS_TRUSTED_HOSTS"] == "lb.corp,mine.corp"
    first = default_account()
    assert default_account() is first
    monkeypatch.setenv("LBSLS_ALLOW_HTTP", "*")
    with pytest.raises(ConfigError) as raised:
        Account.from_env()
    assert [item.field for item in raised.value.violations] == ["base_url", "allow_http"]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert Account.from_env().environ() == environ
    assert default_account() is not first


@pytest.mark.parametrize("key", [None, "", "  "])
def test_without_a_key_the_error_says_what_to_set(
    key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And how to try it without one."""
    if key is None:
        monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    else:
        monkeypatch.setenv("RUNPOD_API_KEY", key)
    with pytest.raises(ConfigError, match="RUNPOD_API_KEY is not set") as raised:
        Account.from_env()
    assert "lbsls local" in str(raised.value)


def test_the_default_account_is_one_per_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what it elected is remembered; another key is another account."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    first = default_account()
    assert default_account() is first
    monkeypatch.setenv("RUNPOD_API_KEY", KEY + "2")
    assert default_account() is not first


BAD_SETTINGS: list[tuple[Any, dict[str, Any], str]] = [
    ("", {}, "api_key must be a text"),
    (None, {}, "api_key must be a text"),
    (b"key", {}, "api_key must be a text"),
    ("two\nlines", {}, "control characters"),
    (" key", {}, "blanks around it"),
    ("schlüssel", {}, "no HTTP header can carry"),
    (KEY, {"base_url": "http://api.runpod.io"}, "the key would go in clear"),
    (KEY, {"base_url": "api.runpod.io"}, "must be an http"),
    (KEY, {"base_url": None}, "must be an http"),
    (KEY, {"base_url": "https://u:p@api.runpod.io"}, "must not hold a user"),
    (KEY, {"base_url": "https://[::1"}, "must be an http"),
    (KEY, {"base_url": "https://x?y"}, "query"),
    (KEY, {"project": ""}, "project must be a text"),
    (KEY, {"project": "a/b"}, "project must be a text"),
    (KEY, {"project": 7}, "project must be a text"),
]


@pytest.mark.parametrize(("key", "settings", "reason"), BAD_SETTINGS)
def test_a_setting_that_cannot_be_right_is_refused(key: Any, settings: Any, reason: str) -> None:
    """At once, with what to write instead, and without the key."""
    with pytest.raises(ConfigError, match=reason) as raised:
        Account(key, **settings)
    assert not key or str(key) not in str(raised.value)


def test_all_settings_that_are_wrong_are_named() -> None:
    """Not only the first."""
    with pytest.raises(ConfigError) as raised:
        Account("", base_url="", project="")
    assert [item.field for item in raised.value.violations] == ["api_key", "base_url", "project"]


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
@pytest.mark.parametrize(
    ("name", "args"),
    [("deploy", (RESOURCE,)), ("check_ping", ("app",)), ("wait_for_health", ("app",))],
)
def test_a_bad_timeout_is_refused(call: Call, name: str, args: Any, timeout: float) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError, match="timeout"):
        call(scripted()[0], name, *args, timeout=timeout)


def test_an_error_of_the_transport_comes_out(call: Call) -> None:
    """As it is, with its advice."""
    account, _ = scripted(listed(SAME), TransportTimeout("POST it", "no answer in time"))
    with pytest.raises(TransportTimeout, match="look before you send it again"):
        call(account, "request", "app", "POST")


def test_a_text_that_names_nothing_is_not_found(call: Call) -> None:
    """In every verb that takes a target."""
    for name in ("undeploy", "is_deployed", "is_healthy", "check_ping", "workers"):
        with pytest.raises(NotFound, match="no endpoint has this id or name"):
            call(scripted(listed(SAME))[0], name, "ap")


def test_what_was_deleted_is_gone_for_its_endpoint(call: Call) -> None:
    """Already gone is success, for who holds it."""
    account, _ = scripted(answer(SAME), UNKNOWN)
    assert call(account.get("e1"), "undeploy") is False


def test_resources_of_one_name_are_settled_one_after_the_other(call: Call) -> None:
    """The name is given back after each deploy, also one that fails."""
    account, _ = scripted(listed(SAME), listed(SAME), listed(endpoint(nonce=None)))
    other = LoadBalancerSlsResource(name="app", imageName="img:2")
    assert call(account, "deploy", RESOURCE, wait=False).id == "e1"
    with pytest.raises(NotOurs, match="adopt=False"):
        call(account, "deploy", other, wait=False, adopt=False)


@pytest.mark.parametrize("strategy", [5, "fast", FixedSchedule])
@pytest.mark.parametrize("verb", ["deploy", "wait_for_health"])
def test_what_is_no_strategy_is_refused(call: Call, verb: str, strategy: Any) -> None:
    """A class in the place of its object is named before anything is sent."""
    account = Account(KEY, transport=ScriptedTransport([]))
    with pytest.raises(ConfigError, match="strategy must be a strategy, not"):
        call(account, verb, RESOURCE, strategy=strategy)


@pytest.mark.parametrize("method", [None, "", "GET /", 5])
def test_what_is_no_method_is_refused(call: Call, method: Any) -> None:
    """A call with its arguments in the wrong order says so."""
    script = ScriptedTransport([listed(SAME)])
    account = Account(KEY, transport=script, async_transport=script.as_async())
    with pytest.raises(ConfigError, match="method must be the name of an HTTP method"):
        call(account, "request", "app", method)


def test_a_blocking_verb_refuses_a_coroutine_function() -> None:
    """Events that nobody would await are not lost in silence."""

    async def listen(event: object) -> None:
        """Take an event."""
        raise AssertionError(event)

    account = Account(KEY, transport=ScriptedTransport([]))
    with pytest.raises(ConfigError, match="await the verb's _async twin"):
        account.deploy(RESOURCE, on_event=listen)
