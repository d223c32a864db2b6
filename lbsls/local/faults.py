"""What can go wrong on purpose: faults, and when they strike. Decides, and does nothing itself."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, get_args

Kind = Literal[
    "answer", "delay", "hang", "close", "cut", "wrong_types", "unknown_enums", "no_capacity",
    "lag", "missing", "down", "crash", "freeze", "never_listen", "wrong_port", "no_content", "flap",
]  # fmt: skip
Operation = Literal[
    "list", "create", "get", "update", "delete", "workers", "logs", "call", "worker", "any"
]

OF_WORKERS = frozenset({"crash", "freeze", "never_listen", "wrong_port", "no_content", "flap"})
"""Kinds that befall workers, not requests."""
BY_ID = frozenset({"get", "update", "delete", "workers", "logs"})
CONTROL = frozenset({"list", "create", *BY_ID})
"""Operations of the control plane; `call` is a request to an endpoint's own address."""
STATUSES = range(400, 600)


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong. Made by the methods below.

    Attributes:
        kind: what happens.
        status: of `answer`.
        html: whether `answer` has the page of a firewall or proxy for a body, not JSON.
        retry_after: of `answer`: seconds, or a time, which is sent as an HTTP date.
        done: whether what was asked for is done all the same; only its answer is lost.
        seconds: how long, of the kinds that take time.
    """

    kind: Kind
    status: int = 0
    html: bool = False
    retry_after: float | datetime | None = None
    done: bool = False
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind is one of {', '.join(get_args(Kind))}, not {self.kind!r}")
        if self.kind == "answer" and self.status not in STATUSES and not self.html:
            raise ValueError(f"status is from 400 to 599, not {self.status!r}")
        if not self.seconds >= 0:  # a NaN neither
            raise ValueError(f"seconds is at least 0, not {self.seconds!r}")

    @classmethod
    def answer(
        cls,
        status: int,
        *,
        html: bool = False,
        retry_after: float | datetime | None = None,
        done: bool = False,
    ) -> Fault:
        """Answer with an error status: a problem as Runpod's, or the HTML of a firewall."""
        return cls("answer", status=status, html=html, retry_after=retry_after, done=done)

    @classmethod
    def page(cls, *, done: bool = False) -> Fault:
        """Answer 200 with a page of HTML."""
        return cls("answer", status=200, html=True, done=done)

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Do it, so many seconds later."""
        return cls("delay", seconds=seconds)

    @classmethod
    def hang(cls, *, done: bool = False) -> Fault:
        """Never answer."""
        return cls("hang", done=done)

    @classmethod
    def close(cls, *, done: bool = False) -> Fault:
        """Close the connection: before reading the request, or done and before answering."""
        return cls("close", done=done)

    @classmethod
    def cut(cls) -> Fault:
        """Do it, and break the answer off in the middle of its body."""
        return cls("cut", done=True)

    @classmethod
    def wrong_types(cls) -> Fault:
        """Do it, and answer with values of other types than Runpod's."""
        return cls("wrong_types", done=True)

    @classmethod
    def unknown_enums(cls) -> Fault:
        """Do it, and answer with words that nobody has heard of yet."""
        return cls("unknown_enums", done=True)

    @classmethod
    def no_capacity(cls) -> Fault:
        """Refuse with 400: there is no machine of the kind that was asked for."""
        return cls("no_capacity")

    @classmethod
    def lag(cls, seconds: float) -> Fault:
        """Have lists show what there was so many seconds ago."""
        return cls("lag", seconds=seconds)

    @classmethod
    def missing(cls, seconds: float) -> Fault:
        """Answer 404 by id while an endpoint is younger than so many seconds."""
        return cls("missing", seconds=seconds)

    @classmethod
    def down(cls, seconds: float) -> Fault:
        """Close every connection, of the control plane and of endpoints, for so many seconds."""
        return cls("down", seconds=seconds)

    @classmethod
    def crash(cls, seconds: float = 0.0) -> Fault:
        """Kill a worker so many seconds after its start."""
        return cls("crash", seconds=seconds)

    @classmethod
    def freeze(cls) -> Fault:
        """Stop a worker's processes: connections are accepted and never answered."""
        return cls("freeze")

    @classmethod
    def never_listen(cls) -> Fault:
        """Have nobody listen where a worker's requests and probes go."""
        return cls("never_listen")

    @classmethod
    def wrong_port(cls) -> Fault:
        """Have a worker's probes answered, and nobody listen where its requests go."""
        return cls("wrong_port")

    @classmethod
    def no_content(cls) -> Fault:
        """Have a worker answer 204 on its health path for ever."""
        return cls("no_content")

    @classmethod
    def flap(cls, seconds: float = 1.0) -> Fault:
        """Have a worker be well and unwell in turns of so many seconds."""
        return cls("flap", seconds=seconds)


