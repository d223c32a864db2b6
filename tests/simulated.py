"""An account that exists only in a test, and racers that are driven through it step by step.

Time passes only between steps. A list is a snapshot of some moment ago, so it shows every endpoint
that is older than one which it shows; what it shows may be gone, and what is new may be missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lbsls import Response, TransportTimeout
from lbsls.effects import Flow, Notify, Send
from lbsls.errors import LbslsError, TransportError
from lbsls.flows.context import Memory
from lbsls.flows.deploy import DeployOptions, deploy
from lbsls.resources import ServerlessResource
from lbsls.testing import FakeClock
from lbsls.values import Request
from stories import GONE, UNKNOWN, answer, context, endpoint, page

Chooser = Callable[[float, float], float]
"""Gives a number between two."""


class World:
    """The account: what exists, since when and until when, by its own clock.

    Args:
        choose: Decides how far a list lags, within ``lag`` seconds.
        hidden: Seconds for which an endpoint that was just created is answered with 404 by id.
        startup: Seconds from a create to the first 200.
        fraction: Whether ``createdAt`` has a fraction.
    """

    def __init__(
        self,
        clock: FakeClock,
        choose: Chooser,
        *,
        lag: float = 0.0,
        hidden: float = 0.0,
        startup: float = 2.0,
        fraction: bool = True,
    ) -> None:
        self.clock = clock
        self.choose = choose
        self.lag, self.hidden, self.startup, self.fraction = lag, hidden, startup, fraction
        self.made: dict[str, dict[str, Any]] = {}
        self.since: dict[str, float] = {}
        self.until: dict[str, float] = {}
        self.log: list[str] = []

    @property
    def alive(self) -> list[str]:
        """The ids that exist now."""
        return [id for id in self.made if id not in self.until]

    def answer(self, request: Request) -> Response:
        """Do what is asked."""
        host, _, path = request.url.partition("//")[2].partition("/")
        id = host.split(".")[0] if host != "api.runpod.io" else path.split("/")[2:3]
        if isinstance(id, str):
            return self._ping(id)
        verb = {"GET": self._get, "DELETE": self._delete, "PATCH": self._patch}
        if id:
            return verb[request.method](id[0], request)
        return self._create(request) if request.method == "POST" else self._list()

    def _ping(self, id: str) -> Response:
        if id in self.until:
            return UNKNOWN
        return page(200 if self.clock.now - self.since[id] >= self.startup else 204)

    def _list(self) -> Response:
        moment = self.clock.now - self.choose(0.0, self.lag)
        shown = [
            made
            for id, made in self.made.items()
            if self.since[id] <= moment and self.until.get(id, moment + 1) > moment
        ]
        self.log.append(f"{self.clock.now:.3f} list as of {moment:.3f}: {[e['id'] for e in shown]}")
        return answer({"endpoints": shown})

    def _get(self, id: str, request: Request) -> Response:
        young = self.clock.now - self.since[id] < self.hidden
        found = id not in self.until and not young
        self.log.append(f"{self.clock.now:.3f} get {id}: {found}")
        if request.url.endswith("/workers"):
            return answer({"workers": [{"id": "w1", "status": "RUNNING"}]})
        return answer(self.made[id]) if found else UNKNOWN

    def _delete(self, id: str, request: Request) -> Response:
        self.log.append(f"{self.clock.now:.3f} delete {id}")
        if id in self.until or self.clock.now - self.since[id] < self.hidden:
            return UNKNOWN
        self.until[id] = self.clock.now
        return GONE

    def _patch(self, id: str, request: Request) -> Response:
        self.log.append(f"{self.clock.now:.3f} patch {id}")
        if id in self.until or self.clock.now - self.since[id] < self.hidden:
            return UNKNOWN
        self.edit(id, json.loads(request.body or b"{}"))
        return answer(self.made[id])

    def edit(self, id: str, changes: dict[str, Any]) -> None:
        """Change fields of an endpoint, as its owner may in the console as well."""
        workers = self.made[id]["workers"] | changes.get("workers", {})
        self.made[id] = self.made[id] | changes | {"workers": workers}

    def _create(self, request: Request) -> Response:
        body = json.loads(request.body or b"")
        # Ids are random: the order of two of the same second is not that of their creation.
        id = f"{int(self.choose(0, 999)):03d}x{len(self.made)}"
        second, part = divmod(self.clock.now, 1)
        when = f"2026-11-20T10:{int(second) // 60 % 60:02d}:{int(second) % 60:02d}"
        when += f".{int(part * 1e6) or 1:06d}Z" if self.fraction else "Z"
        nonce = body["env"]["LBSLS_MARK"].rpartition("/")[2]
        self.made[id] = endpoint(id, body["name"], nonce=nonce, created=when)
        self.made[id] |= {key: body[key] for key in ("image", "ports", "env")}
        self.made[id]["workers"] |= body.get("workers", {})
        self.since[id] = self.clock.now
        self.log.append(f"{self.clock.now:.3f} create {id} at {when}")
        return answer(self.made[id], 201)


class Racer:
    """One process that deploys, driven effect by effect."""

    def __init__(
        self,
        name: str,
        world: World,
        resource: ServerlessResource,
        memory: Memory | None = None,
        **options: Any,
    ) -> None:
        self.name, self.world = name, world
        memory = memory or Memory()
        nonces = iter(f"{name}{i}" for i in range(1000))
        ctx = context(world.clock, memory=memory, nonce=lambda: next(nonces))
        self.claim = memory.claim("app")
        self.flow: Flow[Any] = deploy(ctx, resource, DeployOptions(**options), self.claim)
        self.awake = world.clock.now
        self.ended = False
        self.id: str | None = None
        self.error: LbslsError | None = None
        self._next: Any = None

    def step(self, fate: str = "answered") -> None:
        """Carry out one effect; a request may be answered, lost on the way, or its answer lost."""
        given: Any = self._next
        try:
            if isinstance(given, TransportError):
                effect = self.flow.throw(given)
            else:
                effect = self.flow.send(given)
        except StopIteration as stop:
            self.ended, self.id = True, stop.value.id
        except LbslsError as error:
            self.ended, self.error = True, error
        else:
            self._next = self._do(effect, fate)
        if self.ended:
            self.claim.release()
            self.world.log.append(f"{self.world.clock.now:.3f} {self.name}: {self.id} {self.error}")

    def _do(self, effect: Any, fate: str) -> Any:
        clock = self.world.clock
        if isinstance(effect, Send):
            self.world.log.append(f"{clock.now:.3f} {self.name} {effect.request.method} {fate}")
            given = None if fate == "lost" else self.world.answer(effect.request)
            return given if fate == "answered" else TransportTimeout("it", "no answer")
        if not isinstance(effect, Notify):
            self.awake = clock.now + effect.seconds
        return None

    def die(self) -> None:
        """End where it is, as a process that is killed does; nothing is cleaned up."""
        self.flow.close()
        self.claim.release()
        self.ended = True
        self.world.log.append(f"{self.world.clock.now:.3f} {self.name} dies")


def run_to_end(racer: Racer, limit: int = 5000) -> None:
    """Let one racer run alone."""
    for _ in range(limit):
        if racer.ended:
            return
        racer.world.clock.now = max(racer.world.clock.now, racer.awake) + 0.01
        racer.step()
    raise AssertionError(f"{racer.name} does not end:\n" + "\n".join(racer.world.log[-30:]))
