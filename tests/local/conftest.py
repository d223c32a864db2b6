"""What the tests of the local Runpod share: one that runs, and a plain client of its addresses."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
import requests

from lbsls.local import LocalRunpod, runpod

APPS = Path(__file__).with_name("apps")
PLAIN = ["python", str(APPS / "plain.py")]

T = TypeVar("T")


def eventually(look: Callable[[], T], timeout: float = 20.0) -> T:
    """Look until there is something to see; give it."""
    deadline = time.monotonic() + timeout
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {timeout} s: {look}")
        time.sleep(0.005)
    return seen


def events(response: requests.Response) -> Iterator[dict[str, Any]]:
    """Give the server-sent events of an answer, as they come."""
    event: dict[str, Any] = {}
    for line in response.iter_lines(chunk_size=None, decode_unicode=True):
        name, _, value = line.partition(": ")
        if name == "id":
            event["id"] = value
        elif name == "data":
            event.update(json.loads(value))
        else:
            yield event
            event = {}


class Site:
    """A running local Runpod, as a program that knows nothing but its addresses sees it."""

    def __init__(self, local: LocalRunpod, gates: Path) -> None:
        self.local = local
        self.gates = gates
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"Bearer {local.api_key}"

    def api(self, method: str, path: str = "", **options: Any) -> requests.Response:
        """Send a request to the control plane."""
        url = f"{self.local.url}/v2/serverless{path}"
        return self.http.request(method, url, timeout=30, **options)

    def create(self, **fields: Any) -> dict[str, Any]:
        """Make an endpoint of the plain app."""
        env = {"GATES": str(self.gates), **fields.pop("env", {})}
        body = {
            "name": "test",
            "type": "LOAD_BALANCER",
            "image": "plain",
            "scaling": {"type": "REQUEST_COUNT", "requestCount": 100},
            **({} if "gpu" in fields else {"cpu": [{"id": "cpu3c", "vcpuCount": 2}]}),
            "ports": ["80/http"],
            "env": env,
            **fields,
        }
        response = self.api("POST", json=body)
        assert 201 == response.status_code, response.text
        endpoint: dict[str, Any] = response.json()
        return endpoint

    def call(
        self, endpoint: dict[str, Any], path: str = "/", method: str = "GET", **options: Any
    ) -> requests.Response:
        """Send a request to an endpoint."""
        options.setdefault("timeout", 30)
        return self.http.request(method, endpoint["requestUrls"]["base"] + path, **options)

    def workers(self, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
        """Give an endpoint's workers."""
        shown: list[dict[str, Any]] = self.api("GET", f"/{endpoint['id']}/workers").json()[
            "workers"
        ]
        return shown

    def statuses(self, endpoint: dict[str, Any]) -> list[str]:
        """Give the states of an endpoint's workers."""
        return sorted(worker["status"] for worker in self.workers(endpoint))

    @contextlib.contextmanager
    def log(
        self,
        endpoint: dict[str, Any],
        worker: str,
        *,
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> Iterator[Iterator[dict[str, Any]]]:
        """Follow a worker's log: each event with its id and what it says."""
        path = f"/{endpoint['id']}/workers/{worker}/logs"
        with self.api("GET", path, params=params, headers=headers, stream=True) as response:
            assert 200 == response.status_code, response.text
            yield events(response)

    def wait_for_line(
        self, endpoint: dict[str, Any], worker: str, text: str, source: str = "system"
    ) -> list[str]:
        """Read a worker's log until a line with that text comes; give what was read."""
        lines: list[str] = []
        with self.log(endpoint, worker, source=source) as log:
            for event in log:
                lines.append(event["line"])
                if text in event["line"]:
                    return lines
        raise AssertionError(f"no {text!r} in {lines}")

    def open(self, gate: str) -> None:
        """Open a gate that a worker waits at."""
        (self.gates / gate).touch()

    def seen(self, gate: str) -> None:
        """Wait until a worker is at a gate."""
        eventually((self.gates / f"{gate}.seen").exists)


@pytest.fixture
def start_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Start local Runpods, with other images or options; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(images: dict[str, Any] | None = None, **options: Any) -> Site:
            local = runpod({"plain": PLAIN} if images is None else images, **options)
            local.start()
            stack.callback(local.stop)
            site = Site(local, tmp_path)
            stack.callback(site.http.close)
            return site

        yield start


@pytest.fixture
def site(start_site: Callable[..., Site]) -> Site:
    """Give a local Runpod that behaves as Runpod does."""
    return start_site()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Give threads that send requests at the same time."""
    with ThreadPoolExecutor(16) as executor:
        yield executor


def connect(endpoint: dict[str, Any]) -> socket.socket:
    """Open a connection to an endpoint."""
    address = urlsplit(endpoint["requestUrls"]["base"])
    return socket.create_connection((address.hostname, address.port), timeout=20)


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """Read until something was read."""
    data = b""
    while end not in data:
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    return data


def head(site: Site, path: str = "/", method: str = "GET", *more: str) -> bytes:
    """Write the head of a request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {site.local.api_key}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()
