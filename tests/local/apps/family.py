"""A worker with a child, as a server with several processes has; both ignore a polite end."""

from __future__ import annotations

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """Is well."""

    def do_GET(self) -> None:
        """Say so."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Write no line for each request."""


if __name__ == "__main__":
    if os.environ.get("SPAWN"):
        code = "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"
        subprocess.Popen([sys.executable, "-c", code])
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
