"""Servers that others made, deployed unchanged: FastAPI on uvicorn, Flask on gunicorn."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from lbsls import LoadBalancerSlsResource
from lbsls.account import Account
from lbsls.local import runpod

from .conftest import APPS, eventually

pytest.importorskip("fastapi")
pytest.importorskip("flask")
pytest.importorskip("gunicorn")
pytest.importorskip("uvicorn")

IMAGES = {
    "fastapi": ["uvicorn", "--app-dir", str(APPS), "fastapi_app:app", "--port", "$PORT"],
    "flask": f"gunicorn --chdir '{APPS}' --workers 2 --bind 127.0.0.1:$PORT flask_app:app",
}


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """Give an account of a local Runpod that has the two images."""
    with runpod(images=IMAGES) as account:
        yield account


def deploy(account: Account, image: str) -> Any:
    """Deploy an image as a script would."""
    resource = LoadBalancerSlsResource(name=image, imageName=image, instanceIds=["cpu3c-2-4"])
    return account.deploy(resource, timeout=60)


def test_a_fastapi_app_on_uvicorn(account: Account) -> None:
    """JSON and streams come back as from the app itself."""
    endpoint = deploy(account, "fastapi")
    assert endpoint.post("/generate", json={"prompt": "hello"}).json() == {"text": "HELLO"}
    assert endpoint.get("/stream").text.splitlines() == [str(number) for number in range(1000)]
    assert endpoint.get("/none").status_code == 404
    assert endpoint.post("/generate", json={}).status_code in (422, 500)


@pytest.mark.parametrize(("offered", "chosen"), [(["chat"], "chat"), ([], None)])
def test_a_websocket_route(account: Account, offered: list[str], chosen: str | None) -> None:
    """Messages, subprotocol and close code are the app's."""
    endpoint = deploy(account, "fastapi")

    async def talk() -> tuple[Any, ...]:
        """Talk over the WebSocket."""
        headers = {"Authorization": f"Bearer {account.environ()['RUNPOD_API_KEY']}"}
        url = endpoint.endpoint_url.replace("http:", "ws:") + "/chat"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(url, protocols=offered) as ws,
        ):
            await ws.send_str("hello")
            answer = await ws.receive_str()
            await ws.send_str("bye")
            end = await ws.receive()
            return ws.protocol, answer, end.type, end.data, end.extra

    assert asyncio.run(talk()) == (chosen, "HELLO", WSMsgType.CLOSE, 4000, "see you")


def test_a_flask_app_on_gunicorn(account: Account) -> None:
    """Forms and absolute links work; the server's own processes end with the endpoint."""
    endpoint = deploy(account, "flask")
    assert endpoint.post("/upper", data={"text": "hello"}).text == "HELLO"
    assert endpoint.get("/go").text == "ok"
    pid = int(endpoint.get("/pid").text)
    assert is_alive(pid)
    account.undeploy(endpoint)
    eventually(lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    """Whether that process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
