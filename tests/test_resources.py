"""What a user declares: frozen, in Runpod's spelling, made of arguments or of a table."""

from __future__ import annotations

import copy
import enum
import pickle
from typing import Any

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from hypothesis import HealthCheck, given, settings

from lbsls.enums import (
    DataCenter,
    FlashBoot,
    GpuPool,
    ServerlessScalerType,
    ServerlessType,
    instance_of,
)
from lbsls.errors import ConfigError, LbslsWarning
from lbsls.resources import LoadBalancerSlsResource, NetworkVolume, ServerlessResource
from samples import MARK, resource, resources

SECRET = "hunter2hunter2"


class Name(str, enum.Enum):
    """A name as an app may keep it."""

    APP = "app"


def test_the_specs_options_can_all_be_declared() -> None:
    """The design's own example of every option makes a resource."""
    with pytest.warns(LbslsWarning, match="executionTimeoutMs=600000"):
        made = LoadBalancerSlsResource(
            name="my-endpoint",
            imageName="my-image:latest",
            workersMin=1,
            workersMax=5,
            scalerValue=10,
            env={"ENV_VAR": "value"},
            networkVolume=NetworkVolume("vol"),
            datacenter=DataCenter.EU_RO_1,
            executionTimeoutMs=600000,
            idleTimeout=5,
        )
    assert ((DataCenter.EU_RO_1,), (NetworkVolume("vol"),)) == (made.datacenter, made.networkVolume)
    assert {"ENV_VAR": "value"} == made.env


@pytest.mark.parametrize("given_", [ServerlessType.QB, "QB", "nonsense", None])
def test_a_load_balancer_is_one_whatever_is_passed(given_: Any) -> None:
    """The type of a load-balanced resource cannot be changed."""
    made = resource(type=given_)
    assert ServerlessType.LB == made.type
    assert ("LB", ServerlessScalerType.REQUEST_COUNT) == (made.type, made.scalerType)


def test_the_base_is_a_queue() -> None:
    """The base has the design's defaults and the same fields."""
    made = ServerlessResource(name="q", imageName="i")
    assert ("QB", "QUEUE_DELAY") == (made.type, made.scalerType)
    assert isinstance(resource(), ServerlessResource)


def test_what_is_left_out_is_none() -> None:
    """No default of ours is mistaken for a declaration."""
    made = resource()
    declared = {"name", "imageName", "type", "scalerType"}
    fields = set(ServerlessResource.__init__.__annotations__) - {"return"}
    assert {None} == {getattr(made, field) for field in fields - declared}


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("gpus", "ADA_24", (GpuPool.ADA_24,)),
        ("gpus", [GpuPool.ADA_24, "MOON_9000"], (GpuPool.ADA_24, "MOON_9000")),
        ("datacenter", ["EU-RO-1", "US_EAST_1"], (DataCenter.EU_RO_1, "US_EAST_1")),
        ("datacenter", (text for text in ["A", "B"]), ("A", "B")),
        ("networkVolume", [NetworkVolume("a")], (NetworkVolume("a"),)),
        ("instanceIds", "cpu3g-2-8", ("cpu3g-2-8",)),
        ("cudaVersions", "12.8", ("12.8",)),
        ("ports", "80/http", ("80/http",)),
        ("flashboot", True, FlashBoot.FLASHBOOT),
        ("flashboot", False, FlashBoot.OFF),
        ("flashboot", "PRIORITY_FLASHBOOT", FlashBoot.PRIORITY_FLASHBOOT),
        ("name", Name.APP, "app"),
    ],
)
def test_one_or_several_members_or_texts(field: str, value: Any, expected: Any) -> None:
    """One value needs no list, and a text that no enum knows yet is accepted."""
    made = resource(**{field: value})
    assert expected == getattr(made, field)
    assert f"{expected}" == f"{getattr(made, field)}"


def test_enums_are_their_texts() -> None:
    """A member can be compared, formatted and sent as the text that it is."""
    assert ("EU-RO-1", "EU-RO-1") == (str(DataCenter.EU_RO_1), f"{DataCenter.EU_RO_1}")
    assert hash("EU-RO-1") == hash(DataCenter.EU_RO_1)
    assert (GpuPool.ADA_24, "X", 5) == (GpuPool.of("ADA_24"), GpuPool.of("X"), GpuPool.of(5))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cpu3g-2-8", ("cpu3g", 2)),
        ("cpu3g-2", ("cpu3g", 2)),
        ("cpu-x-16-32", ("cpu-x", 16)),
        ("cpu9", ("cpu9", 0)),
        ("", ("", 0)),
        ("a-" + "9" * 5000, ("a-" + "9" * 5000, 0)),
    ],
)
def test_an_instance_is_taken_apart(text: str, expected: tuple[str, int]) -> None:
    """Whatever instance a later Runpod answers, it can be compared."""
    assert expected == instance_of(text)


