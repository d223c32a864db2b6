"""What an account remembers, and how a name is held without blocking."""

from __future__ import annotations

import os
import threading

import pytest

from lbsls import flows
from lbsls.flows.context import Memory


def test_a_name_is_held_by_one_claim_at_a_time() -> None:
    """The other is told at once, and may try again."""
    memory = Memory()
    with memory.claim("app") as first, memory.claim("app") as second:
        assert [first.try_take(), second.try_take(), first.try_take()] == [True, False, True]
        second.release()
        assert second.try_take() is False
        first.release()
        assert second.try_take() is True
        assert memory.claim("other").try_take() is True
    assert memory.claim("app").try_take() is True


def test_of_many_threads_one_gets_a_name() -> None:
    """The others do not wait for it."""
    memory, start = Memory(), threading.Barrier(8)
    taken: list[bool] = []

    def take() -> None:
        start.wait()
        taken.append(memory.claim("app").try_take())

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_threads_of_its_parent() -> None:
    """They do not exist in it."""
    memory = Memory()
    memory.claim("app").try_take()
    memory.elect("e1", "app")
    child = os.fork()
    if child == 0:
        fine = memory.claim("app").try_take() and memory.has_elected("e1")
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert memory.claim("app").try_take() is False


def test_what_was_deleted_is_no_longer_elected() -> None:
    """A new one of that name is looked at again."""
    memory = Memory()
    memory.elect("e1", "app")
    assert (memory.has_elected("e1"), memory.has_buried("e1")) == (True, False)
    memory.bury("e1")
    assert (memory.has_elected("e1"), memory.has_buried("e1")) == (False, True)


def test_flows_are_imported_when_used() -> None:
    """And only those that there are."""
    assert flows.pings.__name__ == "lbsls.flows.pings"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = flows.nothing
