"""The operations of REST v2: how each is asked, and how its answer is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lbsls.errors import NotFound, WireError
from lbsls.live import LogLine, Worker
from lbsls.values import Response
from lbsls.wire import rest
from samples import CREATED, KEY, MARK, answer, endpoint, endpoint_json, resource

BASE = "https://api.runpod.io"
SECRET = "hunter2hunter2"
LIVE = endpoint(env={"OLD": "oldsecret"}).settings
DECLARED = resource(env={"PASSWORD": SECRET}, workersMax=5)
WORKERS = {"workers": [{"id": "w1", "status": "IDLE"}]}

OPERATIONS: dict[str, tuple[rest.Operation[Any], str, str, bool]] = {
    "list": (rest.list_endpoints(), "GET", "/v2/serverless", True),
    "get": (rest.get_endpoint("ep1"), "GET", "/v2/serverless/ep1", True),
    "odd id": (rest.get_endpoint("a/b?c"), "GET", "/v2/serverless/a%2Fb%3Fc", True),
    "create": (rest.create_endpoint(DECLARED, MARK), "POST", "/v2/serverless", False),
    "update": (
        rest.update_endpoint("ep1", DECLARED, ["env", "workersMax"], LIVE),
        "PATCH",
        "/v2/serverless/ep1",
        False,
    ),
    "delete": (rest.delete_endpoint("ep1"), "DELETE", "/v2/serverless/ep1", True),
    "workers": (rest.list_workers("ep1"), "GET", "/v2/serverless/ep1/workers", True),
    "logs": (
        rest.worker_logs("ep1", "w/1", source="system", tail=20),
        "GET",
        "/v2/serverless/ep1/workers/w%2F1/logs?source=system&tail=20",
        True,
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_asks_as_documented(name: str) -> None:
    """Method, address and headers are those of Runpod's reference; the key is a bearer."""
    operation, method, path, idempotent = OPERATIONS[name]
    request = operation.request(BASE, KEY, 5.0)
    assert (method, BASE + path, 5.0) == (request.method, request.url, request.timeout)
    assert idempotent is operation.idempotent
    assert f"Bearer {KEY}" == request.headers["Authorization"]
    assert (request.body is not None) is ("Content-Type" in request.headers)
    assert ("text/event-stream" == request.headers["Accept"]) is (name == "logs")
    assert (name == "logs") is request.partial


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_shows_a_secret(name: str) -> None:
    """Neither an operation nor its request shows the key or a value of env."""
    operation = OPERATIONS[name][0]
    request = operation.request(BASE, KEY, 5.0)
    seen = f"{operation!r} {request!r} {operation.what}"
    assert [] == [word for word in (KEY, SECRET, "oldsecret") if word in seen]


def test_a_create_and_an_update_send_what_is_declared() -> None:
    """The bodies are JSON, with the mark only where it is created or kept."""
    sent = OPERATIONS["create"][0].request(BASE, KEY, 5.0).body
    env = {"PASSWORD": SECRET, "LBSLS_MARK": str(MARK), "PORT": "80", "PORT_HEALTH": "80"}
    assert env == json.loads(sent or b"")["env"]
    sent = OPERATIONS["update"][0].request(BASE, KEY, 5.0).body
    assert {"env": {"PASSWORD": SECRET}, "workers": {"max": 5}} == json.loads(sent or b"")


@pytest.mark.parametrize(
    ("name", "response", "expected"),
    [
        ("list", answer({"endpoints": [endpoint_json()]}), (endpoint(),)),
        ("list", answer({"endpoints": []}), ()),
        ("get", answer(endpoint_json()), endpoint()),
        ("create", answer(endpoint_json(), 201), endpoint()),
        ("delete", answer(b"", 204), None),
        ("delete", answer({}, 200), None),
        ("workers", answer(WORKERS), (Worker("w1", "IDLE"),)),
        (
            "logs",
            answer(b'data: {"line": "x", "source": "system", "ts": "%s"}\n\n' % CREATED.encode()),
            (LogLine("system", "x", CREATED),),
        ),
    ],
)
def test_answers_become_values(name: str, response: Response, expected: object) -> None:
    """What is answered as documented comes back as a live object."""
    operation = OPERATIONS[name][0]
    assert expected == operation.read(operation.request(BASE, KEY, 5.0), response)


def test_a_refusal_becomes_an_error_without_secrets() -> None:
    """What a refusal repeats of a request, old env or new, does not come back."""
    operation = OPERATIONS["update"][0]
    said = {"title": "Not Found", "status": 404, "detail": f"{SECRET} oldsecret {KEY}"}
    with pytest.raises(NotFound) as caught:
        operation.read(operation.request(BASE, KEY, 5.0), answer(said, 404))
    assert "update endpoint 'app' (ep1): 404 Not Found: *** *** ***." in str(caught.value)


def test_a_page_in_answer_to_a_delete_deleted_nothing() -> None:
    """A portal that answers 200 to everything does not pass for Runpod."""
    operation = OPERATIONS["delete"][0]
    with pytest.raises(WireError, match="a page came instead of an empty answer"):
        operation.read(operation.request(BASE, KEY, 5.0), answer(b"<html>Log in</html>"))
