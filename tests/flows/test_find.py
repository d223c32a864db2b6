"""How endpoints are looked up and taken down: by id, by name, by resource."""

from __future__ import annotations

from typing import Any

import pytest

from lbsls import (
    AmbiguousEndpoint,
    ConfigError,
    Endpoint,
    LbslsError,
    NotFound,
    NotOurs,
    ServerError,
)
from lbsls.flows import find as finding
from lbsls.flows.undeploy import undeploy
from lbsls.records import replace
from lbsls.testing import play
from stories import (
    GONE,
    RESOURCE,
    UNKNOWN,
    answer,
    context,
    endpoint,
    listed,
    lost,
    problem,
    workers,
)

SAME, OTHER = endpoint(), endpoint("e2", "web", nonce=None)
TWINS = [endpoint(), endpoint("e0", nonce="z", created="2026-11-20T09:00:00Z")]


def live(id: str = "e1") -> Endpoint:
    """Give an endpoint as a program holds it."""
    return play(finding.get_by_id(context(), id), [answer(endpoint(id))]).result()


@pytest.mark.parametrize(
    ("name", "found", "id"),
    [("app", [SAME, OTHER], "e1"), ("none", [SAME], None), ("app", TWINS, "e0"), ("e1", [], None)],
)
def test_find_gives_the_endpoint_of_a_name_or_none(name: str, found: Any, id: str | None) -> None:
    """Of several that lbsls made, the first."""
    got = play(finding.find(context(), name), [listed(*found)]).result()
    assert (got and got.id) == id


def test_find_does_not_choose_between_strangers() -> None:
    """The error names both."""
    script = [listed(OTHER, endpoint("e3", "web", nonce=None))]
    error = play(finding.find(context(), "web"), script).error
    assert isinstance(error, AmbiguousEndpoint)
    assert [row[0] for row in error.candidates] == ["e2", "e3"]


def test_find_raises_when_it_cannot_look() -> None:
    """An error is no absence."""
    assert isinstance(play(finding.find(context(), "app"), [problem(500)] * 5).error, ServerError)


def test_get_gives_the_endpoint_of_an_id() -> None:
    """It belongs to the account that was asked."""
    got = live()
    assert (got.id, got.name, got.base_url) == ("e1", "app", "https://api.runpod.io")
    assert isinstance(play(finding.get_by_id(context(), "e1"), [UNKNOWN]).error, NotFound)


def test_endpoints_are_listed_by_name_and_age() -> None:
    """The order is the same every time."""
    played = play(finding.endpoints(context()), [listed(OTHER, *TWINS)])
    assert [each.id for each in played.result()] == ["e0", "e1", "e2"]


@pytest.mark.parametrize(("target", "sent"), [("e1", 2), ("app", 2), (RESOURCE, 2), ("live", 1)])
def test_workers_of_any_target(target: Any, sent: int) -> None:
    """An id, a name, a resource, or the endpoint itself."""
    target = live() if target == "live" else target
    script = [listed(SAME), workers("RUNNING")][2 - sent :]
    played = play(finding.workers(context(), target), script)
    assert [worker.status for worker in played.result()] == ["RUNNING"]


def test_an_id_goes_before_a_name() -> None:
    """Whatever somebody called another endpoint."""
    played = play(finding.workers(context(), "e1"), [listed(SAME, endpoint("e5", "e1")), workers()])
    assert played.sent[1] == "GET /v2/serverless/e1/workers"


BAD_TARGETS = [None, 7, b"app", ["app"], "", ..., {"name": "app"}]


@pytest.mark.parametrize("target", BAD_TARGETS, ids=repr)
@pytest.mark.parametrize("flow", [finding.find, finding.get_by_id, finding.workers, undeploy])
def test_what_is_no_target_is_refused(flow: Any, target: Any) -> None:
    """Before anything is sent, with what to write instead."""
    if (flow, target) == (finding.find, ""):
        return
    error = play(flow(context(), target), []).error
    assert isinstance(error, ConfigError)
    assert "a target is an endpoint, a resource, an id or a name" in str(error)


@pytest.mark.parametrize("id", [".", "..", "\ud800", "e1\n"])
def test_an_id_that_would_ask_for_something_else_is_refused(id: str) -> None:
    """Dots name what is above an endpoint, and a lone surrogate cannot be sent."""
    assert isinstance(play(finding.get_by_id(context(), id), []).error, ConfigError)


