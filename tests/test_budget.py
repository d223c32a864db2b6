"""The shared rate budget: nobody waits while there is plenty, and nobody is refused."""

from __future__ import annotations

import heapq
import math
import os
from collections.abc import Iterator

import pytest

from lbsls.budget import AT_FIRST, Budget, Limit


class Clerk:
    """A control plane's counter: windows that begin with the first request after the last one."""

    def __init__(self, *rules: tuple[int, int]) -> None:
        self.rules = rules
        self.used = [0] * len(rules)
        self.ends = [0.0] * len(rules)
        self.taken = self.refused = 0

    def serve(self, now: float) -> tuple[bool, list[Limit]]:
        """Take a request or refuse it, and say what is left."""
        for number, (_, seconds) in enumerate(self.rules):
            if now >= self.ends[number]:
                self.used[number], self.ends[number] = 0, now + seconds
        fits = all(used < quota for used, (quota, _) in zip(self.used, self.rules, strict=True))
        self.used = [used + fits for used in self.used]
        self.taken, self.refused = self.taken + fits, self.refused + (not fits)
        limits = [
            Limit(str(number), quota, seconds, quota - used, math.ceil(end - now))
            for number, ((quota, seconds), used, end) in enumerate(
                zip(self.rules, self.used, self.ends, strict=True)
            )
        ]
        return fits, limits


def caller(budget: Budget, clerk: Clerk, requests: int, now: float) -> Iterator[float]:
    """Send so many requests, one after the other; yields when to go on, is sent the time."""
    for number in range(requests):
        ticket = budget.ticket()
        while True:
            while wait := budget.ask(ticket, now):
                now = yield now + wait
            now = yield now + 0.004 + number % 3 * 0.003  # on the way there
            fits, limits = clerk.serve(now)
            now = yield now + 0.006  # and back
            budget.learn(ticket, now, limits)
            if fits:
                break
            budget.refuse(ticket, now, 1.0)


def simulate(clerk: Clerk, budgets: list[Budget], callers: int, requests: int) -> float:
    """Let callers send at once, in turn on each budget; gives the seconds that it took."""
    begun = [
        caller(budgets[number % len(budgets)], clerk, requests, 100.0) for number in range(callers)
    ]
    agenda = [(next(each), number) for number, each in enumerate(begun)]  # type: ignore[call-overload]
    heapq.heapify(agenda)
    now = 100.0
    while agenda:
        now, number = heapq.heappop(agenda)
        try:
            heapq.heappush(agenda, (begun[number].send(now), number))  # type: ignore[attr-defined]
        except StopIteration:
            continue
    return now - 100.0


