"""What a deploy would do, as a value. Pure.

It is made by the flow that deploys, of the same answers and by the same rules, so it cannot tell
another story than the deploy would.
"""

from __future__ import annotations

from typing import Any, Literal

from attrs import frozen

from lbsls.drift import RELEASE_FIELDS, Change
from lbsls.errors import LbslsError
from lbsls.live import Endpoint
from lbsls.sentences import lowered

__all__ = ["Action", "Plan"]

Action = Literal["create", "update", "nothing", "refuse"]


@frozen
class Plan:
    """What `deploy` would do now; it holds no value of env.

    Attributes:
        name: Of the resource.
        action: "create", "update", "nothing", or "refuse", when it would raise ``refusal``.
        endpoint: The one that there is and that would stay; None without one.
        changes: What differs.
        duplicates: Endpoints that lost to that one and would be deleted.
        refusal: `NotOurs`, `Conflict` or `AmbiguousEndpoint`.
    """

    name: str
    action: Action
    endpoint: Endpoint | None = None
    changes: tuple[Change, ...] = ()
    duplicates: tuple[Endpoint, ...] = ()
    refusal: LbslsError | None = None

    @property
    def differs(self) -> bool:
        """Whether anything is not as declared."""
        return self.action != "nothing" or bool(self.duplicates)

    @property
    def replaces_workers(self) -> bool:
        """Whether workers are replaced by an update, so that deploy waits for new ones."""
        fields = {change.field for change in self.changes}
        return self.action == "update" and bool(RELEASE_FIELDS & fields)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing besides, a sentence each."""
        notes = []
        if self.replaces_workers:
            notes.append("its workers are replaced")
        off = self.endpoint is not None and self.endpoint.settings.workersMax == 0
        if off and self.action == "nothing":
            notes.append(f"max workers is 0, so nothing can start; {lowered(0)}")
        notes += [f"{each.id} is a duplicate and is deleted" for each in self.duplicates]
        return tuple(notes)

    def __str__(self) -> str:
        who = f"{self.name} ({self.endpoint.id})" if self.endpoint else self.name
        lines = [f"{who}: {_WORDS[self.action]}"]
        if self.refusal is not None:
            lines += str(self.refusal).splitlines()
        else:
            lines += map(str, (*self.changes, *self.notes))
        return "\n  ".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Give it as plain values, as ``lbsls diff --json`` writes it."""
        refusal = self.refusal
        error = refusal and {"type": type(refusal).__name__, "message": str(refusal)}
        return {
            "name": self.name,
            "id": self.endpoint.id if self.endpoint else None,
            "action": self.action,
            "differs": self.differs,
            "changes": [change.as_json() for change in self.changes],
            "replacesWorkers": self.replaces_workers,
            "duplicates": [endpoint.id for endpoint in self.duplicates],
            "notes": list(self.notes),
            "error": error,
        }


_WORDS = {
    "create": "would be created",
    "update": "would be updated",
    "nothing": "is as declared",
    "refuse": "would be refused",
}
