"""``lbsls ping``: one request to an endpoint's health path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lbsls.cli import exits
from lbsls.cli.accounts import target_account
from lbsls.cli.options import command, local_option, timeout_option
from lbsls.cli.progress import busy
from lbsls.cli.session import Session
from lbsls.values import Health

if TYPE_CHECKING:
    from lbsls.values import Ping

__all__ = ["ping"]


@click.command()
@click.argument("target", metavar="NAME|ID")
@timeout_option(5.0, "How long the answer may take.")
@local_option
@command
def ping(session: Session, target: str, timeout: float, local: bool) -> int:
    r"""Ask an endpoint's health path once, and exit with 0 if it is ready, with 4 if not.

    A ping is a request: it wakes a worker of an endpoint that is asleep.

    \b
    Examples:
      lbsls ping api
      until lbsls ping api --timeout 30; do sleep 1; done
    """
    with (
        target_account(session, target, local=local) as account,
        busy(f"ping {target}", quiet=session.quiet),
    ):
        result = account.check_ping(target, timeout=timeout)
    if session.output.json:
        session.output.document(_as_json(result))
    else:
        by = f", by worker {result.worker_id}" if result.worker_id else ""
        session.output.result(f"{result}{by}")
    if result.refused_key:
        session.output.error("the endpoint refuses the API key. Check RUNPOD_API_KEY.")
        return exits.NO_KEY
    return exits.OK if result.health is Health.READY else exits.NOT_HEALTHY


def _as_json(result: Ping) -> dict[str, object]:
    return {
        "health": result.health.name,
        "status": result.status,
        "workerId": result.worker_id,
        "seconds": round(result.elapsed, 3),
        "detail": result.detail,
    }
