"""Answers of REST v2: what is as documented becomes a value, all else an error that says where."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lbsls.enums import ServerlessType
from lbsls.errors import WireError
from lbsls.live import LogLine, Worker
from lbsls.values import Response
from lbsls.wire import decode
from samples import (
    CREATED,
    KEY,
    MARK,
    answer,
    cpu_json,
    endpoint,
    endpoint_json,
    mistakes,
    needs_schema,
)

some = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
SECRET = "hunter2hunter2"
DECODERS = [decode.endpoint, decode.endpoints, decode.workers]
WORKER = {"id": "w1", "status": "RUNNING", "gpuCount": 1, "isStale": False}


@needs_schema
def test_the_sample_is_what_runpod_answers() -> None:
    """What these tests decode agrees with Runpod's schema."""
    assert [] == mistakes("Endpoint", endpoint_json()) + mistakes("Endpoint", cpu_json())
    assert [] == mistakes("Worker", WORKER)


def test_an_endpoint_is_read_whole() -> None:
    """Every setting is found under the name that resources use."""
    gpu = {"pools": ["ADA_24"], "count": 2, "excludedTypes": ["L40"]}
    cuda = {"allowedCudaVersions": ["12.8"], "minCudaVersion": None}
    found = endpoint(
        gpu={**gpu, **cuda},
        args="--x",
        disk=9,
        registry="reg",
        dataCenterIds=["EU-RO-1"],
        networkVolumes=["v"],
    )
    live = found.settings
    assert ("ep1", "app", ServerlessType.LB, MARK) == (found.id, found.name, found.type, found.mark)
    assert "https://ep1.api.runpod.ai" == found.endpoint_url
    assert "https://ep1.api.runpod.ai/ping" == found.health_url
    assert datetime(2026, 11, 20, 10, 0, 0, 123456, timezone.utc) == found.created_at
    assert ("my-app:latest", "INFO") == (live.imageName, (live.env or {})["LEVEL"])
    assert (0, 3, 10) == (live.workersMin, live.workersMax, live.idleTimeout)
    assert ("REQUEST_COUNT", 4, 300000) == (
        live.scalerType,
        live.scalerValue,
        live.executionTimeoutMs,
    )
    assert (("EU-RO-1",), ("v",)) == (live.datacenter, live.networkVolume)
    assert (("ADA_24",), 2, ("L40",)) == (live.gpus, live.gpuCount, live.excludedGpus)
    assert (("12.8",), None) == (live.cudaVersions, live.minCudaVersion)
    assert ("OFF", "--x", 9) == (live.flashboot, live.args, live.disk)
    assert (("80/http",), "reg", None) == (live.ports, live.registry, live.instanceIds)


def test_an_endpoint_on_cpus_is_read() -> None:
    """CPU instances come back as they are declared, and no GPU is imagined."""
    live = decode.endpoint(answer(cpu_json()), "get").settings
    assert (("cpu3g-2-8",), None, None) == (live.instanceIds, live.gpus, live.gpuCount)
    del (found := cpu_json())["cpu"][0]["memory"]
    assert ("cpu3g-2",) == decode.endpoint(answer(found), "get").settings.instanceIds


def test_a_queue_is_read() -> None:
    """A queue-based endpoint, and one without a type, is a queue with a queue's address."""
    scaling = {"type": "QUEUE_DELAY", "queueDelay": 0.5}
    found = endpoint(type="QUEUE", scaling=scaling, requestUrls=None)
    assert (ServerlessType.QB, 0.5) == (found.type, found.settings.scalerValue)
    assert "https://api.runpod.ai/v2/ep1" == found.endpoint_url
    assert ServerlessType.QB == endpoint(type=None).type


@pytest.mark.parametrize(
    ("urls", "env", "expected"),
    [
        (None, {}, "https://ep1.api.runpod.ai/ping"),
        (None, {"HEALTH_CHECK_PATH": "/up"}, "https://ep1.api.runpod.ai/up"),
        (None, {"HEALTH_CHECK_PATH": "up"}, "https://ep1.api.runpod.ai/up"),
        (None, {"HEALTH_CHECK_PATH": ".evil.com/"}, "https://ep1.api.runpod.ai/.evil.com/"),
        ({"base": "http://127.0.0.1:5000/"}, {}, "http://127.0.0.1:5000/ping"),
        ({"health": "https://x/up"}, {}, "https://x/up"),
    ],
)
def test_where_to_ping(urls: Any, env: dict[str, str], expected: str) -> None:
    """The answer's own address is used; without one it is built, and cannot leave the host."""
    assert expected == endpoint(requestUrls=urls, env=env).health_url


