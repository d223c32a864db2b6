"""Plans as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lbsls.drift import Change
    from lbsls.plans import Plan

__all__ = ["as_json", "lines", "summary"]

_SIGNS = {"create": "+", "update": "~", "nothing": "=", "refuse": "!"}
_COLORS = {"create": "green", "update": "yellow", "nothing": None, "refuse": "red"}
_WORDS = {"create": "create", "update": "update", "nothing": "as declared", "refuse": "refused"}


def lines(plans: Iterable[Plan]) -> Iterator[str]:
    """Write each plan: what happens to the endpoint, and each change in a line under it."""
    for plan in plans:
        who = f"{plan.name} ({plan.endpoint.id})" if plan.endpoint else plan.name
        head = f"{_SIGNS[plan.action]} {who}: {_WORDS[plan.action]}"
        yield click.style(head, fg=_COLORS[plan.action], bold=plan.differs or None)
        if plan.refusal is None:
            yield from (f"    {_change(change)}" for change in plan.changes)
            yield from (click.style(f"    {note}", dim=True) for note in plan.notes)
        else:
            yield from (f"    {line}" for line in str(plan.refusal).splitlines())


def _change(change: Change) -> str:
    name, _, rest = str(change).partition(":")
    return f"{click.style(name, bold=True)}:{rest}"


def summary(plans: Sequence[Plan]) -> str:
    """Count what would happen, in a line."""
    counts = {
        "to create": sum(plan.action == "create" for plan in plans),
        "to update": sum(plan.action == "update" for plan in plans),
        "refused": sum(plan.action == "refuse" for plan in plans),
        "to delete": sum(len(plan.duplicates) for plan in plans if plan.refusal is None),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return told or "everything is as declared"


def as_json(plans: Iterable[Plan]) -> dict[str, Any]:
    """Give the document that ``--json`` writes."""
    found = list(plans)
    return {
        "plans": [plan.as_json() for plan in found],
        "differs": any(plan.differs for plan in found),
    }
