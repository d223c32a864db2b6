"""What a project does not declare any more: found by its mark, read again, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from lbsls import Account, ConfigError, Endpoint, LoadBalancerSlsResource, ServerError
from lbsls.flows.context import Memory
from lbsls.flows.prune import orphans, prune
from lbsls.testing import Play, ScriptedTransport, play
from stories import GONE, KEY, RESOURCE, UNKNOWN, answer, context, endpoint, listed, problem

OURS = endpoint("e2", "old", project="shop")
SECOND = endpoint("e3", "older", project="shop")
OTHERS = [
    endpoint("e1", "app", project="shop"),  # declared
    endpoint("e4", "old", project="blog"),
    endpoint("e5", "old", project=""),
    endpoint("e6", "old", nonce=None),
    endpoint("e7", "old", env={"LBSLS_MARK": "shop/renamed/n"}, nonce=None),
]
DECLARED = [RESOURCE]


def pruned(script: Any, declared: Any = DECLARED, **rest: Any) -> Play[tuple[Endpoint, ...]]:
    """Play a prune of the project shop."""
    ctx = context(project="shop", memory=rest.pop("memory", None))
    return play(prune(ctx, declared, rest.pop("only", None)), script)


def test_only_this_projects_own_are_orphans() -> None:
    """No mark, another project's, another name's: none of them is listed."""
    ctx = context(project="shop")
    found = play(orphans(ctx, DECLARED), [listed(SECOND, *OTHERS, OURS)]).result()
    assert [each.id for each in found] == ["e2", "e3"]


def test_each_is_read_again_and_deleted() -> None:
    """What was deleted is given, and told."""
    script = [listed(*OTHERS, OURS, SECOND), answer(OURS), GONE, answer(SECOND), GONE]
    played = pruned(script)
    assert [each.id for each in played.result()] == ["e2", "e3"]
    assert played.sent[1:3] == ["GET /v2/serverless/e2", "DELETE /v2/serverless/e2"]
    assert [event.reason for event in played.events] == ["not declared any more"] * 2  # type: ignore[union-attr]


@pytest.mark.parametrize("now", [*(each | {"id": "e2"} for each in OTHERS), None])
def test_what_changed_hands_meanwhile_stays(now: Any) -> None:
    """The mark is looked at once more just before; what is gone is no error."""
    played = pruned([listed(OURS), UNKNOWN if now is None else answer(now)])
    assert (played.result(), [s for s in played.sent if "DELETE" in s]) == ((), [])


def test_no_more_than_was_agreed_to() -> None:
    """What turned up since the question is not deleted; what is not ours is not either."""
    agreed = play(orphans(context(project="shop"), []), [listed(OURS)]).result()
    played = pruned([answer(OURS), GONE], only=agreed)
    assert [each.id for each in played.result()] == ["e2"]
    assert pruned([answer(OTHERS[1])], only=agreed).result() == ()


def test_one_that_is_gone_at_the_end_is_not_counted() -> None:
    """Somebody else deleted it between the look and the delete."""
    assert pruned([listed(OURS), answer(OURS), UNKNOWN]).result() == ()


def test_what_this_account_deleted_is_no_orphan() -> None:
    """A list that lags behind shows it still."""
    memory = Memory()
    memory.bury("e2")
    assert pruned([listed(OURS)], memory=memory).result() == ()


def test_a_delete_that_fails_is_raised() -> None:
    """Those before it are deleted, and were told."""
    played = pruned([listed(OURS, SECOND), answer(OURS), GONE, *[problem(500)] * 5])
    assert isinstance(played.error, ServerError)
    assert len(played.events) >= 1


def test_without_a_project_nothing_is_deleted() -> None:
    """What has a mark without a project may be anybody's; it is listed only."""
    flow = prune(context(), DECLARED, None)
    played = play(flow, [])
    assert isinstance(played.error, ConfigError)
    assert "[project] name in lbsls.toml" in str(played.error)
    found = play(orphans(context(), DECLARED), [listed(*OTHERS, OURS)]).result()
    assert [each.id for each in found] == ["e5"]


@pytest.mark.parametrize("wrong", ["app", 3, None, [3]])
def test_what_is_declared_are_several_names(wrong: Any) -> None:
    """The letters of one name are not taken for names."""
    assert isinstance(pruned([], wrong).error, ConfigError)


def test_names_resources_and_endpoints_declare() -> None:
    """Whatever a program has at hand."""
    endpoint_ = play(orphans(context(project="shop"), []), [listed(OURS)]).result()[0]
    declared = [endpoint_, "older", LoadBalancerSlsResource(name="app", imageName="x")]
    assert pruned([listed(OURS, SECOND, *OTHERS)], declared).result() == ()


def test_as_verbs_of_an_account(call: Any) -> None:
    """Blocking, on asyncio and on trio."""
    transport = ScriptedTransport([listed(OURS), listed(OURS), answer(OURS), GONE])
    account = Account(KEY, project="shop", transport=transport)
    (found,) = call(account, "orphans", DECLARED)
    heard: list[Any] = []
    (removed,) = call(account, "prune", DECLARED, on_event=heard.append)
    assert (found.id, removed.id, len(heard)) == ("e2", "e2", 1)
    plans = Account(KEY, transport=ScriptedTransport([listed()]))
    assert [each.action for each in call(plans, "plan", DECLARED)] == ["create"]
