"""A local Runpod that misbehaves on purpose: what a caller gets, and what was done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from lbsls.local import After, Fault, Faults, runpod
from lbsls.local.misbehave import renamed, wrong

from .conftest import PLAIN, Site, eventually

QUEUE: dict[str, Any] = {
    "name": "a",
    "type": "QUEUE",
    "image": "i",
    "gpu": {"pools": ["ADA_24"]},
    "scaling": {"type": "QUEUE_DELAY", "queueDelay": 4},
}
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)


def names(site: Site) -> list[str]:
    """Give the names of what there is, whatever goes wrong."""
    rules = list(site.local.faults)
    site.local.faults.clear()
    assert all(not rule.active for rule in rules)
    return [endpoint["name"] for endpoint in site.api("GET").json()["endpoints"]]


@pytest.mark.parametrize("status", [401, 402, 403, 404, 409, 422, 429, 500, 502, 503, 504, 524])
@pytest.mark.parametrize("done", [False, True])
def test_an_error_is_a_problem_as_runpods(site: Site, status: int, done: bool) -> None:
    """Any status, for the next request only, whether or not it was done."""
    site.local.faults.add(Fault.answer(status, done=done), operation="create", times=1)
    refused = site.api("POST", json=QUEUE)
    assert (status, "application/problem+json") == (
        refused.status_code,
        refused.headers["Content-Type"],
    )
    assert status == refused.json()["status"]
    assert ["a"] * done == names(site)
    assert 201 == site.api("POST", json=QUEUE).status_code


def test_a_firewall_answers_with_a_page(site: Site) -> None:
    """403 in HTML, and 200 as well."""
    site.local.faults.add(Fault.answer(403, html=True), times=1)
    site.local.faults.add(Fault.page(), times=1)
    found = [site.api("GET") for _ in range(2)]
    assert [403, 200] == [each.status_code for each in found]
    assert {"text/html; charset=utf-8"} == {each.headers["Content-Type"] for each in found}


def test_retry_after_is_seconds_or_a_date(site: Site) -> None:
    """Both forms that HTTP allows."""
    site.local.faults.add(Fault.answer(429, retry_after=1.5), times=1)
    site.local.faults.add(Fault.answer(429, retry_after=NOW), times=1)
    seconds, date = (site.api("GET").headers["Retry-After"] for _ in range(2))
    assert ("1.5", NOW) == (seconds, parsedate_to_datetime(date))


@pytest.mark.parametrize("done", [False, True])
def test_a_connection_closes_before_or_after_it_is_done(site: Site, done: bool) -> None:
    """The caller cannot tell which."""
    site.local.faults.add(Fault.close(done=done), operation="create", times=1)
    with pytest.raises(BROKEN):
        site.api("POST", json=QUEUE)
    assert ["a"] * done == names(site)
    assert None is site.local.requests.of("create")[0].status


@pytest.mark.parametrize("done", [False, True])
def test_a_request_hangs(site: Site, done: bool) -> None:
    """Until the caller has enough."""
    site.local.faults.add(Fault.hang(done=done), operation="create", times=1)
    url = f"{site.local.url}/v2/serverless"
    with pytest.raises(requests.ReadTimeout):
        site.http.post(url, json=QUEUE, timeout=(5, 0.3))
    assert ["a"] * done == names(site)


def test_an_answer_is_late(site: Site) -> None:
    """It comes all the same."""
    site.local.faults.add(Fault.delay(0.3), operation="list", times=1)
    answer = site.api("GET")
    assert (200, True) == (answer.status_code, answer.elapsed.total_seconds() >= 0.3)


def test_an_answer_is_cut_short(site: Site) -> None:
    """The announced length does not come; without a body not even the headers do."""
    made = site.api("POST", json=QUEUE).json()
    site.local.faults.add(Fault.cut(), times=2)
    with pytest.raises(BROKEN):
        site.api("GET", f"/{made['id']}")
    with pytest.raises(BROKEN):
        site.api("DELETE", f"/{made['id']}")
    assert [] == names(site)


def test_an_answer_has_other_types_and_unknown_words(site: Site) -> None:
    """What a program must not trust blindly; an answer without JSON stays as it is."""
    made = site.api("POST", json=QUEUE).json()
    site.local.faults.add(Fault.wrong_types(), times=1)
    assert 7 == site.api("GET", f"/{made['id']}").json()["id"]
    site.local.faults.add(Fault.unknown_enums(), times=1)
    seen = site.api("GET", f"/{made['id']}").json()
    assert ("FROM_THE_FUTURE", ["FROM_THE_FUTURE"]) == (seen["type"], seen["gpu"]["pools"])
    site.local.faults.add(Fault.wrong_types(), times=1)
    assert 204 == site.api("DELETE", f"/{made['id']}").status_code


def test_every_type_becomes_another() -> None:
    """Also null, truth and emptiness; names stay."""
    given = {"a": "x", "b": 0, "c": [], "d": None, "e": True, "f": [1], "g": {}}
    assert {
        "a": 7, "b": "none", "c": "nothing", "d": "nothing", "e": "none", "f": ["none"],
        "g": "nothing",
    } == wrong(given)  # fmt: skip
    assert {"id": "x", "n": 1} == renamed({"id": "x", "n": 1})


def test_there_is_no_capacity(site: Site) -> None:
    """A create is refused in Runpod's words."""
    with site.local.faults.add(Fault.no_capacity(), operation="create") as rule:
        refused = site.api("POST", json=QUEUE)
    assert (400, 1) == (refused.status_code, rule.fired)
    assert "no longer any instances available" in refused.json()["detail"]
    assert 201 == site.api("POST", json=QUEUE).status_code


