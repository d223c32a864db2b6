"""What flows need to know of the account and the world around them. No I/O."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from lbsls.addresses import Trust, is_loopback
from lbsls.budget import Budget
from lbsls.errors import ConfigError, Violation
from lbsls.live import Endpoint
from lbsls.records import Record, replace
from lbsls.values import Secret

__all__ = ["Claim", "Context", "Memory", "Pacing", "check_seconds"]


def check_seconds(verb: str, value: object) -> None:
    """Refuse a timeout that is no time.

    Raises:
        ConfigError: If it is not a number above 0; infinity is one.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > 0:
        reason = f"timeout must be a number of seconds above 0, not {value!r}."
        raise ConfigError(verb, [Violation("timeout", reason, "Write timeout=60.")])


class Pacing(Record):
    """How patient a wait is, in seconds.

    Attributes:
        first_look: After so long without a ready ping the workers are looked at, then at gaps
            that double.
        proof: Workers that fail in three looks over so long prove that it will not come up.
    """

    first_look: float = 15.0
    proof: float = 30.0

    @classmethod
    def of(cls, base_url: str) -> Pacing:
        """Give the pacing for a control plane: one on this machine has no rate limit to spare."""
        return cls(first_look=2.0, proof=4.0) if is_loopback(base_url) else cls()


class Claim:
    """One caller's turn at a name in this process; taking it never blocks."""

    def __init__(self, memory: Memory, name: str) -> None:
        self._memory = memory
        self._name = name

    def try_take(self) -> bool:
        """Take the name unless another claim holds it."""
        return self._memory.take(self._name, self)

    def release(self) -> None:
        """Give the name back, if this claim holds it."""
        self._memory.give(self._name, self)

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()


class Memory:
    """What an account remembers: which names are being settled, whom it elected and deleted.

    It only spares requests and duplicates; nothing is lost when it is. Its lock is held for
    dictionary operations only, never while anything waits.

    Attributes:
        budget: How much of the control plane's rate limit is left.
    """

    def __init__(self) -> None:
        self.budget = Budget()
        self._lock = threading.Lock()
        self._holders: dict[str, Claim] = {}
        self._elected: dict[str, str] = {}
        self._deleted: set[str] = set()
        self._pid = os.getpid()

    def claim(self, name: str) -> Claim:
        """Make a claim on a name, not yet taken."""
        return Claim(self, name)

    def take(self, name: str, claim: Claim) -> bool:
        """Let a claim hold a name if no other does."""
        if self._pid != os.getpid():
            # In a forked child: the holders are threads of the parent, and so may the lock's be.
            self._lock, self._holders, self._pid = threading.Lock(), {}, os.getpid()
        with self._lock:
            return self._holders.setdefault(name, claim) is claim

    def give(self, name: str, claim: Claim) -> None:
        """Free a name that this claim holds."""
        if self._holders.get(name) is claim:
            self._holders.pop(name, None)

    def elect(self, id: str, name: str) -> None:
        """Remember that this endpoint was the one of its name when last looked at."""
        self._elected[id] = name

    def has_elected(self, id: str) -> bool:
        """Tell whether this account elected that endpoint before."""
        return id in self._elected

    def elected(self, name: str) -> list[str]:
        """Give the ids that this account elected under a name and did not delete."""
        return [id for id, of in list(self._elected.items()) if of == name]

    def bury(self, id: str) -> None:
        """Remember that this account deleted an endpoint; a list may still show it."""
        self._elected.pop(id, None)
        self._deleted.add(id)

    def has_buried(self, id: str) -> bool:
        """Tell whether this account deleted that endpoint; ids are never used twice."""
        return id in self._deleted


class Context(Record):
    """An account as flows see it.

    Attributes:
        clock: Monotonic seconds.
        random: Gives a number from 0 to 1.
        nonce: Gives a text that was never given before.
        account: What endpoints are handed as theirs; opaque to flows.
        wall: Seconds since 1970, only to tell what is long ago; it may be wrong by minutes.
        trust: Hosts that somebody named.
    """

    base_url: str
    api_key: Secret
    project: str
    clock: Callable[[], float]
    random: Callable[[], float]
    nonce: Callable[[], str]
    memory: Memory
    pacing: Pacing
    account: Any
    wall: Callable[[], float] = time.time
    trust: Trust = Trust()

    def __reduce__(self) -> NoReturn:
        raise TypeError("an account holds the API key: write Account.from_env() where it is used")

    def own(self, endpoint: Endpoint) -> Endpoint:
        """Give an endpoint that belongs to the account."""
        return replace(endpoint, base_url=self.base_url, _account=self.account)
