"""What a local Runpod was sent can be asked for."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from lbsls.local.journal import KEPT, Journal, shown

from .conftest import Site

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)


def test_what_was_sent_can_be_asked_for(site: Site) -> None:
    """Every request, with what it asked for and how it ended; values of env are hidden."""
    journal = site.local.requests
    endpoint = site.create(env={"TOKEN": "secret"}, workers={"min": 1})
    site.api("PATCH", f"/{endpoint['id']}", json={"env": {"A": "secret"}})
    site.api("PATCH", f"/{endpoint['id']}", json={"env": "secret"})
    site.api("PATCH", f"/{endpoint['id']}", json={"name": "other"})
    site.call(endpoint, "/?token=secret")
    site.api("GET", "/none/at/all")
    made, *_ = journal.of("create", endpoint="test")
    assert ("POST", 201, endpoint["id"]) == (made.method, made.status, made.endpoint)
    assert made.body is not None
    assert {"GATES": "***", "TOKEN": "***"} == made.body["env"]
    assert [200, 422, 200] == [each.status for each in journal.of("update")]
    assert {"create": 1, "update": 3, "call": 1, "unknown": 1} == journal.counts
    assert [404] == [each.status for each in journal.of("unknown")]
    assert "/" == journal.of("call", endpoint=endpoint["id"])[0].path
    text = json.dumps([each.as_json() for each in journal])
    assert "secret" not in text
    assert 6 == len(journal)
    journal.clear()
    assert (0, {}) == (len(journal), journal.counts)


def test_the_journal_forgets_the_oldest() -> None:
    """It does not grow for ever, and still counts."""
    journal = Journal()
    first = journal.begin(NOW, "list", "GET", "/")
    for second in range(KEPT):
        journal.begin(NOW + timedelta(seconds=second), "list", "GET", "/")
    journal.end(first, status=200)
    assert (KEPT, {"list": KEPT + 1}) == (len(journal), journal.counts)
    assert (None, {"env": "***"}) == (shown([]), shown({"env": 1}))
