"""``lbsls diff``: what a deploy would change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lbsls.cli import exits, plans
from lbsls.cli.options import adopt_option, command
from lbsls.cli.progress import busy
from lbsls.cli.session import Session

if TYPE_CHECKING:
    from lbsls.plans import Plan

__all__ = ["diff", "show"]


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@adopt_option
@command
def diff(session: Session, names: Sequence[str], adopt: bool | None) -> int:
    r"""Show what a deploy of the named endpoints of lbsls.toml, or of all, would change.

    Nothing is changed and no worker is woken. Of env only names are shown: added, removed or
    changed. What Runpod scaled down by itself (max workers after 3 and 7 days without requests) is
    told as such.

    \b
    The exit code is for scripts:
      0  everything is as declared
      7  something would be created, updated or deleted
      1  a deploy would be refused, and the screen says why

    \b
    Examples:
      lbsls diff
      lbsls diff api || lbsls deploy api
      lbsls diff --json | jq '.plans[] | select(.differs) | .name'
    """
    found = show(session, names, adopt)
    refused = [exits.code_of(plan.refusal) for plan in found if plan.refusal]
    return exits.worst(refused) or (exits.DIFFERS if any(p.differs for p in found) else exits.OK)


def show(session: Session, names: Sequence[str], adopt: bool | None) -> Sequence[Plan]:
    """Write what a deploy would change, and give the plans."""
    resources, warnings = session.config.resources(names)
    for text in warnings:
        session.output.warning(text)
    with session.account() as account, busy("looking", quiet=session.quiet):
        found = account.plan(resources, adopt=adopt)
    output = session.output
    if output.json:
        output.document(plans.as_json(found))
    else:
        output.result("\n".join(plans.lines(found)))
        output.note(plans.summary(found))
    return found
