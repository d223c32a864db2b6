"""One process of a race: waits for a line on stdin, deploys a name, and says how that ended.

``python -m benchmarks.racer NAME WAIT``, with the variables of an account in its environment.
"""

from __future__ import annotations

import json
import sys

import lbsls

__all__ = ["IMAGE", "resource"]

IMAGE = "app:1"


def resource(name: str, **more: object) -> lbsls.LoadBalancerSlsResource:
    """Declare what all racers deploy."""
    fields = {"name": name, "imageName": IMAGE, "workersMin": 0, "workersMax": 1, **more}
    return lbsls.LoadBalancerSlsResource(**fields)  # type: ignore[arg-type]


def main(name: str, wait: str) -> None:
    """Race."""
    with lbsls.Account.from_env() as account:
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            id_, error = account.deploy(resource(name), wait=wait == "wait").id, None
        except lbsls.LbslsError as failure:
            id_, error = None, f"{type(failure).__name__}: {failure}"
    print(json.dumps({"id": id_, "error": error}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
