"""What a dry run tells: what a deploy would do, by the same rules, and without doing it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lbsls import AmbiguousEndpoint, ConfigError, Conflict, LoadBalancerSlsResource, NotOurs, Plan
from lbsls.flows.context import Memory
from lbsls.flows.deploy import DeployOptions, dry_run
from lbsls.flows.judge import plan
from lbsls.testing import play
from stories import RESOURCE, context, deploying, endpoint, listed, problem

SECRET = "hunter2hunter2"
WANTED = LoadBalancerSlsResource(name="app", imageName="img:2", workersMax=5, env={"A": SECRET})
SAME, STRANGER = endpoint(), endpoint(nonce=None)
OLDER = endpoint("e0", nonce="z", created="2026-11-20T09:00:00Z")
ON_CPU = {**SAME, "cpu": [{"id": "cpu3g", "vcpuCount": 2}]}


def planned(resource: Any, *found: dict[str, Any], **options: Any) -> Plan:
    """Give the plan for what a look shows; one look is all that is sent."""
    flow = dry_run(context(), resource, DeployOptions(**options))
    played = play(flow, [listed(*found)])
    assert played.sent == ["GET /v2/serverless"]
    return played.result()


def test_what_would_be_created() -> None:
    """There is none of that name."""
    told = planned(RESOURCE, endpoint("e9", "web"))
    assert (told.action, told.differs, told.endpoint, told.changes) == ("create", True, None, ())
    assert str(told) == "app: would be created"


def test_nothing_to_do() -> None:
    """It is as declared; somebody else's is as good."""
    for found in (SAME, STRANGER):
        told = planned(RESOURCE, found)
        assert (told.action, told.differs, told.refusal) == ("nothing", False, None)
        assert str(told) == "app (e1): is as declared"


def test_what_would_be_updated() -> None:
    """Each field with both values, of env the names; and whether workers are replaced."""
    told = planned(WANTED, endpoint(env={"B": "1"}, workers=(0, 2)))
    assert str(told).splitlines() == [
        "app (e1): would be updated",
        "  imageName: img:1 -> img:2",
        "  workersMax: 2 -> 5 (Runpod lowers it to 2 after 3 days without requests)",
        "  env: A added, B removed",
        "  its workers are replaced",
    ]
    document = json.loads(json.dumps(told.as_json()))
    assert (document["action"], document["id"], document["replacesWorkers"]) == (
        "update",
        "e1",
        True,
    )
    assert [change["field"] for change in document["changes"]] == ["imageName", "workersMax", "env"]
    assert SECRET not in repr(told) + str(told) + json.dumps(document)


def test_scaling_replaces_no_workers() -> None:
    """Nobody waits for new ones then."""
    told = planned(LoadBalancerSlsResource(name="app", imageName="img:1", workersMax=9), SAME)
    assert (told.action, told.replaces_workers, told.notes) == ("update", False, ())


def test_one_that_is_off() -> None:
    """Nothing differs, and nothing can start: the plan names it, and who may have done that."""
    (note,) = planned(RESOURCE, endpoint(workers=(0, 0))).notes
    assert note.startswith("max workers is 0, so nothing can start; Runpod lowers it to 0 after 7")


def test_duplicates_would_be_deleted() -> None:
    """They are told with their ids."""
    told = planned(RESOURCE, SAME, OLDER)
    assert (told.action, told.differs, told.endpoint and told.endpoint.id) == (
        "nothing",
        True,
        "e0",
    )
    assert [each.id for each in told.duplicates] == ["e1"]
    assert told.as_json()["duplicates"] == ["e1"]
    assert "e1 is a duplicate and is deleted" in str(told)


@pytest.mark.parametrize(
    ("found", "options", "kind"),
    [
        ([STRANGER], {}, NotOurs),
        ([endpoint(project="else")], {}, NotOurs),
        ([STRANGER], {"adopt": False}, NotOurs),
        ([ON_CPU], {}, Conflict),
        ([SAME, STRANGER], {}, AmbiguousEndpoint),
    ],
)
def test_what_would_be_refused(
    found: list[dict[str, Any]], options: dict[str, Any], kind: type[Exception]
) -> None:
    """The plan holds the very error that the deploy raises."""
    resource = LoadBalancerSlsResource(name="app", imageName="img:2", gpus="ADA_24")
    told = planned(resource, *found, **options)
    error = deploying([listed(*found)], resource, **options).error
    assert (told.action, told.differs, type(told.refusal)) == ("refuse", True, kind)
    assert (type(error), str(error)) == (kind, str(told.refusal))
    assert told.as_json()["error"] == {"type": kind.__name__, "message": str(error)}
    assert str(error).splitlines()[0] in str(told)


def test_adopting_is_an_update() -> None:
    """With adopt=True a stranger would be changed."""
    told = planned(WANTED, STRANGER, adopt=True)
    assert (told.action, told.refusal) == ("update", None)


def test_what_this_account_deleted_is_not_there() -> None:
    """A list that lags behind shows it still."""
    memory = Memory()
    memory.bury("e1")
    flow = plan(context(memory=memory), [RESOURCE], None)
    assert [each.action for each in play(flow, [listed(SAME)]).result()] == ["create"]


def test_many_plans_cost_one_look() -> None:
    """A file of fifty endpoints is compared in one request."""
    many = [LoadBalancerSlsResource(name=f"app{i}", imageName="img:1") for i in range(50)]
    played = play(plan(context(), [*many, RESOURCE], None), [listed(SAME)])
    assert [each.action for each in played.result()] == ["create"] * 50 + ["nothing"]
    assert played.sent == ["GET /v2/serverless"]


def test_a_dry_run_checks_what_a_deploy_checks() -> None:
    """A wrong argument is refused before anything is sent."""
    for resource, options in (
        (RESOURCE, {"timeout": 0}),
        (RESOURCE, {"cleanup": "yes"}),
        ("app", {}),
    ):
        flow = dry_run(context(), resource, DeployOptions(**options))  # type: ignore[arg-type]
        played = play(flow, [])
        assert (type(played.error), played.sent) == (ConfigError, [])
    error = play(plan(context(), ["app"], None), []).error  # type: ignore[list-item]
    assert "plan takes a resource, not str" in str(error)


def test_a_look_that_fails_is_no_plan() -> None:
    """An error is no absence."""
    flow = dry_run(context(), RESOURCE, DeployOptions(timeout=3.0))
    assert isinstance(play(flow, [problem(500)] * 5).error, Exception)