@pytest.mark.parametrize("callers", [1, 16, 32, 200])
def test_a_limit_is_used_up_and_not_overrun(callers: int) -> None:
    """Nine tenths of 20 requests a second and more get through, and hardly one is refused."""
    clerk = Clerk((20, 1))
    seconds = simulate(clerk, [Budget()], callers, 600 // callers)
    assert clerk.taken == 600 // callers * callers
    assert clerk.refused <= 6
    assert clerk.taken / seconds >= 0.9 * 20


def test_the_strictest_of_several_windows_rules() -> None:
    """A minute that is not used up does not help when the hour is."""
    clerk = Clerk((20, 1), (50, 10))
    seconds = simulate(clerk, [Budget()], 8, 25)
    assert clerk.refused <= 4
    assert 200 / seconds >= 0.9 * 5


def test_processes_that_share_a_key_learn_from_what_is_left() -> None:
    """Each has a budget of its own, and the headers tell each of the others."""
    clerk = Clerk((20, 1))
    seconds = simulate(clerk, [Budget() for _ in range(4)], 16, 25)
    assert clerk.taken == 400
    assert clerk.taken / seconds >= 0.6 * 20


def test_who_is_far_from_the_limit_does_not_wait() -> None:
    """A first deploy asks a handful of times; so do several at once."""
    budget = Budget()
    for left in range(59, 20, -1):
        ticket = budget.ticket()
        assert budget.ask(ticket, 5.0) == 0
        budget.learn(ticket, 5.0, [Limit("minute", 60, 60, left, 60)])


def test_what_is_left_of_a_window_is_spread_over_it() -> None:
    """The account slows down before it is refused."""
    budget = Budget()
    ticket = budget.ticket()
    assert budget.ask(ticket, 0.0) == 0
    budget.learn(ticket, 0.0, [Limit("minute", 60, 60, 10, 50)])
    waits = [budget.ask(budget.ticket(), 0.0) for _ in range(12)]
    assert waits[:3] == pytest.approx([4.0, 8.0, 12.0])
    assert waits[9:] == pytest.approx([40.0, 50.0, 50.8])


def test_a_refusal_gives_each_asker_a_moment_of_its_own() -> None:
    """They do not all come back at once; who was refused goes first."""
    budget = Budget()
    tickets = [budget.ticket() for _ in range(4)]
    assert budget.ask(tickets[0], 0.0) == 0
    budget.learn(tickets[0], 0.0, [])
    assert budget.refuse(tickets[0], 0.0, 5.0) == pytest.approx(5.0)
    assert [budget.ask(ticket, 0.0) for ticket in tickets[1:]] == pytest.approx([5.08, 5.16, 5.24])
    assert budget.ask(tickets[0], 5.0) == 0
    assert budget.ask(tickets[1], 5.08) == 0


def test_before_the_first_answer_only_some_go() -> None:
    """Nobody knows then how many there may be; an answer without a limit lets everybody go."""
    budget = Budget()
    tickets = [budget.ticket() for _ in range(AT_FIRST + 2)]
    waits = [budget.ask(ticket, 0.0) for ticket in tickets]
    assert waits == [0.0] * AT_FIRST + [0.05] * 2
    assert budget.ask(tickets[-1], 0.05) > 0
    budget.learn(tickets[0], 0.02, [])
    assert budget.ask(tickets[-1], 0.05) == 0


def test_who_left_is_not_waited_for() -> None:
    """A caller that was cancelled keeps no place, neither waiting nor on its way."""
    budget = Budget()
    tickets = [budget.ticket() for _ in range(AT_FIRST + 1)]
    for ticket in tickets:
        budget.ask(ticket, 0.0)
    for ticket in tickets:
        budget.leave(ticket)
    assert [budget.ask(ticket, 0.0) for ticket in tickets[:AT_FIRST]] == [0.0] * AT_FIRST


def test_answers_that_overtake_each_other_do_no_harm() -> None:
    """What was sent in the window before says nothing of this one."""
    budget = Budget()
    old, first, second = (budget.ticket() for _ in range(3))
    assert budget.ask(old, 0.0) == 0
    assert budget.ask(first, 0.0) == 0
    budget.learn(first, 0.1, [Limit("second", 20, 1, 18, 1)])
    assert budget.ask(second, 1.2) == 0
    budget.learn(old, 1.3, [Limit("second", 20, 1, 0, 1)])
    assert budget.ask(budget.ticket(), 1.3) == 0


def test_a_window_that_others_began_is_noticed() -> None:
    """Its end tells that it is another one."""
    budget = Budget()
    first, second = budget.ticket(), budget.ticket()
    budget.ask(first, 0.0)
    budget.learn(first, 0.0, [Limit("minute", 60, 60, 0, 60)])
    budget.ask(second, 0.0)
    budget.leave(second)
    third = budget.ticket()
    budget.learn(third, 10.0, [Limit("minute", 60, 60, 40, 60)])
    assert budget.ask(third, 10.0) == 0


def test_a_policy_that_changes_is_taken_as_it_is() -> None:
    """A larger quota holds from the answer that names it."""
    budget = Budget()
    ticket = budget.ticket()
    budget.ask(ticket, 0.0)
    budget.learn(ticket, 0.0, [Limit("minute", 60, 60, 0, 60)])
    assert budget.ask(ticket, 0.0) == pytest.approx(60.0)
    budget.learn(ticket, 0.0, [Limit("minute", 600, 60, 599, 60)])
    assert budget.ask(ticket, 0.0) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_begins_anew() -> None:
    """Whoever held the lock or waited in the parent is not in the child."""
    budget = Budget()
    ticket = budget.ticket()
    budget.ask(ticket, 0.0)
    budget.learn(ticket, 0.0, [])
    budget.refuse(ticket, 0.0, 60.0)
    inherited = budget._pid
    budget._pid = -1  # as in a child, for who measures only this process
    assert budget.ask(budget.ticket(), 0.0) == 0
    assert budget._pid == inherited
    with budget._mutex():
        child = os.fork()
        if child == 0:  # pragma: no cover - in a process that measures nothing
            try:
                os._exit(0 if budget.ask(budget.ticket(), 0.0) == 0 else 1)
            finally:
                os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
