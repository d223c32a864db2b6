"""``python -m benchmarks [NAME...] [--runs N]``: measure and print tables."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks import balancer, budget, calls, cost, faults, kills, lag, races, soak, startup
from benchmarks.table import Row, machine, render

TABLES: dict[str, tuple[str, Callable[[int], list[Row]]]] = {
    "startup": ("From the start of a program", startup.measure),
    "lag": ("Readiness lag", lag.measure),
    "cost": ("Requests to the control plane", cost.measure),
    "calls": ("Calls to an endpoint", calls.measure),
    "budget": ("A rate limit, used up", budget.measure),
    "balancer": ("The local balancer", balancer.measure),
}

PROOFS: dict[str, Callable[[argparse.Namespace], str]] = {
    "races": lambda told: races.report(told.runs),
    "kills": lambda told: kills.report(),
    "faults": lambda told: faults.report(told.brief),
    "soak": lambda told: soak.report(told.minutes, told.processes, told.resources),
}
"""What is proved, not measured: run when it is named."""


def main() -> None:
    """Run what was named, or everything."""
    known = [*TABLES, *PROOFS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--runs", type=int, default=20, help="samples for each figure (20)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak (10)")
    parser.add_argument("--processes", type=int, default=8, help="of the soak (8)")
    parser.add_argument("--resources", type=int, default=50, help="of the soak (50)")
    parser.add_argument("--brief", action="store_true", help="of the faults, each once")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(known)):
        parser.error(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(known)}")
    print(f"{machine()}, {arguments.runs} runs\n")
    for name in arguments.names or TABLES:
        if name in PROOFS:
            print(PROOFS[name](arguments), flush=True)
            continue
        title, measure = TABLES[name]
        print(render(title, measure(arguments.runs)), flush=True)


if __name__ == "__main__":
    main()
