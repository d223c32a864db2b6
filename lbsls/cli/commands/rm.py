"""``lbsls rm``: endpoints away, asked for first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from lbsls.cli import tables
from lbsls.cli.options import command
from lbsls.cli.removal import ask, remove, report
from lbsls.cli.session import Session
from lbsls.errors import LbslsError, NotFound, NotOurs

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
            found = list(_of_project(found, session.config.project, errors))
        if found and not yes:
            ask(found)
        removed = list(remove(session.output, found, account.undeploy, errors))
    return report(session.output, found, removed, errors)


def _of_project(
    found: Sequence[Endpoint], project: str | None, errors: list[LbslsError]
) -> Iterator[Endpoint]:
    """Leave out what other projects made: a file means what its own project deployed."""
    for endpoint in found:
        if tables.whose(endpoint, project) in ("ours", "not lbsls"):
            yield endpoint
        else:
            owner = getattr(endpoint.mark, "project", "")
            errors.append(NotOurs(endpoint.name, endpoint.id, [], project=owner))


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
