"""Who survives when several deploy one name: rules (a) to (e) of decision 4."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import pytest

from lbsls import AmbiguousEndpoint, HealthTimeout, Response
from lbsls.testing import FakeClock
from lbsls.values import Request
from stories import (
    GONE,
    UNKNOWN,
    answer,
    context,
    deploying,
    endpoint,
    listed,
    page,
    taking,
    told,
)

READY = page(200, "w1")
LIST = "GET /v2/serverless"
OWN = endpoint(nonce="n1", created="2026-11-20T10:00:00.5Z")
CREATED = answer(OWN, 201)
OLDER = endpoint("e0", nonce="a", created="2026-11-20T10:00:00.4Z")
YOUNGER = endpoint("e2", nonce="b", created="2026-11-20T10:00:00.6Z")
BY_HAND = endpoint("h1", nonce=None)


def deletes(played: Any) -> list[str]:
    """Name the ids that a play deleted."""
    return [sent.rpartition("/")[2] for sent in played.sent if sent.startswith("DELETE")]


def test_the_own_loser_is_deleted_at_once() -> None:
    """Who comes second takes back what it made and uses the first."""
    script = [listed(), CREATED, listed(OLDER, OWN), GONE, READY, listed(OLDER)]
    played = deploying(script)
    assert (played.result().id, deletes(played)) == ("e0", ["e1"])
    assert told(played) == ["Created", "Removed", "Unchanged", "Waiting", "Ready"]


def test_of_the_same_moment_the_smaller_id_survives() -> None:
    """Every process decides alike."""
    twin = endpoint("e0", nonce="a", created=OWN["createdAt"])
    script = [listed(), CREATED, listed(OWN, twin), GONE, READY, listed(twin)]
    assert deploying(script).result().id == "e0"


def test_anothers_loser_is_deleted_after_the_survivor_was_seen() -> None:
    """A list alone is no reason to delete what somebody else made."""
    played = deploying([listed(OLDER, YOUNGER), answer(OLDER), GONE, READY, listed(OLDER)])
    assert played.sent[1:3] == ["GET /v2/serverless/e0", "DELETE /v2/serverless/e2"]


def test_the_survivor_is_seen_once_for_several_losers() -> None:
    """One look at it is enough."""
    script = [listed(OLDER, OWN, YOUNGER), answer(OLDER), GONE, UNKNOWN, READY, listed(OLDER)]
    assert deletes(deploying(script)) == ["e1", "e2"]


def test_nobodys_is_deleted_while_the_survivor_is_missing() -> None:
    """It may be the survivor that is being deleted."""
    script = [listed(OLDER, YOUNGER), UNKNOWN, listed(YOUNGER), READY, listed(YOUNGER)]
    played = deploying(script)
    assert (played.result().id, deletes(played)) == ("e2", [])


def test_a_list_without_the_own_endpoint_lags() -> None:
    """The election waits until the list shows what was created."""
    script = [listed(), CREATED, listed(), listed(), listed(OWN), READY]
    played = deploying(script)
    assert (played.result().id, played.slept) == ("e1", [0.1, 0.2])


def test_a_list_that_shows_only_the_other_lags_too() -> None:
    """The own one may still be alive, and would stay beside it."""
    script = [listed(), CREATED, listed(OLDER), listed(OLDER, OWN), GONE, READY, listed(OLDER)]
    assert deletes(deploying(script)) == ["e1"]


def test_an_own_endpoint_that_is_gone_is_noticed_after_ten_seconds() -> None:
    """Somebody elected another and deleted it before it was ever listed."""
    clock = FakeClock()

    def look(request: Request) -> Response:
        if "/ping" in request.url:
            return READY
        return UNKNOWN if request.url.endswith("/e1") else listed(OLDER)

    played = deploying([listed(), CREATED, *[look] * 20], clock=clock)
    assert (played.result().id, deletes(played)) == ("e0", ["e1", "e1"])
    assert 1010 < clock.now < 1013


def test_a_loser_is_deleted_before_it_is_listed() -> None:
    """An older one is listed first, so it has lost; who waited could be beaten to the delete."""
    script = [listed(), CREATED, listed(OLDER), GONE, READY, listed(OLDER)]
    played = deploying(script)
    assert (played.result().id, deletes(played), played.slept) == ("e0", ["e1"], [])


def test_a_younger_one_does_not_beat_what_is_not_listed_yet() -> None:
    """The own one is waited for, as it will be first."""
    played = deploying([listed(), CREATED, listed(YOUNGER), listed(OWN), READY])
    assert (played.result().id, deletes(played)) == ("e1", [])


def test_a_404_to_the_delete_of_a_young_loser_proves_nothing() -> None:
    """Listed and not found by its id yet, it would be left behind: it is deleted again."""
    clock = FakeClock()
    script = [listed(), CREATED, listed(OLDER, OWN), UNKNOWN, READY, listed(OLDER), UNKNOWN, GONE]
    played = deploying(script, clock=clock)
    assert (played.result().id, deletes(played)) == ("e0", ["e1"] * 3)
    assert clock.now < 1003


def test_what_is_taken_back_keeps_to_the_deadline() -> None:
    """What is still uncertain then is left to the next deploy."""
    clock = FakeClock()
    script = [listed(), CREATED, listed(OLDER, OWN), UNKNOWN, READY, listed(OLDER)]
    played = deploying([*script, *[UNKNOWN] * 9], clock=clock, timeout=1.0)
    assert (played.result().id, clock.now) == ("e0", 1001.0)


def test_an_own_endpoint_that_is_gone_with_nobody_in_its_place_is_made_again() -> None:
    """Somebody deleted it before it was ever listed."""
    clock = FakeClock()
    again = endpoint("e7", nonce="n2")
    creates = iter([CREATED, answer(again, 201)])
    shown: list[dict[str, Any]] = []

    def look(request: Request) -> Response:
        if request.method == "POST":
            shown[:] = [again] if clock.now > 1001 else []
            return next(creates)
        if "/ping" in request.url:
            return READY
        return UNKNOWN if request.url.endswith("/e1") else listed(*shown)

    played = deploying(repeat(look), clock=clock)
    assert (played.result().id, played.sent.count("POST /v2/serverless")) == ("e7", 2)


def test_an_own_endpoint_that_only_its_id_shows_is_waited_for() -> None:
    """Found by id it exists, however long the list lags."""
    clock = FakeClock()

    def look(request: Request) -> Response:
        if "/ping" in request.url:
            return READY
        if request.url.endswith("/e1"):
            return CREATED
        return listed(OWN) if clock.now > 1015 else listed()

    played = deploying([listed(), CREATED, *[look] * 20], clock=clock)
    assert played.result().id == "e1"


def test_a_list_that_lags_to_the_end_does_not_break_the_deadline() -> None:
    """What was created is taken as it is, and pinged as long as there is time."""
    clock = FakeClock()

    def world(request: Request) -> Response:
        if request.method == "POST":
            return CREATED
        return page(204) if "/ping" in request.url else listed()

    played = deploying(repeat(world), clock=clock, timeout=5)
    assert isinstance(played.error, HealthTimeout)
    assert clock.now <= 1005


def test_times_without_a_fraction_are_looked_at_again_after_their_second() -> None:
    """Within one second a smaller id can still turn up."""
    own = endpoint(nonce="n1", created="2026-11-20T10:00:00Z")
    first = endpoint("e0", nonce="a", created="2026-11-20T10:00:00Z")
    script = [listed(), answer(own, 201), listed(own), listed(own, first), GONE, READY]
    played = deploying([*script, listed(first)])
    assert (played.result().id, played.slept[0], deletes(played)) == ("e0", 1.0, ["e1"])


def test_who_adopts_one_of_this_second_looks_again_after_it() -> None:
    """A smaller id of the same second can still turn up, also for those who created nothing."""
    found = endpoint("e5", nonce="a", created="2026-11-20T10:00:00Z")
    first = endpoint("e0", nonce="b", created="2026-11-20T10:00:00Z")
    script = [listed(found), listed(found, first), answer(first), GONE, listed(first)]
    played = deploying([*script, listed(first)], wait=False)
    assert (played.result().id, played.slept[0]) == ("e0", 1.0)


def test_what_is_long_there_is_adopted_without_delay() -> None:
    """Its second is over, by any clock."""
    old = endpoint("e5", nonce="a", created="2026-11-20T09:00:00Z")
    assert deploying([listed(old), READY, listed(old)]).slept == []


def test_a_second_that_is_over_is_not_waited_for() -> None:
    """A list that lagged has used it up."""
    clock = FakeClock()
    own = endpoint(nonce="n1", created="2026-11-20T10:00:00Z")
    script = [listed(), answer(own, 201), taking(clock, 1.1, listed(own)), READY, listed(own)]
    assert deploying(script, clock=clock).slept == []


def test_an_endpoint_that_vanishes_while_waited_for_is_no_failure() -> None:
    """Somebody elected another: the deploy looks again under the same deadline."""
    clock = FakeClock()
    script = [listed(YOUNGER), page(204), UNKNOWN, UNKNOWN, listed(OLDER)]
    played = deploying([*script, listed(OLDER), READY, listed(OLDER)], clock=clock)
    assert played.result().id == "e0"
    assert told(played)[2:4] == ["Vanished", "Unchanged"]


def test_an_endpoint_that_vanished_for_certain_is_ignored() -> None:
    """A list that still shows it does not bring it back."""
    clock = FakeClock()
    gone = [UNKNOWN, UNKNOWN, listed()]
    script = [listed(OLDER), taking(clock, 12.0, page(204)), *gone]
    created = [listed(OLDER), CREATED, listed(OLDER, OWN), READY]
    played = deploying([*script, *created], clock=clock)
    assert (played.result().id, deletes(played)) == ("e1", [])


def test_an_endpoint_that_only_seems_to_vanish_is_adopted_again() -> None:
    """So soon after its creation a list and an id may both be behind."""
    script = [listed(OLDER), UNKNOWN, UNKNOWN, listed(), listed(OLDER), READY, listed(OLDER)]
    played = deploying(script)
    assert (played.result().id, played.sent.count("POST /v2/serverless")) == ("e0", 0)


def test_what_was_deleted_here_is_not_adopted_from_a_stale_list() -> None:
    """Undeploy and deploy again: the list may still show what is gone."""
    ctx = context()
    ctx.memory.elect("e0", "app")
    ctx.memory.bury("e0")
    played = deploying([listed(OLDER), CREATED, listed(OLDER, OWN), READY], ctx=ctx)
    assert played.result().id == "e1"


def test_the_last_look_finds_who_was_first() -> None:
    """What turns up while waiting wins, and the own one goes."""
    clock = FakeClock()
    script = [listed(), CREATED, listed(OWN), taking(clock, 2, READY), listed(OLDER, OWN), GONE]
    played = deploying([*script, listed(OLDER), READY, listed(OLDER)], clock=clock)
    assert (played.result().id, deletes(played)) == ("e0", ["e1"])


def test_the_last_look_does_not_trust_a_survivor_that_is_missing() -> None:
    """It looks again instead."""
    script = [listed(OWN), READY, listed(OWN, YOUNGER), UNKNOWN, listed(YOUNGER), READY]
    assert deploying([*script, listed(YOUNGER)]).result().id == "e2"


def test_a_list_that_contradicts_its_ids_ends_by_the_deadline() -> None:
    """The loop neither spins nor outlives its time."""
    clock = FakeClock()

    def world(request: Request) -> Response:
        return listed(OLDER, YOUNGER) if request.url.endswith("serverless") else UNKNOWN

    played = deploying(repeat(world), clock=clock, timeout=60)
    assert isinstance(played.error, HealthTimeout)
    assert "its list and its answers by id disagree" in str(played.error)
    assert "account.undeploy('app')" in str(played.error)
    assert clock.now == 1060
    assert len(played.sent) < 100


AMBIGUOUS = {
    "several by hand": [BY_HAND, endpoint("h2", nonce=None)],
    "one of each": [BY_HAND, OLDER],
    "a copy": [OLDER, endpoint("e9", nonce="a")],
    "renamed to it": [OLDER, endpoint("e9", env={"LBSLS_MARK": "/other/x"}, nonce=None)],
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_where_no_rule_chooses_a_person_must(case: str) -> None:
    """All candidates are named, with ids and ages, and nothing is touched."""
    played = deploying([listed(*AMBIGUOUS[case])])
    assert isinstance(played.error, AmbiguousEndpoint)
    ids = {candidate["id"] for candidate in AMBIGUOUS[case]}
    assert {row[0] for row in played.error.candidates} == ids
    assert all(id in str(played.error) for id in ids)
    assert played.sent == [LIST]


def test_what_this_call_added_is_taken_back_before_it_complains() -> None:
    """Somebody made one by hand meanwhile, and theirs is used."""
    script = [listed(), CREATED, listed(BY_HAND, OWN), GONE, READY, listed(BY_HAND)]
    played = deploying(script)
    assert (played.result().id, deletes(played)) == ("h1", ["e1"])


def test_two_by_hand_are_ambiguous_and_the_own_one_goes() -> None:
    """A deploy that fails leaves nothing of its own."""
    played = deploying([listed(), CREATED, listed(BY_HAND, endpoint("h2", nonce=None), OWN), GONE])
    assert isinstance(played.error, AmbiguousEndpoint)
    assert deletes(played) == ["e1"]


def test_one_made_by_hand_while_waiting_is_used_even_if_the_list_lags() -> None:
    """What was just deleted still listed is no second candidate."""
    clock = FakeClock()
    script = [listed(), CREATED, listed(OWN), taking(clock, 2, READY), listed(BY_HAND, OWN), GONE]
    stale = [listed(BY_HAND, OWN), READY, listed(BY_HAND)]
    assert deploying([*script, *stale], clock=clock).result().id == "h1"


def test_an_own_endpoint_already_gone_is_asked_for_until_that_is_certain() -> None:
    """By the time of the last look somebody has removed it and made one by hand."""
    clock = FakeClock()
    script = [listed(), CREATED, listed(OWN), taking(clock, 2, READY), listed(BY_HAND)]
    then = [listed(BY_HAND), READY, listed(BY_HAND), *[UNKNOWN] * 4]
    played = deploying([*script, *then], clock=clock)
    assert (played.result().id, deletes(played)) == ("h1", ["e1"] * 4)
    assert clock.now == 1003.0


def test_an_own_endpoint_that_is_deleted_at_the_last_moment_is_made_again() -> None:
    """Nothing of that name is left, so the deploy begins anew."""
    clock = FakeClock()
    again = endpoint("e7", nonce="n2")
    script = [listed(), CREATED, listed(OWN), taking(clock, 2, READY), listed()]
    then = [listed(), answer(again, 201), listed(again), READY, *[UNKNOWN] * 9]
    played = deploying([*script, *then], clock=clock)
    assert (played.result().id, set(deletes(played))) == ("e7", {"e1"})


def test_a_survivor_that_answers_404_to_an_update_is_looked_for_again() -> None:
    """A young endpoint may be missing by id for a moment; taken for gone it would be doubled."""
    drifted = OLDER | {"image": "img:0"}
    fixed = [answer(OLDER), READY, answer({"workers": [{"id": "w1", "status": "RUNNING"}]})]
    script = [listed(drifted), UNKNOWN, listed(drifted), *fixed, listed(OLDER)]
    played = deploying(script)
    assert (played.result().id, played.sent.count("POST /v2/serverless")) == ("e0", 0)
