"""What the transport over requests does beyond the contract: mocks, and errors kept clean."""

from __future__ import annotations

import gc
import io
import socket
import sys
from contextlib import AbstractContextManager, nullcontext

import pytest
import requests
import responses
from responses import matchers
from urllib3 import HTTPResponse as Urllib3Response

from lbsls import ConnectError, TlsError, TransportError, TransportTimeout
from lbsls.transports.blocking import RequestsTransport, _read
from lbsls.transports.connections import Exchange, _Response, _Source
from lbsls.values import Body, Request

URL = "https://runpod.test/x"


def test_mocks_of_requests_work() -> None:
    """Users test their own code with them."""
    with responses.RequestsMock() as mock:
        mock.post(URL, json={"a": 1}, match=[matchers.json_params_matcher({"b": 2})])
        answer = RequestsTransport().send(Request("POST", URL, body=Body(b'{"b": 2}')))
    assert (answer.status_code, answer.json()) == (200, {"a": 1})


@pytest.mark.parametrize(
    ("raised", "kind", "sent"),
    [
        (requests.ConnectTimeout("late"), ConnectError, False),
        (requests.exceptions.SSLError("bad"), TlsError, False),
        (requests.exceptions.ProxyError("bad"), ConnectError, False),
        (requests.exceptions.InvalidHeader("bad"), ConnectError, False),
        (requests.ReadTimeout("late"), TransportTimeout, True),
        (requests.ConnectionError("broken"), TransportError, True),
        (requests.exceptions.ChunkedEncodingError("broken"), TransportError, True),
    ],
)
def test_errors_of_requests_become_ours(
    raised: Exception, kind: type[TransportError], sent: bool
) -> None:
    """With the cause kept, but none of its frames."""
    with responses.RequestsMock() as mock:
        mock.get(URL, body=raised)
        with pytest.raises(kind) as caught:
            RequestsTransport().send(Request("GET", URL))
    assert (type(caught.value), caught.value.sent) == (kind, sent)
    assert caught.value.__cause__ is raised
    assert raised.__traceback__ is None


@pytest.mark.parametrize("exchange", [nullcontext(), Exchange(10.0)], ids=["free", "exchange"])
def test_a_response_that_ctrl_c_kept_from_being_made_is_thrown_away_in_silence(
    exchange: AbstractContextManager[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can catch what an object says as it goes; it would stand above the traceback."""

    class Interrupted:
        def makefile(self, mode: str, buffering: int = -1) -> io.BufferedReader:
            """Be interrupted."""
            raise KeyboardInterrupt

    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    with exchange, pytest.raises(KeyboardInterrupt) as caught:
        _Response(Interrupted())
    del caught
    gc.collect()
    assert said == []


def test_a_reader_ends_with_its_exchange() -> None:
    """Not one byte is read after the deadline, even if it is there."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"too late")
        file = _Source(here, Exchange(-1.0)).makefile("rb")
        with file, pytest.raises(TimeoutError, match="the whole exchange is over"):
            file.read(1)


def test_an_answer_that_comes_too_late_is_no_answer() -> None:
    """Each piece may come in time, and the whole not."""
    answer = requests.Response()
    answer.raw = Urllib3Response(io.BytesIO(b"too late"), preload_content=False)
    with pytest.raises(TransportTimeout, match="no whole answer within 5s"):
        _read(answer, Request("GET", URL, timeout=5.0), Exchange(-1.0))


def test_a_transport_can_be_used_after_it_was_closed() -> None:
    """It connects anew."""
    transport = RequestsTransport()
    transport.close()
    with responses.RequestsMock() as mock:
        mock.get(URL)
        assert transport.send(Request("GET", URL)).ok


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, LookupError])
def test_what_no_library_raises_goes_on_without_frames(stop: type[BaseException]) -> None:
    """Ctrl-C ends in a short traceback, and what was under way does not show in it."""

    def interrupt(request: object) -> tuple[int, dict[str, str], str]:
        raise stop

    with responses.RequestsMock() as mock:
        mock.add_callback("GET", URL, interrupt)
        with pytest.raises(stop) as caught:
            RequestsTransport().send(Request("GET", URL, {"Authorization": "Bearer k"}))
    files = [frame.path.name for frame in caught.traceback]
    assert files == ["test_blocking.py", "blocking.py"]
