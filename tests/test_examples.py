"""The examples do what they say, as somebody would try them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lbsls import local
from lbsls.cli import config, main

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the examples to where they may be run."""
    copy = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(copy)
    return copy


def test_the_script_deploys_calls_and_undeploys(folder: Path) -> None:
    """With the variables of a local Runpod it runs as it is, and leaves nothing there."""
    settings = config.load(folder / "lbsls.toml")
    with local.runpod(settings.images, cwd=settings.folder) as account:
        done = subprocess.run(
            [sys.executable, "deploy.py"],
            env={**os.environ, **account.environ()},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[-2:] == ["answer: HELLO", "undeployed"]
        assert account.endpoints() == ()


def test_the_file_can_be_called_locally(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command in its first line works."""
    first = (folder / "lbsls.toml").read_text().splitlines()[0]
    assert first.endswith("""lbsls call --local shout / -j '{"text": "hi"}'""")
    assert main(["call", "--local", "shout", "/", "-j", '{"text": "hi"}']) == 0
    assert json.loads(capsys.readouterr().out) == {"text": "HI"}