def test_new_fields_and_words_pass() -> None:
    """What Runpod adds tomorrow breaks nothing today."""
    found = endpoint(
        surprise={"a": [1]},
        type="WEBSOCKET",
        flashboot="TURBO",
        scaling={"type": "TOKENS", "tokens": 5},
        dataCenterIds=["MARS-1"],
    )
    assert ("TURBO", "TOKENS", None) == (
        found.settings.flashboot,
        found.settings.scalerType,
        found.settings.scalerValue,
    )
    worker = {**WORKER, "status": "DREAMING", "mood": 1}
    assert (Worker("w1", "DREAMING"),) == decode.workers(answer({"workers": [worker]}), "list")


def test_what_is_optional_may_be_missing() -> None:
    """Only what identifies an endpoint is needed."""
    needed = {"id", "name", "createdAt", "workers", "scaling"}
    least = {key: value for key, value in endpoint_json().items() if key in needed}
    live = decode.endpoint(answer(least), "get").settings
    assert (None, {}, ()) == (live.imageName, dict(live.env or {}), live.datacenter)


WRONG = [
    ({"id": 5}, "expected a text, found a whole number @ $.id"),
    ({"id": None}, "expected a text, found null @ $.id"),
    ({"workers": []}, "expected an object, found a list @ $.workers"),
    ({"workers": "none"}, "expected an object, found a text @ $.workers"),
    ({"workers": {"min": True}}, "expected a whole number, found true or false @ $.workers.min"),
    ({"workers": {"min": 1.0}}, "expected a whole number, found a number @ $.workers.min"),
    ({"scaling": {}}, "type is missing @ $.scaling"),
    ({"ports": "80/http"}, "expected a list, found a text @ $.ports"),
    ({"ports": {}}, "expected a list, found an object @ $.ports"),
    ({"ports": ["80/http", 5]}, "expected a text, found a whole number @ $.ports[1]"),
    ({"env": {"A": 5}}, "expected an object of texts @ $.env"),
    ({"env": [SECRET]}, "expected an object of texts @ $.env"),
    ({"gpu": {"pools": None}}, "expected a list, found null @ $.gpu.pools"),
    ({"createdAt": "yesterday"}, "createdAt is no time: 'yesterday'"),
]


@pytest.mark.parametrize(("change", "expected"), WRONG)
def test_a_wrong_type_is_named_with_its_place(change: dict[str, Any], expected: str) -> None:
    """Nothing is converted or guessed: the error says what was found where."""
    with pytest.raises(WireError) as caught:
        endpoint(**change)
    assert expected in str(caught.value)
    assert "get endpoint" == caught.value.what
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("empty", ['""', "{}", "null", "0", "false"])
def test_no_list_is_no_empty_list(empty: str) -> None:
    """An answer without a list is an error, never an account without endpoints."""
    with pytest.raises(WireError, match=r"expected a list, found .* @ \$.endpoints"):
        decode.endpoints(answer(f'{{"endpoints": {empty}}}'.encode()), "list endpoints")


@pytest.mark.parametrize(
    ("content", "reason", "excerpt"),
    [
        (b"", "the body is empty", ""),
        (b" \n", "the body is empty", ""),
        (b"<html>Log in</html>", "the answer is no JSON (text/html)", "<html>Log in</html>"),
        (f"it is {KEY}".encode(), "the answer is no JSON (text/html)", "it is ***"),
        (b'{"env": {"PASSWORD": "hunter', "broken or cut off JSON (28 bytes)", ""),
        (b"[" * 100_000, "broken or cut off JSON (100000 bytes)", ""),
    ],
)
def test_what_is_no_json_says_so(content: bytes, reason: str, excerpt: str) -> None:
    """A page of a proxy is shown; the beginning of an answer is not, as it may hold env."""
    with pytest.raises(WireError) as caught:
        decode.endpoints(answer(content, content_type="text/html"), "list endpoints", (KEY,))
    assert reason in caught.value.reason
    assert excerpt == caught.value.body_excerpt


def test_json_without_a_content_type_is_named() -> None:
    """An answer that does not say what it is, is told apart, too."""
    with pytest.raises(WireError, match="no JSON \\(no content type\\)"):
        decode.json_of(Response(200, content=b"hello"), "get")


def outcome(decoder: Any, content: bytes) -> str:
    """Decode, and give the text of the error, if any; other errors than WireError pass."""
    try:
        decoder(answer(content), "what", (KEY,))
    except WireError as error:
        return str(error) + repr(error)
    return ""