def test_a_fault_keeps_to_its_endpoint(site: Site) -> None:
    """By name, before there is an id, or by id."""
    site.local.faults.add(Fault.answer(500), endpoint="b")
    made = site.api("POST", json=QUEUE).json()
    assert 500 == site.api("POST", json={**QUEUE, "name": "b"}).status_code
    assert 500 == site.api("POST", json={**QUEUE, "name": "b"}).status_code
    assert 422 == site.api("POST", json=[]).status_code
    assert 400 == site.api("POST", data="{", headers=JSON).status_code
    site.local.faults.add(Fault.answer(503), endpoint=made["id"])
    assert 503 == site.api("GET", f"/{made['id']}").status_code
    assert ["a"] == names(site)


JSON = {"Content-Type": "application/json"}


def test_chance_repeats_itself(site: Site) -> None:
    """The same seed strikes the same requests."""

    def struck() -> list[int]:
        """Ask often."""
        with site.local.faults.add(Fault.answer(500), probability=0.5, seed=7):
            return [site.api("GET").status_code for _ in range(12)]

    first = struck()
    assert (first, {200, 500}) == (struck(), set(first))


def test_a_list_lags_and_shows_what_is_gone(start_site: Callable[..., Site]) -> None:
    """Made and not listed yet, deleted and listed still; by id it is there at once."""
    site = start_site(listed=After(polls=2))
    made = site.api("POST", json=QUEUE).json()
    assert 200 == site.api("GET", f"/{made['id']}").status_code
    listed = [len(site.api("GET").json()["endpoints"]) for _ in range(4)]
    site.api("DELETE", f"/{made['id']}")
    gone = [len(site.api("GET").json()["endpoints"]) for _ in range(4)]
    assert ([0, 0, 1, 1], [1, 1, 0, 0]) == (listed, gone)


def test_a_fault_makes_a_list_lag(site: Site) -> None:
    """For as long as the fault is there."""
    with site.local.faults.add(Fault.lag(60)) as rule:
        site.api("POST", json=QUEUE)
        assert ([], 1) == (site.api("GET").json()["endpoints"], rule.fired)
    assert ["a"] == names(site)


def test_a_young_endpoint_is_not_found(start_site: Callable[..., Site]) -> None:
    """By option, for so many looks; by fault, for so many seconds."""
    site = start_site(found=After(polls=2))
    made = site.api("POST", json=QUEUE).json()
    looks = [site.api("GET", f"/{made['id']}").status_code for _ in range(3)]
    assert [404, 404, 200] == looks
    with site.local.faults.add(Fault.missing(60)):
        assert 404 == site.api("GET", f"/{made['id']}").status_code
        assert 1 == len(site.api("GET").json()["endpoints"])
    with site.local.faults.add(Fault.missing(0)):
        assert 200 == site.api("GET", f"/{made['id']}").status_code
        assert 404 == site.api("GET", "/none").status_code


