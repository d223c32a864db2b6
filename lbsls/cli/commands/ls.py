"""``lbsls ls``: what there is, without waking any of it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from lbsls.cli import exits, tables
from lbsls.cli.options import command
from lbsls.cli.session import Session
from lbsls.cli.tables import Listed
from lbsls.errors import LbslsError

if TYPE_CHECKING:
    from lbsls.account import Account
    from lbsls.live import Endpoint

__all__ = ["ls"]

AT_ONCE = 8


@click.command()
@command
def ls(session: Session) -> int:
    r"""List the endpoints of the account, without waking any.

    \b
    STATE    up: a worker runs; asleep: none does, the next request starts one;
             starting; throttled: waits for a machine; unhealthy;
             off: its max workers is 0
    WORKERS  how many there are now, the least and the most there may be
    WHOSE    ours: made by this project; another project's name; not lbsls

    \b
    Examples:
      lbsls ls
      lbsls ls --json | jq -r '.endpoints[] | select(.state == "up") | .name'
    """
    with session.account() as account:
        listed = list(_look(account, account.endpoints()))
    output, now = session.output, datetime.now(timezone.utc)
    project = session.config.project
    if output.json:
        output.document({"endpoints": [_as_json(each, project) for each in listed]})
    elif not listed:
        output.note(f"there are no endpoints at {account.base_url}")
    else:
        text = tables.table(listed, project, now)
        if max(map(len, text.splitlines())) > output.width():
            text = tables.blocks(listed, project, now)
        output.result(text)
    return exits.OK


def _look(account: Account, endpoints: Iterable[Endpoint]) -> Iterable[Listed]:
    def look(endpoint: Endpoint) -> Listed:
        try:
            return Listed(endpoint, account.workers(endpoint))
        except LbslsError:  # deleted just now, or a moment of trouble: the rest is worth showing
            return Listed(endpoint, None)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(look, endpoints))


def _as_json(listed: Listed, project: str | None) -> dict[str, object]:
    workers = listed.workers
    return {
        **tables.as_json(listed.endpoint),
        "state": listed.state,
        "whose": tables.whose(listed.endpoint, project),
        "workers": None
        if workers is None
        else [{"id": w.id, "status": w.status, "isStale": w.is_stale} for w in workers],
    }