@some
@given(st.sampled_from([*DECODERS, decode.log_lines]), st.binary(max_size=60))
def test_any_bytes_give_a_value_or_a_wire_error(decoder: Any, content: bytes) -> None:
    """Whatever a network makes of an answer, one kind of error comes of it."""
    outcome(decoder, content)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["endpoints", "workers", "id", "env", "x"]), inner)
    ),
    max_leaves=8,
)


@some
@given(st.sampled_from(DECODERS), values)
def test_any_json_gives_a_value_or_a_wire_error(decoder: Any, value: Any) -> None:
    """Whatever another service answers under that address, one kind of error comes of it."""
    outcome(decoder, json.dumps(value).encode())


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the path to every value inside a value of JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    inner = [((*path, key), item) for key, item in items]
    found = [each for each, _ in inner]
    for each, item in inner:
        if isinstance(item, (dict, list)):
            found += places(item, each)
    return found


SAMPLE = endpoint_json(env={"PASSWORD": SECRET, "LBSLS_MARK": str(MARK)}, cpu=cpu_json()["cpu"])


@some
@given(st.sampled_from(places(SAMPLE)), values)
def test_a_valid_answer_with_one_wrong_value(path: tuple[Any, ...], value: Any) -> None:
    """One wrong value gives a value or a WireError, and no text shows a value of env."""
    found = json.loads(json.dumps(SAMPLE))
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    for content in (found, {"endpoints": [found]}):
        text = json.dumps(content)
        assert SECRET not in outcome(DECODERS["endpoints" in content], text.encode())


@some
@given(st.integers(1, len(json.dumps({"endpoints": [SAMPLE]})) - 1))
def test_an_answer_that_is_cut_off_shows_nothing_of_env(length: int) -> None:
    """A connection that broke is told as such; the part that came is not shown."""
    text = outcome(decode.endpoints, json.dumps({"endpoints": [SAMPLE]}).encode()[:length])
    assert "cut off JSON" in text
    assert SECRET[:4] not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CREATED, (10, 0, 0, 123456)),
        ("2026-11-20T10:00:00Z", (10, 0, 0, 0)),
        ("2026-11-20 10:00:00.5", (10, 0, 0, 500000)),
        ("2026-11-20t12:30:00.123456789+02:30", (10, 0, 0, 123456)),
    ],
)
def test_times_are_read_on_every_python(text: str, expected: tuple[int, ...]) -> None:
    """Fractions of any length and every zone are understood, as UTC."""
    moment = endpoint(createdAt=text).created_at
    assert expected == (moment.hour, moment.minute, moment.second, moment.microsecond)
    assert timezone.utc is moment.tzinfo


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+05:00", "2026-01-01T00:00:00+99:99"],
)
def test_no_time_is_no_time(text: str) -> None:
    """A date that does not exist is named, not raised as something else."""
    with pytest.raises(WireError, match="createdAt is no time"):
        endpoint(createdAt=text)


def test_workers_are_read() -> None:
    """What a worker runs, and whether it is the newest release, is told."""
    told = {
        "isStale": True,
        "version": 4,
        "image": "i",
        "uptimeSeconds": 60,
        "startedAt": CREATED,
        "gpuTypeId": "L4",
        "dataCenterId": "EU-RO-1",
    }
    found = decode.workers(answer({"workers": [{**WORKER, **told}], "summary": {}}), "list")
    assert (Worker("w1", "RUNNING", True, 4, "i", 60, CREATED, "L4", "EU-RO-1"),) == found
    assert [True, False] == [Worker("w", status).is_up for status in ("IDLE", "THROTTLED")]


def test_log_lines_are_read_as_far_as_they_came() -> None:
    """A stream that is cut in the middle of an event gives the lines before it."""
    stream = (
        'id: 1\ndata: {"line": "pulling", "source": "system", "ts": "T"}\n\n'
        ': keep-alive\n\ndata: {"line": "two\\u2028parts"}\r\n\r\n'
        'data: {"line":\ndata:  "joined"}\n\ndata: 5\n\ndata: {"line": "cut'
    ).replace("\\u2028", "\u2028")
    expected = (
        LogLine("system", "pulling", "T"),
        LogLine("container", "two\u2028parts"),
        LogLine("container", "joined"),
    )
    assert expected == decode.log_lines(answer(stream.encode()), "read")


def test_the_key_stays_out_of_a_log() -> None:
    """A worker that logs its environment does not bring the key into an error."""
    event = b'data: {"line": "RUNPOD_API_KEY=%s"}\n\n' % KEY.encode()
    found = decode.log_lines(answer(event), "read", (KEY,))
    assert (LogLine("container", "RUNPOD_API_KEY=***"),) == found
