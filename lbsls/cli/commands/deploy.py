"""``lbsls deploy``: endpoints of lbsls.toml, several at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from lbsls.cli import exits, tables
from lbsls.cli.accounts import deploy_watched, local_account
from lbsls.cli.board import Board
from lbsls.cli.commands.diff import show
from lbsls.cli.crew import Options
from lbsls.cli.interrupts import Stopped, until_stopped
from lbsls.cli.options import adopt_option, command, local_option, timeout_option
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
@adopt_option
@click.option("--dry-run", is_flag=True, help="Only show what would change, as `lbsls diff` does.")
@click.option(
    "--cleanup",
    type=click.Choice(["never", "on-failure"]),
    default="never",
    show_default=True,
    help="Whether what this run created is removed again if it fails.",
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
    dry_run: bool,
    cleanup: str,
) -> int:
    r"""Deploy the named endpoints of lbsls.toml, or all of them, and wait until they serve.

    Each is created, or found and changed to what the file declares. Several deploy at once; one
    that fails does not stop the others. What was deployed is written to stdout: name, id, address.

    With --local they are deployed to a local Runpod, which then goes on serving until Ctrl-C,
    its ordinary end. If one of them fails, it ends at once.

    What does not get healthy in time stays, and the error says how to remove it; with --cleanup
    on-failure it is removed if this run created it. Ctrl-C removes nothing: it ends at once and
    says what exists.

    \b
    Examples:
      lbsls deploy                   all endpoints of lbsls.toml
      lbsls deploy --dry-run         only show what would change
      lbsls deploy api --no-wait     do not wait until it is healthy
      lbsls deploy --local           on this machine, without an account
      lbsls deploy --json | jq -r '.endpoints[].url'
    """
    if leave and not local:
        raise click.UsageError("--exit goes with --local.")
    if dry_run:
        return _dry_run(session, names, adopt, local=local)
    resources, warnings = session.config.resources(names)
    if local:
        session.config.check_images(resources, session.config.images)
    for text in warnings:
        session.output.warning(text)
    with _account(session, local=local) as account:
        board = Board.of([resource.name for resource in resources])
        try:
            options = Options(wait, timeout, adopt, "on_failure" if cleanup != "never" else "never")
            deploy_watched(session, account, resources, options, board)
        except Stopped as stop:
            local_says = "the local Runpod is stopped, and all that was in it is gone"
            stop.says = local_says if local else board.summary()
            raise
        code = _report(session, board, account.environ() if local else None)
        if local and not leave and code == exits.OK:
            _serve(session, account)
    return code


def _dry_run(session: Session, names: Sequence[str], adopt: bool | None, *, local: bool) -> int:
    if local:
        raise click.UsageError("--dry-run goes without --local, where all would be created.")
    found = show(session, names, adopt)
    return exits.worst(exits.code_of(plan.refusal) for plan in found if plan.refusal)


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
