"""A server that can be deployed as a load-balanced endpoint; the standard library only.

It listens on the port in the environment variable PORT and answers GET /ping with 200 when it is
ready. Everything else is up to you: here POST / gives back the text it got, in capitals.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers requests."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer the health check, and say hello."""
        if self.path == "/ping":
            self.answer(200, {"status": "ready"})
        else:
            self.answer(200, {"hello": os.environ.get("NAME", "world"), "path": self.path})

    def do_POST(self) -> None:
        """Give back the text in capitals."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            text = json.loads(body)["text"]
        except (ValueError, TypeError, KeyError):
            self.answer(422, {"error": 'send {"text": "..."}'})
        else:
            self.answer(200, {"text": str(text).upper()})

    def answer(self, status: int, value: object) -> None:
        """Send JSON."""
        body = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "80"))
    with ThreadingHTTPServer(("0.0.0.0", port), Handler) as server:
        print(f"listening on port {port}")
        server.serve_forever()
