"""A whole local Runpod in a running event loop: assembled, started, stopped. No threads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from types import TracebackType

import aiohttp

from lbsls.local import keys
from lbsls.local.admin import Admin
from lbsls.local.cloud import Cloud
from lbsls.local.control import Control
from lbsls.local.door import HEADER_LIMIT, Door
from lbsls.local.images import Commands, Images, Ports
from lbsls.local.options import Options, World
from lbsls.local.worker import Ground

# Less than any common server keeps an idle connection (uvicorn: 5 s, gunicorn: 2 s), so that no
# request is sent into one that is just being closed.
KEEP_ALIVE = 1.5
CONNECT_TIMEOUT = 5.0


class Server:
    """A local Runpod. Use it with `async with`.

    Args:
        images: the command that each image stands for.
        port: of the control plane; 0 is any free one.
        api_key: the account's key; a new one if None.
        world: its options, time and chance.
        cwd: the folder that workers start in; this process's if None.
    """

    def __init__(
        self,
        images: Commands,
        *,
        port: int = 0,
        api_key: str | None = None,
        world: World | None = None,
        cwd: str | None = None,
    ) -> None:
        self.api_key = api_key or keys.new_key()
        self.admin_key = keys.new_key()
        self.url = ""
        self.admin_url = ""
        self._images = Images(images)
        self._port = port
        self._world = world or World()
        self._cwd = cwd
        self._stack = AsyncExitStack()

    def environ(self) -> dict[str, str]:
        """Give the variables that point other programs here."""
        return {
            "RUNPOD_API_KEY": self.api_key,
            "RUNPOD_API_BASE_URL": self.url,
            "RUNPOD_ENDPOINT_BASE_URL": f"{self.url}/v2",
        }

    def admin_environ(self) -> dict[str, str]:
        """Give the variables for who tells it to misbehave."""
        return {
            "LBSLS_LOCAL_ADMIN_URL": self.admin_url,
            "LBSLS_LOCAL_ADMIN_KEY": self.admin_key,
        }

    async def __aenter__(self) -> Server:
        async with AsyncExitStack() as stack:
            ground = Ground(
                world=self._world,
                images=self._images,
                ports=Ports(),
                session=await stack.enter_async_context(_session()),
                cwd=self._cwd,
            )
            cloud = Cloud(ground, self.api_key)
            self._begin_faults(cloud)
            stack.callback(self._world.faults.end)
            stack.push_async_callback(cloud.close)
            door = Door(Control(cloud, self._world, self.api_key).app())
            stack.push_async_callback(door.close)
            self.url = f"http://127.0.0.1:{await _open(door, self._port)}"
            admin = Door(Admin(self._world, self.admin_key).app())
            stack.push_async_callback(admin.close)
            self.admin_url = f"http://127.0.0.1:{await admin.open(0)}"
            cloud.queue_base = f"{self.url}/v2"
            self._stack = stack.pop_all()
        return self

    def _begin_faults(self, cloud: Cloud) -> None:
        loop = asyncio.get_running_loop()

        def tell() -> None:
            """Come from any thread into the loop's, unless it is about to end."""
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(cloud.afflict)

        self._world.faults.begin(self._world.clock.monotonic, tell)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


def _session() -> aiohttp.ClientSession:
    """Make the connections to workers: they add nothing and change nothing."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
        trust_env=False,
        max_line_size=HEADER_LIMIT,
        max_field_size=HEADER_LIMIT,
    )


async def _open(door: Door, port: int) -> int:
    try:
        return await door.open(port)
    except OSError as cause:
        what = (
            f"cannot listen on port {port} of 127.0.0.1 ({os.strerror(cause.errno or 0)}): stop "
            "what listens there, or choose another port (0 takes any free one)"
        )
        raise OSError(cause.errno, what) from cause


async def serve(
    images: Commands,
    *,
    port: int = 0,
    api_key: str | None = None,
    options: Options | None = None,
    ready: Callable[[Server], object] = lambda server: None,
) -> None:
    """Run a local Runpod until SIGINT or SIGTERM; for a program that does nothing else.

    Args:
        images: the command that each image stands for.
        port: of the control plane; 0 is any free one.
        api_key: the account's key; a new one if None.
        options: how it behaves.
        ready: called once, when it listens.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        world = World(options or Options())
        async with Server(images, port=port, api_key=api_key, world=world) as server:
            ready(server)
            await stop.wait()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
