"""How many requests of the account the control plane takes, and the headers that say so. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lbsls.local.options import Window
from lbsls.local.problems import Problem


@dataclass
class Count:
    """What was used of one window."""

    window: Window
    ends: float = 0.0
    used: int = 0

    def state(self, now: float) -> str:
        """Write what is left, as a member of the RateLimit header."""
        left, seconds = self.window.quota - self.used, max(0, math.ceil(self.ends - now))
        return f'"{self.window.name}";r={left};t={seconds}'

    def policy(self) -> str:
        """Write the rule, as a member of the RateLimit-Policy header."""
        return f'"{self.window.name}";q={self.window.quota};w={self.window.seconds}'


class RateLimit:
    """Counts requests in windows, each beginning with the first request after the last one."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._counts = [Count(window) for window in windows]

    def take(self, now: float) -> None:
        """Count a request.

        Raises:
            Problem: 429, with the seconds to wait; the request is not counted then.
        """
        for count in self._counts:
            if now >= count.ends:
                count.ends, count.used = now + count.window.seconds, 0
        for count in self._counts:
            if count.used >= count.window.quota:
                wait = str(max(1, math.ceil(count.ends - now)))
                detail = f"rate limit exceeded for the {count.window.name} window"
                raise Problem(429, detail, headers={"Retry-After": wait})
        for count in self._counts:
            count.used += 1

    def headers(self, now: float) -> dict[str, str]:
        """Give the headers of every answer to a request with a valid key."""
        if not self._counts:
            return {}
        return {
            "RateLimit": ", ".join(count.state(now) for count in self._counts),
            "RateLimit-Policy": ", ".join(count.policy() for count in self._counts),
        }
