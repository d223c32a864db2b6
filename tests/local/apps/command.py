"""A program that serves a local Runpod in the foreground, with one worker."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import urllib.request
from pathlib import Path

from lbsls.local.server import Server, serve

BODY = {
    "name": "test",
    "type": "LOAD_BALANCER",
    "image": "family",
    "scaling": {"type": "REQUEST_COUNT", "requestCount": 1},
    "cpu": [{"id": "cpu3c", "vcpuCount": 2}],
    "ports": ["80/http"],
    "env": {"MARK": os.environ["MARK"], "SPAWN": os.environ["SPAWN"]},
    "workers": {"min": 1},
}


def ready(server: Server) -> None:
    """Make an endpoint, from another thread, and say when its worker is ready."""
    threading.Thread(target=make, args=(server,), daemon=True).start()


def make(server: Server) -> None:
    """Make the endpoint."""
    headers = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"}
    url = f"{server.url}/v2/serverless"
    request = urllib.request.Request(url, json.dumps(BODY).encode(), headers)
    with urllib.request.urlopen(request) as response:
        id_ = json.load(response)["id"]
    request = urllib.request.Request(f"{url}/{id_}/workers", headers=headers)
    while True:
        with urllib.request.urlopen(request) as response:
            if json.load(response)["summary"]["idle"]:
                break
        time.sleep(0.02)
    print("ready", flush=True)


if __name__ == "__main__":
    family = str(Path(__file__).with_name("family.py"))
    asyncio.run(serve({"family": ["python", family]}, ready=ready))
