"""What a deploy does with an endpoint that exists: return it, update it once, or refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lbsls import (
    Conflict,
    ConnectError,
    HealthTimeout,
    LoadBalancerSlsResource,
    NotOurs,
    Response,
    ServerError,
    TransportTimeout,
)
from lbsls.testing import FakeClock
from lbsls.values import Headers, Request
from stories import (
    RESOURCE,
    UNKNOWN,
    answer,
    context,
    deploying,
    endpoint,
    listed,
    lost,
    page,
    problem,
    told,
    workers,
)

READY = page(200, "w1")
SAME = endpoint()
DRIFTED = endpoint(image="img:0")
FRESH = workers("RUNNING")


def patches(played: Any) -> list[Any]:
    """Give the bodies of all updates."""
    return [json.loads(r.body) for r in played.requests if r.method == "PATCH"]


def test_an_endpoint_as_declared_is_returned() -> None:
    """Nothing is changed, and it is waited for all the same."""
    played = deploying([listed(SAME), READY, listed(SAME)])
    assert (told(played), patches(played)) == (["Unchanged", "Waiting", "Ready"], [])


def test_what_differs_is_updated_in_one_request() -> None:
    """The answer to it is what the user gets, with the new settings."""
    script = [listed(DRIFTED), answer(SAME), READY, FRESH, listed(SAME)]
    played = deploying(script)
    assert played.result().settings.imageName == "img:1"
    assert patches(played) == [{"image": "img:1"}]
    assert told(played) == ["Updated", "Waiting", "Ready"]


def test_the_mark_is_copied_into_an_update_of_env() -> None:
    """An update replaces env whole, and the endpoint stays ours."""
    resource = LoadBalancerSlsResource(name="app", imageName="img:1", env={"A": "1"})
    updated = endpoint(env={"A": "1"})
    played = deploying([listed(SAME), answer(updated), READY, FRESH, listed(updated)], resource)
    assert patches(played)[0]["env"] == {
        "A": "1",
        "PORT": "80",
        "PORT_HEALTH": "80",
        "LBSLS_MARK": "/app/n0",
    }


@pytest.mark.parametrize("adopt", [None, True, False])
@pytest.mark.parametrize("live", [SAME, DRIFTED], ids=["same", "drifted"])
@pytest.mark.parametrize("whose", ["ours", "unmarked", "other project"])
def test_who_made_it_and_adopt_decide(whose: str, live: Any, adopt: bool | None) -> None:
    """Ours is updated; another's is returned as it is, changed with adopt=True, or refused."""
    mark = {"ours": "/app/n0", "unmarked": None, "other project": "shop/app/n0"}[whose]
    env = {k: v for k, v in live["env"].items() if k != "LBSLS_MARK"}
    live = live | {"env": env | ({"LBSLS_MARK": mark} if mark else {})}
    as_declared = live | {"image": "img:1"}
    update = [answer(as_declared)] if live != as_declared else []
    script = [listed(live), *update, READY, *([FRESH] if update else []), listed(as_declared)]
    played = deploying(script, adopt=adopt)
    if whose != "ours" and (adopt is False or (update and adopt is None)):
        assert isinstance(played.error, NotOurs)
        assert ("adopt=True" in str(played.error)) == (adopt is None)
        assert played.sent == ["GET /v2/serverless"]
    else:
        assert played.result().settings.imageName == "img:1"
        assert len(patches(played)) == len(update)


def test_an_adopted_endpoint_gets_no_mark() -> None:
    """It would be a release, a restart, and ours to delete."""
    live = endpoint(nonce=None, image="img:0")
    played = deploying(
        [listed(live), answer(live | {"image": "img:1"}), READY, FRESH, listed(live)], adopt=True
    )
    assert patches(played) == [{"image": "img:1"}]


def test_an_answer_that_is_not_as_declared_is_a_conflict() -> None:
    """Runpod accepted the update and did something else: say so now, not at the next deploy."""
    played = deploying([listed(DRIFTED), answer(endpoint(image="img:2"))])
    assert isinstance(played.error, Conflict)
    assert "imageName: img:2 -> img:1" in str(played.error)


