"""What a type checker says of the public API. Checked by mypy and pyright, never run."""

from __future__ import annotations

import requests
from typing_extensions import assert_type

from lbsls import (
    Account,
    Adaptive,
    Backoff,
    Consecutive,
    DataCenter,
    Endpoint,
    FixedSchedule,
    GpuPool,
    Health,
    LoadBalancerSlsResource,
    NetworkVolume,
    Ping,
    Plan,
    Response,
    ServerlessResource,
    ServerlessType,
    Strategy,
    Worker,
)
from lbsls.events import Event
from lbsls.live import Settings
from lbsls.records import replace
from lbsls.testing import AsyncScriptedTransport, ScriptedTransport
from lbsls.transports import AsyncTransport, Transport
from lbsls.transports.blocking import RequestsTransport
from lbsls.transports.threads import ThreadTransport
from lbsls.values import Headers


def listen(event: Event) -> None:
    """Hear of an event."""
    print(event)


async def listen_async(event: Event) -> None:
    """Hear of an event."""
    print(event)


transports: list[Transport] = [RequestsTransport(), ScriptedTransport([])]
async_transports: list[AsyncTransport] = [
    ThreadTransport(RequestsTransport()),
    AsyncScriptedTransport(ScriptedTransport([])),
]
strategies: list[Strategy] = [FixedSchedule(10, 5.0), Backoff(), Adaptive(), Consecutive(2)]

resource = LoadBalancerSlsResource(
    name="app",
    imageName="img:1",
    env={"A": "1"},
    workersMin=0,
    workersMax=3,
    scalerValue=10,
    gpus=GpuPool.ADA_24,
    datacenter=[DataCenter.EU_RO_1, "XX-9"],
    networkVolume=NetworkVolume("v1"),
    type=ServerlessType.QB,
    flashboot=True,
    ports=["8000/http"],
)
assert_type(resource.deploy(), Endpoint)
assert_type(resource.deploy(dry_run=True), Plan)
assert_type(resource.deploy(dry_run=bool(print()), timeout=9), Endpoint | Plan)
assert_type(LoadBalancerSlsResource.from_mapping("app", {}), LoadBalancerSlsResource)

account = Account("key", project="shop", transport=transports[0])
assert_type(Account.from_env(), Account)
assert_type(account.deploy(resource, wait=False, timeout=1, adopt=None, on_event=listen), Endpoint)
assert_type(account.deploy(resource, dry_run=True, adopt=True), Plan)
assert_type(account.deploy(resource, dry_run=False, cleanup="on_failure"), Endpoint)
assert_type(account.plan([resource]), tuple[Plan, ...])
assert_type(account.orphans([resource, "app"]), tuple[Endpoint, ...])
assert_type(
    account.prune([resource], only=account.orphans([]), on_event=listen), tuple[Endpoint, ...]
)
assert_type(account.find("app"), Endpoint | None)
assert_type(account.get("e1"), Endpoint)
assert_type(account.endpoints(), tuple[Endpoint, ...])
assert_type(account.workers("app"), tuple[Worker, ...])
assert_type(account.undeploy(resource), bool)
assert_type(account.is_deployed(resource), bool)
assert_type(account.check_ping("app", timeout=1.0), Ping)
assert_type(account.wait_for_health("app", max_retries=20, retry_interval=3), bool)
assert_type(account.session("app"), requests.Session)
assert_type(account.environ(), dict[str, str])

endpoint = account.get("e1")
assert_type(endpoint.resource, ServerlessResource)
assert_type(endpoint.post("/run", json={"a": [1]}, params={"q": [1, 2]}, timeout=1.0), Response)
assert_type(endpoint.get(headers={"X": "y"}, on_event=listen), Response)
assert_type(endpoint.get().raise_for_status(), Response)

account.deploy("app")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
account.deploy(resource, False)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
resource.deploy(cleanup="yes")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
endpoint.get("/", jsn={})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
endpoint.id = "e2"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
endpoint.idd = "e2"  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

assert_type(replace(Ping(Health.READY, 200), status=204), Ping)
assert_type(Response(200, {"X": "y"}).headers, Headers)
Ping(Health.READY, "200")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Ping(Health.READY, elapsd=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Settings("img:1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def twins() -> None:
    """Give the same as the blocking verbs."""
    async with Account("key", async_transport=async_transports[0]) as inside:
        assert_type(await inside.deploy_async(resource, on_event=listen_async), Endpoint)
        assert_type(await inside.deploy_async(resource, dry_run=True), Plan)
        assert_type(await resource.deploy_async(account=inside, dry_run=True), Plan)
        assert_type(await inside.prune_async(["app"]), tuple[Endpoint, ...])
        assert_type(await inside.find_async("app"), Endpoint | None)
        assert_type(await inside.wait_for_health_async("app", strategy=strategies[0]), bool)
        assert_type(await endpoint.post_async("/run", json=1), Response)
        assert_type(await resource.is_healthy_async(account=inside), bool)
