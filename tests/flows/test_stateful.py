"""Whatever is done to an account, and whatever goes wrong: one quiet deploy puts it right."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lbsls import LoadBalancerSlsResource, TransportTimeout
from lbsls.drift import differences
from lbsls.effects import Flow, Notify, Send
from lbsls.errors import ConnectError, LbslsError, TransportError
from lbsls.flows.context import Memory
from lbsls.flows.deploy import DeployOptions, deploy
from lbsls.flows.undeploy import undeploy
from lbsls.testing import FakeClock
from lbsls.values import Request, Response
from lbsls.wire import rest
from simulated import World
from stories import answer, context, problem

NAMES = ("app", "web")
FOREVER = 20_000

names = st.sampled_from(NAMES)
images = st.sampled_from(["img:1", "img:2"])
most = st.sampled_from([None, 1, 5])
envs = st.sampled_from([None, {}, {"MODE": "a"}, {"MODE": "b", "MORE": "1"}])
fates = st.lists(
    st.sampled_from(
        ["answered", "unsent", "lost", "unanswered", "429", "500", "503", "done but 504", "page"]
    ),
    max_size=12,
)
moments = st.none() | st.integers(1, 14)
"""The effect at which a process is killed, if it is."""


class Killed(Exception):
    """A process ended in the middle."""


def answered(world: World, request: Request, fate: str) -> Response | TransportError:
    """Give what comes of a request."""
    if fate == "unsent":
        return ConnectError("it", "refused")
    if fate == "lost":
        return TransportTimeout("it", "no answer")
    if fate in ("429", "500", "503"):
        return problem(int(fate), **({"Retry_After": "1"} if fate == "429" else {}))
    if fate == "page":
        return Response(200, content=b"<html>")
    done = world.answer(request)
    if fate == "unanswered":
        return TransportTimeout("it", "no answer")
    return problem(504) if fate == "done but 504" else done


def drive(world: World, flow: Flow[Any], bad: list[str], killed_at: int | None) -> Any:
    """Drive a flow alone through what goes wrong, to its end or its death."""
    given: Any = None
    fated = iter(bad)
    for number in range(1, FOREVER):
        if number == killed_at:
            flow.close()
            raise Killed
        world.clock.now += 0.01
        try:
            failed = isinstance(given, TransportError)
            effect = flow.throw(given) if failed else flow.send(given)
        except StopIteration as stop:
            return stop.value
        if isinstance(effect, Send):
            given = answered(world, effect.request, next(fated, "answered"))
        else:
            given = None
            world.clock.now += 0.0 if isinstance(effect, Notify) else effect.seconds
    raise AssertionError("it does not end:\n" + "\n".join(world.log[-30:]))


class Owners(RuleBasedStateMachine):
    """Programs that deploy and undeploy, and people at the console, all in one account."""

    @initialize(
        rnd=st.randoms(use_true_random=False),
        lag=st.sampled_from([0.0, 1.0]),
        hidden=st.sampled_from([0.0, 1.5]),
        startup=st.sampled_from([0.0, 3.0]),
        alone=st.booleans(),
    )
    def begin(self, rnd: Any, alone: bool, **about: float) -> None:
        """Open an account; one program does everything, or each verb is a new one."""
        self.world = World(FakeClock(), rnd.uniform, **about)
        self.memory = Memory() if alone else None
        self.declared: dict[str, LoadBalancerSlsResource | None] = dict.fromkeys(NAMES)
        self.nonces = 0

    def nonce(self) -> str:
        """Give one that was never given before."""
        self.nonces += 1
        return f"n{self.nonces}"

    def of(self, name: str) -> list[str]:
        """Give the ids that exist under a name."""
        return [id for id in self.world.alive if self.world.made[id]["name"] == name]

    def run(self, name: str, bad: list[str], killed_at: int | None, *, wait: bool) -> Any:
        """Deploy a name as it is declared, or undeploy it."""
        memory = self.memory or Memory()
        ctx = context(self.world.clock, memory=memory, nonce=self.nonce)
        declared = self.declared[name]
        if declared is None:
            gone = LoadBalancerSlsResource(name=name, imageName="img:1")
            return drive(self.world, undeploy(ctx, gone), bad, killed_at)
        with memory.claim(name) as claim:
            flow = deploy(ctx, declared, DeployOptions(wait=wait), claim)
            return drive(self.world, flow, bad, killed_at)

    @rule(name=names, image=images, most=most, env=envs)
    def declare(self, name: str, image: str, most: int | None, env: Any) -> None:
        """Edit the program's text."""
        self.declared[name] = LoadBalancerSlsResource(
            name=name, imageName=image, workersMax=most, env=env
        )

    @rule(name=names)
    def forget(self, name: str) -> None:
        """Declare that a name shall not be."""
        self.declared[name] = None

    @rule(name=names, bad=fates, killed_at=moments, wait=st.booleans())
    def act(self, name: str, bad: list[str], killed_at: int | None, wait: bool) -> None:
        """Run the program on a bad day; only typed errors come out."""
        try:
            self.run(name, bad, killed_at, wait=wait)
        except (LbslsError, Killed) as ended:
            self.world.log.append(f"{name}: {ended!r}")

    @rule(name=names, image=images, most=st.sampled_from([0, 2, 3]), env=st.booleans())
    def edit_at_the_console(self, name: str, image: str, most: int, env: bool) -> None:
        """Change what is there; a person may add variables, and keeps the mark."""
        for id in self.of(name):
            changes: dict[str, Any] = {"image": image, "workers": {"max": most}}
            if env:
                changes["env"] = {**self.world.made[id]["env"], "ADDED": "1"}
            self.world.edit(id, changes)

    @rule(name=names)
    def delete_at_the_console(self, name: str) -> None:
        """Take down the first of a name."""
        for id in self.of(name)[:1]:
            self.world.until[id] = self.world.clock.now

    @rule(seconds=st.sampled_from([0.5, 3.0, 60.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.world.clock.now += seconds

    @invariant()
    def marks_stay(self) -> None:
        """An update never loses the mark."""
        for made in self.world.made.values() if hasattr(self, "world") else ():
            assert "LBSLS_MARK" in made["env"], "\n".join(self.world.log)

    def teardown(self) -> None:
        """Run everything once more, quietly, and look."""
        for name in NAMES if hasattr(self, "world") else ():
            self.world.clock.now += 20
            self.world.log.append(f"quietly: {name} {self.declared[name]}")
            declared = self.declared[name]
            # Switched off at the console, and nothing declared of that: there is none to wait for.
            most = None if declared is None else declared.workersMax
            held = self.run(name, [], None, wait=most is not None)
            said = "\n".join(self.world.log)
            if declared is None:
                assert [] == self.of(name), said
                continue
            assert [held.id] == self.of(name), said
            request = Request("GET", "https://api.runpod.io/v2/serverless/" + held.id)
            live = rest.get_endpoint(held.id).read(request, answer(self.world.made[held.id]))
            assert not differences(declared, live), said


TestOwners = Owners.TestCase
TestOwners.__doc__ = "Any sequence of what programs and people do ends as declared."
TestOwners.settings = settings(
    max_examples=60,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
