"""``lbsls call``: a request, and its answer as it is."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commandline import APP, Lbsls, Terminal
from lbsls import Account, Response, cli

LOCAL = f"""
[endpoints.shout]
imageName = "app:1"
env = {{ NAME = "you" }}
executionTimeoutMs = 600000
[endpoints.broken]
templateId = "nope"
[local.images]
"app:1" = ["python", "{APP}"]
"""


def test_get(lbsls: Lbsls, api: str) -> None:
    """The body goes to stdout, as it came, and nothing else goes anywhere."""
    assert lbsls("call", "api") == (0, '{"hello": "world", "path": "/"}\n', "")
    assert json.loads(lbsls("call", api, "/a?b=c").out)["path"] == "/a?b=c"


def test_post_json(lbsls: Lbsls, api: str) -> None:
    """JSON makes it a POST, with the content type that belongs to it."""
    assert lbsls("call", "api", "/", "-j", '{"text": "hi"}').out == '{"text": "HI"}\n'


def test_post_a_file_and_stdin(
    lbsls: Lbsls, api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies come from files and pipes as well."""
    (tmp_path / "body").write_text('{"text": "file"}')
    assert lbsls("call", "api", "-d", "@body").out == '{"text": "FILE"}\n'
    for name in ("-", "@-"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"text": "pipe"}')))
        assert lbsls("call", "api", "-d", name).out == '{"text": "PIPE"}\n'


def test_400_and_above_is_6(lbsls: Lbsls, api: str) -> None:
    """The body is still there, the status on stderr, the code for scripts."""
    done = lbsls("call", "api", "-d", "no json")
    assert (done.code, json.loads(done.out)) == (6, {"error": 'send {"text": "..."}'})
    assert done.err.startswith("error: POST / was answered with 422 Unprocessable")


def test_method_and_headers(lbsls: Lbsls, api: str) -> None:
    """Any method and header can be sent, and the answer's be shown."""
    done = lbsls("call", "api", "-X", "head", "-H", "X-One: 1", "-i")
    assert done.code == 6
    assert done.out.startswith("501 Not Implemented\n")
    assert "\nX-Runpod-Worker-Id: " in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-H", "nothing"], "'nothing' is no header; write 'Name: value'"),
        (["-H", " : x"], "is no header"),
        (["-d", "@nope"], "'nope' cannot be read: No such file or directory"),
        (["-j", "{"], "that is not JSON"),
        (["-j", "1", "-d", "x"], "exclude each other"),
        (["http://elsewhere/"], "path must be a path of the endpoint"),
        (["--timeout", "0"], "0"),
    ],
)
def test_what_cannot_be_sent_is_2(lbsls: Lbsls, api: str, arguments: list[str], said: str) -> None:
    """A mistake is told before anything is sent."""
    done = lbsls("call", "api", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def answering(status: int, content: bytes) -> Callable[..., Response]:
    """Make a request that is answered with this."""

    def request(self: Account, target: str, method: str, path: str, **options: Any) -> Response:
        return Response(status, {}, content)  # type: ignore[arg-type]

    return request


@pytest.mark.parametrize(
    ("content", "shown"),
    [(b"text", "text\r\n"), (b"text\n", "text\r\n"), (b"", ""), (b"\0\1", "")],
)
def test_a_terminal_is_spared(
    api: str,
    content: bytes,
    shown: str,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The prompt begins on a line of its own, and bytes that are no text stay away."""
    monkeypatch.setattr(Account, "request", answering(200, content))
    monkeypatch.setattr(sys, "stdout", terminal.stream)
    assert cli.main(["call", "api"]) == 0
    assert terminal.text() == shown
    told = "2 bytes that are no text; write them to a file: > FILE\n"
    assert capsys.readouterr().err == (told if b"\0" in content else "")


def test_a_status_without_a_name(lbsls: Lbsls, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runpod's edge has statuses that no standard knows."""
    monkeypatch.setattr(Account, "request", answering(524, b""))
    assert lbsls("call", "api").err == "error: GET / was answered with 524\n"


def test_call_local(lbsls: Lbsls, toml: Callable[[str], Path]) -> None:
    """One command deploys, calls and takes down, without an account."""
    toml(LOCAL)
    done = lbsls("call", "--local", "shout", "/x")
    assert (done.code, done.out) == (0, '{"hello": "you", "path": "/x"}\n')
    assert "warning: shout: executionTimeoutMs" in done.err
    assert "is healthy after" in done.err


def test_call_local_of_what_does_not_come_up(lbsls: Lbsls, toml: Callable[[str], Path]) -> None:
    """The reason is the library's, and the code that of deploy."""
    toml(LOCAL)
    done = lbsls("call", "--local", "broken", "-v")
    assert (done.code, done.out) == (3, "")
    assert "template" in done.err
