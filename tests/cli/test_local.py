"""``lbsls local``: a Runpod for other programs, until it is told to end."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from commandline import APP, Lbsls, Trigger
from lbsls import Account, LoadBalancerSlsResource, cli
from processes import running

READY = "Ctrl-C ends it"


def test_the_lines_can_be_pasted(
    capsys: pytest.CaptureFixture[str], trigger: Callable[..., Trigger]
) -> None:
    """Stdout is for a shell, stderr for a person; Ctrl-C is the ordinary end."""
    stream = trigger(READY)
    assert cli.main(["local", "--image", "app:1=python app.py", "--api-key", "it's mine"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.removeprefix("export ").partition("=")[0] for line in lines]
    assert names == [
        "RUNPOD_API_KEY",
        "RUNPOD_API_BASE_URL",
        "RUNPOD_ENDPOINT_BASE_URL",
        "LBSLS_LOCAL_ADMIN_URL",
        "LBSLS_LOCAL_ADMIN_KEY",
    ]
    assert shlex.split(lines[0]) == ["export", "RUNPOD_API_KEY=it's mine"]
    assert "images: app:1. Ctrl-C" in stream.getvalue()
    assert stream.getvalue().endswith("stopped; nothing is left\n")


def test_json(
    toml: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
    trigger: Callable[..., Trigger],
) -> None:
    """The same for machines; images come from lbsls.toml too."""
    toml('[local.images]\n"b:1" = "true"')
    trigger(READY, signal.SIGTERM)
    assert cli.main(["local", "--json", "--image", "a:1=false"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["images"] == ["a:1", "b:1"]
    assert list(document["admin"]) == ["LBSLS_LOCAL_ADMIN_URL", "LBSLS_LOCAL_ADMIN_KEY"]
    assert list(document["environ"]) == [
        "RUNPOD_API_KEY",
        "RUNPOD_API_BASE_URL",
        "RUNPOD_ENDPOINT_BASE_URL",
    ]


def test_without_images_it_says_how_to_name_some(trigger: Callable[..., Trigger]) -> None:
    """A local Runpod that can run nothing is no surprise."""
    stream = trigger(READY)
    assert cli.main(["local"]) == 0
    assert "images: none; add [local.images] to lbsls.toml, or --image" in stream.getvalue()


@pytest.mark.parametrize("image", ["app:1", "=python", "app:1= ", "app:1='x"])
def test_an_image_that_is_none(lbsls: Lbsls, image: str) -> None:
    """NAME=COMMAND, and the command one that a shell could run."""
    done = lbsls("local", "--image", image)
    assert (done.code, done.out) == (2, "")
    assert "is no image; write NAME=COMMAND" in done.err


def test_a_port_that_is_taken(lbsls: Lbsls, account: Account) -> None:
    """The message says what to do."""
    port = account.base_url.rpartition(":")[2]
    done = lbsls("local", "--port", port)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: cannot listen on port {port} of 127.0.0.1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_no_process_behind(number: int) -> None:
    """What was deployed there from another process ends with it."""
    command = [sys.executable, "-m", "lbsls", "local", "--image", f"app:1=python -u {APP}"]
    with running(command, stdout=PIPE, stderr=PIPE, start_new_session=True) as process:
        lines = [process.stdout.readline().strip() for _ in range(3)]
        environ = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        url = environ["RUNPOD_API_BASE_URL"]
        with Account(environ["RUNPOD_API_KEY"], base_url=url) as account:
            endpoint = account.deploy(LoadBalancerSlsResource(name="api", imageName="app:1"))
            assert endpoint.get("/").ok
        process.send_signal(number)
        assert process.wait(20) == 0
    workers = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert f"-u {APP}" not in workers.stdout
    assert os.path.exists(APP)
