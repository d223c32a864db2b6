"""The two drivers: they carry out what a flow asks for, and always close it."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest

from lbsls import Response, TransportError
from lbsls.drive import run, run_async
from lbsls.effects import Flow, Notify, Sleep, notify, send, sleep
from lbsls.events import Removed
from lbsls.testing import FakeClock, ScriptedTransport
from lbsls.values import Request

ASK = Request("GET", "https://x.test/")
EVENT = Removed("app", "e1", "undeployed")


def drive_async(backend: str, flow: Flow[Any], script: ScriptedTransport, **options: Any) -> Any:
    """Run a flow on an event loop."""
    clock = options.pop("sleep", None)
    if clock is not None:

        async def wait(seconds: float) -> None:
            """Wait as the driver asks."""
            clock(seconds)

        options["sleep"] = wait
    return anyio.run(partial(run_async, flow, script.as_async(), **options), backend=backend)


DRIVERS = {
    "blocking": run,
    "asyncio": partial(drive_async, "asyncio"),
    "trio": partial(drive_async, "trio"),
}


@pytest.fixture(params=DRIVERS)
def drive(request: pytest.FixtureRequest) -> Any:
    """A driver."""
    return DRIVERS[request.param]


def test_a_flow_gets_what_it_asks_for(drive: Any) -> None:
    """A response for a request, time for a sleep, nothing for an event."""

    def flow() -> Flow[tuple[Any, ...]]:
        answer = yield from send(ASK)
        slept = yield from sleep(2.5)
        yield from sleep(0)
        told = yield from notify(EVENT)
        return answer.status_code, slept, told

    clock, heard = FakeClock(), list[Any]()
    script = ScriptedTransport([Response(418)])
    got = drive(flow(), script, sleep=clock.sleep, listener=heard.append)
    assert (got, clock.slept, heard) == ((418, None, None), [2.5], [EVENT])
    assert script.requests == [ASK]


def test_a_transport_error_is_raised_in_the_flow(drive: Any) -> None:
    """Which may go on after it."""

    def flow() -> Flow[str]:
        try:
            yield from send(ASK)
        except TransportError as error:
            answer = yield from send(ASK)
            return f"{error.reason}, then {answer.status_code}"
        return "not reached"

    script = ScriptedTransport([TransportError("it", "broke"), Response(200)])
    assert drive(flow(), script) == "broke, then 200"


def test_a_transport_error_that_no_flow_wants_comes_out(drive: Any) -> None:
    """As it is."""
    with pytest.raises(TransportError, match="broke"):
        drive(send(ASK), ScriptedTransport([TransportError("it", "broke")]))


@pytest.mark.parametrize("trouble", ["transport", "listener"])
def test_whatever_goes_wrong_the_flow_is_closed(drive: Any, trouble: str) -> None:
    """Its own cleaning up is done at once, and not when garbage is collected."""
    closed: list[bool] = []

    def flow() -> Flow[None]:
        try:
            yield Notify(EVENT)
            yield from send(ASK)
        finally:
            closed.append(True)

    def listen(event: object) -> None:
        if trouble == "listener":
            raise KeyboardInterrupt

    def step(request: Request) -> Response:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(flow(), ScriptedTransport([step]), listener=listen)
    assert closed == [True]


def test_a_flow_without_a_listener_tells_nobody(drive: Any) -> None:
    """That is no mistake."""

    def flow() -> Flow[int]:
        yield from notify(EVENT)
        return 7

    assert drive(flow(), ScriptedTransport([])) == 7


def test_real_sleeps_are_slept(drive: Any) -> None:
    """Unless told otherwise the drivers use the clock of the machine."""

    def flow() -> Flow[str]:
        yield Sleep(0.001)
        return "awake"

    assert drive(flow(), ScriptedTransport([])) == "awake"
