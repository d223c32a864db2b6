"""No secret comes out: every verb is driven into every failure, and all that it tells is searched."""

from __future__ import annotations

import inspect
import json
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve

from canaries import KEY, LIVE, TOKEN, leaks, told_by
from lbsls import Account, LbslsError, LoadBalancerSlsResource, Response
from servers import Asked, Server, always, reply, serving
from stories import answer, endpoint, problem

Call = Callable[..., Any]
RESOURCE = LoadBalancerSlsResource(name="app", imageName="img:1", env={"TOKEN": TOKEN})
ARGUMENTS: dict[str, Any] = {
    "resource": RESOURCE,
    "target": "app",
    "name": "app",
    "id": "e1",
    "method": "POST",
}
OPTIONS: dict[str, Any] = {"timeout": 9.0}


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
    return reply("307 Moved", b"", f"Location: http://{key}@else.test/{key}?key={key}", f"X: {key}")


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
    account._context = evolve(account._context, **hurried)
    return account


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Give what was written and logged so far, at any level."""
    caplog.set_level(logging.DEBUG)

    def give() -> str:
        out, err = capfd.readouterr()
        records = [f"{record.getMessage()} {record.args!r}" for record in caplog.records]
        return "\n".join([out, err, caplog.text, *records])

    yield give


@pytest.mark.parametrize("how", CONTROL)
def test_a_control_plane_gets_no_secret_told(call: Call, how: str, told: Callable[[], str]) -> None:
    """Whatever it answers, to whatever verb."""
    events: list[str] = []
    with serving(CONTROL[how]) as server, hasty(Account(KEY, base_url=server.url)) as account:
        for verb, (args, options) in verbs().items():
            try:
                result = call(account, verb, *args, **options)
            except LbslsError as error:
                assert leaks(told_by(error)) == [], verb
            else:
                assert leaks(repr(result)) == [], verb
    assert server.asked or how == "reset"
    assert leaks(told() + "\n".join(events)) == []


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
    "no worker": lambda asked: reply("400 No", b'{"error":"no workers available"}'),
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