def test_an_endpoint_of_another_control_plane_is_refused() -> None:
    """The key of one does not go to the other."""
    foreign = replace(live(), base_url="https://else.test")
    error = play(finding.workers(context(), foreign), []).error
    assert isinstance(error, ConfigError)
    assert "is of https://else.test, not of https://api.runpod.io" in str(error)


@pytest.mark.parametrize(
    ("target", "script", "removed"),
    [
        ("live", [GONE], True),
        ("live", [UNKNOWN], False),
        ("live", [lost, UNKNOWN], True),
        ("e1", [listed(SAME), GONE], True),
        ("app", [listed(SAME), GONE], True),
        ("app", [listed(SAME), UNKNOWN], False),
        (RESOURCE, [listed(SAME), GONE], True),
        (RESOURCE, [listed()], False),
        (RESOURCE, [listed(endpoint(nonce=None)), GONE], True),
        (RESOURCE, [listed(*TWINS), GONE, UNKNOWN], True),
    ],
)
def test_undeploy_tells_whether_there_was_anything(target: Any, script: Any, removed: bool) -> None:
    """Already gone is success for an endpoint and a resource."""
    target = live() if target == "live" else target
    played = play(undeploy(context(), target), script)
    assert played.result() is removed


@pytest.mark.parametrize("target", [RESOURCE, RESOURCE.name])
def test_undeploying_by_name_removes_its_duplicates(target: Any) -> None:
    """What racers or a killed deploy left goes too."""
    played = play(undeploy(context(), target), [listed(*TWINS, OTHER), GONE, GONE])
    assert sorted(played.sent[1:]) == ["DELETE /v2/serverless/e0", "DELETE /v2/serverless/e1"]


@pytest.mark.parametrize(
    ("target", "found", "kind"),
    [
        ("app", [], NotFound),
        ("web", [OTHER, endpoint("e3", "web", nonce=None)], AmbiguousEndpoint),
        (RESOURCE, [SAME, endpoint("e3", nonce=None)], AmbiguousEndpoint),
    ],
)
def test_undeploy_does_not_guess(target: Any, found: Any, kind: type[LbslsError]) -> None:
    """A text that matches nothing may be a typing error."""
    played = play(undeploy(context(), target), [listed(*found)])
    assert type(played.error) is kind
    assert played.sent == ["GET /v2/serverless"]


THEIRS = endpoint("e4", nonce="z", project="blog")


def test_a_resource_means_what_its_project_deployed() -> None:
    """Another project's endpoint of that name stays, and the error says how to delete it."""
    for project, whose in (("blog", "but by project 'blog',"), ("", "but by lbsls without a pro")):
        found = THEIRS if project else SAME
        error = play(undeploy(context(project="shop"), RESOURCE), [listed(found)]).error
        assert isinstance(error, NotOurs)
        assert (error.project, whose in str(error)) == (project, True)
        assert f"`lbsls rm {found['id']}` or account.undeploy('{found['id']}')" in str(error)
    played = play(undeploy(context(), RESOURCE), [listed(SAME, THEIRS), GONE])
    assert (played.result(), played.sent[1:]) == (True, ["DELETE /v2/serverless/e1"])


@pytest.mark.parametrize("target", ["app", "e4"])
def test_a_text_means_what_it_names(target: str) -> None:
    """Whoever writes a name or an id has that one in mind, whoever made it."""
    assert play(undeploy(context(), target), [listed(THEIRS), GONE]).result() is True


@pytest.mark.parametrize("target", [RESOURCE, "app"])
def test_what_a_list_does_not_show_yet_is_taken_down_too(target: Any) -> None:
    """An undeploy right after the deploy must not leave it behind, and not say that it was gone."""
    ctx = context()
    ctx.memory.elect("e1", "app")
    played = play(undeploy(ctx, target), [listed(OTHER), answer(endpoint()), GONE])
    assert (True, []) == (played.result(), ctx.memory.elected("app"))


@pytest.mark.parametrize("now", [UNKNOWN, answer(endpoint(name="other"))])
def test_what_is_gone_or_has_another_name_now_is_left_alone(now: Any) -> None:
    """What this account once deployed is looked at before it is deleted."""
    ctx = context()
    ctx.memory.elect("e1", "app")
    assert play(undeploy(ctx, RESOURCE), [listed(), now]).result() is False
