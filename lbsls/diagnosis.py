"""Why an endpoint is not up yet, from what pings, workers and a log showed. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from attrs import evolve, frozen

from lbsls.live import Endpoint, LogLine, Worker
from lbsls.sentences import lowered
from lbsls.values import Env, Health, Ping

__all__ = ["Look", "Story", "is_failing", "summary"]

MAX_PINGS = 50


@frozen
class Look:
    """The workers as they were at a moment, ``at`` seconds into the wait."""

    at: float
    workers: tuple[Worker, ...]


@frozen
class Story:
    """What was observed during a wait; each addition gives a new one."""

    pings: tuple[Ping, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    looks: tuple[Look, ...] = ()
    log: tuple[LogLine, ...] = ()

    def with_ping(self, ping: Ping) -> Story:
        """Add a ping; the last 50 are kept, and counts of all."""
        counts = Counter(dict(self.counts))
        counts[ping.outcome] += 1
        return evolve(
            self, pings=(*self.pings, ping)[-MAX_PINGS:], counts=tuple(counts.most_common())
        )

    def with_look(self, look: Look) -> Story:
        """Add a look at the workers."""
        return evolve(self, looks=(*self.looks, look))

    def with_log(self, log: Sequence[LogLine]) -> Story:
        """Add the tail of a failing worker's log."""
        return evolve(self, log=tuple(log))

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers as last seen."""
        return self.looks[-1].workers if self.looks else ()

    def proves_failure(self, proof: float) -> bool:
        """Tell whether the workers failed in the last three looks, over ``proof`` seconds."""
        last = self.looks[-3:]
        if len(last) < 3 or last[-1].at - last[0].at < proof:
            return False
        before = (None, *self.looks)[-4:-1]
        pairs = zip(last, before, strict=True)
        return all(is_failing(look, earlier) for look, earlier in pairs)

    def observations(self) -> list[str]:
        """Say what the workers were doing, and the end of the log, a line each."""
        lines = [f"workers: {summary(self.workers)}"] if self.looks else []
        lines += [f"{line.source} log: {_printable(line.line)}" for line in self.log[-5:]]
        return lines

    def cause(self, endpoint: Endpoint) -> str:
        """Name the likely cause and what to do, most certain first."""
        return next(text for text in (rule(self, endpoint) for rule in _RULES) if text)


def _printable(line: str) -> str:
    """Leave out what would move a terminal's cursor or colour it."""
    return "".join(char for char in line if char.isprintable())


def is_failing(look: Look, earlier: Look | None) -> bool:
    """Tell whether no worker is up and each is unhealthy or was restarted since the last look.

    A throttled worker waits for a machine; that proves nothing.
    """
    if not look.workers or any(w.is_up or w.status == "THROTTLED" for w in look.workers):
        return False
    return all(w.status == "UNHEALTHY" or _restarted(w, look, earlier) for w in look.workers)


def _restarted(worker: Worker, look: Look, earlier: Look | None) -> bool:
    before = next((w for w in earlier.workers if w.id == worker.id), None) if earlier else None
    if before is None or before.started_at is None:
        return False
    return worker.started_at != before.started_at


def summary(workers: Sequence[Worker]) -> str:
    """Count workers by status."""
    counts = Counter(worker.status for worker in workers)
    return ", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "none"


def _max_zero(story: Story, endpoint: Endpoint) -> str:
    if endpoint.settings.workersMax != 0:
        return ""
    return (
        f"max workers is 0, so nothing can start; {lowered(0)}. "
        "Declare workersMax and deploy, or raise it in the console"
    )


def _key(story: Story, endpoint: Endpoint) -> str:
    if not any(ping.refused_key for ping in story.pings):
        return ""
    return "the endpoint refuses the API key; check RUNPOD_API_KEY and what the key may do"


_IMAGE_FAULT = re.compile(
    r"cannot start container|exec format error"
    r"|(?=.*\b(?:image|manifest|pull\w*)\b)"
    r".*\b(?:not found|no such|unknown|denied|unauthorized|fail\w*|error|invalid|back-?off)\b",
    re.IGNORECASE,
)
"""A pull that is under way speaks of an image too, so a line must also say that it failed."""

