"""The shell command ``lbsls``: arguments -> account verbs -> text.

Rendering is apart from doing: what a command does is in `commands` and `crew`, how that looks is in
`output`, `progress`, `tables` and `demo_view`. A module imports only from lines above its own::

    exits  interrupts  demo_app
    config  output  board
    session  crew  progress  tables  plans  demo_view
    options  accounts  removal  demo
    commands
    app

This package imports click, rich and what talks to Runpod only where they are used, so that
``lbsls --help`` is quick, and so that without the extra ``cli`` there is a sentence and no
traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; see ``lbsls --help`` for the codes."""
    try:
        import click  # noqa: F401
    except ModuleNotFoundError:
        print(
            "lbsls: the command line needs the extra 'cli': pip install 'lbsls[cli]' "
            "(with the local Runpod: 'lbsls[cli,local]')",
            file=sys.stderr,
        )
        return 2
    from lbsls.cli.app import run

    return run(arguments)
