"""Every operation, written once: generators that yield effects and do no I/O.

A flow reads the clock and the random numbers of its `Context`, never those of the machine. It
holds no lock, no scope and no open file across a ``yield``, and does not yield in ``finally``.
Inside the package: context < api < find < elect, judge < settle; find < pings < wait; deploy,
undeploy, prune and calls on top. Each is imported when it is first used, so that a ping does not
pay for a deploy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lbsls.flows import calls, deploy, find, judge, pings, prune, undeploy, wait

__all__ = ["calls", "deploy", "find", "judge", "pings", "prune", "undeploy", "wait"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"lbsls.flows.{name}")
    raise AttributeError(f"module 'lbsls.flows' has no attribute {name!r}")
