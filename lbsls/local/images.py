"""Which command an image stands for, and what a worker sees in its environment. Starts nothing."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from string import Template

from lbsls.local.endpoints import Release

Commands = Mapping[str, str | Sequence[str]]

INHERITED = frozenset(
    {
        "DYLD_LIBRARY_PATH",
        "HOME",
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "PYTHONPATH",
        "SHELL",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
    }
)
"""What a worker gets of this process's environment, beside `LC_*` and a PATH that begins with the
folder of this Python. Everything else stays here: it may be a secret."""

DEFAULT_PORT = "80"
WORKER_PORTS = (10_000, 32_768)


class UnknownImage(LookupError):
    """No command was given for an image."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known = known

    def __str__(self) -> str:
        known = ", ".join(sorted(self.known)) or "none"
        return f'image "{self.name}" not found; known images: {known}'


class Images:
    """The commands that images stand for."""

    def __init__(self, commands: Commands) -> None:
        self._commands = {
            name: tuple(shlex.split(words) if isinstance(words, str) else words)
            for name, words in commands.items()
        }
        if empty := [name for name, words in self._commands.items() if not words]:
            raise ValueError(f"the command of image {empty[0]!r} is empty")

    def command(self, release: Release, env: Mapping[str, str]) -> list[str]:
        """Give the words that start a worker, with `$PORT` and other variables filled in."""
        name = release.settings["image"]
        if name not in self._commands:
            raise UnknownImage(name, tuple(self._commands))
        words = [*self._commands[name], *shlex.split(release.settings["args"])]
        first, *rest = (Template(word).safe_substitute(env) for word in words)
        return [sys.executable if first == "python" else first, *rest]


def declared_port(release: Release) -> str:
    """Give the port that the endpoint says its workers listen on."""
    return release.env.get("PORT") or DEFAULT_PORT


def is_exposed(release: Release) -> bool:
    """Whether the balancer can reach the declared port."""
    return f"{declared_port(release)}/http" in release.settings["ports"]


def has_health_port(release: Release) -> bool:
    """Whether health is asked on a port of its own."""
    port = declared_port(release)
    return release.env.get("PORT_HEALTH", port) != port


def environment(
    release: Release, worker: str, port: int, health_port: int, parent: Mapping[str, str]
) -> dict[str, str]:
    """Give all variables of a worker.

    PORT and PORT_HEALTH are assigned, not what the endpoint declares: all workers share this
    machine's loopback.
    """
    return {
        **dict(_inherited(parent)),
        "PYTHONUNBUFFERED": "1",
        **release.env,
        "PORT": str(port),
        "PORT_HEALTH": str(health_port),
        "RUNPOD_ENDPOINT_ID": release.id,
        "RUNPOD_POD_ID": worker,
        "RUNPOD_CPU_COUNT": str(os.cpu_count() or 1),
        "RUNPOD_GPU_COUNT": str(release.gpu_count),
    }


def _inherited(parent: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in parent.items():
        if name in INHERITED or name.startswith("LC_"):
            yield name, value
    yield (
        "PATH",
        os.pathsep.join([os.path.dirname(sys.executable), parent.get("PATH") or os.defpath]),
    )


def _any_port() -> int:
    return random.randrange(*WORKER_PORTS)


def free_port(choose: Callable[[], int] = _any_port) -> int:
    """Give a port that is free now, and that no other program gets by asking for any.

    A worker takes a while to listen, or never does. The system gives ports from 32768 (Linux) or
    49152 (macOS) on to whom it may concern, and another server there would be taken for the worker.
    """
    while True:
        port = choose()
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Ports:
    """Hands out ports that are free now, none twice."""

    def __init__(self, find: Callable[[], int] = free_port) -> None:
        self._find = find
        self._given: set[int] = set()

    def take(self) -> int:
        """Give a free port."""
        while (port := self._find()) in self._given:
            pass
        self._given.add(port)
        return port

    def give_back(self, ports: Sequence[int]) -> None:
        """Allow these ports to be given again."""
        self._given.difference_update(ports)
