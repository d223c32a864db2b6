"""One worker: started, probed, started again when it crashes, stopped. Decides nothing else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from lbsls.local import probes, process
from lbsls.local.afflictions import Affliction
from lbsls.local.clock import rfc3339, wait
from lbsls.local.endpoints import Release
from lbsls.local.images import (
    Images,
    Ports,
    UnknownImage,
    declared_port,
    environment,
    has_health_port,
    is_exposed,
)
from lbsls.local.logs import CONTAINER, SYSTEM, Log
from lbsls.local.options import Options, World
from lbsls.local.probes import State

UNSTARTED = 0.02
"""Seconds between two looks whether a worker was looked at often enough to start."""


@dataclass(frozen=True)
class Ground:
    """What all workers of one local Runpod stand on."""

    world: World
    images: Images
    ports: Ports
    session: aiohttp.ClientSession
    cwd: str | None = None


def restart_delay(crashes: int, options: Options) -> float:
    """Give the seconds before the next start after so many crashes in a row."""
    doublings = min(crashes - 1, 32)
    return min(options.restart_delay * 2.0**doublings, options.restart_delay_limit)


class Worker:
    """A container, as Runpod would call it: its id stays when it is started again.

    Attributes:
        looks: how often it was shown to whom asked for workers.
        in_flight: requests that it is answering.
        draining: no more requests may be sent to it; it stops after the last one.
        idle_since: when it answered its last request, became ready, or was made.
    """

    def __init__(
        self, id_: str, release: Release, ground: Ground, on_change: Callable[[Worker], None]
    ) -> None:
        self.id = id_
        self.release = release
        self.state = State.STARTING
        self.looks = 0
        self.in_flight = 0
        self.draining = False
        self.idle_since = ground.world.clock.monotonic()
        self.started_at: datetime | None = None
        self.log = Log(ground.world.clock, ground.world.options.log_lines)
        self._born = self.idle_since
        self._ground = ground
        self._clock = ground.world.clock
        self._options = ground.world.options
        self._on_change = on_change
        self._port = 0
        self._process: process.Process | None = None
        self._affliction = Affliction(ground.world, release, self._signal)
        loop = asyncio.get_running_loop()
        self._stop: asyncio.Future[None] = loop.create_future()
        self._doubt: asyncio.Future[None] = loop.create_future()
        self._task = loop.create_task(self._run())

    @property
    def port(self) -> int:
        """Where requests find it in its present life."""
        return self._affliction.port(self._port, probed=False)

    @property
    def is_ready(self) -> bool:
        """Whether requests may be sent to it."""
        return self.state is State.READY and not self.draining and not self._doubt.done()

    @property
    def is_running(self) -> bool:
        """Whether its process runs, ready or not, where the balancer can reach it."""
        running = self.state in (State.STARTING, State.READY, State.UNHEALTHY)
        return running and self._process is not None and is_exposed(self.release)

    @property
    def status(self) -> str:
        """Its state in Runpod's words."""
        if self.state is State.READY:
            return "RUNNING" if self.in_flight else "IDLE"
        if self.state is State.STARTING:
            # Runpod calls it running as soon as it runs; nothing here can see it become ready
            return "INITIALIZING" if is_exposed(self.release) else "RUNNING"
        return "UNHEALTHY"

    def afflict(self) -> None:
        """See which faults there are for it."""
        before = self._affliction.kind
        self._affliction.befall()
        if self._affliction.kind == before:
            return
        if self._process is not None:
            self._affliction.started()
        if self.state is State.READY:
            self._affliction.ready()
        self.doubt()

    def _signal(self, number: int) -> None:
        assert self._process is not None, "what kills and freezes is told when a process ends"
        self._process.signal(number)

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL after the grace time."""
        self._affliction.lift()
        if not self._stop.done():
            self._stop.set_result(None)
        if self._process is not None:
            self._process.stop()

    def doubt(self) -> None:
        """Send it no more requests until it was probed, now: one just failed."""
        if not self._doubt.done():
            self._doubt.set_result(None)

    async def ended(self) -> None:
        """Wait until it is gone."""
        await asyncio.wait([self._task])

    def rendered(self, version: int) -> dict[str, Any]:
        """Write it as Runpod does."""
        started, uptime = self.started_at, None
        if started is not None:
            uptime = int((self._clock.now() - started).total_seconds())
        return {
            "id": self.id,
            "status": self.status,
            "isStale": self.release.version != version,
            "version": self.release.version,
            "gpuCount": self.release.gpu_count,
            "image": self.release.settings["image"],
            "uptimeSeconds": uptime,
            "gpuTypeId": self.release.gpu_type,
            "dataCenterId": next(iter(self.release.settings["dataCenterIds"]), None),
            "startedAt": rfc3339(started) if started else None,
        }

    async def _run(self) -> None:
        crashes = 0
        await self._allowed()
        while not self._stop.done():
            self._born = self._clock.monotonic()
            reason = await self._live()
            self._process = None
            if self._stop.done():
                break
            lasted = self._clock.monotonic() - self._born
            crashes = 1 if lasted >= self._options.restart_reset else crashes + 1
            delay = restart_delay(crashes, self._options)
            self.log.add(SYSTEM, f"{reason}; restarting in {delay:g} s")
            self._become(State.DOWN)
            await wait(self._clock, self._stop, delay)
        self.log.add(SYSTEM, "container stopped")
        self.log.close()
        self._become(State.ENDED)

    async def _allowed(self) -> None:
        """Wait until new workers may start."""
        started = self._options.started
        while not self._stop.done():
            age = self._clock.monotonic() - self._born
            if started.has_come(age, self.looks):
                return
            left = started.seconds - age
            await wait(self._clock, self._stop, left if left > 0 else UNSTARTED)

    async def _live(self) -> str:
        """Run the command once; give the reason why it ended."""
        release, ports = self.release, self._ground.ports
        given = [ports.take() for _ in range(1 + has_health_port(release))]
        self._port = given[0]
        self._affliction.befall()
        try:
            running = await self._start(given[0], given[-1])
        except UnknownImage as cause:
            return str(cause)
        except (OSError, ValueError) as cause:
            return f"cannot start container: {cause}"
        else:
            return await self._watch_over(running, given[-1])
        finally:
            ports.give_back(given)

    async def _start(self, port: int, health_port: int) -> process.Process:
        env = environment(self.release, self.id, port, health_port, os.environ)
        return await process.start(
            self._ground.images.command(self.release, env),
            env=env,
            cwd=self._ground.cwd,
            grace=self._options.grace,
            on_line=lambda line: self.log.add(CONTAINER, line),
        )

    async def _watch_over(self, running: process.Process, health_port: int) -> str:
        self._process = running
        if self._stop.done():
            running.stop()
        self.started_at = self._clock.now()
        self.log.add(SYSTEM, f"container started: {self.release.settings['image']}")
        self._become(State.STARTING)
        self._affliction.started()
        prober = asyncio.get_running_loop().create_task(self._probe(health_port))
        try:
            return await running.wait()
        finally:
            prober.cancel()
            await asyncio.wait([prober])
            self._affliction.ended()

    async def _probe(self, port: int) -> None:
        release, options = self.release, self._options
        if not is_exposed(release):
            self.log.add(SYSTEM, unreachable(release))
            return
        while True:
            answer = await probes.probe(
                self._ground.session,
                self._affliction.port(port, probed=True),
                release.health_path,
                options.probe_timeout,
            )
            found = self._affliction.disguised(answer)
            self._become(probes.judged(self.state, found, busy=self.in_flight > 0))
            self._affliction.pass_over()
            if self.state is State.READY:
                self._affliction.ready()
            self._trust()
            gap = probes.gap(self._clock.monotonic() - self._born)
            if self.state is State.READY:
                gap = options.probe_interval
            await wait(self._clock, self._doubt, gap)

    def _trust(self) -> None:
        if self._doubt.done():
            self._doubt = asyncio.get_running_loop().create_future()
            self._on_change(self)

    def _become(self, state: State) -> None:
        if state is self.state:
            return
        if state is State.READY:
            self.idle_since = self._clock.monotonic()
            self.log.add(SYSTEM, "worker is ready")
        self.state = state
        self._on_change(self)


def unreachable(release: Release) -> str:
    """Say why a worker that runs will never get a request."""
    port = declared_port(release)
    ports = ", ".join(release.settings["ports"]) or "none"
    return (
        f"port {port}/http is not exposed (ports: {ports}): the load balancer cannot reach this "
        f"worker; add {port}/http to the endpoint's ports, or set PORT to one that is exposed"
    )
