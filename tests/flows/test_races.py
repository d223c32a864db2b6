"""Several processes deploy one name at once, some die: one endpoint remains, and all hold it.

The racers' flows are driven effect by effect in an order, and with losses, that hypothesis chooses.
Lists lag by up to a second. That two endpoints of one second, told apart by nothing else, can be
listed even later than that is not covered.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lbsls import LoadBalancerSlsResource
from lbsls.flows.context import Memory
from lbsls.testing import FakeClock
from simulated import Racer, World, run_to_end
from stories import RESOURCE

OTHER = LoadBalancerSlsResource(name="app", imageName="img:2")
LAG = 1.0

worlds = st.fixed_dictionaries(
    {
        "lag": st.sampled_from([0.0, 0.3, LAG]),
        "hidden": st.sampled_from([0.0, 0.5, 1.5]),
        "startup": st.sampled_from([0.0, 0.5, 3.0]),
    }
)
teams = st.fixed_dictionaries(
    {
        "number": st.integers(2, 4),
        "drift": st.booleans(),
        "wait": st.booleans(),
        "one_account": st.booleans(),
    }
)
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def racers_of(world: World, team: dict[str, Any]) -> list[Racer]:
    """Make the racers of a team; of one account they share what it remembers."""
    shared = Memory() if team["one_account"] else None
    resources = [RESOURCE, OTHER if team["drift"] else RESOURCE] * 2
    return [
        Racer(name, world, resource, shared, wait=team["wait"])
        for name, resource in zip("abcd"[: team["number"]], resources, strict=False)
    ]


def race(rnd: Any, racers: list[Racer], *, loss: float, death: float) -> list[Racer]:
    """Drive racers to their ends, and give those who died."""
    dead: list[Racer] = []
    clock = racers[0].world.clock
    for racer in racers:
        racer.awake += rnd.uniform(0, 1.5)
    for _ in range(20_000):
        running = [racer for racer in racers if not racer.ended]
        if not running:
            return dead
        clock.now = max(clock.now, min(racer.awake for racer in running))
        racer = rnd.choice([racer for racer in running if racer.awake <= clock.now])
        if rnd.random() < death:
            racer.die()
            dead.append(racer)
            continue
        fates = [("lost", loss / 2), ("unanswered", loss), ("answered", 2.0)]
        chance = rnd.random()
        racer.step(next(fate for fate, most in fates if chance < most))
        racer.awake = max(racer.awake, clock.now + rnd.uniform(0.001, 0.4))
    raise AssertionError("they never end:\n" + "\n".join(racers[0].world.log[-40:]))


def said(world: World) -> str:
    """Tell what happened, for a failure."""
    return "\n".join(world.log)


@quick
@given(rnd=st.randoms(use_true_random=False), about=worlds, team=teams)
@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_racers_end_with_one_endpoint_and_all_hold_it(
    rnd: Any, about: dict[str, Any], team: dict[str, Any], loss: float
) -> None:
    """Whatever the order of their steps, and whichever answers are lost."""
    world = World(FakeClock(), rnd.uniform, **about)
    racers = racers_of(world, team)
    race(rnd, racers, loss=loss, death=0.0)
    held = {racer.id for racer in racers if racer.error is None}
    assert held <= set(world.alive), said(world)
    if any(racer.error for racer in racers):
        # Who loses too many answers in a row ends with an error, and is as good as dead.
        assert loss, said(world)
        world.clock.now += 20
        last = Racer("z", world, RESOURCE)
        run_to_end(last)
        held |= {last.id}
    assert held == set(world.alive), said(world)
    assert len(held) == 1, said(world)


@quick
@given(rnd=st.randoms(use_true_random=False), about=worlds, team=teams, fraction=st.booleans())
def test_a_rerun_heals_what_the_dead_left(
    rnd: Any, about: dict[str, Any], team: dict[str, Any], fraction: bool
) -> None:
    """Racers may be killed between any two steps; the next deploy leaves one endpoint."""
    world = World(FakeClock(), rnd.uniform, **about, fraction=fraction)
    race(rnd, racers_of(world, team), loss=0.05, death=0.03)
    world.clock.now += 20
    last = Racer("z", world, RESOURCE)
    run_to_end(last)
    assert ([last.id], last.error) == (world.alive, None), said(world)


@quick
@given(rnd=st.randoms(use_true_random=False), team=teams)
def test_times_without_a_fraction_leave_one_endpoint_too(rnd: Any, team: dict[str, Any]) -> None:
    """Within a second the ids decide, once it is over, where lists show what is there."""
    world = World(FakeClock(), rnd.uniform, lag=0.0, fraction=False)
    racers = racers_of(world, team)
    race(rnd, racers, loss=0.0, death=0.0)
    assert {racer.id for racer in racers} == set(world.alive), said(world)