@pytest.mark.parametrize("started", [After(polls=3), After(seconds=0.2)])
def test_a_worker_starts_later(start_site: Callable[..., Site], started: After) -> None:
    """After so many looks, or so many seconds."""
    site = start_site(started=started)
    endpoint = site.create(workers={"min": 1})
    assert ["INITIALIZING"] == site.statuses(endpoint)
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    ended = site.create(name="b", workers={"min": 1})
    assert 204 == site.api("DELETE", f"/{ended['id']}").status_code


def test_the_platform_is_down(start_site: Callable[..., Site]) -> None:
    """Control plane and endpoints hang up, for a while, also from the very start."""
    site = start_site()
    endpoint = site.create(workers={"min": 1})
    assert 200 == site.call(endpoint).status_code
    down = site.local.faults.add(Fault.down(0.5))
    for ask in (lambda: site.api("GET"), lambda: site.call(endpoint)):
        with pytest.raises(BROKEN):
            ask()
    eventually(lambda: answers(site))
    assert 200 == site.call(endpoint).status_code
    assert down.fired >= 2


def answers(site: Site) -> bool:
    """Whether the control plane does."""
    try:
        return site.api("GET").ok
    except BROKEN:
        return False


def test_faults_can_be_there_before_it_starts() -> None:
    """Their time begins with it, and their number holds."""
    local = runpod({"plain": PLAIN})
    local.faults.add(Fault.answer(503), operation="list", times=1)
    gone = local.faults.add(Fault.answer(500), operation="list", lasts=0.0)
    assert local.faults.pick("list") is None
    local.start()
    try:
        headers = {"Authorization": f"Bearer {local.api_key}"}
        got = [requests.get(f"{local.url}/v2/serverless", headers=headers) for _ in range(2)]
    finally:
        local.stop()
    assert ([503, 200], 0) == ([each.status_code for each in got], gone.fired)
    local.faults.clear()


@pytest.mark.parametrize("done", [False, True])
def test_calls_go_wrong(site: Site, done: bool) -> None:
    """Before or after the worker has done its work."""
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    with site.local.faults.add(Fault.close(done=done), operation="call"), pytest.raises(BROKEN):
        site.call(endpoint, method="POST", data="x")
    with site.local.faults.add(Fault.answer(502, done=done), operation="call"):
        assert 502 == site.call(endpoint).status_code
    with site.local.faults.add(Fault.cut(), operation="call"), pytest.raises(BROKEN):
        site.call(endpoint)
    with site.local.faults.add(Fault.wrong_types(), operation="call"):
        assert 7 == site.call(endpoint).json()["path"]
        assert b"ok" == site.call(endpoint, "/ping").content
        assert 502 == site.call(endpoint, "/cut").status_code
    assert 200 == site.call(endpoint).status_code


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fault("nothing"), "kind is one of"),  # type: ignore[arg-type]
        (lambda: Fault.answer(200), "status is from 400"),
        (lambda: Fault.delay(-1), "seconds is at least 0"),
        (lambda: Faults().add(Fault.hang(), times=0), "times is at least 1"),
        (lambda: Faults().add(Fault.hang(), probability=2), "probability is from 0"),
        (lambda: Faults().add(Fault.hang(), operation="x"), "operation is one of"),  # type: ignore[arg-type]
    ],
)
def test_a_fault_that_cannot_be_is_told(make: Callable[[], object], message: str) -> None:
    """It says what is allowed."""
    with pytest.raises(ValueError, match=message):
        make()


def test_a_log_can_break_off(site: Site) -> None:
    """A stream is closed like anything else."""
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    (worker,) = site.workers(endpoint)
    path = f"/{endpoint['id']}/workers/{worker['id']}/logs"
    with site.local.faults.add(Fault.close(), operation="logs"), pytest.raises(BROKEN):
        site.api("GET", path)
    with site.local.faults.add(Fault.answer(503), operation="logs"):
        assert 503 == site.api("GET", path).status_code


def test_a_status_that_nobody_registered_has_a_title(site: Site) -> None:
    """A proxy's own number is answered as well."""
    with site.local.faults.add(Fault.answer(599)):
        assert "Error" == site.api("GET").json()["title"]
    assert 200 == site.api("GET").status_code
