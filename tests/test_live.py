"""What the account answers: marks, endpoints as resources, and what travels with an endpoint."""

from __future__ import annotations

import asyncio
import copy
import pickle
import warnings
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lbsls.account import Account
from lbsls.drift import differences
from lbsls.errors import ConfigError
from lbsls.live import Endpoint, Mark, Settings, Worker, is_added
from lbsls.records import replace
from lbsls.resources import LoadBalancerSlsResource, NetworkVolume, ServerlessResource
from lbsls.wire import decode
from samples import KEY, MARK, answer, cpu_json, created, endpoint, resource, resources

SECRET = "hunter2hunter2"
BASE = "https://api.runpod.io"


@given(
    st.text(max_size=5).filter(lambda text: "/" not in text),
    st.text(min_size=1, max_size=5),
    st.text(min_size=1, max_size=5).filter(lambda text: "/" not in text),
)
@settings(max_examples=50, deadline=None)
def test_a_mark_is_read_as_it_was_written(project: str, name: str, nonce: str) -> None:
    """Whatever an endpoint is called, slashes too, lbsls knows its own again."""
    mark = Mark(project, name, nonce)
    assert mark == Mark.parse(str(mark))


@pytest.mark.parametrize("text", [None, "", "a", "a/b", "a/b/", "a//c", "//"])
def test_what_is_no_mark_marks_nothing(text: str | None) -> None:
    """An endpoint that somebody else made is not taken for ours."""
    assert Mark.parse(text) is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("LBSLS_MARK", True),
        ("RUNPOD_POD_ID", True),
        ("PORT", True),
        ("PORT_HEALTH", True),
        ("PORTKEY_API_KEY", False),
        ("HEALTH_CHECK_PATH", False),
    ],
)
def test_what_was_added_is_known_by_name(key: str, expected: bool) -> None:
    """A user's own variable is never taken for one that lbsls or Runpod added."""
    assert expected is is_added(key)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(resources())
def test_an_endpoint_declares_itself(declared: LoadBalancerSlsResource) -> None:
    """The resource of an endpoint differs from it in nothing, so deploying it changes nothing."""
    if declared.templateId is not None:
        declared = evolve_quietly(declared, templateId=None, imageName="i")
    live = decode.endpoint(answer(created(declared)), "get")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = live.resource
    assert () == differences(found, live)
    assert (declared.name, declared.imageName) == (found.name, found.imageName)
    assert {**(declared.env or {})}.items() <= {**(found.env or {})}.items()


def evolve_quietly(declared: LoadBalancerSlsResource, **changes: Any) -> LoadBalancerSlsResource:
    """Change a resource without the warnings that it may give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return evolve(declared, **changes)


def test_the_resource_of_an_endpoint_is_written_out() -> None:
    """Every live setting is declared, but nothing that is not the user's."""
    gpu = {"pools": ["ADA_24"], "count": 2, "allowedCudaVersions": [], "minCudaVersion": "12.4"}
    env = {"LBSLS_MARK": str(MARK), "RUNPOD_X": "1", "PORT": "80", "A": "1"}
    found = endpoint(gpu=gpu, env=env, networkVolumes=["vol"], dataCenterIds=["EU-RO-1"]).resource
    expected = resource(
        env={"PORT": "80", "A": "1"},
        gpus="ADA_24",
        gpuCount=2,
        minCudaVersion="12.4",
        networkVolume=NetworkVolume("vol"),
        datacenter="EU-RO-1",
        workersMin=0,
        workersMax=3,
        idleTimeout=10,
        scalerValue=4,
        executionTimeoutMs=300000,
        flashboot=False,
        ports="80/http",
    )
    assert expected == found


def test_the_resource_of_other_kinds() -> None:
    """A queue is a queue again, and CPUs stay CPUs."""
    scaling = {"type": "QUEUE_DELAY", "queueDelay": 2.5}
    queue = endpoint(type="QUEUE", scaling=scaling).resource
    assert (ServerlessResource, 2.5) == (type(queue), queue.scalerValue)
    cpu = decode.endpoint(answer(cpu_json()), "get").resource
    assert (("cpu3g-2-8",), None) == (cpu.instanceIds, cpu.gpus)


def test_an_endpoint_that_breaks_a_rule_says_so() -> None:
    """What a console allows and no declaration can say, is named."""
    with pytest.raises(ConfigError, match="needs an image"):
        _ = endpoint(image=None).resource


def of_account(**changes: Any) -> Endpoint:
    """Give an endpoint that came from an account."""
    found = endpoint(env={"PASSWORD": SECRET, "LBSLS_MARK": str(MARK)}, **changes)
    return replace(found, base_url=BASE, _account=Account(KEY))


def test_an_endpoint_travels_without_secrets() -> None:
    """Its pickle holds neither the key nor a value of env, and all else."""
    found = of_account()
    data = pickle.dumps(found)
    assert [] == [secret for secret in (KEY, SECRET) if secret.encode() in data]
    arrived = pickle.loads(data)
    assert replace(found, _account=None, settings=replace(found.settings, env=None)) == arrived
    assert (None, MARK) == (arrived.settings.env, arrived.mark)
    assert arrived.resource.env is None
    assert KEY not in repr(copy.copy(found))


def test_an_endpoint_does_not_show_secrets() -> None:
    """An endpoint in a log has neither the key nor a value of env."""
    assert [] == [secret for secret in (KEY, SECRET) if secret in repr(of_account())]


def test_an_endpoint_keeps_its_account() -> None:
    """Its verbs talk to where it came from."""
    account = Account(KEY)
    assert account is replace(endpoint(), _account=account).account


def test_an_unpickled_endpoint_takes_the_account_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a worker process the key comes from the environment."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    monkeypatch.delenv("RUNPOD_API_BASE_URL", raising=False)
    arrived = pickle.loads(pickle.dumps(of_account()))
    assert BASE == arrived.account.base_url


def test_an_unpickled_endpoint_of_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key for one control plane is not sent about an endpoint of another."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", "http://127.0.0.1:1")
    arrived = pickle.loads(pickle.dumps(of_account()))
    with pytest.raises(ConfigError, match=r"ep1 is of https://api.runpod.io, not of http://127"):
        _ = arrived.account


def test_settings_that_are_not_told_are_none() -> None:
    """What an answer leaves out is not mistaken for a setting."""
    assert (None, (), ()) == (
        Settings().workersMin,
        Settings().datacenter,
        Settings().networkVolume,
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("RUNNING", True),
        ("IDLE", True),
        ("INITIALIZING", False),
        ("UNHEALTHY", False),
        ("?", False),
    ],
)
def test_whether_a_worker_is_up(status: str, expected: bool) -> None:
    """A worker of a status that Runpod adds is not counted on."""
    assert expected is Worker("w", status).is_up


@pytest.mark.parametrize("verb", ["deploy", "deploy_async"])
def test_an_unpickled_endpoint_is_not_deployed_without_its_env(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The values of env stay behind, and nothing is created that would lack them."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    monkeypatch.delenv("RUNPOD_API_BASE_URL", raising=False)
    arrived = pickle.loads(pickle.dumps(of_account()))
    call = arrived.deploy if verb == "deploy" else lambda: asyncio.run(arrived.deploy_async())
    with pytest.raises(ConfigError, match="its env did not travel with it"):
        call()
