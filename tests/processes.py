"""What tests share that run other programs."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["family", "running"]


@contextlib.contextmanager
def running(
    command: Sequence[str], *, text: bool = True, **options: Any
) -> Iterator[subprocess.Popen[Any]]:
    """Run a program that does not outlive the test, and is not waited for when the test failed."""
    with subprocess.Popen(command, text=text, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def family(pid: int) -> list[int]:
    """Give a process and all that come from it, as far as they are still there."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                with contextlib.suppress(OSError):  # a thread that ended meanwhile
                    found += map(int, (task / "children").read_text().split())
    return found
