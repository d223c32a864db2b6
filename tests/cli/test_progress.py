"""How a wait looks, in a pipe and on a terminal, and what is known when it is cut short."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from commandline import Terminal
from lbsls import Health, Ping
from lbsls.cli.board import Board, Ended, Heard, Row
from lbsls.cli.output import Output, is_terminal
from lbsls.cli.progress import Lines, watch
from lbsls.events import (
    Created,
    Creating,
    Event,
    Pinged,
    Ready,
    Removed,
    Retrying,
    Waiting,
    WorkersSeen,
)
from lbsls.testing import FakeClock

COLD = Ping(Health.COLD, elapsed=15.0, detail="held")
READY = Ping(Health.READY, 200)


def tell(board: Board, show: Callable[[Heard], None], event: Event) -> None:
    """Tell an event of the endpoint named api."""
    message = Heard("api", event)
    board.feed(message)
    show(message)


def test_a_pipe_gets_lines_with_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Each event once; pings only where they change."""
    board = Board.of(["api"])
    with watch(board, Output()) as view:
        for event in (
            Created("api", "i"),
            Waiting("api", "i", 300.0),
            Pinged("api", "i", COLD),
            Pinged("api", "i", COLD),
            Pinged("api", "i", READY),
        ):
            tell(board, view.show, event)
    lines = capsys.readouterr().err.splitlines()
    assert [line[9:] for line in lines] == [
        "created api (i)",
        "waiting for api (i), 300s at most",
        "ping api: COLD after 15.0s: held",
        "ping api: READY 200 after 0.0s",
    ]
    assert [line[2] + line[5] + line[8] for line in lines] == [":: "] * 4


def test_a_pipe_hears_that_the_wait_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """A long silence in a log of CI looks like a hang."""
    clock, board = FakeClock(), Board.of(["api"])
    lines = Lines(board, Output(), clock)
    tell(board, lines.show, Waiting("api", "i", 300.0))
    capsys.readouterr()
    for seconds in (9.0, 1.0, 1.0, 9.0):
        clock.sleep(seconds)
        lines.show(None)
    board.feed(Ended("api"))
    clock.sleep(99.0)
    lines.show(Ended("api"))
    assert [line[9:] for line in capsys.readouterr().err.splitlines()] == [
        "api after 10s: first ping sent, no answer yet",
        "api after 20s: first ping sent, no answer yet",
    ]


def test_a_row_says_what_it_does() -> None:
    """Looking, settling, waiting: with the last ping and the workers."""
    board = Board.of(["api"])
    row = board.rows["api"]

    def then(event: Event) -> str:
        board.feed(Heard("api", event))
        return row.doing

    assert row.doing == "looking"
    assert then(Created("api", "i")) == "settling"
    assert then(Waiting("api", "i", 300.0)) == "first ping sent, no answer yet"
    assert then(Pinged("api", "i", COLD)) == "last ping COLD after 15.0s: held"
    assert then(WorkersSeen("api", "i", "1 INITIALIZING")).endswith(", workers: 1 INITIALIZING")
    assert then(Retrying("list", "503", 1, 0.5)) == row.doing
    assert row.id == "i"


def test_what_exists_is_said_in_a_line() -> None:
    """Created, deployed, or perhaps; never a guess."""
    board = Board.of(["a", "b", "c", "d"])
    board.feed(Heard("c", Creating("c")))
    board.feed(Heard("c", Removed("c", "0", "it was a duplicate")))
    board.feed(Heard("a", Created("a", "1")))
    board.feed(Ended("a"))
    board.feed(Heard("b", Created("b", "2")))
    assert board.summary() == (
        "a (1) is deployed; b (2) exists and was not seen healthy: `lbsls rm 2`; "
        "c may have been created: `lbsls ls`; d was not created"
    )
    assert (board.endpoints, board.failures) == ([], [])


def test_a_terminal_keeps_what_lasts(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks tell good from doubtful; pings stay in the live line."""
    monkeypatch.setattr(sys, "stderr", terminal.stream)
    board = Board.of(["api", "a-name-that-is-longer"])
    with watch(board, Output()) as view:
        for event in (
            Created("api", "i"),
            Retrying("list", "503", 1, 0.5),
            Pinged("api", "i", READY),
            Ready("api", "i", 2.0),
        ):
            tell(board, view.show, event)
        view.show(None)
    text = terminal.text()
    for part in ("•", "created api (i)", "!", "503", "✔", "api (i) is healthy after 2.0s"):
        assert part in text
    assert "ping api" not in text


@pytest.mark.parametrize(("term", "fancy"), [("xterm", True), ("dumb", False), ("", False)])
def test_a_dumb_terminal_is_a_pipe(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, term: str, fancy: bool
) -> None:
    """An editor's shell gets lines."""
    monkeypatch.setenv("TERM", term)
    if not term:
        monkeypatch.delenv("TERM")
    assert is_terminal(terminal.stream) is fancy


def test_rows_are_known_by_name() -> None:
    """A board begins with a row for each deployment, in order."""
    assert Board.of(["b", "a"]).running == [Row("b"), Row("a")]
