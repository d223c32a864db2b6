"""What workers write, and what is written about them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from lbsls.local.clock import SystemClock, moment
from lbsls.local.logs import CONTAINER, SYSTEM, Log
from lbsls.local.process import Lines

from .conftest import Site, eventually


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-06-01T12:05:04Z", datetime(2026, 6, 1, 12, 5, 4, 0, timezone.utc)),
        ("2026-06-01t12:05:04.5z", datetime(2026, 6, 1, 12, 5, 4, 500_000, timezone.utc)),
        ("2026-06-01T12:05:04.123456789Z", datetime(2026, 6, 1, 12, 5, 4, 123_456, timezone.utc)),
        (
            "2026-06-01T12:05:04+02:00",
            datetime(2026, 6, 1, 12, 5, 4, 0, timezone(timedelta(hours=2))),
        ),
    ],
)
def test_times_are_read_as_rfc_3339_writes_them(text: str, read: datetime) -> None:
    """A caller may write a time with any fraction and zone."""
    assert read == moment(text)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-06-01", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """A caller learns that it is none."""
    with pytest.raises(ValueError):  # noqa: PT011
        moment(text)


def test_a_log_forgets_its_oldest_lines() -> None:
    """A worker that writes for ever does not fill the memory."""
    log = Log(SystemClock(), limit=2)
    for number in range(3):
        log.add(CONTAINER, str(number))
    assert ["1", "2"] == [line.text for line in log.tail(9)]
    assert ["2"] == [line.text for line in log.tail(1)]
    assert [] == log.tail(0)
    assert [] == log.tail(9, SYSTEM)


def test_a_follower_gets_each_line_once_until_the_end() -> None:
    """Lines written before and while somebody follows come once, in order."""

    async def follow() -> list[str]:
        """Follow the log."""
        log = Log(SystemClock(), limit=9)
        log.add(CONTAINER, "0")
        log.add(CONTAINER, "1")
        got = []
        async for line in log.follow(1):
            got.append(line.text)
            if line.text == "1":
                log.add(CONTAINER, "2")
                asyncio.get_running_loop().call_later(0.01, log.add, CONTAINER, "3")
            if line.text == "3":
                log.close()
        return got

    assert ["1", "2", "3"] == asyncio.run(follow())


def test_output_is_cut_into_lines_however_it_comes() -> None:
    """Pieces, line ends of any kind, no line end, bytes that are no text."""

    async def cut() -> list[str]:
        """Cut a stream into lines."""
        lines: list[str] = []
        reader = Lines(lines.append)
        for piece in (b"a", b"b\r\nc\n", b"\n\xff\n", b"x" * 20_000, b"last"):
            reader.data_received(piece)
        reader.connection_lost(None)
        return lines

    assert ["ab", "c", "", "\ufffd", "x" * 20_000, "last"] == asyncio.run(cut())


def test_both_outputs_of_a_worker_are_in_its_log(site: Site) -> None:
    """What a container prints can be read, and what happened to it, too."""
    endpoint = site.create()
    worker = site.call(endpoint, "/say?hello").headers["X-Runpod-Worker-Id"]
    assert "listening" in site.wait_for_line(endpoint, worker, "out hello", "container")
    site.wait_for_line(endpoint, worker, "err hello", "container")
    assert ["container started: plain", "worker is ready"] == site.wait_for_line(
        endpoint, worker, "ready"
    )


def test_a_log_is_followed_live_until_the_endpoint_goes(site: Site) -> None:
    """New lines come as they are written; the stream ends with the worker."""
    endpoint = site.create()
    worker = site.call(endpoint, "/ping").headers["X-Runpod-Worker-Id"]
    with site.log(endpoint, worker, source="container", tail=0) as log:
        site.call(endpoint, "/say?now")
        assert {"out now", "err now"} == {next(log)["line"], next(log)["line"]}
        site.api("DELETE", f"/{endpoint['id']}")
        assert ["bye"] == [event["line"] for event in log]


def test_a_reader_goes_on_after_the_last_event_it_has(site: Site) -> None:
    """A cursor, a time, or a number of lines decide where a stream begins."""
    endpoint = site.create()
    worker = site.call(endpoint, "/ping").headers["X-Runpod-Worker-Id"]
    for number in range(4):
        site.call(endpoint, f"/say?{number}")
    site.wait_for_line(endpoint, worker, "err 3", "container")
    with site.log(endpoint, worker, tail=100) as log:
        events = [next(log) for _ in range(11)]
    assert {"ts", "source", "line", "id"} == set(events[0])
    assert events[5]["id"].startswith(events[5]["ts"])
    with site.log(endpoint, worker, headers={"Last-Event-ID": events[5]["id"]}, tail=0) as log:
        assert events[6:] == [next(log) for _ in range(5)]
    with site.log(endpoint, worker, since=events[0]["ts"], tail=0) as log:
        assert events == [next(log) for _ in range(11)]
    with site.log(endpoint, worker, tail=2) as log:
        assert events[-2:] == [next(log) for _ in range(2)]
    with site.log(endpoint, worker, source="system") as log:
        assert {"system"} == {next(log)["source"] for _ in range(2)}
    with site.log(endpoint, worker, since=events[0]["ts"], source="system") as log:
        assert {"system"} == {next(log)["source"] for _ in range(2)}


@pytest.mark.parametrize(
    "query",
    [
        "tail=-1",
        "tail=5001",
        "tail=x",
        "tail=",
        "source=x",
        "since=x",
        "since=2026-01-01T00:00:00Z/x",
    ],
)
def test_a_stream_that_cannot_be_meant_is_a_422(site: Site, query: str) -> None:
    """Wrong parameters are named."""
    endpoint = site.create(workers={"min": 1})
    worker = eventually(lambda: site.workers(endpoint))[0]["id"]
    response = site.api("GET", f"/{endpoint['id']}/workers/{worker}/logs?{query}")
    assert 422 == response.status_code
    assert response.json()["errors"]


def test_the_log_of_a_worker_that_is_gone_can_be_read_for_a_while(site: Site) -> None:
    """Why a worker ended is still known; the stream ends at once. An unknown worker is a 404."""
    endpoint = site.create()
    worker = site.call(endpoint, "/ping").headers["X-Runpod-Worker-Id"]
    site.api("PATCH", f"/{endpoint['id']}", json={"workers": {"max": 0}})
    eventually(lambda: not site.workers(endpoint))
    with site.log(endpoint, worker, source="system") as log:
        assert "container stopped" == [event["line"] for event in log][-1]
    assert 404 == site.api("GET", f"/{endpoint['id']}/workers/none/logs").status_code
