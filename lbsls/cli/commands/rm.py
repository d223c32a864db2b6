"""``lbsls rm``: endpoints away, asked for first."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from lbsls.cli import exits
from lbsls.cli.interrupts import Stopped
from lbsls.cli.options import command
from lbsls.cli.session import Session
from lbsls.errors import LbslsError, NotFound

if TYPE_CHECKING:
    from lbsls.account import Account
    from lbsls.live import Endpoint

__all__ = ["rm"]


@click.command()
@click.argument("targets", nargs=-1, metavar="[NAME|ID]...")
@click.option("--all", "every", is_flag=True, help="All that lbsls.toml declares and there is.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")
@command
def rm(session: Session, targets: Sequence[str], every: bool, yes: bool) -> int:
    r"""Delete endpoints with all their workers.

    On a terminal it asks first. One that does not exist does not keep the others: they are
    deleted, and the exit code is 3.

    \b
    Examples:
      lbsls rm api
      lbsls rm --yes 7h3k2j9x1m4p
      lbsls rm --yes --all
    """
    if bool(targets) == every:
        raise click.UsageError("Name what to delete, or write --all for all of lbsls.toml.")
    if every:
        session.config.resources()
    with session.account() as account:
        found, errors = _find(account, list(session.config.endpoints) if every else targets)
        if every:
            errors = [error for error in errors if not isinstance(error, NotFound)]
        if found and not yes:
            _ask(found)
        removed = list(_remove(session, account, found, errors))
    for error in errors:
        session.output.error(str(error))
    if session.output.json:
        session.output.document({"removed": removed, "failed": list(map(_as_json, errors))})
    elif not removed and not errors:
        session.output.note("there is nothing to delete")
    return exits.worst(map(exits.code_of, errors))


def _find(account: Account, targets: Sequence[str]) -> tuple[list[Endpoint], list[LbslsError]]:
    """Find what the targets mean: an id, else a name."""
    by_id = {endpoint.id: endpoint for endpoint in account.endpoints()}
    found: dict[str, Endpoint] = {}
    errors: list[LbslsError] = []
    for target in dict.fromkeys(targets):
        try:
            endpoint = by_id.get(target) or account.find(target)
        except LbslsError as error:
            errors.append(error)
            continue
        if endpoint is None:
            errors.append(NotFound(f"find {target!r}", detail="no endpoint has this id or name"))
        else:
            found[endpoint.id] = endpoint
    return list(found.values()), errors


def _ask(found: Sequence[Endpoint]) -> None:
    names = ", ".join(f"{endpoint.name} ({endpoint.id})" for endpoint in found)
    if not sys.stdin.isatty():
        raise click.UsageError(f"This would delete {names}. Write --yes to mean it.")
    click.confirm(f"Delete {names}?", abort=True, err=True)


def _remove(
    session: Session, account: Account, found: Sequence[Endpoint], errors: list[LbslsError]
) -> Iterator[dict[str, str]]:
    done: list[str] = []
    try:
        for endpoint in found:
            try:
                was_there = account.undeploy(endpoint)
            except LbslsError as error:
                errors.append(error)
                continue
            done.append(endpoint.name)
            if not session.output.json:
                word = "deleted" if was_there else "was gone already:"
                session.output.result(f"{word} {endpoint.name} ({endpoint.id})")
            yield {"name": endpoint.name, "id": endpoint.id}
    except Stopped as stop:
        stop.says = f"deleted: {', '.join(done) or 'nothing yet'}; see `lbsls ls`"
        raise


def _as_json(error: LbslsError) -> dict[str, object]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "exit": exits.code_of(error),
    }
