"""How long it takes from the start of a program to what it is for."""

from __future__ import annotations

import os
import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import lbsls
from benchmarks.apps import APP
from benchmarks.table import Row, alternate, spread

__all__ = ["measure"]

CORE = "import requests, attrs, cattrs, backoff, anyio"
DECLARE = (
    "import lbsls; "
    "lbsls.LoadBalancerSlsResource(name='app', imageName='app:1', env={'A': 'b'}, workersMax=2)"
)
# Both programs are handed what to ping as a task of a queue is: pickled.
BARE_PING = (
    "import os, pickle, requests; "
    "url = pickle.load(open(os.environ['URL'], 'rb')); "
    "headers = {'Authorization': 'Bearer ' + os.environ['RUNPOD_API_KEY']}; "
    "assert requests.get(url, headers=headers, timeout=5).status_code == 200"
)
BARE_ATTRS = f"import attrs, {BARE_PING.removeprefix('import ')}"
PING = (
    "import os, pickle; "
    "endpoint = pickle.load(open(os.environ['ENDPOINT'], 'rb')); "
    "assert endpoint.check_ping().status == 200"
)
BARE_FIND = (
    "import os, requests; "
    "base = os.environ['RUNPOD_API_BASE_URL']; "
    "headers = {'Authorization': 'Bearer ' + os.environ['RUNPOD_API_KEY']}; "
    "found = requests.get(base + '/v2/serverless', headers=headers, timeout=5).json(); "
    "url = next(e for e in found['endpoints'] if e['name'] == 'app')['requestUrls']['health']; "
    "assert requests.get(url, headers=headers, timeout=5).status_code == 200"
)
FIND = "import lbsls; assert lbsls.Account.from_env().find('app').check_ping().status == 200"


def _inside(code: str, environ: dict[str, str]) -> Callable[[], float]:
    """Time code from within, without the interpreter's own start."""
    program = (
        f"import time; began = time.perf_counter()\n{code}\nprint(time.perf_counter() - began)"
    )

    def measure() -> float:
        done = subprocess.run(
            [sys.executable, "-c", program], env=environ, check=True, capture_output=True
        )
        return float(done.stdout)

    return measure


def _outside(code: str, environ: dict[str, str]) -> Callable[[], float]:
    """Time a program as its user sees it: from its start to its end."""

    def measure() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=environ, check=True)
        return time.perf_counter() - began

    return measure


def measure(runs: int) -> list[Row]:
    """Measure import and declaration, and import to the first answered ping."""
    rows = []
    with (
        TemporaryDirectory() as folder,
        lbsls.local.runpod(images={"app:1": APP}) as account,
    ):
        resource = lbsls.LoadBalancerSlsResource(name="app", imageName="app:1", workersMin=1)
        endpoint = resource.deploy(account=account)
        environ = {**os.environ, **account.environ()}
        for name, value in {"URL": endpoint.health_url, "ENDPOINT": endpoint}.items():
            pickled = Path(folder, name)
            pickled.write_bytes(pickle.dumps(value))
            environ[name] = str(pickled)
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        ours, floor = alternate(runs, _inside(DECLARE, environ), _inside(CORE, environ))
        what = "import lbsls, declare a resource / import the core dependencies"
        rows.append(_row(what, ours, floor, "at most 0.4"))
        programs = (PING, BARE_ATTRS, BARE_PING)
        ours, attrs, floor = alternate(runs, *(_outside(code, environ) for code in programs))
        what = "program: ping a known endpoint / bare requests"
        rows.append(_row(what, ours, floor, "at most 1.2"))
        # Why what a ping needs is made of records: this alone would cost most of what is promised.
        rows.append(_row("the same without lbsls, and with import attrs", attrs, floor, ""))
        ours, floor = alternate(runs, _outside(FIND, environ), _outside(BARE_FIND, environ))
        what = "program: find an endpoint by name, ping it / bare requests"
        rows.append(_row(what, ours, floor, ""))
    return rows


def _row(what: str, ours: list[float], floor: list[float], promised: str) -> Row:
    mine, least = statistics.median(ours), statistics.median(floor)
    return Row(
        what,
        f"{mine * 1000:.0f} ms",
        spread(ours),
        f"{least * 1000:.0f} ms",
        f"{mine / least:.2f}",
        promised,
    )