_CRASH = re.compile(r"\b(?:exited|killed|crash\w*|oom\w*|out of memory)\b", re.IGNORECASE)


def _failing(story: Story, endpoint: Endpoint) -> str:
    image = endpoint.settings.imageName
    up = any(worker.is_up for worker in story.workers)
    if not up and any(_IMAGE_FAULT.search(line.line) for line in story.log):
        return (
            f"image {image!r} cannot start; check that it exists and that the registry "
            "credentials allow it (`docker run` it here)"
        )
    restarted = any(
        _restarted(worker, look, earlier)
        for earlier, look in pairwise(story.looks)
        for worker in look.workers
    )
    if restarted or (not up and any(_CRASH.search(line.line) for line in story.log)):
        return "the workers crash and are restarted (crash loop); read the container's log"
    if any(worker.status == "UNHEALTHY" for worker in story.workers):
        return (
            "the workers are up and fail Runpod's health probe; answer 200 on HEALTH_CHECK_PATH "
            "(default /ping) at PORT_HEALTH (default PORT)"
        )
    return ""


def _rolling_out(story: Story, endpoint: Endpoint) -> str:
    if not story.pings or story.pings[-1].health is not Health.READY:
        return ""
    stale = sum(worker.is_stale for worker in story.workers)
    return (
        f"it serves, but not yet as updated ({stale} of {len(story.workers)} workers still run the "
        "older release); give it a longer timeout, or look whether a new worker gets ready"
    )


def _no_path(story: Story, endpoint: Endpoint) -> str:
    if not story.pings or story.pings[-1].status != 404:
        return ""
    return (
        f"no health path (404): the app answers, but not at {endpoint.health_url}; implement it "
        "to answer 200, or set env HEALTH_CHECK_PATH"
    )


def _bad_answer(story: Story, endpoint: Endpoint) -> str:
    last = story.pings[-1] if story.pings else None
    if last is None or last.health is not Health.UNHEALTHY:
        return ""
    if last.status == 502:
        return (
            "nothing listens on the port (502): the app must listen on 0.0.0.0 at the port in "
            "env PORT, and that port must be in ports"
        )
    return f"the health path answers {last}; it must answer 200 when the app is ready"


def _loading(story: Story, endpoint: Endpoint) -> str:
    if not story.pings or story.pings[-1].status != 204:
        return ""
    return (
        "the app still says that it is initializing (204); give it a longer timeout, or look in "
        "its log for what it is loading"
    )


def _mismatch(story: Story, endpoint: Endpoint) -> str:
    if not any(worker.is_up for worker in story.workers):
        return ""
    port = (endpoint.settings.env or Env()).get("PORT", "80")
    return (
        "port mismatch: a worker runs and requests hang, so nothing answers where the balancer "
        f"sends them; the app must listen on 0.0.0.0 at env PORT ({port}), and {port}/http must "
        "be in ports"
    )


def _capacity(story: Story, endpoint: Endpoint) -> str:
    if not story.looks:
        return ""
    if any(worker.status == "THROTTLED" for worker in story.workers):
        return (
            "no capacity: workers wait for a machine of the kind that was asked for; allow more "
            "GPU pools or data centers"
        )
    return "" if story.workers else "no worker was started; there may be no capacity for one"


def _starting(story: Story, endpoint: Endpoint) -> str:
    if not any(worker.status == "INITIALIZING" for worker in story.workers):
        return ""
    return (
        "workers are still starting (pulling the image, or nothing listens on env PORT yet); "
        "give it a longer timeout, or look at the worker's log"
    )


def _unreachable(story: Story, endpoint: Endpoint) -> str:
    if not story.pings or story.pings[-1].health is not Health.UNREACHABLE:
        return ""
    return f"no connection to {endpoint.endpoint_url}; check network, DNS and proxies"


def _unknown(story: Story, endpoint: Endpoint) -> str:
    return "requests are held and no worker got ready; look at the workers' logs in the console"


_RULES = (
    _max_zero,
    _key,
    _failing,
    _rolling_out,
    _unreachable,
    _no_path,
    _loading,
    _bad_answer,
    _mismatch,
    _capacity,
    _starting,
    _unknown,
)
