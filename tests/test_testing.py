"""What users test with: a scripted transport, a clock that does not wait, a player of flows."""

from __future__ import annotations

import anyio
import pytest

from lbsls import Account, ConnectError, NotFound, Response
from lbsls.flows.find import find, get_by_id
from lbsls.testing import FakeClock, ScriptedTransport, ScriptExhausted, play
from lbsls.values import Request
from stories import UNKNOWN, context, endpoint, listed

ASK = Request("GET", "https://x.test/a/b?c=d")


def test_a_script_answers_in_order() -> None:
    """With a response, an error, or what a function makes of the request."""
    script = ScriptedTransport(
        [
            Response(200),
            ConnectError("it", "refused"),
            lambda request: Response(201, url=request.url),
            lambda request: ConnectError("it", "refused again"),
        ]
    )
    assert script.send(ASK).status_code == 200
    with pytest.raises(ConnectError, match="refused"):
        script.send(ASK)
    assert script.send(ASK).url == ASK.url
    with pytest.raises(ConnectError, match="refused again"):
        script.send(ASK)
    assert script.requests == [ASK] * 4
    script.close()


def test_a_script_that_is_at_its_end_says_what_was_sent() -> None:
    """A test that sends more than it should fails there."""
    with pytest.raises(ScriptExhausted, match=r"request 1: GET https://x\.test/a/b"):
        ScriptedTransport([]).send(ASK)


def test_a_script_serves_both_modes() -> None:
    """One account, blocking and async, over one script."""
    script = ScriptedTransport([listed(), listed()])
    account = Account("key-1", transport=script, async_transport=script.as_async())
    assert account.find("app") is None
    assert anyio.run(account.find_async, "app") is None
    anyio.run(account.close_async)
    assert [request.method for request in script.requests] == ["GET", "GET"]


def test_the_example_of_the_docstring_works() -> None:
    """As it is written there."""
    transport = ScriptedTransport([Response(200, content=b'{"endpoints": []}')])
    assert Account("key", transport=transport).find("my-app") is None
    assert [request.method for request in transport.requests] == ["GET"]


def test_time_passes_when_somebody_sleeps() -> None:
    """And is never really waited for."""
    clock = FakeClock(5.0)
    clock.sleep(3600)
    assert (clock(), clock.now, clock.slept) == (3605.0, 3605.0, [3600])


def test_a_play_tells_how_it_went() -> None:
    """What was returned, sent, slept and told."""
    played = play(find(context(), "app"), [ConnectError("it", "refused"), listed(endpoint())])
    assert played.result() == played.value
    assert played.sent == ["GET /v2/serverless", "GET /v2/serverless"]
    assert (len(played.slept), len(played.events)) == (1, 1)


def test_a_play_keeps_the_error() -> None:
    """To be looked at, or raised."""
    played = play(get_by_id(context(), "e1"), [UNKNOWN])
    assert isinstance(played.error, NotFound)
    with pytest.raises(NotFound):
        played.result()
