"""The local Runpod for programs that are not asynchronous: in a thread of its own.

The only module here that knows the client: it gives out an `Account`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lbsls.local import keys
from lbsls.local.options import Changes, Options, World

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lbsls.account import Account
    from lbsls.local.faults import Faults
    from lbsls.local.images import Commands
    from lbsls.local.journal import Journal
    from lbsls.local.server import Server


class LocalRunpod:
    """A local Runpod, started by `with` or `async with`, which give an account of it.

    Attributes:
        api_key: the account's key.
        url: where the control plane listens; empty unless it runs.
    """

    def __init__(
        self,
        images: Commands,
        *,
        port: int = 0,
        api_key: str | None = None,
        world: World | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        self.api_key = api_key or keys.new_key()
        self._images = images
        self._port = port
        self._world = world or World()
        self._cwd = os.fspath(cwd) if cwd is not None else None
        self._run: _Run | None = None
        self._account: Account | None = None

    def __repr__(self) -> str:
        return f"<LocalRunpod {self.url or 'not running'}>"

    @property
    def options(self) -> Options:
        """How it behaves."""
        return self._world.options

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose; may be changed at any time."""
        return self._world.faults

    @property
    def requests(self) -> Journal:
        """The requests that came in, to the control plane and to endpoints."""
        return self._world.journal

    @property
    def url(self) -> str:
        """Where the control plane listens."""
        return self._run.server.url if self._run and self._run.server else ""

    def environ(self) -> dict[str, str]:
        """Give the variables that point other programs here."""
        return self._server().environ()

    def admin_environ(self) -> dict[str, str]:
        """Give the variables of the address where faults are set, and requests asked for.

        They are apart, so that a program under test does not have them: see `lbsls.local.admin`.
        """
        return self._server().admin_environ()

    def _server(self) -> Server:
        if self._run is None or self._run.server is None:
            raise RuntimeError("this local Runpod is not running: use it in a with statement")
        return self._run.server

    def start(self) -> None:
        """Start it, as `with` does, but without an account."""
        if os.name != "posix":
            raise NotImplementedError("the local Runpod needs Linux or macOS; on Windows, use WSL")
        if self._run is not None:
            raise RuntimeError("this local Runpod runs already")
        self._run = _Run(self._images, self._port, self.api_key, self._world, self._cwd)
        try:
            self._run.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, and wait until its last worker has ended."""
        run, self._run = self._run, None
        if run is not None:
            run.stop()

    def _open(self) -> Account:
        from lbsls.account import Account

        self._account = Account(self.api_key, base_url=self.url)
        return self._account

    def __enter__(self) -> Account:
        self.start()
        try:
            return self._open()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *error: object) -> None:
        try:
            if self._account is not None:
                self._account.close()
        finally:
            self.stop()

    async def __aenter__(self) -> Account:
        import anyio.to_thread

        return await anyio.to_thread.run_sync(self.__enter__)

    async def __aexit__(self, *error: object) -> None:
        import anyio.to_thread

        with anyio.CancelScope(shield=True):
            try:
                if self._account is not None:
                    await self._account.close_async()
            finally:
                await anyio.to_thread.run_sync(self.stop)


class _Run:
    """One run of a server, in a thread."""

    def __init__(self, *arguments: Any) -> None:
        self.server: Server | None = None
        self._arguments = arguments
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._main, name="lbsls-local", daemon=True)

    def start(self) -> None:
        """Start the thread; return when the server listens, or raise what kept it from that."""
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End the thread and wait for it."""
        if self._thread.ident is None:  # there was no thread to be had
            self._loop.close()
            return
        try:
            self._loop.call_soon_threadsafe(self._stop.set)
        except RuntimeError:  # the loop is closed: it never came up
            pass
        try:
            self._thread.join()
        except BaseException:  # Ctrl-C while workers take their grace time: they still get it
            self._thread.join()
            raise

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(*self._arguments))
        except BaseException as error:
            self._error = error
        finally:
            self._loop.run_until_complete(_tidy_up(self._loop))
            asyncio.set_event_loop(None)
            self._loop.close()
            self._started.set()

    async def _serve(
        self, images: Commands, port: int, api_key: str, world: World, cwd: str | None
    ) -> None:
        from lbsls.local.server import Server

        async with Server(images, port=port, api_key=api_key, world=world, cwd=cwd) as server:
            self.server = server
            self._started.set()
            await self._stop.wait()


async def _tidy_up(loop: asyncio.AbstractEventLoop) -> None:
    """Leave nothing in a loop that is about to be closed."""
    left = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def runpod(
    images: Commands,
    *,
    port: int = 0,
    api_key: str | None = None,
    options: Options | None = None,
    cwd: str | os.PathLike[str] | None = None,
    **changes: Unpack[Changes],
) -> LocalRunpod:
    """Make a local Runpod, to be used with `with` or `async with`.

    Args:
        images: the command that each image stands for, as one string or as words. `python` as the
            first word is this Python, and `$PORT` and any other variable of the worker is filled
            in: `{"my-app:latest": ["uvicorn", "app:app", "--port", "$PORT"]}`.
        port: of the control plane; 0 is any free one.
        api_key: the account's key; a new one if None.
        options: how it behaves; Runpod's ways by default.
        cwd: the folder that workers start in; this process's by default.
        changes: single options, by the names of the fields of `Options`.
    """
    world = World(replace(options or Options(), **changes))
    return LocalRunpod(images, port=port, api_key=api_key, world=world, cwd=cwd)
