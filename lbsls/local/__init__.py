"""A Runpod of one's own machine: control plane, load balancer and real worker processes.

::

    with lbsls.local.runpod(images={"my-app:latest": ["python", "app.py"]}) as account:
        ...

Nothing here listens on anything but 127.0.0.1, and nothing outlives it. It shares no code with the
client, so that a mistake made there cannot hide itself here; only `front` knows the account.

What goes wrong on purpose is set by ``faults``, and what was sent is in ``requests``::

    local = lbsls.local.runpod(images={...}, listed=After(seconds=2))
    with local as account, local.faults.add(Fault.close(done=True), operation="create", times=1):
        account.deploy(resource)  # one endpoint all the same
        assert len(local.requests.of("create")) == 1

Other programs do it over HTTP, at an address with a key of its own: see ``lbsls.local.admin``.

A module imports only from lines above its own::

    clock  door  faults  headers  journal  keeper  keys  problems  scaler  shapes
    catalog  logs  options  probes  process
    misbehave  ratelimit  schema  shelf  streams
    endpoints  operations
    afflictions  images
    worker
    fleet
    line  proxy
    websockets
    balancer
    cloud
    admin  serverless
    control
    server
    front

`keeper` is a script of its own that imports nothing but the standard library. aiohttp is imported
only when a local Runpod starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lbsls.local.faults import Fault, Faults, Rule
from lbsls.local.front import LocalRunpod, runpod
from lbsls.local.journal import Journal, Seen
from lbsls.local.options import GENEROUS, IMMEDIATELY, RUNPOD, After, Options, Window

if TYPE_CHECKING:
    from lbsls.local.server import serve

__all__ = [
    "GENEROUS",
    "IMMEDIATELY",
    "RUNPOD",
    "After",
    "Fault",
    "Faults",
    "Journal",
    "LocalRunpod",
    "Options",
    "Rule",
    "Seen",
    "Window",
    "runpod",
    "serve",
]


def __getattr__(name: str) -> object:
    if name == "serve":
        from lbsls.local import server

        return server.serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
