"""Ctrl-C and SIGTERM wherever a deploy is: it ends at once, in order, and says what exists now."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servers import Asked, Server, reply, serving
from stories import KEY, answer, endpoint

PHASES = ["looking", "creating", "waiting"]
PATIENCE = 60
"""Seconds for a child to start on a slow machine, and to end; what is held is held for longer."""

BLOCKING = """
import lbsls
app = lbsls.LoadBalancerSlsResource(name="app", imageName="img:1")
account = lbsls.Account.from_env()
"""
SCRIPTS = {
    "blocking": f"{BLOCKING}account.deploy(app)",
    "asyncio": f"{BLOCKING}import asyncio; asyncio.run(account.deploy_async(app))",
    "trio": f"{BLOCKING}import trio; trio.run(account.deploy_async, app)",
}


class Slow:
    """A control plane and an endpoint that answer until a phase is reached, and then not."""

    def __init__(self, phase: str) -> None:
        self.phase = phase
        self.reached = threading.Event()
        self.made: dict[str, object] | None = None

    def __call__(self, server: Server, conn: socket.socket) -> None:
        """Serve a connection."""
        while asked := server.read(conn):
            if self.phase_of(asked) == self.phase and not self.reached.is_set():
                self.reached.set()  # and what a create asked for is not done
                server.over.wait(PATIENCE * 3)
                return
            conn.sendall(self.answer(asked, server))

    def phase_of(self, asked: Asked) -> str:
        """Tell what a deploy is doing that asks this."""
        if asked.path == "/ping":
            return "waiting"
        return "creating" if asked.method == "POST" else "looking"

    def answer(self, asked: Asked, server: Server) -> bytes:
        """Answer as an account does that is empty at first."""
        if asked.method == "DELETE":
            self.made = None
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        if asked.path == "/ping":
            return reply("200 OK", b"", "X-Runpod-Worker-Id: w1")
        if asked.method == "POST":
            mark = json.loads(asked.body)["env"]["LBSLS_MARK"]
            urls = {"base": server.url, "health": f"{server.url}/ping"}
            self.made = endpoint(requestUrls=urls)
            self.made["env"] = {"LBSLS_MARK": mark}
            return reply("201 Created", answer(self.made).content)
        return reply("200 OK", answer({"endpoints": [self.made] if self.made else []}).content)


@contextmanager
def child(arguments: list[str], phase: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Run Python until it is in a phase of a deploy."""
    slow = Slow(phase)
    with serving(slow) as server:
        environ = {
            **os.environ,
            "RUNPOD_API_KEY": KEY,
            "RUNPOD_API_BASE_URL": server.url,
            "NO_COLOR": "1",
        }
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=environ,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                assert slow.reached.wait(PATIENCE)
                yield process
            finally:
                process.kill()


SAYS = {
    "looking": "",
    "creating": "interrupted: an endpoint 'app' may have been created; remove it with",
    "waiting": "interrupted: endpoint 'app' (e1) was created and exists; remove it with",
}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("mode", SCRIPTS)
def test_ctrl_c_in_a_script(mode: str, phase: str, tmp_path: Path) -> None:
    """It ends while the other side still holds the request; one line says what exists."""
    with child(["-c", SCRIPTS[mode]], phase, tmp_path) as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode in (-signal.SIGINT, 1)
    said = [line for line in err.splitlines() if line.startswith("interrupted: ")]
    assert len(said) == bool(SAYS[phase])
    assert "".join(said).startswith(SAYS[phase])
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert err.count("Traceback") <= (2 if mode == "asyncio" else 1)  # asyncio.run makes it two
    assert mode != "blocking" or "urllib3" not in err


@pytest.mark.parametrize("phase", PHASES)
def test_after_ctrl_c_the_account_is_usable(phase: str, tmp_path: Path) -> None:
    """A program that goes on finds and removes what was left; the name is free again."""
    script = f"""{BLOCKING}
try:
    account.deploy(app)
except KeyboardInterrupt:
    print(account.deploy(app, timeout=60).id, account.undeploy("app"))
"""
    with child(["-c", script], phase, tmp_path) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out.split()) == (0, ["e1", "True"]), err


def test_sigterm_ends_a_script(tmp_path: Path) -> None:
    """As the system means it, and nothing is in its way."""
    with child(["-c", SCRIPTS["blocking"]], "waiting", tmp_path) as process:
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (-signal.SIGTERM, "")


EXISTS = {
    "looking": "app was not created",
    "creating": "app may have been created: `lbsls ls`",
    "waiting": "app (e1) exists and was not seen healthy: `lbsls rm e1`",
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_ends_the_command(phase: str, number: int, tmp_path: Path) -> None:
    """At once, with the code that shells know, and a line that says what exists now."""
    (tmp_path / "lbsls.toml").write_text('[endpoints.app]\nimageName = "img:1"\n')
    with child(["-m", "lbsls", "deploy"], phase, tmp_path) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    word = "interrupted" if number == signal.SIGINT else "terminated"
    assert (process.returncode, out) == (128 + number, "")
    assert err.splitlines()[-1] == f"lbsls: {word}; {EXISTS[phase]}"
    assert "Traceback" not in err
