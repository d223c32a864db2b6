"""``lbsls demo``: all of it once, on this machine."""

from __future__ import annotations

import click

from lbsls.cli import exits
from lbsls.cli.interrupts import Stopped
from lbsls.cli.options import plain_command
from lbsls.cli.session import Session

__all__ = ["demo"]


@click.command()
@plain_command
def demo(session: Session) -> int:
    """Deploy a sample server to a local Runpod, call it, let a burst scale it out, take it down.

    It needs no account, takes about ten seconds, verifies each step, and leaves nothing behind. The
    exit code is 0 only if all of it happened.
    """
    from lbsls.cli.demo import DemoFailed, perform
    from lbsls.cli.demo_view import open_view

    with open_view() as view:
        try:
            perform(view)
        except DemoFailed as failure:
            view.bad(str(failure))
            return exits.FAILED
        except Stopped as stop:
            stop.says = "the local Runpod is stopped, nothing is left"
            raise
    return exits.OK