@dataclass(eq=False)
class Rule:
    """When a fault strikes. Made by `Faults.add`; as a context manager it removes itself.

    Attributes:
        id: its number.
        operation: what it strikes; None is any operation of the control plane.
        endpoint: the name or id of the endpoint that it strikes; None is any.
        times: how often it still strikes; None is without end.
        probability: of striking, each time that it could; drawn from `seed`.
        until: the clock's time when it ends; None is never.
        fired: how often it struck.
    """

    id: int
    fault: Fault
    operation: Operation | None
    endpoint: str | None
    times: int | None
    probability: float
    seed: int
    until: float | None
    _faults: Faults = field(repr=False)
    fired: int = 0
    active: bool = True
    _chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def __enter__(self) -> Rule:
        return self

    def __exit__(self, *error: object) -> None:
        self._faults.remove(self)

    def matches(self, operation: str, names: tuple[str | None, ...]) -> bool:
        """Whether it is about this."""
        if self.fault.kind in OF_WORKERS:
            about = operation == "worker"
        elif self.fault.kind == "missing" and self.operation is None:
            about = operation in BY_ID
        elif self.fault.kind == "lag":
            about = operation == "list"
        elif self.operation is None:
            about = operation in CONTROL
        else:
            about = self.operation in (operation, "any") and operation != "worker"
        return about and (self.endpoint is None or self.endpoint in names)

    def strikes(self, now: float) -> bool:
        """Decide whether it strikes this time, and count it."""
        if self.is_over(now):
            return False
        if self.probability < 1 and self._chance.random() >= self.probability:
            return False
        self.fired += 1
        if self.times is not None:
            self.times -= 1
        # a fault of workers stays with the worker that it befell
        if self.times == 0 and self.fault.kind not in OF_WORKERS:
            self.active = False
        return True

    def is_over(self, now: float) -> bool:
        """Whether it was removed, or its time is up."""
        return not self.active or (self.until is not None and now >= self.until)

    def as_json(self) -> dict[str, Any]:
        """Write it for other programs."""
        fault = {each.name: getattr(self.fault, each.name) for each in fields(self.fault)}
        if isinstance(self.fault.retry_after, datetime):
            fault["retry_after"] = self.fault.retry_after.isoformat()
        names = ("id", "operation", "endpoint", "times", "probability", "seed", "fired")
        return {**fault, **{name: getattr(self, name) for name in names}}


class Faults:
    """The faults of a local Runpod; may be changed from any thread while it runs.

    ::

        local = lbsls.local.runpod(images={...})
        with local as account, local.faults.add(Fault.answer(503), operation="create", times=2):
            account.deploy(resource)  # the third try succeeds
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._count = 0
        self._clock: Callable[[], float] | None = None
        self._waiting: list[tuple[Rule, float]] = []
        self._on_change: Callable[[], object] = lambda: None

    def add(
        self,
        fault: Fault,
        *,
        operation: Operation | None = None,
        endpoint: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
        lasts: float | None = None,
    ) -> Rule:
        """Let something go wrong; the first fault that was added and fits strikes.

        Args:
            fault: what happens.
            operation: where: one of the control plane's, `call` for requests to an endpoint's own
                address, `any` for all of them; None is any of the control plane's.
            endpoint: the name or id of the only endpoint that it is about.
            times: for the next so many requests, or workers.
            probability: of each request, or worker, that it could strike.
            seed: what chance begins with; the same seed, the same strikes.
            lasts: seconds until it ends, from now or from the start of the local Runpod.
        """
        if operation is not None and operation not in get_args(Operation):
            known = ", ".join(get_args(Operation))
            raise ValueError(f"operation is one of {known}, not {operation!r}")
        if times is not None and times < 1:
            raise ValueError(f"times is at least 1, not {times!r}")
        if not 0 <= probability <= 1:
            raise ValueError(f"probability is from 0 to 1, not {probability!r}")
        if fault.kind == "down":
            operation, lasts = "any", fault.seconds
        with self._lock:
            self._count += 1
            rule = Rule(
                self._count, fault, operation, endpoint, times, probability, seed, None, self
            )
            if lasts is not None:
                self._end_in(rule, lasts)
            self._rules.append(rule)
        self._on_change()
        return rule

    def remove(self, rule: Rule) -> None:
        """End a fault; not an error if it has ended."""
        with self._lock:
            rule.active = False
            self._rules = [each for each in self._rules if each is not rule]
        self._on_change()

    def clear(self) -> None:
        """End all faults."""
        for rule in self:
            self.remove(rule)

    def __iter__(self) -> Iterator[Rule]:
        with self._lock:
            return iter(list(self._rules))

    def pick(self, operation: str, *names: str | None) -> Rule | None:
        """Give what strikes this time, and count it. For the local Runpod itself."""
        with self._lock:
            if self._clock is None or not self._rules:
                return None
            now = self._clock()
            for rule in self._rules:
                if rule.times != 0 and rule.matches(operation, names) and rule.strikes(now):
                    return rule
        return None

    def are_about(self, operation: str) -> bool:
        """Whether a name matters to any fault of an operation."""
        with self._lock:
            return any(rule.endpoint and rule.operation in (None, operation, "any")
                       for rule in self._rules)  # fmt: skip

    def begin(self, clock: Callable[[], float], on_change: Callable[[], object]) -> None:
        """Start the time of faults. For the local Runpod itself."""
        with self._lock:
            self._clock, self._on_change = clock, on_change
            for rule, seconds in self._waiting:
                rule.until = clock() + seconds
            self._waiting.clear()

    def end(self) -> None:
        """Let no fault be known to a local Runpod that is gone. For the local Runpod itself."""
        with self._lock:
            self._clock, self._on_change = None, lambda: None

    def _end_in(self, rule: Rule, seconds: float) -> None:
        if self._clock is None:
            self._waiting.append((rule, seconds))
        else:
            rule.until = self._clock() + seconds
