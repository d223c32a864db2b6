"""One command under its keeper, as the local Runpod holds it."""

from __future__ import annotations

import asyncio
import signal
import sys
from types import SimpleNamespace
from typing import Any, cast

from lbsls.local import process
from lbsls.local.door import hang_up

CODE = "import signal; print('ready', flush=True); signal.pause()"


async def _start(lines: list[str], *words: str) -> process.Process:
    return await process.start(words, env={}, cwd=None, grace=5.0, on_line=lines.append)


def test_a_signal_waits_for_a_command_that_is_just_starting() -> None:
    """It reaches the command as soon as there is one."""

    async def story() -> str:
        """Kill what has not begun."""
        running = await _start([], sys.executable, "-c", CODE)
        running.signal(signal.SIGKILL)
        return await running.wait()

    assert "container killed by signal SIGKILL" == asyncio.run(story())


def test_a_signal_for_a_command_that_has_ended_goes_nowhere() -> None:
    """Its number may belong to another process by then."""

    async def story() -> str:
        """Signal a command after its end."""
        running = await _start([], sys.executable, "-c", "")
        said = await running.wait()
        running.signal(signal.SIGKILL)
        return said

    assert "container exited with code 0" == asyncio.run(story())


def test_hanging_up_on_who_has_gone_is_no_error() -> None:
    """A caller may leave at any moment."""
    gone = SimpleNamespace(transport=None)
    hang_up(cast("Any", gone))
    assert gone.transport is None
