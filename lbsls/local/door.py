"""A port of 127.0.0.1 that an application is served on, opened and closed without a loose end."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web

HEADER_LIMIT = 64 * 1024
BACKLOG = 1024
TURNS = 4


class Door:
    """Lets connections in to an application, and in the end out again."""

    def __init__(self, app: web.Application) -> None:
        self._socket = socket.socket()
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            max_field_size=HEADER_LIMIT,
            max_line_size=HEADER_LIMIT,
            shutdown_timeout=0.05,
        )

    async def open(self, port: int) -> int:
        """Listen on a port, 0 for any free one; give its number.

        Raises:
            OSError: the port cannot be had.
        """
        await self._runner.setup()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        await web.SockSite(self._runner, self._socket, backlog=BACKLOG).start()
        return int(self._socket.getsockname()[1])

    async def close(self) -> None:
        """Let nobody in any more, and break off what is under way; opened or not."""
        # asyncio loses a connection that was accepted and not yet handed over when its server
        # closes, so it gets the few turns of the loop that handing over takes.
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await self._runner.cleanup()
        self._socket.close()


def hang_up(request: web.BaseRequest) -> None:
    """Break off the connection of a request, unless its caller has just done so."""
    if request.transport is not None:
        request.transport.abort()
