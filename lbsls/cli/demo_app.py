"""The server that ``lbsls demo`` deploys: the standard library only, and nothing of lbsls.

It needs two seconds to load, as if there were a model, and says so: ``/ping`` answers 204 until
then, 200 afterwards. ``/work`` does one piece of work at a time, as a GPU would.
"""

from __future__ import annotations

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LOADING = 2.0
WORK = 0.15

started = time.monotonic()
gpu = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer GET."""
        url = urlsplit(self.path)
        loaded = time.monotonic() - started >= LOADING
        if url.path == "/ping":
            self._answer(200 if loaded else 204, b"")
        elif url.path == "/hello":
            name = parse_qs(url.query).get("name", ["world"])[0]
            self._answer(200, self._json(hello=name))
        elif url.path == "/work":
            with gpu:
                threading.Event().wait(WORK)
            self._answer(200, self._json(worked=WORK))
        else:
            self._answer(404, b'{"error": "there are /ping, /hello and /work"}')

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: a burst would fill the log."""

    def _json(self, **values: object) -> bytes:
        worker = os.environ.get("RUNPOD_POD_ID", "")
        return json.dumps({**values, "worker": worker, "pid": os.getpid()}).encode()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    with Server(("", int(os.environ.get("PORT", "80"))), Handler) as server:
        print(f"listening on port {server.server_port}", flush=True)
        server.serve_forever()
