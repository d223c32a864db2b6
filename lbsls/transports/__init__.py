"""What moves one request and one response. A transport knows nothing of Runpod.

It never retries, never follows a redirect and never raises on a status. It ends in the time that
the request gives it, reads no more than the request allows, maps its library's errors to ours and
keeps them as causes without their tracebacks, whose frames hold raw bytes.
"""

from __future__ import annotations

from typing import Protocol

from lbsls.values import Request, Response

__all__ = ["AsyncTransport", "Transport"]


class Transport(Protocol):
    """Moves requests, blocking; used by many threads at once."""

    def send(self, request: Request) -> Response:
        """Send a request and read its response.

        Raises:
            ConnectError: If nothing was sent.
            TransportTimeout: If no answer came in time.
            AnswerTooLarge: If it was longer than the request allows.
            TransportError: If the connection broke.
        """
        ...

    def close(self) -> None:
        """Let go of connections; the transport may be used again."""
        ...


class AsyncTransport(Protocol):
    """Moves requests on asyncio or trio; used by many tasks at once, in one loop or another."""

    async def send(self, request: Request) -> Response:
        """Send a request and read its response; raises as `Transport.send` does."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; the transport may be used again."""
        ...
