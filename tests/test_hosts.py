"""Where the API key goes, over sockets: a proxy stands for every host there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from lbsls import Account, LoadBalancerSlsResource, UntrustedHost, WireError
from servers import Asked, Server, always, reply, serving
from stories import KEY, answer, endpoint

Call = Callable[..., Any]
RESOURCE = LoadBalancerSlsResource(name="app", imageName="img:1")
BASE = "http://gw.test"


class Internet:
    """Hosts without TLS behind a proxy: a control plane at gw.test, and whatever else is asked.

    Attributes:
        base: What the control plane calls the endpoint's address.
        moved: Where redirects lead, by path.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self.moved: dict[str, str] = {}
        self.seen: list[tuple[str, str | None]] = []

    def answer(self, asked: Asked) -> bytes:
        """Answer as the host does that is asked."""
        parts = urlsplit(asked.path)
        self.seen.append((f"{parts.netloc}{parts.path}", asked.headers.get("authorization")))
        if parts.path in self.moved:
            return reply("307 Temporary Redirect", b"", f"Location: {self.moved[parts.path]}")
        if not parts.path.startswith("/v2/"):
            return reply("200 OK", b"thanks")
        urls = {"base": self.base, "health": self.base + "/ping"}
        return reply("200 OK", answer({"endpoints": [endpoint(requestUrls=urls)]}).content)

    def got_key(self) -> list[str]:
        """Name what was asked with the key."""
        return [place for place, key in self.seen if key == f"Bearer {KEY}"]


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    """Let a proxy of the environment lead to every host."""
    net = Internet(BASE)
    with serving(always(net.answer)) as proxy:
        _lead(monkeypatch, proxy)
        yield net


def _lead(monkeypatch: pytest.MonkeyPatch, proxy: Server) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("http_proxy", proxy.url)


VERBS: list[tuple[str, tuple[Any, ...]]] = [
    ("check_ping", ("app",)),
    ("is_healthy", ("app",)),
    ("wait_for_health", ("app",)),
    ("request", ("app", "GET", "/x")),
    ("deploy", (RESOURCE,)),
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
@pytest.mark.parametrize(
    "base", ["http://evil.test", "https://evil.test:8443", "http://e1.evil.test"]
)
def test_a_foreign_host_gets_nothing(
    call: Call, internet: Internet, base: str, verb: tuple[str, tuple[Any, ...]]
) -> None:
    """Whatever verb it is; the error names the host and how to trust it."""
    internet.base = base
    name, args = verb
    host = urlsplit(base).hostname or ""
    with (
        Account(KEY, base_url=BASE, allow_http="gw.test") as account,
        pytest.raises(UntrustedHost, match=f"LBSLS_TRUSTED_HOSTS={host}") as raised,
    ):
        call(account, name, *args)
    assert raised.value.host == host
    assert isinstance(raised.value, WireError)
    assert {place.partition("/")[0] for place, _ in internet.seen} == {"gw.test"}


def test_a_session_of_a_foreign_host_is_refused(internet: Internet) -> None:
    """It would send the key with every request."""
    internet.base = "http://evil.test"
    with (
        Account(KEY, base_url=BASE, allow_http="gw.test") as account,
        pytest.raises(UntrustedHost, match=r"evil\.test"),
    ):
        account.session("app")


@pytest.mark.parametrize("base", ["http://lb.test", "http://e1.lb.test:81"])
def test_a_host_that_was_named_gets_the_key(call: Call, internet: Internet, base: str) -> None:
    """As the error says; and what it redirects to does not."""
    internet.base = base
    internet.moved = {"/away": "http://evil.test/x", "/port": f"{base}9/x", "/back": "/x"}
    with Account(
        KEY, base_url=BASE, trusted_hosts="lb.test", allow_http=["gw.test", "lb.test"]
    ) as account:
        assert call(account, "check_ping", "app").status == 200
        for path in internet.moved:
            assert call(account, "request", "app", "GET", path).text == "thanks"
        with account.session("app") as session:
            assert [session.get(path).text for path in internet.moved] == ["thanks"] * 3
    host = base[7:]
    asked = ["/ping", *(["/away", "/port", "/back", "/x"] * 2)]
    assert [each for each in internet.got_key() if "/v2/" not in each] == [
        f"{host}{path}" for path in asked
    ]
    assert len([place for place, _ in internet.seen if "/x" in place]) == 6


def test_the_key_does_not_follow_the_control_plane_elsewhere(
    call: Call, internet: Internet
) -> None:
    """Not even to another port or scheme of the same host."""
    for target in ("http://gw.test:81/v2/serverless", "https://gw.test/x", "http://evil.test/x"):
        internet.moved = {"/v2/serverless": target}
        with (
            Account(KEY, base_url=BASE, allow_http="gw.test") as account,
            pytest.raises(WireError, match="redirects to"),
        ):
            call(account, "find", "app")
    assert internet.got_key() == ["gw.test/v2/serverless"] * 3
