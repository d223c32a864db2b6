"""The transports of an account, made when first needed, and the drivers put to work on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import lbsls.forking  # noqa: F401  # it is enough that it is there
from lbsls import drive, hooks
from lbsls.effects import Flow
from lbsls.errors import ConfigError, Violation
from lbsls.values import Request, Response

if TYPE_CHECKING:
    from lbsls.events import Event
    from lbsls.transports import AsyncTransport, Transport

__all__ = ["Engine"]

T = TypeVar("T")
OnEvent = Callable[["Event"], object]


class Engine:
    """Runs flows, blocking or async, over the transports it was given or over the default ones."""

    def __init__(self, transport: Transport | None, async_transport: AsyncTransport | None) -> None:
        self._transport = transport
        self._async_transport = async_transport

    def run(self, flow: Flow[T], on_event: OnEvent | None = None) -> T:
        """Run a flow, blocking.

        Raises:
            ConfigError: If the listener is a coroutine function, which nobody would await.
        """
        if on_event is not None:
            _check_blocking(on_event)
        with hooks.Listening(on_event) as listener:
            return drive.run(flow, self._blocking(), listener=listener)

    async def run_async(self, flow: Flow[T], on_event: OnEvent | None = None) -> T:
        """Run a flow on asyncio or trio."""
        transport = self._async_transport
        if transport is None:
            from lbsls.transports.threads import ThreadTransport

            transport = ThreadTransport(self._blocking())
        with hooks.Listening(on_event) as listener:
            return await drive.run_async(flow, transport, listener=listener)

    def run_over(self, flow: Flow[T], send: Callable[[Request], Response]) -> T:
        """Run a flow whose requests go through a function instead of a transport."""
        return drive.run(flow, _Function(send), listener=hooks.log_event)

    def close(self) -> None:
        """Let go of the blocking transport's connections."""
        if self._transport is not None:
            self._transport.close()

    async def aclose(self) -> None:
        """Let go of all connections."""
        if self._async_transport is not None:
            await self._async_transport.aclose()
        self.close()

    def _blocking(self) -> Transport:
        if self._transport is None:
            from lbsls.transports.blocking import RequestsTransport

            # No lock, as a fork could copy it locked: of two made at once, one is dropped unused.
            self._transport = RequestsTransport()
        return self._transport


def _check_blocking(on_event: OnEvent) -> None:
    from inspect import iscoroutinefunction  # no light import, and a ping has no listener

    if iscoroutinefunction(on_event):
        reason = "on_event is a coroutine function, and this verb is a blocking one."
        instead = "Write a plain function, or await the verb's _async twin."
        raise ConfigError("on_event", [Violation("on_event", reason, instead)])


class _Function:
    """A function in the place of a transport."""

    def __init__(self, send: Callable[[Request], Response]) -> None:
        self._send = send

    def send(self, request: Request) -> Response:
        return self._send(request)

    def close(self) -> None:
        """Nothing to let go of."""
