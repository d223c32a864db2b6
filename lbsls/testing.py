"""Testing without a network: play a flow against a script, or give an account a scripted transport.

::

    transport = ScriptedTransport([Response(200, content=b'{"endpoints": []}')])
    assert Account("key", transport=transport).find("my-app") is None
    assert [request.method for request in transport.requests] == ["GET"]

For servers that really run, see `lbsls.local`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar, Union

from attrs import field, frozen

from lbsls.drive import run
from lbsls.effects import Flow
from lbsls.errors import LbslsError, TransportError
from lbsls.events import Event
from lbsls.values import Request, Response

__all__ = ["FakeClock", "Play", "ScriptExhausted", "ScriptedTransport", "Step", "play"]

T = TypeVar("T")
Answer = Union[Response, TransportError]
Step = Union[Answer, Callable[[Request], Answer]]
"""An answer, an error to raise, or a function that gives either from the request."""


class ScriptExhausted(AssertionError):
    """More was sent than the script has answers for."""


class ScriptedTransport:
    """A blocking transport that answers from a script; `as_async` gives its async face.

    Args:
        steps: What to answer, in order; see `Step`.

    Attributes:
        requests: What was sent, in order.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps: Iterator[Step] = iter(steps)
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        """Answer with the next step of the script.

        Raises:
            ScriptExhausted: If there is none.
        """
        self.requests.append(request)
        try:
            step = next(self._steps)
        except StopIteration:
            sent = f"{request.method} {request.url}"
            number = len(self.requests)
            raise ScriptExhausted(f"nothing is left to answer request {number}: {sent}") from None
        answer = step if isinstance(step, (Response, TransportError)) else step(request)
        if isinstance(answer, TransportError):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing to let go of."""

    def as_async(self) -> AsyncScriptedTransport:
        """Give the same script as an async transport."""
        return AsyncScriptedTransport(self)


class AsyncScriptedTransport:
    """The async face of a `ScriptedTransport`."""

    def __init__(self, script: ScriptedTransport) -> None:
        self._script = script

    async def send(self, request: Request) -> Response:
        """Answer with the next step of the script."""
        return self._script.send(request)

    async def aclose(self) -> None:
        """Nothing to let go of."""


class FakeClock:
    """Time that passes only when somebody sleeps.

    Attributes:
        now: Seconds; set it, or add to it in a step of a script, to let time pass.
        slept: Every sleep, in order.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.now += seconds


@frozen
class Play(Generic[T]):
    """How a flow went: what it returned or raised, sent, slept and told."""

    value: T | None
    error: LbslsError | None
    requests: list[Request]
    slept: list[float]
    events: list[Event] = field(factory=list)

    @property
    def sent(self) -> list[str]:
        """Method and path of every request, for short assertions."""
        return [f"{r.method} /{r.url.split('/', 3)[3]}" for r in self.requests]

    def result(self) -> T:
        """Give the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]


def play(flow: Flow[T], script: Iterable[Step], clock: FakeClock | None = None) -> Play[T]:
    """Drive a flow against a script, without waiting.

    Args:
        flow: The flow, made with a context whose clock is ``clock``.
        script: What the other side answers, in order; see `Step`.
        clock: The time that its sleeps let pass.

    Raises:
        ScriptExhausted: If the flow sends more than the script has answers for.
    """
    clock = clock or FakeClock()
    transport = ScriptedTransport(script)
    events: list[Event] = []
    value: T | None = None
    error: LbslsError | None = None
    try:
        value = run(flow, transport, listener=events.append, sleep=clock.sleep)
    except LbslsError as raised:
        error = raised
    return Play(value, error, transport.requests, clock.slept, events)
