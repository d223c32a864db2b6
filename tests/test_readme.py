"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import lbsls

ROOT = Path(__file__).parent.parent
README = ROOT / "README.rst"


def snippet(name: str) -> str:
    """Give the Python of the README that begins with the name of its file."""
    blocks = re.findall(r"\.\. code:: python\n\n((?:    .*\n|\n)+)", README.read_text())
    texts = [textwrap.dedent(block) for block in blocks]
    return next(text for text in texts if text.startswith(f"# {name}\n"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the README's files and the example app."""
    for name in ("shout.py", "test_shout.py"):
        (tmp_path / name).write_text(snippet(name))
    (tmp_path / "app.py").write_text((ROOT / "examples" / "app.py").read_text())
    return tmp_path


def test_the_script_runs(folder: Path) -> None:
    """The script deploys, calls and takes down what it declares."""
    with lbsls.local.runpod(images={"me/shout:1": "python app.py"}, cwd=folder) as account:
        done = subprocess.run(
            [sys.executable, "shout.py"],
            cwd=folder,
            env={**os.environ, **account.environ()},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ("HELLO\n", "") == (done.stdout, done.stderr)
        assert () == account.endpoints()


def test_the_test_passes(folder: Path) -> None:
    """The test of the README is one that passes."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shout.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
