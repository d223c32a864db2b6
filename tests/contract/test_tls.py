"""What every transport makes of a server that cannot prove who it is: nothing is sent to it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from lbsls import Account, Response, TlsError
from lbsls.values import Request
from servers import Server, reply, serving
from stories import KEY, listed

Sender = Callable[[Request], Response]
Speak = Callable[..., Callable[[Server, socket.socket], None]]
HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody knows."""
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> Speak:
    """Speak TLS with a certificate for some name."""

    def speak(name: str = "127.0.0.1") -> Callable[[Server, socket.socket], None]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)

        def handle(server: Server, conn: socket.socket) -> None:
            conn.settimeout(20)
            # Once: the server can end connections that it knows, and not what wraps them.
            with context.wrap_socket(conn, server_side=True) as wrapped:
                if server.read(wrapped):
                    wrapped.sendall(reply("200 OK", listed().content, "Connection: close"))

        return handle

    return speak


@pytest.fixture
def bundle(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Let the environment name the authority's certificate."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    return path


def https(server: Server) -> str:
    """Give a server's address with the scheme of TLS."""
    return server.url.replace("http:", "https:")


def test_a_certificate_that_nobody_knows_is_refused(send: Sender, tls: Speak) -> None:
    """The key stays here, and the error says how to trust an authority of one's own."""
    with serving(tls()) as server, pytest.raises(TlsError) as raised:
        send(Request("GET", https(server), HEADERS))
    assert (server.asked, raised.value.sent) == ([], False)
    assert "the server's TLS certificate could not be verified: " in str(raised.value)
    assert "name that CA's file in REQUESTS_CA_BUNDLE. Nothing was sent." in str(raised.value)


def test_an_authority_of_ones_own_can_be_trusted(send: Sender, tls: Speak, bundle: Path) -> None:
    """By the variable that the error names."""
    with serving(tls()) as server:
        assert send(Request("GET", https(server), HEADERS)).ok
    assert [asked.headers["authorization"] for asked in server.asked] == [f"Bearer {KEY}"]


def test_a_certificate_for_another_host_is_refused(send: Sender, tls: Speak, bundle: Path) -> None:
    """Whoever signed it; and no bundle would help, so none is spoken of."""
    with (
        serving(tls("runpod.test")) as server,
        pytest.raises(TlsError, match="not valid") as raised,
    ):
        send(Request("GET", https(server), HEADERS))
    assert server.asked == []
    assert "REQUESTS_CA_BUNDLE" not in str(raised.value)


def test_a_bundle_that_is_not_there_is_named(
    send: Sender, tls: Speak, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never taken for leave to trust anybody."""
    bundle.unlink()
    with serving(tls()) as server, pytest.raises(TlsError, match="REQUESTS_CA_BUNDLE") as raised:
        send(Request("GET", https(server), HEADERS))
    assert (server.asked, str(bundle) in str(raised.value)) == ([], True)


def test_a_bundle_that_is_none_is_no_leave(send: Sender, tls: Speak, bundle: Path) -> None:
    """Neither is one without a certificate in it."""
    bundle.write_text("nothing\n")
    with serving(tls()) as server, pytest.raises(TlsError, match="TLS"):
        send(Request("GET", https(server), HEADERS))
    assert server.asked == []


def test_an_account_tries_once(tls: Speak) -> None:
    """A certificate does not get better by waiting."""
    with (
        serving(tls()) as server,
        Account(KEY, base_url=https(server)) as account,
        pytest.raises(TlsError) as raised,
    ):
        account.find("app")
    assert (raised.value.attempts, server.asked) == (1, [])
