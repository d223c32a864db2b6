"""Calls to an endpoint, against a bare session of requests to the same address."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import requests

import lbsls
from benchmarks.apps import APP
from benchmarks.table import Row, alternate, spread

__all__ = ["measure"]

BATCH = 50


def measure(runs: int) -> list[Row]:
    """Post a small JSON body, one call after the other."""
    body = {"prompt": "a small body", "steps": 4}
    with lbsls.local.runpod(images={"app:1": APP}) as account, requests.Session() as bare:
        resource = lbsls.LoadBalancerSlsResource(name="app", imageName="app:1", workersMin=1)
        endpoint = resource.deploy(account=account)
        bare.headers["Authorization"] = f"Bearer {account.environ()['RUNPOD_API_KEY']}"
        url = f"{endpoint.endpoint_url}/echo"
        with endpoint.session() as session:
            ours, patient, floor = alternate(
                runs,
                _batch(lambda: endpoint.post("/echo", json=body).json()),
                _batch(lambda: session.post("/echo", json=body).json()),
                _batch(lambda: bare.post(url, json=body, timeout=340).json()),
            )
    return [
        _row("endpoint.post() / bare session", ours, floor, "at most 1.1"),
        _row("endpoint.session().post() / bare session", patient, floor, ""),
    ]


def _batch(call: Callable[[], object]) -> Callable[[], float]:
    def measure() -> float:
        began = time.perf_counter()
        for _ in range(BATCH):
            call()
        return (time.perf_counter() - began) / BATCH

    return measure


def _row(what: str, ours: list[float], floor: list[float], promised: str) -> Row:
    mine, least = statistics.median(ours), statistics.median(floor)
    return Row(
        what,
        f"{mine * 1000:.2f} ms",
        spread(ours),
        f"{least * 1000:.2f} ms",
        f"{mine / least:.2f}",
        promised,
    )
