"""The snippets of the design document, in its order, against a local Runpod.

Each runs in the blocking spelling of this library, and with its ``_async`` twins on asyncio and on
trio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import lbsls
from lbsls import (
    Account,
    ConfigError,
    DataCenter,
    Endpoint,
    Health,
    LbslsWarning,
    LoadBalancerSlsResource,
    NetworkVolume,
    ServerlessScalerType,
    ServerlessType,
)

APP = ["python", str(Path(__file__).with_name("local") / "apps" / "plain.py")]
SILENT = ["python", "-c", "import time; time.sleep(60)"]
IMAGES = {
    "my-mothership-app:latest": APP,
    "my-image:latest": APP,
    "image": APP,
    "silent:latest": SILENT,
}

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """Give an account of a local Runpod."""
    with lbsls.local.runpod(images=IMAGES) as account:
        yield account


@pytest.fixture(autouse=True)
def environment(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the environment at the local Runpod, as ``lbsls local`` asks for."""
    for name, value in account.environ().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def call(request: pytest.FixtureRequest) -> Call:
    """Call a verb by name: itself, or its twin on one event loop or the other."""

    def call(target: Any, verb: str, *args: Any, **options: Any) -> Any:
        if request.param == "blocking":
            return getattr(target, verb)(*args, **options)
        twin = partial(getattr(target, f"{verb}_async"), *args, **options)
        return asyncio.run(twin()) if request.param == "asyncio" else trio.run(twin)

    return call


@pytest.fixture
def removed(account: Account) -> Iterator[None]:
    """Leave no endpoint to the next test."""
    yield
    for endpoint in account.endpoints():
        endpoint.undeploy()


@pytest.mark.usefixtures("removed")
def test_usage_basic_provisioning(call: Call) -> None:
    """Usage, Basic Provisioning: deploy gives an endpoint that is deployed and healthy."""
    mothership = LoadBalancerSlsResource(
        name="mothership",
        imageName="my-mothership-app:latest",
        workersMin=1,
        workersMax=3,
        env={
            "FLASH_APP": "my_app",
            "LOG_LEVEL": "INFO",
        },
    )

    deployed = call(mothership, "deploy")

    assert deployed.id
    assert 200 == call(deployed, "get", "/ping").status_code
    assert deployed.endpoint_url.startswith("http://127.0.0.1:")
    assert {"FLASH_APP": "my_app", "LOG_LEVEL": "INFO"}.items() <= dict(
        deployed.resource.env
    ).items()


@pytest.mark.usefixtures("removed")
def test_usage_configuration_options(call: Call) -> None:
    """Usage, Configuration Options: every option is accepted, sent and live."""
    with pytest.warns(LbslsWarning, match="executionTimeoutMs=600000"):
        resource = LoadBalancerSlsResource(
            # Required fields
            name="my-endpoint",
            imageName="my-image:latest",
            # Worker scaling (for LB, these control max concurrent requests)
            workersMin=1,
            workersMax=5,
            scalerValue=10,
            # Environment configuration
            env={
                "ENV_VAR": "value",
            },
            # Network and storage
            networkVolume=NetworkVolume(id="vol_abc"),
            # Deployment location
            datacenter=DataCenter.EU_RO_1,
            # Timeouts
            executionTimeoutMs=600000,
            idleTimeout=5,
        )

    live = call(resource, "deploy").settings

    assert (1, 5, 10) == (live.workersMin, live.workersMax, live.scalerValue)
    assert (("vol_abc",), ("EU-RO-1",)) == (live.networkVolume, live.datacenter)
    assert (600000, 5) == (live.executionTimeoutMs, live.idleTimeout)