def test_a_resource_is_frozen_and_a_value() -> None:
    """It can be a key, and what was checked stays as it was."""
    made = resource(env={"A": "1"}, gpus=["ADA_24"])
    assert (made, hash(made)) == (
        resource(env={"A": "1"}, gpus="ADA_24"),
        hash(resource(env={"A": "1"}, gpus="ADA_24")),
    )
    assert made != resource(env={"A": "2"}, gpus="ADA_24")
    with pytest.raises(FrozenInstanceError):
        made.workersMin = 5  # type: ignore[misc]


def test_a_changed_copy_is_checked() -> None:
    """``attrs.evolve`` gives a resource that is checked like any other."""
    assert 2 == evolve(resource(), workersMin=2).workersMin
    with pytest.raises(ConfigError, match="workersMin=9"):
        evolve(resource(), workersMin=9)


def test_env_does_not_show() -> None:
    """A resource in a log or a traceback has the names of its variables only."""
    text = repr(resource(env={"PASSWORD": SECRET}))
    assert (True, False) == ("'PASSWORD': '***'" in text, SECRET in text)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(resources())
def test_a_resource_survives_pickle_with_its_env(declared: LoadBalancerSlsResource) -> None:
    """A task queue gets the declaration whole."""
    assert declared == pickle.loads(pickle.dumps(declared)) == copy.deepcopy(declared)


TABLE = {"imageName": "i", "workersMax": 2, "gpus": ["ADA_24"], "env": {"A": "1"}}


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ("vol", (NetworkVolume("vol"),)),
        (["a", NetworkVolume("b")], (NetworkVolume("a"), NetworkVolume("b"))),
        (NetworkVolume("b"), (NetworkVolume("b"),)),
        (None, None),
    ],
)
def test_a_table_makes_a_resource(volume: Any, expected: Any) -> None:
    """A table of a file says the same as arguments do; volumes may be ids."""
    made = LoadBalancerSlsResource.from_mapping("app", {**TABLE, "networkVolume": volume})
    assert LoadBalancerSlsResource(name="app", networkVolume=expected, **TABLE) == made


def test_a_table_can_make_a_queue() -> None:
    """The class that is asked makes one of its own kind."""
    assert ServerlessResource is type(ServerlessResource.from_mapping("q", {"imageName": "i"}))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("workers_max", "has no field workers_max. Did you mean workersMax?"),
        ("image", "has no field image. Did you mean imageName?"),
        ("xyz", "has no field xyz. There are: imageName, templateId, "),
        ("workersStandby", "no place in Runpod's REST API v2, which lbsls speaks. Leave it out."),
        ("name", "name is given already, before the settings. Leave it out."),
        (5, "has no field 5."),
    ],
)
def test_an_unknown_key_of_a_table_is_named(key: Any, expected: str) -> None:
    """A slip in a file is found, with what was probably meant."""
    with pytest.raises(ConfigError) as caught:
        LoadBalancerSlsResource.from_mapping("app", {**TABLE, key: 1})
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("my-app:latest", "the settings must be a mapping, not str."),
        (None, "the settings must be a mapping, not NoneType."),
        ({"imageName": "i", "networkVolume": 5}, "must be a NetworkVolume, not int."),
        ({"imageName": "i", "networkVolume": [""]}, "must be a NetworkVolume, not str."),
        ({"imageName": "i", "networkVolume": {"id": "v"}}, "must be a NetworkVolume, not dict."),
        ({"imageName": "i", "env": {"PORT": 8000}}, "env['PORT'] must be a text, not int."),
    ],
)
def test_a_table_of_another_kind_is_refused(values: Any, expected: str) -> None:
    """What a file can hold and a resource cannot, is a ConfigError too."""
    with pytest.raises(ConfigError) as caught:
        LoadBalancerSlsResource.from_mapping("app", values)
    assert expected in str(caught.value)


def test_all_unknown_keys_are_named_at_once() -> None:
    """A file is put right in one go."""
    with pytest.raises(ConfigError, match="LoadBalancerSlsResource 'app' has 2 mistakes"):
        LoadBalancerSlsResource.from_mapping("app", {"imag": "i", "prots": []})


def test_a_mark_names_its_owner() -> None:
    """Project, name and nonce make the mark's text."""
    assert "project/app/0123456789abcdef" == str(MARK)


def test_a_repr_shows_what_is_declared() -> None:
    """What was left out stays out of the way."""
    text = repr(resource(workersMax=2))
    assert "workersMax=2" in text
    assert "None" not in text
