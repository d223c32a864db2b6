"""No secret comes out: every verb in every failure, and all that it tells is searched."""

from __future__ import annotations

import inspect
import json
import logging
import pickle
import socket
from collections.abc import Callable
from typing import Any

import pytest
import requests
from attrs import asdict

from canaries import KEY, LIVE, TOKEN, leaks, told_by
from lbsls import Account, LbslsError, LoadBalancerSlsResource, Response, ServerlessResource
from lbsls.records import replace
from lbsls.values import Body, Secret
from servers import Asked, Server, always, reply, serving, unused_port
from stories import answer, endpoint, problem

Call = Callable[..., Any]
RESOURCE = LoadBalancerSlsResource(name="app", imageName="img:1", env={"TOKEN": TOKEN})
ARGUMENTS: dict[str, Any] = {
    "resource": RESOURCE,
    "resources": [RESOURCE],
    "declared": ["other"],
    "target": "app",
    "name": "app",
    "id": "e1",
    "method": "POST",
}
OPTIONS: dict[str, Any] = {"timeout": 9.0, "max_retries": 2, "retry_interval": 0.01}


def verbs() -> dict[str, tuple[list[Any], dict[str, Any]]]:
    """Name every verb there is that sends, with what it is called with here."""
    found = {}
    for name, function in inspect.getmembers(Account, inspect.isfunction):
        if name[0] == "_" or name.endswith("_async") or not hasattr(Account, f"{name}_async"):
            continue
        parameters = inspect.signature(function).parameters
        args = [ARGUMENTS[each] for each in parameters if each in ARGUMENTS]
        options = {key: value for key, value in OPTIONS.items() if key in parameters}
        found[name] = (args, options)
    del found["close"]
    return found


def echo(asked: Asked) -> str:
    """Give all that was sent."""
    return f"{asked.path} {asked.headers} {asked.body.decode()}"


def page(asked: Asked) -> bytes:
    """Show what was sent, as a debug page does."""
    return reply("500 Oops", f"<html>{echo(asked)}".encode())


def text(asked: Asked) -> bytes:
    """Show what was sent, in plain text."""
    return reply("502 Bad Gateway", echo(asked).encode())


def refusal(status: int) -> Callable[[Asked], bytes]:
    """Refuse, and quote what was sent."""

    def answer_(asked: Asked) -> bytes:
        said = problem(status, "No", f"cannot {echo(asked)}", errors=echo(asked)).content
        return reply(f"{status} No", said, "Retry-After: 1000", f"X-Request-Id: {status}")

    return answer_


def moved(asked: Asked) -> bytes:
    """Send to a place with the key in its name."""
    key = asked.headers.get("authorization", "").partition(" ")[2]
    return reply(
        "307 Moved", b"", f"Location: http://{key}@127.0.0.1:1/{key}?key={key}", f"X: {key}"
    )


def listing(*more: Any) -> bytes:
    """List an endpoint with secrets in its env, and more."""
    made = endpoint(env={"TOKEN": TOKEN, "OTHER": LIVE}, name="app")
    return answer({"endpoints": [made, *more]}).content


def oneself(content: bytes) -> Callable[[Asked], bytes]:
    """Answer 200 with some content."""
    return lambda asked: reply("200 OK", content, "Content-Type: application/json")


