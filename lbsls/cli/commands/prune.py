"""``lbsls prune``: what lbsls.toml declared once and does not any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

import click

from lbsls.cli import exits, tables
from lbsls.cli.options import command
from lbsls.cli.removal import ask, remove, report
from lbsls.cli.session import Session

if TYPE_CHECKING:
    from lbsls.account import Account
    from lbsls.errors import LbslsError
    from lbsls.live import Endpoint

__all__ = ["prune"]

_SET = (
    "nothing is deleted without a project, as these may be anybody's. Name it in lbsls.toml:\n\n"
    '    [project]\n    name = "my-shop"\n'
)
_LEFT = "is gone, or no orphan any more:"


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")
@command
def prune(session: Session, yes: bool) -> int:
    r"""Delete endpoints that this project deployed and that lbsls.toml does not declare any more.

    They are told by their mark, which lbsls writes into what it creates. What has no mark, or
    another project's, is never touched. On a terminal it lists them and asks first; each is
    looked at once more before it is deleted. Without [project] name it only lists.

    \b
    Examples:
      lbsls prune
      lbsls prune --yes
    """
    declared = list(session.config.require().endpoints)
    with session.account() as account:
        found = account.orphans(declared)
        if session.config.project is None:
            return _list_only(session, found, yes=yes)
        if found and not yes:
            _list(session, found)
            ask(found)
        errors: list[LbslsError] = []
        delete = partial(_delete, account, declared)
        removed = list(remove(session.output, found, delete, errors, _LEFT))
    return report(session.output, found, removed, errors)


def _delete(account: Account, declared: Sequence[str], endpoint: Endpoint) -> object:
    return account.prune(declared, only=[endpoint])


def _list(session: Session, found: Sequence[Endpoint]) -> None:
    now = datetime.now(timezone.utc)
    rows = [
        (each.name, each.id, tables.age(each.created_at, now), each.settings.imageName or "-")
        for each in found
    ]
    session.output.note(tables.aligned(rows))


def _list_only(session: Session, found: Sequence[Endpoint], *, yes: bool) -> int:
    output = session.output
    if output.json:
        output.document({"orphans": list(map(tables.as_json, found)), "removed": [], "failed": []})
    elif found:
        _list(session, found)
    output.note(_SET if found else "there is nothing to delete")
    return exits.USAGE if found and yes else exits.OK
