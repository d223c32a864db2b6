"""One process that is killed at a moment: ``python -m benchmarks.victim VERB NAME IMAGE AT WHEN``.

It deploys or undeploys and ends itself with SIGKILL at the effect whose number is AT, ``before`` it
is carried out or ``after``. With AT 0 it lives, and says how many effects there were.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import lbsls
from benchmarks.racer import resource
from lbsls import drive

__all__ = ["main"]


def main(verb: str, name: str, image: str, at: str, when: str) -> None:
    """Do it, up to the moment."""
    do, count = drive._do, 0  # the one place where every effect passes

    def counted(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == int(at) and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return do(*arguments)
        finally:
            if count == int(at):
                os.kill(os.getpid(), signal.SIGKILL)

    drive._do = counted
    declared = resource(name, imageName=image)
    with lbsls.Account.from_env() as account:
        if verb == "undeploy":
            account.undeploy(declared)
        else:
            account.deploy(declared)
    print(count)


if __name__ == "__main__":
    main(*sys.argv[1:])
