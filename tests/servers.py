"""Servers on a free port of this machine that answer with bytes, for as long as a test lasts."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from attrs import field, frozen

__all__ = ["Asked", "Server", "reply", "serving", "unused_port"]


@frozen
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@frozen
class Server:
    """A server that listens, and what it was asked."""

    port: int
    over: threading.Event = field(factory=threading.Event)
    asked: list[Asked] = field(factory=list)
    connections: list[socket.socket] = field(factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def read(self, conn: socket.socket) -> Asked | None:
        """Read a request from a connection; None when the other side is done."""
        head = b""
        while b"\r\n\r\n" not in head:
            if not (part := conn.recv(65536)):
                return None
            head += part
        head, _, rest = head.partition(b"\r\n\r\n")
        body = bytearray(rest)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            if not (part := conn.recv(65536)):
                return None
            body += part
        method, path, _ = first.split(" ")
        asked = Asked(method, path, headers, bytes(body))
        self.asked.append(asked)
        return asked

    def drip(self, conn: socket.socket, data: bytes, every: float = 0.02) -> None:
        """Send byte by byte for ever, or until the other side has enough."""
        while not self.over.wait(every):
            conn.sendall(data)


def reply(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    """Write a response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


Handler = Callable[[Server, socket.socket], object]


def always(answer: bytes | Callable[[Asked], bytes]) -> Handler:
    """Answer every request of a connection alike, and keep it alive."""

    def handle(server: Server, conn: socket.socket) -> None:
        while asked := server.read(conn):
            conn.sendall(answer if isinstance(answer, bytes) else answer(asked))

    return handle


def _serve(server: Server, handler: Handler, conn: socket.socket) -> None:
    # The other side may go away in the middle; that is its own affair.
    with contextlib.suppress(OSError), conn:
        handler(server, conn)


def _accept(server: Server, listener: socket.socket, handler: Handler) -> None:
    """Serve each connection in a thread until the listener is closed, and see them all end."""
    threads: list[threading.Thread] = []
    with contextlib.suppress(OSError):
        while True:
            conn, _ = listener.accept()
            server.connections.append(conn)
            threads.append(threading.Thread(target=_serve, args=(server, handler, conn)))
            threads[-1].start()
    for conn in server.connections:
        with contextlib.suppress(OSError):
            conn.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def serving(handler: Handler | bytes) -> Iterator[Server]:
    """Serve until the block ends: a handler of connections, or one answer for every request."""
    handle = always(handler) if isinstance(handler, bytes) else handler
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        server = Server(listener.getsockname()[1])
        acceptor = threading.Thread(target=_accept, args=(server, listener, handle))
        acceptor.start()
        try:
            yield server
        finally:
            server.over.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()


def unused_port() -> int:
    """Give a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
