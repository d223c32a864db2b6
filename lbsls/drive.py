"""The two drivers of flows. The only users of ``time.sleep`` and ``anyio.sleep``.

A driver carries out what a flow asks for and gives it back what came of that. It decides nothing:
retries, deadlines and order are in the flow. It always closes the flow.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from lbsls.effects import Effect, Flow, Notify, Send
from lbsls.errors import TransportError

if TYPE_CHECKING:
    from lbsls.events import Event
    from lbsls.transports import AsyncTransport, Transport

__all__ = ["Listener", "run", "run_async"]

T = TypeVar("T")
Listener = Callable[["Event"], object]


def _ignore(event: Event) -> None:
    """Listen to nothing."""


def run(
    flow: Flow[T],
    transport: Transport,
    *,
    listener: Listener = _ignore,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Drive a flow to its end, blocking."""
    try:
        effect = next(flow)
        while True:
            try:
                result = _do(effect, transport, listener, sleep)
            except TransportError as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        flow.close()


def _do(
    effect: Effect,
    transport: Transport,
    listener: Listener,
    sleep: Callable[[float], object],
) -> Any:
    if isinstance(effect, Send):
        return transport.send(effect.request)
    if isinstance(effect, Notify):
        listener(effect.event)
    else:
        sleep(effect.seconds)
    return None


async def run_async(
    flow: Flow[T],
    transport: AsyncTransport,
    *,
    listener: Listener = _ignore,
    sleep: Callable[[float], Awaitable[object]] | None = None,
) -> T:
    """Drive a flow to its end on asyncio or trio; a listener may be a coroutine function."""
    if sleep is None:
        from anyio import sleep as anyio_sleep

        sleep = anyio_sleep
    try:
        effect = next(flow)
        while True:
            try:
                result = await _do_async(effect, transport, listener, sleep)
            except TransportError as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        flow.close()


async def _do_async(
    effect: Effect,
    transport: AsyncTransport,
    listener: Listener,
    sleep: Callable[[float], Awaitable[object]],
) -> Any:
    if isinstance(effect, Send):
        return await transport.send(effect.request)
    if isinstance(effect, Notify):
        heard = listener(effect.event)
        if isinstance(heard, Awaitable):
            await heard
    else:
        await sleep(effect.seconds)
    return None
