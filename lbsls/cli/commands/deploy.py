"""``lbsls deploy``: endpoints of lbsls.toml, several at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from lbsls.cli import exits, tables
from lbsls.cli.accounts import deploy_watched, local_account
from lbsls.cli.board import Board
from lbsls.cli.crew import Options
from lbsls.cli.interrupts import Stopped, until_stopped
from lbsls.cli.options import command, local_option, timeout_option
from lbsls.cli.session import Session
from lbsls.errors import LbslsError

if TYPE_CHECKING:
    from lbsls.account import Account

__all__ = ["deploy"]


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@local_option
@click.option("--exit", "leave", is_flag=True, help="With --local: end when deployed.")
@timeout_option(300.0, "How long all of it may take.")
@click.option("--wait/--no-wait", default=True, help="Wait until healthy; the default.")
@click.option(
    "--adopt/--no-adopt",
    default=None,
    help="Change endpoints that this project did not create; or refuse to touch them. By default "
    "they are left alone if they are as declared, and refused if not.",
)
@command
def deploy(
    session: Session,
    names: Sequence[str],
    local: bool,
    leave: bool,
    timeout: float,
    wait: bool,
    adopt: bool | None,
) -> int:
    r"""Deploy the named endpoints of lbsls.toml, or all of them, and wait until they serve.

    Each is created, or found and changed to what the file declares. Several deploy at once; one
    that fails does not stop the others. What was deployed is written to stdout: name, id, address.

    With --local they are deployed to a local Runpod, which then goes on serving until Ctrl-C,
    its ordinary end. If one of them fails, it ends at once.

    \b
    Examples:
      lbsls deploy                   all endpoints of lbsls.toml
      lbsls deploy api --no-wait     do not wait until it is healthy
      lbsls deploy --local           on this machine, without an account
      lbsls deploy --json | jq -r '.endpoints[].url'
    """
    if leave and not local:
        raise click.UsageError("--exit goes with --local.")
    resources, warnings = session.config.resources(names)
    if local:
        session.config.check_images(resources, session.config.images)
    for text in warnings:
        session.output.warning(text)
    with _account(session, local=local) as account:
        board = Board.of([resource.name for resource in resources])
        try:
            deploy_watched(session, account, resources, Options(wait, timeout, adopt), board)
        except Stopped as stop:
            local_says = "the local Runpod is stopped, and all that was in it is gone"
            stop.says = local_says if local else board.summary()
            raise
        code = _report(session, board, account.environ() if local else None)
        if local and not leave and code == exits.OK:
            _serve(session, account)
    return code


def _account(session: Session, *, local: bool) -> AbstractContextManager[Account]:
    return local_account(session.config) if local else session.account()


def _report(session: Session, board: Board, environ: dict[str, str] | None) -> int:
    """Write what was deployed and what was not; give the exit code."""
    output = session.output
    failures = board.failures
    for _, error in failures:
        if not isinstance(error, LbslsError):
            raise error
        output.error(str(error))
    if output.json:
        failed = [
            {
                "name": row.name,
                "id": row.id or None,
                "type": type(error).__name__,
                "message": str(error),
                "exit": exits.code_of(error),
            }
            for row, error in failures
        ]
        document = {"endpoints": list(map(tables.as_json, board.endpoints)), "failed": failed}
        output.document({**document, **({"environ": environ} if environ else {})})
    elif board.endpoints:
        rows = [(each.name, each.id, each.endpoint_url) for each in board.endpoints]
        output.result(tables.aligned(rows))
    return exits.worst(exits.code_of(error) for _, error in failures)


def _serve(session: Session, account: Account) -> None:
    output = session.output
    with until_stopped():
        output.note("\nThe local Runpod serves until Ctrl-C. In another shell:\n")
        output.note("\n".join(tables.exports(account.environ())))
        output.note('curl -H "Authorization: Bearer $RUNPOD_API_KEY" URL\n')
    output.note("stopped; nothing is left")
