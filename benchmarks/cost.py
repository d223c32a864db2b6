"""What a deploy costs in requests to the control plane."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import lbsls
from benchmarks.apps import APP
from benchmarks.table import Row
from lbsls.transports.blocking import RequestsTransport
from lbsls.values import Request, Response

__all__ = ["measure"]


class Counting(RequestsTransport):
    """Counts what goes to the control plane, looks at workers and their logs apart."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def send(self, request: Request) -> Response:
        """Count and send."""
        path = urlsplit(request.url).path
        if path.startswith("/v2/"):
            self.counts["looks" if "/workers" in path else "requests"] += 1
        return super().send(request)


def measure(runs: int) -> list[Row]:
    """Deploy apps that are ready soon and late, and one of them again."""
    del runs  # a count needs no repetition
    counting = Counting()
    with lbsls.local.runpod(images={"app:1": APP}) as local:
        key = local.environ()["RUNPOD_API_KEY"]
        account = lbsls.Account(key, base_url=local.base_url, transport=counting)
        with account:
            return [
                _row("first deploy, ready within 1 s", "3", account, counting, "quick", 0.0),
                _row("repeated by the same account", "1", account, counting, "quick", 0.0),
                _row("first deploy, ready later", "4 + looks", account, counting, "slow", 3.0),
            ]


def _row(
    what: str, promised: str, account: lbsls.Account, counting: Counting, name: str, start: float
) -> Row:
    counting.counts.clear()
    env = {"START": str(start)}
    account.deploy(lbsls.LoadBalancerSlsResource(name=name, imageName="app:1", env=env))
    requests, looks = counting.counts["requests"], counting.counts["looks"]
    return Row(what, f"{requests}" + (f" + {looks} looks" if looks else ""), promised=promised)
