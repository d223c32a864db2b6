"""What the control plane's headers say of its rate limit. Pure.

Source: https://docs.runpod.io/api-reference-v2, RateLimit and RateLimit-Policy: a list with a
member for each window, such as ``"minute";q=60;w=60`` and ``"minute";r=59;t=12``.
"""

from __future__ import annotations

import re

from lbsls.budget import Limit
from lbsls.values import Response

__all__ = ["limits"]

_MEMBER = re.compile(r'"([^"\\]{1,100})"((?:;[a-z]+=\d{1,9})+)', re.ASCII)
MOST = 8
"""Windows that are kept in mind; Runpod has three."""


def limits(response: Response) -> tuple[Limit, ...]:
    """Give the windows of an answer; one that is not described whole is none."""
    state = _members(response.headers.get("ratelimit", ""))
    policy = _members(response.headers.get("ratelimit-policy", ""))
    found = []
    for name, rule in policy.items():
        live = state.get(name, {})
        if {"r", "t"} <= live.keys() and rule.get("q") and rule.get("w"):
            reset = min(live["t"], rule["w"])
            found.append(Limit(name, rule["q"], rule["w"], min(live["r"], rule["q"]), reset))
    return tuple(found[:MOST])


def _members(header: str) -> dict[str, dict[str, int]]:
    found = {}
    for name, parameters in _MEMBER.findall(header[:2000]):
        pairs = (pair.split("=") for pair in parameters[1:].split(";"))
        found[name] = {key: int(value) for key, value in pairs}
    return found