def queue(**more: Any) -> dict[str, Any]:
    """Give an endpoint of another type."""
    return endpoint(**more) | {"type": "QUEUE", "scaling": {"type": "QUEUE_DELAY", "queueDelay": 4}}


CPU = LoadBalancerSlsResource(name="app", imageName="img:1", instanceIds=["cpu3g-2-8"])
GPU = LoadBalancerSlsResource(name="app", imageName="img:1", gpuCount=1)


@pytest.mark.parametrize(
    ("live", "resource"),
    [
        (queue(), RESOURCE),
        (endpoint(gpu={"pools": ["ADA_24"], "count": 1}), CPU),
        (endpoint(cpu=[{"id": "cpu3g", "vcpuCount": 2}]), GPU),
    ],
    ids=["type", "to CPU", "to GPU"],
)
def test_what_no_update_can_change_is_a_conflict(live: Any, resource: Any) -> None:
    """The error says to undeploy first, and nothing is sent."""
    played = deploying([listed(live)], resource)
    assert isinstance(played.error, Conflict)
    assert "Undeploy it first" in str(played.error)
    assert played.sent == ["GET /v2/serverless"]


def test_somebody_elses_queue_is_not_returned_as_a_load_balancer() -> None:
    """As declared it is not, whatever else agrees."""
    live = queue(nonce=None) | {"scaling": {"type": "REQUEST_COUNT", "requestCount": 4}}
    played = deploying([listed(live)])
    assert isinstance(played.error, NotOurs)
    assert "type: QB -> LB" in str(played.error)


def test_after_an_update_that_replaces_workers_a_fresh_one_must_answer() -> None:
    """An old worker that still answers 200 runs the old image."""
    old, new = page(200, "w1"), page(200, "w2")
    both, one = workers("RUNNING", "RUNNING", stale=1), answer({"workers": [{"id": "w2"}]})
    one = answer({"workers": [{"id": "w2", "status": "IDLE"}]})
    script = [listed(DRIFTED), answer(SAME), old, both, new, both, new, one, listed(SAME)]
    played = deploying(script)
    assert played.result().id == "e1"
    asked = [r.headers.get("X-Runpod-Worker-Id") for r in played.requests if "ping" in r.url]
    assert asked == [None, "w2", "w2"]


def test_an_answer_of_a_worker_that_is_not_listed_does_not_count() -> None:
    """It was an old one, on its last legs."""
    script = [listed(DRIFTED), answer(SAME), page(200, "w9"), FRESH, READY, FRESH, listed(SAME)]
    assert len([sent for sent in deploying(script).sent if "ping" in sent]) == 2


def test_where_answers_name_no_worker_the_list_must_do() -> None:
    """Some balancers do not say who answered."""
    played = deploying([listed(DRIFTED), answer(SAME), page(200), FRESH, listed(SAME)])
    assert played.result().id == "e1"


def test_after_a_scaling_change_nothing_is_waited_for_but_health() -> None:
    """It applies to the workers there are."""
    resource = LoadBalancerSlsResource(name="app", imageName="img:1", workersMax=5)
    scaled = endpoint(workers=(0, 5))
    played = deploying([listed(SAME), answer(scaled), READY, listed(scaled)], resource)
    assert patches(played) == [{"workers": {"max": 5}}]
    assert not [sent for sent in played.sent if "workers" in sent]


def test_workers_that_stay_stale_end_in_a_health_timeout() -> None:
    """The rollout is stuck, and the error says what the workers do."""
    clock = FakeClock()
    stuck = [workers("RUNNING", "INITIALIZING", stale=1), READY] * 100
    played = deploying([listed(DRIFTED), answer(SAME), READY, *stuck], clock=clock, timeout=60)
    assert isinstance(played.error, HealthTimeout)
    assert "1 INITIALIZING, 1 RUNNING" in str(played.error)
    assert clock.now <= 1060