def reset(server: Server, conn: socket.socket) -> None:
    """Close the connection as soon as there is something to read."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    conn.recv(1)


def cut(server: Server, conn: socket.socket) -> None:
    """End in the middle of an answer."""
    while server.read(conn):
        conn.sendall(reply("200 OK", listing())[:-20])
        conn.shutdown(socket.SHUT_RDWR)


CONTROL: dict[str, Any] = {
    "page": always(page),
    "text": always(text),
    **{str(status): always(refusal(status)) for status in (400, 401, 403, 404, 409, 422, 429, 503)},
    "moved": always(moved),
    "wrong type": always(oneself(listing({"id": 7, "env": {"A": LIVE}}))),
    "wrong time": always(oneself(listing(endpoint(created="never", env={"A": LIVE})))),
    "wrong env": always(oneself(listing(endpoint() | {"env": {"A": [LIVE]}}))),
    "ambiguous": always(oneself(listing(endpoint("e2", nonce=None, env={"A": LIVE})))),
    "only an endpoint": always(oneself(answer(endpoint(env={"A": LIVE})).content)),
    "half of it": always(oneself(listing()[:-10])),
    "text in the place of JSON": always(lambda asked: reply("200 OK", echo(asked).encode())),
    "reset": reset,
    "cut": cut,
    "garbage": always(b"\x00\x01\r\n\r\n"),
}


def hasty(account: Account) -> Account:
    """Let an account's time pass quickly, and let it wait for nothing between attempts."""
    clock = account._context.clock
    hurried = {"random": lambda: 0.0, "clock": lambda: 30 * clock()}
    account._context = replace(account._context, **hurried)
    return account


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Give what was written and logged so far, at any level."""
    caplog.set_level(logging.DEBUG)

    def give() -> str:
        out, err = capfd.readouterr()
        records = [f"{record.getMessage()} {record.args!r}" for record in caplog.records]
        return "\n".join([out, err, caplog.text, *records])

    return give


@pytest.mark.parametrize("how", CONTROL)
def test_a_control_plane_gets_no_secret_told(call: Call, how: str, told: Callable[[], str]) -> None:
    """Whatever it answers, to whatever verb."""
    with serving(CONTROL[how]) as server, hasty(Account(KEY, base_url=server.url)) as account:
        for verb, (args, options) in verbs().items():
            try:
                result = call(account, verb, *args, **options)
            except LbslsError as error:
                assert leaks(told_by(error)) == [], verb
            else:
                assert leaks(repr(result)) == [], verb
    assert server.asked or how == "reset"
    assert leaks(told()) == []


def live(asked: Asked, data: Callable[[Asked], bytes]) -> bytes:
    """Answer as an account with one endpoint, which is at the same address."""
    if not asked.path.startswith("/v2/"):
        return data(asked)
    base = f"http://{asked.headers['host']}"
    made = endpoint(
        requestUrls={"base": base, "health": base + "/ping"}, env={"TOKEN": TOKEN, "OTHER": LIVE}
    )
    if asked.path.endswith("/workers"):
        found = {"id": "w1", "status": "UNHEALTHY", "isStale": False}
        return reply("200 OK", answer({"workers": [found]}).content)
    if "/logs" in asked.path:
        line = f'data: {{"source": "system", "line": {json.dumps(f"failed: {TOKEN} {LIVE}")}}}'
        return reply("200 OK", f"{line}\n\n".encode(), "Content-Type: text/event-stream")
    alone = asked.path.count("/") == 3 and asked.method == "GET"
    status = "204 No Content" if asked.method == "DELETE" else "200 OK"
    body = made if alone or asked.method == "PATCH" else {"endpoints": [made]}
    return reply(status, b"" if asked.method == "DELETE" else answer(body).content)


def debug_page(asked: Asked) -> bytes:
    """Show the request and the environment, as frameworks do in debug mode."""
    return reply("500 Oops", f"{echo(asked)} {os_environ()}".encode(), f"X-Env: {TOKEN}")


def os_environ() -> str:
    """Write the environment of the app."""
    return json.dumps({"TOKEN": TOKEN, "OTHER": LIVE})


DATA: dict[str, Callable[[Asked], bytes]] = {
    "debug page": debug_page,
    "refused key": lambda asked: reply(
        "401 No", problem(401, "Unauthorized", echo(asked) + LIVE).content
    ),
    "not found": lambda asked: reply("404 No", (echo(asked) + LIVE).encode()),
    "moved": moved,
    "garbage": lambda asked: b"\x00\x01\r\n\r\n" + echo(asked).encode(),
}


@pytest.mark.parametrize("how", DATA)
def test_an_endpoint_gets_no_secret_told(call: Call, how: str, told: Callable[[], str]) -> None:
    """Whatever an app repeats: of the request that it got, or of the environment that it has."""

    def give(asked: Asked) -> bytes:
        return live(asked, DATA[how])

    with serving(always(give)) as server, hasty(Account(KEY, base_url=server.url)) as account:
        for verb, (args, options) in verbs().items():
            try:
                result = call(account, verb, *args, **options)
                if isinstance(result, Response):
                    result.raise_for_status()
            except LbslsError as error:
                assert leaks(told_by(error)) == [], verb
            else:
                assert leaks(repr(result)) == [], verb
    assert leaks(told()) == []


WRONG: dict[str, Callable[[], object]] = {
    "account": lambda: Account(KEY, base_url="http://gw.test", project="a/b"),
    "key": lambda: Account(f"{KEY}\n"),
    "environment": Account.from_env,
    "rule": lambda: LoadBalancerSlsResource(name="", env={"TOKEN": TOKEN, "A": LIVE}),
    "env": lambda: LoadBalancerSlsResource(name="app", env={"TOKEN": TOKEN, "B": 5}),  # type: ignore[dict-item]
    "argument": lambda: LoadBalancerSlsResource(env={"TOKEN": TOKEN}),  # type: ignore[call-arg]
    "queue": lambda: ServerlessResource(name="", env={"TOKEN": TOKEN}),
    "mapping": lambda: LoadBalancerSlsResource.from_mapping("", {"env": {"TOKEN": TOKEN}}),
    "field": lambda: LoadBalancerSlsResource.from_mapping("a", {"env": {"TOKEN": TOKEN}, "x": 1}),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_gets_no_secret_told(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even by the frame of the constructor that was called with it."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", "nowhere")
    with pytest.raises((ValueError, TypeError)) as raised:
        WRONG[what]()
    assert leaks(told_by(raised.value)) == []


def test_what_is_shown_in_part_is_hidden_too() -> None:
    """What cuts long texts before it shows them gets a part that hides as the whole does."""
    for secret in (Secret(LIVE), Body(LIVE.encode())):
        assert leaks(f"{secret[:60]!r} {secret[5:]!r} {secret[0:]!r}") == []
    assert (Secret(LIVE)[1], Body(b"abc")[1], Body(b"abc")[1:] == b"bc") == ("A", 98, True)


def served(asked: Asked) -> bytes:
    """Answer as a good endpoint does."""
    return live(asked, lambda asked: reply("200 OK", b"fine"))


def test_a_session_gets_no_secret_told(told: Callable[[], str]) -> None:
    """Neither by its errors, which are those of requests, nor by a pickle."""

    def handle(server: Server, conn: socket.socket) -> None:
        while asked := server.read(conn):
            if asked.path == "/hang":
                server.over.wait(20)
                return
            if asked.path == "/reset":
                return
            conn.sendall(served(asked))

    with serving(handle) as server, Account(KEY, base_url=server.url) as account:
        session = account.session("app")
        urls = ["/hang", "/reset", f"http://127.0.0.1:{unused_port()}/", "nowhere://x"]
        with session:
            for url in urls:
                with pytest.raises(requests.RequestException) as raised:
                    session.post(url, data=b"x" * 100_000, timeout=0.2)
                assert leaks(told_by(raised.value)) == [], url
            got = session.get("/")
            assert leaks(repr([vars(got), vars(got.request), vars(session)])) == []
        with pytest.raises(TypeError, match="holds the API key"):
            pickle.dumps(session)
    assert server.asked[-1].headers["authorization"] == f"Bearer {KEY}"
    assert leaks(told()) == []


def test_only_a_resource_takes_its_env_along() -> None:
    """An account and its session cannot be pickled, an endpoint leaves secrets behind."""
    with serving(always(served)) as server, Account(KEY, base_url=server.url) as account:
        found = account.get("e1")
        results = [
            found,
            account.workers("app"),
            account.check_ping("app"),
            account.request("app", "GET"),
        ]
        for result in results:
            assert leaks(pickle.dumps(result, protocol=0).decode("latin-1")) == []
        for each in (account, account._context):
            with pytest.raises(TypeError, match="holds the API key"):
                pickle.dumps(each)
        assert leaks(repr([vars(account), account._context, vars(found), asdict(RESOURCE)])) == []
    assert pickle.loads(pickle.dumps(RESOURCE)).env["TOKEN"] == TOKEN
