"""Readiness lag: from the moment a worker would answer 200 to the return of deploy()."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import lbsls
from benchmarks.apps import APP
from benchmarks.table import Row, spread

__all__ = ["measure"]

START_TIMES = (0.2, 0.35, 0.5, 0.8, 1.1, 1.5, 2.0, 2.6, 3.3, 4.1)
BALANCERS = {
    "holds requests": ("hold", "silent", 0.050),
    "refuses at once": ("refuse", "silent", 0.300),
    "lets 204 through": ("pass", "204", 0.300),
}


def measure(runs: int) -> list[Row]:
    """Deploy with many start-up times against each kind of balancer."""
    rows = []
    for name, (cold, loading, promised) in BALANCERS.items():
        with (
            TemporaryDirectory() as folder,
            lbsls.local.runpod(images={"app:1": APP}, cold=cold) as account,
        ):
            lags = [
                _lag(account, Path(folder, f"{round}-{start}"), start, loading)
                for round in range(max(1, runs // len(START_TIMES)))
                for start in START_TIMES
            ]
        median = statistics.median(lags)
        rows.append(
            Row(
                f"deploy() returns after the worker is ready, a balancer that {name}",
                f"{median * 1000:.0f} ms",
                spread(lags),
                "0 ms",
                "",
                f"under {promised * 1000:.0f} ms",
            )
        )
    return rows


def _lag(account: lbsls.Account, ready: Path, start: float, loading: str) -> float:
    resource = lbsls.LoadBalancerSlsResource(
        name="app",
        imageName="app:1",
        env={"START": str(start), "LOADING": loading, "READY_FILE": str(ready)},
    )
    endpoint = resource.deploy(account=account)
    returned = time.time()
    endpoint.undeploy()
    return returned - float(ready.read_text())
