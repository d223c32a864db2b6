"""Every fault at every operation: how it ends, how often it was tried, and what is left.

A cell says how the verb ended and how many requests of the struck operation it took: ``ok 2`` is a
success at the second try, ``ServerError 5`` that error after five. After each verb the faults end
and it is run once more, quietly: then there must be what was wanted, no second endpoint of the name
(duplicate), and none that nobody knows of (orphan).
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

from attrs import evolve, field, frozen

import lbsls
from benchmarks.apps import APP
from benchmarks.racer import IMAGE, resource
from benchmarks.table import grid, proved
from lbsls.local import Fault, LocalRunpod, runpod
from lbsls.records import replace
from lbsls.transports.blocking import RequestsTransport
from lbsls.values import Request, Response

__all__ = ["FAULTS", "OPERATIONS", "WORKER_FAULTS", "Cell", "Operation", "report", "strike"]

OTHER = "app:2"
CHUNKS = 24
PATIENCE = 1.0
"""Seconds that a request may take here instead of up to 30: many of these never end."""
TIMEOUT = 12.0


class Impatient(RequestsTransport):
    """Gives up on a request early, so that the table is printed today."""

    def send(self, request: Request) -> Response:
        """Send, for at most a second."""
        return super().send(replace(request, timeout=min(PATIENCE, request.timeout)))


@frozen
class Operation:
    """What a user does, and which request of it is struck.

    Attributes:
        does: gives nothing, or the status of an answer.
        struck: the operation of the control plane, or ``call``.
        needs: what there is before: ``nothing``, an ``endpoint``, or its ready ``worker`` too.
        leaves: endpoints that are wanted in the end.
    """

    does: Callable[[lbsls.Account, str], object]
    struck: str
    needs: str = "endpoint"
    leaves: int = 1


def _of(account: lbsls.Account, name: str) -> lbsls.Endpoint:
    endpoint = account.find(name)
    assert endpoint is not None
    return endpoint


def _status(response: lbsls.Response) -> object:
    return response.status_code if response.status_code != 200 else None


def _deploy(account: lbsls.Account, name: str, **fields: object) -> None:
    account.deploy(resource(name, **fields), wait=False, timeout=TIMEOUT)


def _undeploy(account: lbsls.Account, name: str) -> None:
    account.undeploy(resource(name))


def _deploy_nothing(account: lbsls.Account, name: str) -> None:
    """Ask for an image that is not there; the error quotes a log that may be out of reach."""
    account.deploy(resource(name, imageName="missing:1", workersMin=1), timeout=TIMEOUT)


OPERATIONS: dict[str, Operation] = {
    "list": Operation(lambda account, name: account.endpoints() and None, "list"),
    "create": Operation(_deploy, "create", "nothing"),
    "get": Operation(lambda account, name: account.get(_ids[name]) and None, "get"),
    "update": Operation(partial(_deploy, imageName=OTHER), "update"),
    "delete": Operation(_undeploy, "delete", leaves=0),
    "workers": Operation(lambda account, name: account.workers(_known[name]) and None, "workers"),
    "logs": Operation(_deploy_nothing, "logs", "nothing"),
    "ping": Operation(
        lambda account, name: str(account.check_ping(_known[name]).health.name), "call", "worker"
    ),
    "GET": Operation(
        lambda account, name: _status(_known[name].get("/", timeout=TIMEOUT)), "call", "worker"
    ),
    "POST": Operation(
        lambda account, name: _status(_known[name].post("/", data=b"x", timeout=TIMEOUT)),
        "call",
        "worker",
    ),
}
_known: dict[str, lbsls.Endpoint] = {}
_ids: dict[str, str] = {}
_numbers = itertools.count()

STATUSES = (401, 402, 403, 404, 409, 422, 429, 500, 502, 503, 504, 524)
FAULTS: dict[str, Fault] = {
    **{str(status): Fault.answer(status) for status in STATUSES},
    "403, HTML": Fault.answer(403, html=True),
    "429, Retry-After": Fault.answer(429, retry_after=0.5),
    "503, done": Fault.answer(503, done=True),
    "504, done": Fault.answer(504, done=True),
    "no capacity": Fault.no_capacity(),
    "200, HTML": Fault.page(),
    "200, HTML, done": Fault.page(done=True),
    "late": Fault.delay(0.3),
    "hangs": Fault.hang(),
    "hangs, done": Fault.hang(done=True),
    "closed before": Fault.close(),
    "closed after": Fault.close(done=True),
    "cut short": Fault.cut(),
    "wrong types": Fault.wrong_types(),
    "unknown words": Fault.unknown_enums(),
    "list lags 1 s": Fault.lag(1.0),
    "young: 404 for 1 s": Fault.missing(1.0),
    "all down": Fault.down(1.0),
}
WORKER_FAULTS: dict[str, Fault] = {
    "crash": Fault.crash(),
    "freeze": Fault.freeze(),
    "never listen": Fault.never_listen(),
    "wrong port": Fault.wrong_port(),
    "204 for ever": Fault.no_content(),
    "flap": Fault.flap(0.2),
}


@frozen
class Cell:
    """How one verb ended under one fault.

    Attributes:
        outcome: ``ok``, the name of an error, or the status of an answer.
        tries: requests of the struck operation.
        wanted: endpoints of the name after a quiet rerun, at most one.
        duplicates: more of them.
        orphans: endpoints that there should not be.
    """

    outcome: str
    tries: int
    wanted: int
    duplicates: int = 0
    orphans: int = 0
    reason: str = field(default="", eq=False)

    def __str__(self) -> str:
        return f"{self.outcome} {self.tries}"


def strike(
    local: LocalRunpod,
    account: lbsls.Account,
    operation: Operation,
    fault: Fault,
    times: int | None,
) -> Cell:
    """Let a fault strike a verb on an endpoint of its own, then put everything right."""
    name = f"e{next(_numbers)}"
    if operation.needs != "nothing":
        fields = {"workersMin": 1} if operation.needs == "worker" else {}
        endpoint = account.deploy(resource(name, **fields), wait=operation.needs == "worker")
        _known[name], _ids[name] = endpoint, endpoint.id
    else:
        _ids[name] = ""
    local.requests.clear()
    # states last, and a list names no endpoint
    where = operation.struck if fault.kind not in ("lag", "missing", "down") else None
    if fault.kind == "down" and times is None:
        fault = Fault.down(60.0)
    local.faults.add(
        fault,
        operation=where,  # type: ignore[arg-type]
        times=times if where else None,
    )
    outcome, reason = _outcome(operation, account, name)
    tries = len(local.requests.of(operation.struck))
    local.faults.clear()
    return evolve(_left(account, operation, name), outcome=outcome, tries=tries, reason=reason)


def _outcome(operation: Operation, account: lbsls.Account, name: str) -> tuple[str, str]:
    try:
        said = operation.does(account, name)
    except lbsls.LbslsError as error:
        return type(error).__name__, str(error)
    return "ok" if said in (None, (), "READY") else str(said), ""


def _left(account: lbsls.Account, operation: Operation, name: str) -> Cell:
    """Run the verb again, quietly, and count; then take it all away."""
    if operation.leaves:
        held = account.deploy(resource(name), wait=False).id
    else:
        account.undeploy(resource(name))
        held = ""
    found = account.endpoints()
    wanted = sum(endpoint.id == held for endpoint in found)
    same = sum(endpoint.name == name for endpoint in found) - wanted
    for endpoint in found:
        account.undeploy(endpoint)
    duplicates = same if operation.leaves else 0
    return Cell("", 0, wanted, duplicates, len(found) - wanted - duplicates)


def _chunk(work: Sequence[tuple[str, str, int | None]]) -> dict[tuple[str, str], Cell]:
    """Do a part of the table with a local Runpod of its own."""
    cells = {}
    with ExitStack() as stack:
        local = runpod({IMAGE: APP, OTHER: APP}, hold=2.0)
        stack.enter_context(local)
        for fault, operation, times in work:
            account = lbsls.Account(local.api_key, base_url=local.url, transport=Impatient())
            with account:
                cells[fault, operation] = strike(
                    local, account, OPERATIONS[operation], FAULTS[fault], times
                )
    return cells


def matrix(title: str, times: int | None) -> str:
    """Strike every operation with every fault, and tell."""
    work = [(fault, operation, times) for fault in FAULTS for operation in OPERATIONS]
    with ThreadPoolExecutor(CHUNKS) as pool:
        parts = list(pool.map(_chunk, [work[start::CHUNKS] for start in range(CHUNKS)]))
    cells = {key: cell for part in parts for key, cell in part.items()}
    lines = []
    for fault in FAULTS:
        row = [cells[fault, operation] for operation in OPERATIONS]
        sums = [
            sum(values) for values in zip(*((c.duplicates, c.orphans) for c in row), strict=True)
        ]
        right = all(
            cell.wanted == OPERATIONS[name].leaves
            for name, cell in zip(OPERATIONS, row, strict=True)
        )
        lines.append([fault, *map(str, row), "yes" if right else "NO", *map(str, sums)])
    table = grid(title, ["fault", *OPERATIONS, "as wanted", "duplicates", "orphans"], lines)
    return proved(table, [line for line in lines if line[-3:] != ["yes", "0", "0"]])


def workers() -> str:
    """Let workers go wrong while an endpoint is deployed, and tell."""
    deploy = Operation(
        lambda account, name: account.deploy(resource(name), timeout=8) and None,
        "create",
        "nothing",
    )
    options = {"probe_timeout": 0.5, "probe_interval": 0.2, "restart_delay": 0.1, "hold": 3.0}
    lines = []
    local = runpod({IMAGE: APP}, **options)  # type: ignore[arg-type]
    with local as account:
        for what, fault in WORKER_FAULTS.items():
            cell = strike(local, account, deploy, fault, None)
            reason = (cell.reason.partition("likely cause: ")[2] or cell.reason).partition("\n")[0]
            counts = [str(cell.wanted), str(cell.duplicates), str(cell.orphans)]
            lines.append([what, str(cell), *counts, reason])
    head = ["fault", "deploy", "wanted", "duplicates", "orphans", "likely cause in the error"]
    table = grid("Workers that go wrong", head, lines)
    return proved(table, [line for line in lines if line[2:5] != ["1", "0", "0"]])


def report(brief: bool) -> str:
    """Strike, once each or also every time, and tell."""
    logging.getLogger("lbsls").setLevel(logging.ERROR)  # each retry is a warning
    tables = [matrix("Struck once", 1)]
    if not brief:  # most of these end with a deadline
        tables.append(matrix("Struck every time", None))
    return "\n".join([*tables, workers()])
