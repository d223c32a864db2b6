"""A worker for measurements: ready after ``START`` seconds, echoes what is posted.

``LOADING`` is what it does until then: ``silent`` does not listen, ``204`` says that it is loading.
It writes the moment from which it answers 200 to the file ``READY_FILE``.
"""

from __future__ import annotations

import http.server
import os
import threading
import time

START = float(os.environ.get("START", "0"))
BEGAN = time.time()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers pings by the clock and posts with what they brought."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer a ping: 204 until the start is over."""
        if time.time() - BEGAN < START:
            self.send_response(204)
            self.end_headers()
        else:
            self._answer(b"ready")

    def do_POST(self) -> None:
        """Echo."""
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Worker-Address", f"http://127.0.0.1:{os.environ['PORT']}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A server that many connect to at once."""

    request_queue_size = 256
    daemon_threads = True


def tell(moment: float) -> None:
    """Write the moment of readiness where the measurement reads it."""
    if path := os.environ.get("READY_FILE"):
        with open(f"{path}.new", "w") as file:
            file.write(repr(moment))
        os.replace(f"{path}.new", path)


def main() -> None:
    """Serve."""
    address = ("127.0.0.1", int(os.environ["PORT"]))
    if os.environ.get("LOADING") == "204":
        server = Server(address, Handler)
        threading.Timer(START, lambda: tell(BEGAN + START)).start()
    else:
        time.sleep(max(0.0, BEGAN + START - time.time()))
        server = Server(address, Handler)
        tell(time.time())
    server.serve_forever()


if __name__ == "__main__":
    main()
