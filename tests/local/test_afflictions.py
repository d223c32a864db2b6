"""Workers that go wrong on purpose, whatever their image is."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from lbsls.local import Fault
from lbsls.local.afflictions import Affliction
from lbsls.local.options import World
from lbsls.local.probes import Finding

from .conftest import Site, eventually


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault.never_listen(), "INITIALIZING"), (Fault.no_content(), "INITIALIZING")],
)
def test_a_worker_never_becomes_ready(
    start_site: Callable[..., Site], fault: Fault, status: str
) -> None:
    """Whatever its image is; without the fault it does."""
    site = start_site(hold=0.3)
    with site.local.faults.add(fault, endpoint="test") as rule:
        endpoint = site.create(workers={"min": 1})
        assert "no workers available" in site.call(endpoint).text
        assert ([status], 1) == (site.statuses(endpoint), rule.fired)
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])


def test_a_worker_listens_on_the_wrong_port(site: Site) -> None:
    """It is well and running, and callers get 502."""
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    with site.local.faults.add(Fault.wrong_port()):
        eventually(lambda: site.call(endpoint).status_code == 502)
    eventually(lambda: site.call(endpoint).status_code == 200)


def test_a_worker_crashes_so_many_times(start_site: Callable[..., Site]) -> None:
    """Killed, and its log says so; after that it lives."""
    site = start_site(restart_delay=0.05)
    site.local.faults.add(Fault.crash(), times=2)
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    (worker,) = site.workers(endpoint)
    lines = site.wait_for_line(endpoint, worker["id"], "worker is ready")
    assert 2 == sum("SIGKILL" in line for line in lines)


def test_a_running_worker_crashes(site: Site) -> None:
    """A fault befalls also whom it finds running."""
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    (worker,) = site.workers(endpoint)
    site.local.faults.add(Fault.crash(), times=1)
    site.wait_for_line(endpoint, worker["id"], "SIGKILL")


def test_a_worker_freezes_and_thaws(start_site: Callable[..., Site]) -> None:
    """Requests are accepted and not answered; a frozen worker can be ended."""
    site = start_site(probe_timeout=0.2, probe_interval=0.1, grace=0.2)
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    with site.local.faults.add(Fault.freeze()):
        eventually(lambda: site.statuses(endpoint) == ["UNHEALTHY"])
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])
    frozen = site.local.faults.add(Fault.freeze(), endpoint=endpoint["id"])
    eventually(lambda: site.statuses(endpoint) == ["UNHEALTHY"])
    assert 1 == frozen.fired


def test_a_frozen_worker_freezes_as_soon_as_it_is_ready(start_site: Callable[..., Site]) -> None:
    """A new one as well, for as long as the fault lasts."""
    site = start_site(probe_timeout=0.2, probe_interval=0.1)
    site.local.faults.add(Fault.freeze(), lasts=1.0)
    endpoint = site.create(workers={"min": 1})
    eventually(lambda: site.statuses(endpoint) == ["UNHEALTHY"])
    eventually(lambda: site.statuses(endpoint) == ["IDLE"])


def test_a_worker_flaps(start_site: Callable[..., Site]) -> None:
    """Well and unwell in turns."""
    site = start_site(probe_interval=0.02)
    site.local.faults.add(Fault.flap(0.1))
    endpoint = site.create(workers={"min": 1})
    for status in ("IDLE", "UNHEALTHY", "IDLE"):
        eventually(lambda status=status: site.statuses(endpoint) == [status])  # type: ignore[misc]


def test_a_lifted_crash_does_not_come() -> None:
    """Nobody dies of a fault that is over."""
    world, sent = World(), []
    world.faults.begin(lambda: 0.0, lambda: None)
    affliction = Affliction(world, _Named(), sent.append)  # type: ignore[arg-type]
    affliction.started()
    assert Finding.SILENT is affliction.disguised(Finding.SILENT)
    assert ([], None) == (sent, affliction.kind)


def test_a_fault_befalls_a_worker_once() -> None:
    """One that it has already is no other, however often it is asked what ails it."""
    world, sent = World(), []
    world.faults.begin(lambda: 0.0, lambda: None)
    rule = world.faults.add(Fault.freeze())
    affliction = Affliction(world, _Named(), sent.append)  # type: ignore[arg-type]
    for _ in range(2):
        affliction.befall()
        affliction.ready()
    assert ([signal.SIGSTOP], 1) == (sent, rule.fired)


def test_a_worker_that_is_down_falls_ill_too(start_site: Callable[..., Site]) -> None:
    """What ails it is there when it starts again; there is no process that could die now."""
    site = start_site({}, restart_delay=30.0)
    endpoint = site.create(workers={"min": 1})
    worker = eventually(lambda: site.workers(endpoint))[0]["id"]
    site.wait_for_line(endpoint, worker, "not found")
    rule = site.local.faults.add(Fault.crash())
    eventually(lambda: rule.fired == 1)
    assert ["UNHEALTHY"] == site.statuses(endpoint)


class _Named:
    """An endpoint's id and name."""

    id = "e1"
    settings = {"name": "a"}  # noqa: RUF012
