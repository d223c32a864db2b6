"""What an account has of one kind, whatever the kind is."""

from __future__ import annotations

from lbsls.local.options import World
from lbsls.local.shelf import Shelf


def test_a_thing_can_be_replaced_and_stays_where_it_is() -> None:
    """What is shown is the new one; its id and its age are the old one's."""
    shelf = Shelf("thing", World(), lambda thing: {"id": thing, "createdAt": thing})
    shelf.put("a", "first", made=0.0)
    shelf.replace("a", "second")
    assert (["second"], "second") == ([*shelf], shelf.find("a"))
    assert [{"id": "second", "createdAt": "second"}] == shelf.list()
