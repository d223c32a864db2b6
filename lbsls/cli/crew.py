"""Several deployments at once, each in a thread, told to the main thread as messages.

Prints nothing. The threads are daemons: who stops listening (Ctrl-C) need not wait for a request
that the load balancer holds; what is left behind ends at its next event.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from lbsls.cli.board import Ended, Heard, Message
from lbsls.resources import ServerlessResource

if TYPE_CHECKING:
    from lbsls.account import Account
    from lbsls.events import Event

__all__ = ["Crew", "Options"]

AT_ONCE = 8
"""Deployments at one time: each costs requests of a control plane that allows 60 a minute."""

TICK = 0.1

MOMENT = 0.25
"""Seconds that abandoned deployments get to end what is quick; none has to wait for a held ping."""


@frozen
class Options:
    """How to deploy; see `Account.deploy`."""

    wait: bool = True
    timeout: float = 300.0
    adopt: bool | None = None
    cleanup: Literal["never", "on_failure"] = "never"


class _Abandoned(Exception):
    """Nobody listens any more; ends a deployment at its next event."""


class Crew:
    """Threads that deploy resources, started by iterating over what they tell."""

    def __init__(
        self, account: Account, resources: Sequence[ServerlessResource], options: Options
    ) -> None:
        self._account = account
        self._options = options
        self._left = len(resources)
        self._jobs: queue.SimpleQueue[ServerlessResource] = queue.SimpleQueue()
        self._told: list[Message] = []
        self._heard = 0
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._abandoned = threading.Event()
        count = min(AT_ONCE, len(resources))
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for resource in resources:
            self._jobs.put(resource)

    def __enter__(self) -> Crew:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._abandoned.set()
        until = time.monotonic() + MOMENT
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def messages(self) -> Iterator[Message | None]:
        """Give what happens; None when nothing did for a moment.

        It ends when every deployment has, whatever it came to.
        """
        while self._left:
            if self._heard == len(self._told):
                try:
                    self._news.get(timeout=TICK)
                except queue.Empty:
                    yield None
                continue
            message = self._told[self._heard]
            yield message
            # Only now, as a signal may come before anybody has done anything with it.
            self._heard += 1
            self._left -= isinstance(message, Ended)

    def unheard(self) -> Iterator[Message]:
        """Give what was told and perhaps not heard; the first may have been."""
        yield from self._told[self._heard :]

    def _tell(self, message: Message) -> None:
        self._told.append(message)
        self._news.put(None)

    def _work(self) -> None:
        while not self._abandoned.is_set():
            try:
                resource = self._jobs.get_nowait()
            except queue.Empty:
                return
            self._tell(self._deploy(resource))

    def _deploy(self, resource: ServerlessResource) -> Ended:
        def tell(event: Event) -> None:
            if self._abandoned.is_set():
                raise _Abandoned
            self._tell(Heard(resource.name, event))

        options = self._options
        try:
            endpoint = self._account.deploy(
                resource,
                wait=options.wait,
                timeout=options.timeout,
                adopt=options.adopt,
                cleanup=options.cleanup,
                on_event=tell,
            )
        except Exception as error:
            return Ended(resource.name, error=error)
        return Ended(resource.name, endpoint=endpoint)
