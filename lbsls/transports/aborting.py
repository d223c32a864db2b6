"""A request that one thread waits for, broken off by another.

A thread cannot be cancelled, and asyncio's threads keep a program from ending: who gives up a
request shuts its connection down, and the thread that waits for it ends at once.
"""

from __future__ import annotations

import socket
import threading

from lbsls.transports import Transport
from lbsls.values import Request, Response

__all__ = ["Abort", "abort_of_this_request", "send_with"]


class Abort:
    """Where the thread of one request says what it waits on, for who may give it up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sock: object = None
        self._given_up = False

    def waits_on(self, sock: object) -> None:
        """Tell on which connection the request is; None when it is over.

        Raises:
            ConnectionAbortedError: If it was given up already.
        """
        with self._lock:
            self._sock = sock
            if sock is not None and self._given_up:
                raise ConnectionAbortedError("the request was given up")

    def give_up(self) -> None:
        """Shut the connection down, unless the request is over."""
        with self._lock:
            self._given_up = True
            if isinstance(self._sock, socket.socket):
                try:
                    # Not a TLS socket's own way, which a thread that reads would stumble over.
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
                except OSError:  # it broke by itself
                    pass


_here = threading.local()


def abort_of_this_request() -> Abort | None:
    """Give where to tell, if anybody may give up the request that this thread makes."""
    return getattr(_here, "abort", None)


def send_with(abort: Abort, transport: Transport, request: Request) -> Response:
    """Send a request that may be given up."""
    _here.abort = abort
    try:
        return transport.send(request)
    finally:
        _here.abort = None
