"""The control plane against Runpod's own description of its REST API.

Runs where that file is: beside the checkout, or in the folder that LBSLS_SHARED names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema
import pytest
import requests
from hypothesis import strategies as st

from lbsls.local import runpod

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("LBSLS_SHARED") or ROOT.parent / "shared")
DESCRIPTION = SHARED / "runpod" / "openapi-v2.json"
LATER = ("/releases",)

if not DESCRIPTION.is_file():
    pytest.skip(f"needs Runpod's API description, {DESCRIPTION}", allow_module_level=True)

schemathesis = pytest.importorskip("schemathesis")


def described() -> dict[str, Any]:
    """Give the description of what the local Runpod has so far."""
    document: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    document["paths"] = {
        path: item
        for path, item in document["paths"].items()
        if path.startswith("/v2/serverless") and not path.endswith(LATER)
    }
    for url in document["components"]["schemas"]["QueueBasedRequestUrls"]["properties"].values():
        del url["format"]  # Runpod's own examples are templates: status/{job_id}
    del document["security"]  # every request here has the key; without it: test_control
    return document


DOCUMENT = described()
API = schemathesis.openapi.from_dict(DOCUMENT)
if tuple(map(int, schemathesis.SCHEMATHESIS_VERSION.split(".")[:2])) < (4, 32):
    # the last version for Python 3.10 cannot make up the body of a create; the test below does
    API = API.exclude(operation_id="createEndpoint")


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """Give a validator of one schema that knows the others; it enforces unevaluatedProperties."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema.Draft202012Validator(
        whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def resolved(item: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference into the components."""
    while "$ref" in item:
        target: Any = DOCUMENT
        for name in item["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        item = target
    return item


def check_answer(operation: dict[str, Any], response: requests.Response) -> None:
    """Compare an answer with what the description says of its status."""
    responses = operation["responses"]
    expected = resolved(responses.get(str(response.status_code)) or responses["default"])
    if "content" not in expected:
        assert response.content == b""
        return
    ((type_, content),) = expected["content"].items()
    assert response.headers["Content-Type"].split(";")[0] == type_
    if type_.endswith("json"):
        validator(content["schema"]).validate(response.json())
    if response.status_code not in (401, 404) or "RateLimit" in response.headers:
        assert {"RateLimit", "RateLimit-Policy"} <= set(response.headers)


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[str, requests.Session]]:
    """Give an address and a session of a local Runpod, with limits that nobody reaches."""
    local = runpod({}, startup_patience=0.1, max_processes=4)
    local.start()
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {local.api_key}"
        yield local.url, session
    local.stop()


def create(account: tuple[str, requests.Session], **fields: Any) -> str:
    """Make an endpoint that requests can be about; give its id."""
    url, session = account
    body = {
        "name": "contract",
        "type": "LOAD_BALANCER",
        "image": "nobody-knows",
        "gpu": {"pools": ["ADA_24"]},
        "scaling": {"type": "REQUEST_COUNT", "requestCount": 1},
        **fields,
    }
    id_: str = session.post(f"{url}/v2/serverless", json=body, timeout=20).json()["id"]
    return id_


def delete_all(account: tuple[str, requests.Session]) -> None:
    """Leave nothing in the account."""
    url, session = account
    for endpoint in session.get(f"{url}/v2/serverless", timeout=20).json()["endpoints"]:
        session.delete(f"{url}/v2/serverless/{endpoint['id']}", timeout=20)


def aim(case: Any, account: tuple[str, requests.Session]) -> None:
    """Make a request be about things that exist."""
    if "{id}" not in case.path:
        return
    wants_worker = "{workerId}" in case.path
    id_ = create(account, workers={"min": int(wants_worker)})
    case.path_parameters = {"id": id_}
    if wants_worker:
        url, session = account
        path = f"{url}/v2/serverless/{id_}/workers"
        worker = session.get(path, timeout=20).json()["workers"][0]["id"]
        case.path_parameters["workerId"] = worker


def send(case: Any, account: tuple[str, requests.Session]) -> requests.Response:
    """Send a request; an endless answer is not read."""
    url, session = account
    key = {"Authorization": str(session.headers["Authorization"])}
    arguments = case.as_transport_kwargs(base_url=url, headers=key)
    response = requests.request(**{**arguments, "stream": True, "timeout": 20})
    if response.headers.get("Content-Type") == "text/event-stream":
        response._content = b""
    response.content  # noqa: B018
    response.close()
    return response


def is_valid(operation: dict[str, Any], body: Any) -> bool:
    """Whether the description accepts a body."""
    content = operation["requestBody"]["content"]["application/json"]
    return validator(content["schema"]).is_valid(body)


EXCLUDED = (
    schemathesis.checks.positive_data_acceptance,  # there are rules that no schema can say
)


@API.parametrize()
@hypothesis.settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_any_request_is_answered_as_described(
    case: Any, account: tuple[str, requests.Session]
) -> None:
    """Whatever is sent, valid or not, gets an answer that the description allows."""
    aim(case, account)
    response = send(case, account)
    operation = DOCUMENT["paths"][case.path].get(case.method.lower())
    if operation is None:
        assert response.status_code == 405
    else:
        check_answer(operation, response)
    case.validate_response(response, excluded_checks=list(EXCLUDED))
    delete_all(account)


BODIES = {
    "createEndpoint": ("post", "/v2/serverless"),
    "updateEndpoint": ("patch", "/v2/serverless/{id}"),
}
RULES = (400, 404)


@pytest.mark.parametrize("name", sorted(BODIES))
@hypothesis.settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(data=st.data())
def test_a_body_is_refused_by_the_schema_where_the_description_refuses_it(
    name: str, data: st.DataObject, account: tuple[str, requests.Session]
) -> None:
    """422 says that the schema is broken, and only that; what is accepted keeps it."""
    method, path = BODIES[name]
    operation = DOCUMENT["paths"][path][method]
    body = data.draw(bodies(name))
    valid = is_valid(operation, body)
    url, session = account
    target = path.replace("{id}", create(account) if "{id}" in path else "")
    response = session.request(method, url + target, json=body, timeout=20)
    check_answer(operation, response)
    hypothesis.event(f"{valid} {response.status_code}")
    if valid:
        assert response.ok or response.status_code in RULES, response.text
    else:
        assert response.status_code == 422, response.text
    delete_all(account)


def bodies(name: str) -> st.SearchStrategy[Any]:
    """Give bodies that are right, or wrong in one place or two."""
    create_only = {"type": st.sampled_from(["QUEUE", "LOAD_BALANCER", "LB", 1])}
    return st.builds(
        lambda base, more: {**base, **more},
        st.sampled_from([{}, *RIGHT]) if name == "createEndpoint" else st.just({}),
        st.fixed_dictionaries({}, optional={**FIELDS, **create_only}),
    )


RIGHT = (
    {
        "name": "a",
        "type": "LOAD_BALANCER",
        "image": "i",
        "scaling": {"type": "REQUEST_COUNT", "requestCount": 1},
        "gpu": {"pools": ["ADA_24"]},
    },
    {
        "name": "a",
        "type": "QUEUE",
        "image": "i",
        "scaling": {"type": "QUEUE_DELAY", "queueDelay": 1.5},
        "cpu": [{"id": "cpu5c", "vcpuCount": 2}],
    },
)
NUMBERS = st.sampled_from([-1, 0, 0.4, 0.5, 1, 1.5, 2, 3, 4.0, 3600, 3601, "1", None, True])
TEXTS = st.sampled_from(["", "a", " ", "-", "12.1", "12", 1, None, [], {}])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "args": TEXTS,
    "bogus": TEXTS,
    "cpu": st.lists(
        st.fixed_dictionaries(
            {"id": st.sampled_from(["cpu3c", "", "x", 1])},
            optional={"vcpuCount": NUMBERS, "bogus": NUMBERS},
        ),
        max_size=2,
    ),
    "dataCenterIds": st.lists(TEXTS, max_size=2) | TEXTS,
    "disk": NUMBERS,
    "env": st.dictionaries(st.sampled_from(["A", ""]), TEXTS) | TEXTS,
    "flashboot": st.sampled_from(["OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT", "ON", None]),
    "gpu": st.fixed_dictionaries(
        {},
        optional={
            "pools": st.lists(st.sampled_from(["ADA_24", "AMPERE_80", "x", 1]), max_size=2),
            "excludedTypes": st.lists(st.sampled_from(["NVIDIA L4", " -", "", "x"]), max_size=2),
            "count": NUMBERS,
            "allowedCudaVersions": st.lists(TEXTS, max_size=2),
            "minCudaVersion": TEXTS,
            "bogus": NUMBERS,
        },
    ),
    "image": TEXTS,
    "name": TEXTS,
    "networkVolumes": st.lists(TEXTS, max_size=2),
    "ports": st.lists(TEXTS, max_size=2),
    "registry": TEXTS,
    "scaling": st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["QUEUE_DELAY", "REQUEST_COUNT", "x", []]),
            "requestCount": NUMBERS,
            "queueDelay": NUMBERS,
        },
    ),
    "templateId": TEXTS,
    "timeout": NUMBERS,
    "workers": st.fixed_dictionaries(
        {}, optional={"min": NUMBERS, "max": NUMBERS, "idleTimeout": NUMBERS, "bogus": NUMBERS}
    ),
}