def test_no_worker_yet_is_waited_for() -> None:
    """All old ones may be gone before the first new one is there."""
    script = [listed(DRIFTED), answer(SAME), READY, workers(), page(204), FRESH, READY, FRESH]
    played = deploying([*script, listed(SAME)])
    assert [r.headers.get("X-Runpod-Worker-Id") for r in played.requests if "ping" in r.url] == [
        None,
        None,
        "w1",
    ]


def test_an_endpoint_that_vanishes_during_a_rollout_is_looked_for_again() -> None:
    """Being deleted while workers are replaced is no failure either."""
    other = endpoint("e2", nonce="z")
    script = [listed(DRIFTED), answer(SAME), READY, UNKNOWN, UNKNOWN, listed(other)]
    fresh = answer({"workers": [{"id": "w1", "status": "RUNNING"}]})
    played = deploying([*script, listed(other), READY, fresh, listed(other)])
    assert played.result().id == "e2"


def test_workers_that_are_missing_for_a_moment_are_asked_for_again() -> None:
    """A 404 of an endpoint that is there says nothing."""
    script = [listed(DRIFTED), answer(SAME), READY, UNKNOWN, answer(SAME), READY, FRESH]
    assert deploying([*script, listed(SAME)]).result().id == "e1"


def test_one_call_sends_one_update() -> None:
    """What somebody else changes afterwards is not undone: the last one wins."""
    other = endpoint("e0", nonce="z", created="2026-11-20T09:00:00.5Z", image="img:7")
    script = [listed(DRIFTED), answer(SAME), READY, FRESH, listed(other, SAME), answer(other)]
    again = [page(204), listed(other), READY, FRESH, listed(other)]
    played = deploying([*script, *again])
    assert played.result().settings.imageName == "img:7"
    assert len(patches(played)) == 1


def test_a_name_shared_by_projects_belongs_to_the_first() -> None:
    """One project does not change what another made."""
    live = endpoint(project="shop", image="img:0")
    played = deploying([listed(live)], ctx=context(project="web"))
    assert isinstance(played.error, NotOurs)
    assert "imageName: img:0 -> img:1" in str(played.error)


LATE = [lost, problem(500), Response(200, Headers({}), b"<html>")]


@pytest.mark.parametrize("trouble", LATE, ids=["lost", "500", "page"])
def test_an_update_whose_answer_was_lost_is_looked_for(trouble: Any) -> None:
    """It was done, so it is not sent again: somebody may have changed something since."""
    script = [listed(DRIFTED), trouble, answer(SAME), READY, FRESH, listed(SAME)]
    played = deploying(script)
    assert played.result().settings.imageName == "img:1"
    assert played.sent[1:3] == ["PATCH /v2/serverless/e1", "GET /v2/serverless/e1"]
    assert len(patches(played)) == 1
    assert told(played) == ["Updated", "Waiting", "Ready"]


def test_an_update_that_was_lost_on_the_way_is_sent_again() -> None:
    """The look shows that nothing was done; the workers are waited for as after any update."""
    script = [listed(DRIFTED), lost, answer(DRIFTED), answer(SAME), READY, FRESH, listed(SAME)]
    played = deploying(script)
    assert played.result().settings.imageName == "img:1"
    assert len(patches(played)) == 2


def test_an_update_that_never_gets_an_answer_ends_with_its_error() -> None:
    """It says how often it was tried; nothing is tried after the deadline."""
    script = [listed(DRIFTED), *[problem(503), answer(DRIFTED)] * 4, problem(503)]
    error = deploying(script).error
    assert isinstance(error, ServerError)
    assert (error.attempts, "tried 5 times" in str(error)) == (5, True)
    assert isinstance(deploying([listed(DRIFTED), lost], timeout=0.1).error, TransportTimeout)


def test_an_update_that_was_never_sent_is_no_lost_one() -> None:
    """Without a connection there is nothing to look for."""

    def refused(request: Request) -> ConnectError:
        return ConnectError("update", "refused")

    error = deploying([listed(DRIFTED), *[refused] * 5]).error
    assert (type(error), getattr(error, "attempts", 0)) == (ConnectError, 5)