@pytest.mark.usefixtures("removed")
def test_health_checks(call: Call) -> None:
    """Health Checks: is_deployed, the direct ping, and polling with parameters of one's own."""
    resource = LoadBalancerSlsResource(name="mothership", imageName="my-image:latest", workersMin=1)
    endpoint = call(resource, "deploy")

    # Synchronous health check
    is_healthy = endpoint.is_deployed()
    assert is_healthy is True

    # The same logic as a twin, on the endpoint and on the resource
    assert call(endpoint, "is_deployed") is True
    assert call(resource, "is_deployed") is True

    # Direct ping check (for debugging)
    is_responding = call(endpoint, "check_ping")
    assert Health.READY is is_responding.health
    assert 200 == is_responding.status

    # Health check polling with custom parameters
    healthy = call(
        endpoint,
        "wait_for_health",
        max_retries=20,
        retry_interval=3,  # seconds
    )
    assert healthy is True


def test_validation_and_error_handling_configuration_validation(call: Call) -> None:
    """Configuration Validation: the scaler of queues is refused, in the document's words."""
    said = ""
    try:
        bad_endpoint = LoadBalancerSlsResource(
            name="test",
            imageName="test:latest",
            scalerType=ServerlessScalerType.QUEUE_DELAY,  # Not allowed for LB!
        )
        call(bad_endpoint, "deploy")
    except ValueError as e:
        said = str(e)
        assert isinstance(e, ConfigError)

    assert said.startswith(
        "LoadBalancerSlsResource requires REQUEST_COUNT scaler, not QUEUE_DELAY. "
        "Load-balanced endpoints don't support queue-based scaling."
    )


@pytest.mark.usefixtures("removed")
def test_validation_and_error_handling_deployment_errors_health(
    call: Call, account: Account
) -> None:
    """Deployment Errors: what never gets healthy is a TimeoutError in the document's words."""
    said = ""
    seen: list[object] = []
    try:
        endpoint = LoadBalancerSlsResource(
            name="mothership",
            imageName="silent:latest",
        )
        call(endpoint, "deploy", timeout=3, on_event=seen.append)
    except TimeoutError as e:
        said = str(e)

    (left,) = account.endpoints()
    assert said, f"it deployed: {[str(event) for event in seen]}, {left.workers()}"
    head, *rest = said.splitlines()
    assert f"LB endpoint mothership ({left.id}) failed to become healthy within 3s" == head
    assert any(line.startswith("  likely cause: ") for line in rest)


def test_validation_and_error_handling_deployment_errors_api(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deployment Errors: what the API refuses is a ValueError that says what to do."""
    monkeypatch.setenv("RUNPOD_API_KEY", "a-wrong-key")
    endpoint = LoadBalancerSlsResource(
        name="mothership",
        imageName="my-image:latest",
    )
    with pytest.raises(ValueError, match="Check RUNPOD_API_KEY") as caught:
        call(endpoint, "deploy")

    assert "a-wrong-key" not in str(caught.value)


def test_type_safety() -> None:
    """Type Safety: the type is always LB."""
    endpoint = LoadBalancerSlsResource(
        name="test",
        imageName="image",
        type=ServerlessType.QB,  # This gets overridden!
    )

    assert endpoint.type == ServerlessType.LB  # Always LB


@pytest.mark.usefixtures("removed")
def test_thread_safety(account: Account) -> None:
    """Thread Safety: health checks of one endpoint run side by side in one event loop."""
    resource = LoadBalancerSlsResource(name="shared", imageName="image", workersMin=1)
    endpoint = resource.deploy(account=account)
    assert [True] * 8 == asyncio.run(_eight_checks(endpoint))


async def _eight_checks(endpoint: Endpoint) -> list[bool]:
    return list(await asyncio.gather(*(endpoint.is_deployed_async() for _ in range(8))))


def test_troubleshooting_configuration_validation_errors() -> None:
    """Troubleshooting: without a scaler type the right one is the default."""
    endpoint = LoadBalancerSlsResource(
        name="test",
        imageName="image",
        # scalerType NOT specified, defaults to REQUEST_COUNT
    )

    assert ServerlessScalerType.REQUEST_COUNT == endpoint.scalerType
