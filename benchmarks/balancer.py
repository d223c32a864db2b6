"""The local balancer against the same worker called directly."""

from __future__ import annotations

import asyncio
import statistics
import time

import aiohttp

import lbsls
from benchmarks.apps import APP
from benchmarks.table import Row

__all__ = ["measure"]

REQUESTS = 600
PARALLEL = 16


def measure(runs: int) -> list[Row]:
    """Send bounded bursts through the balancer and past it, in turn."""
    with lbsls.local.runpod(images={"app:1": APP}) as account:
        resource = lbsls.LoadBalancerSlsResource(
            name="app", imageName="app:1", workersMin=1, workersMax=1, scalerValue=1000
        )
        endpoint = resource.deploy(account=account)
        direct = endpoint.get("/where").headers["X-Worker-Address"]
        key = account.environ()["RUNPOD_API_KEY"]
        urls = (f"{endpoint.endpoint_url}/echo", f"{direct}/echo")
        samples: dict[str, list[tuple[float, float]]] = {url: [] for url in urls}
        for _ in range(max(3, runs // 5)):
            for url in urls:
                samples[url].append(asyncio.run(_burst(url, key)))
    through, past = (samples[url] for url in urls)
    return [_rate(through, past), _latency(through, past)]


async def _burst(url: str, key: str) -> tuple[float, float]:
    """Give requests a second, and the median latency of one request at a time."""
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def post() -> None:
            async with session.post(url, data=b"x" * 200) as response:
                await response.read()

        async def several() -> None:
            for _ in range(REQUESTS // PARALLEL):
                await post()

        await post()
        began = time.perf_counter()
        await asyncio.gather(*(several() for _ in range(PARALLEL)))
        rate = REQUESTS / (time.perf_counter() - began)
        latencies = []
        for _ in range(100):
            began = time.perf_counter()
            await post()
            latencies.append(time.perf_counter() - began)
    return rate, statistics.median(latencies)


def _rate(through: list[tuple[float, float]], past: list[tuple[float, float]]) -> Row:
    mine, floor = (statistics.median(rate for rate, _ in rows) for rows in (through, past))
    return Row(
        f"local balancer, {PARALLEL} at once / the worker itself",
        f"{mine:.0f} requests/s",
        "",
        f"{floor:.0f} requests/s",
        f"{mine / floor:.2f}",
    )


def _latency(through: list[tuple[float, float]], past: list[tuple[float, float]]) -> Row:
    mine, floor = (statistics.median(latency for _, latency in rows) for rows in (through, past))
    return Row(
        "latency that the local balancer adds, one at a time",
        f"{(mine - floor) * 1000:.2f} ms",
        "",
        f"{floor * 1000:.2f} ms",
        "",
    )
