"""A worker made of the standard library only, so that it starts quickly. Its paths are its orders.

What its health path answers is in the file that HEALTH names, if any. Files in the folder GATES
make it wait (`/gate?name`) and tell that it got so far.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

GATES = Path(os.environ.get("GATES", "."))


class Handler(BaseHTTPRequestHandler):
    """Does what the path says."""

    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def do_GET(self) -> None:
        """Do it."""
        url = urlsplit(self.path)
        name = url.path.strip("/").replace("/", "_") or "home"
        if self.path == os.environ.get("HEALTH_CHECK_PATH", "/ping"):
            name = "ping"
        getattr(self, name, self.home)(url.query)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = do_GET

    def log_message(self, *args: object) -> None:
        """Write no line for each request."""

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Answer in one piece, so that nothing waits for an acknowledgement."""
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Seen-Method", self.command)
        self._headers_buffer.append(b"\r\n")
        if self.command != "HEAD":
            self._headers_buffer.append(body)
        self.flush_headers()

    def home(self, query: str) -> None:
        """Say what was asked for, and who answers."""
        seen = {
            "path": self.path,
            "method": self.command,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": self.body().decode("latin-1"),
            "worker": os.environ["RUNPOD_POD_ID"],
            "release": os.environ.get("RELEASE", ""),
        }
        self.answer(json.dumps(seen).encode(), content_type="application/json")

    def ping(self, query: str) -> None:
        """Say how this worker is."""
        path = os.environ.get("HEALTH")
        status = Path(path).read_text() if path and Path(path).exists() else "200"
        self.answer(b"" if status == "204" else b"ok", int(status))

    def env(self, query: str) -> None:
        """Give the environment."""
        self.answer(json.dumps(dict(os.environ)).encode())

    def pid(self, query: str) -> None:
        """Give the process."""
        self.answer(str(os.getpid()).encode())

    def parent(self, query: str) -> None:
        """Give the process that watches over this one."""
        self.answer(str(os.getppid()).encode())

    def daemon(self, query: str) -> None:
        """Start a process that leaves the group and keeps the output open."""
        code = "import signal; signal.pause()"
        child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        self.answer(str(child.pid).encode())

    def argv(self, query: str) -> None:
        """Give the command line and the folder."""
        self.answer(json.dumps([*sys.argv[1:], os.getcwd()]).encode())

    def body(self) -> bytes:
        """Read a body, sent whole or in chunks."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def count(self, query: str) -> None:
        """Say how long the body was."""
        self.answer(str(len(self.body())).encode())

    def big(self, query: str) -> None:
        """Send so many bytes."""
        self.answer(b"x" * int(query))

    def status(self, query: str) -> None:
        """Answer with a status."""
        self.answer(b"" if query in ("204", "304") else b"body", int(query), location="/elsewhere")

    def bare(self, query: str) -> None:
        """Answer without any header that could be left out."""
        self.wfile.write(
            b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
        )
        self.wfile.write(b"Connection: keep-alive, x-private\r\nX-Private: 1\r\n\r\nok")

    def large_header(self, query: str) -> None:
        """Answer with a long header."""
        self.answer(b"", x_large="x" * int(query))

    def gate(self, query: str) -> None:
        """Say that the request is here, and answer when the gate is opened."""
        (GATES / f"{query}.seen").touch()
        while not (GATES / query).exists():
            time.sleep(0.005)
        self.home(query)

    def stream(self, query: str) -> None:
        """Send an event each time a gate is opened."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for number in range(3):
                event = f"data: {number}\n\n".encode()
                self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
                while not (GATES / f"{query}{number}").exists():
                    self.connection.getpeername()
                    time.sleep(0.005)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            (GATES / f"{query}.broken").touch()

    def endless(self, query: str) -> None:
        """Send until nobody listens."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:
            self.close_connection = True
            (GATES / f"{query}.broken").touch()

    def cut(self, query: str) -> None:
        """Promise more than is sent."""
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"short")
        self.close_connection = True

    def hang_up(self, query: str) -> None:
        """Close the connection without an answer."""
        self.close_connection = True

    def early(self, query: str) -> None:
        """Answer before the body was read, and close."""
        self.answer(b"enough", 403, connection="close")
        self.close_connection = True

    def say(self, query: str) -> None:
        """Write to both outputs."""
        print(f"out {query}", flush=True)
        print(f"err {query}", file=sys.stderr, flush=True)
        self.answer(b"said")

    def die(self, query: str) -> None:
        """End with that code, or by that signal."""
        number = int(query)
        if number < 0:
            os.kill(os.getpid(), -number)
        os._exit(number)


def stop_listening(server: ThreadingHTTPServer) -> None:
    """End on SIGTERM, saying so."""
    print("bye", flush=True)
    os._exit(0)


def main() -> None:
    """Serve."""
    if os.environ.get("CRASH"):
        sys.exit("cannot go on")
    if os.environ.get("STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: stop_listening(server))
    while (gate := os.environ.get("START")) and not (GATES / gate).exists():
        time.sleep(0.005)
    port = int(os.environ.get("WRONG_PORT") or os.environ["PORT"])
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if os.environ["PORT_HEALTH"] != os.environ["PORT"]:
        health = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT_HEALTH"])), Handler)
        __import__("threading").Thread(target=health.serve_forever, daemon=True).start()
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
