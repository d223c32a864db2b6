"""Every rule: which field, why, and what to write instead; all mistakes at once, no secrets."""

from __future__ import annotations

import warnings
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lbsls.enums import ServerlessScalerType
from lbsls.errors import ConfigError, LbslsWarning
from lbsls.resources import LoadBalancerSlsResource, NetworkVolume, ServerlessResource
from samples import resource

SECRET = "hunter2hunter2"
HUGE = 10**5000
WHOLE = "must be a whole number"
NO_IMAGE = "LoadBalancerSlsResource needs an image: imageName or templateId must be given."
GPUS = {"gpus": ["ADA_24"]}

RULES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"name": ""}, "name", "a text that is not empty, not ''.", "Write name='my-app'."),
    ({"name": None}, "name", "a text that is not empty, not None.", "Write name='my-app'."),
    ({"name": b"app"}, "name", "not b'app'.", "Write name='my-app'."),
    ({"name": " my  app"}, "name", "has blanks around it", "Write name='my app'."),
    ({"name": "a\x00b"}, "name", "control characters in it.", "Write name='a b'."),
    ({"name": "\u200b"}, "name", "control characters in it.", "Write name='my-app'."),
    ({"imageName": None}, "imageName", NO_IMAGE, "Write imageName='my-app:latest'."),
    ({"imageName": " "}, "imageName", "a text that is not empty, not ' '.", ""),
    ({"templateId": 5}, "templateId", "a text that is not empty, not 5.", ""),
    ({"registry": ""}, "registry", "a text that is not empty, not ''.", ""),
    ({"args": ["--x"]}, "args", "args must be a text, not ['--x'].", ""),
    (
        {"scalerType": "SPEED"},
        "scalerType",
        "must be REQUEST_COUNT or QUEUE_DELAY, not 'SPEED'.",
        "Write scalerType=ServerlessScalerType.REQUEST_COUNT.",
    ),
    ({"scalerValue": 0}, "scalerValue", f"{WHOLE} of at least 1, not 0.", ""),
    ({"scalerValue": 2.5}, "scalerValue", f"{WHOLE} of at least 1, not 2.5.", ""),
    ({"workersMin": -1}, "workersMin", f"{WHOLE} of at least 0, not -1.", ""),
    ({"workersMax": True}, "workersMax", f"{WHOLE} of at least 0, not True.", ""),
    ({"workersMax": 2**31}, "workersMax", f"{WHOLE} of at most 2147483647, not 2147483648.", ""),
    ({"workersMin": HUGE}, "workersMin", f"{WHOLE} of at most 2147483647", ""),
    (
        {"workersMin": 5, "workersMax": 2},
        "workersMin",
        "workersMin=5 is above workersMax=2.",
        "Write workersMax=5 or more, or lower workersMin.",
    ),
    (
        {"workersMin": 4},
        "workersMin",
        "workersMin=4 is above workersMax=3 (Runpod's default).",
        "Write workersMax=4 or more, or lower workersMin.",
    ),
    ({"idleTimeout": 0}, "idleTimeout", f"{WHOLE} from 1 to 3600, not 0.", ""),
    ({"idleTimeout": 3601}, "idleTimeout", f"{WHOLE} from 1 to 3600, not 3601.", ""),
    ({"executionTimeoutMs": 0}, "executionTimeoutMs", f"{WHOLE} of at least 1, not 0.", ""),
    ({"disk": "20"}, "disk", f"{WHOLE} of at least 1, not '20'.", ""),
    ({"disk": float("inf")}, "disk", f"{WHOLE} of at least 1, not inf.", ""),
    ({"flashboot": "FAST"}, "flashboot", "OFF, FLASHBOOT or PRIORITY_FLASHBOOT, not 'FAST'.", ""),
    ({"ports": "80"}, "ports", "ports has '80'; a port is a number", "Write ports=['8000/http']."),
    ({"ports": ["0/http"]}, "ports", "ports has '0/http'", "Write ports=['8000/http']."),
    ({"ports": ["65536/tcp"]}, "ports", "ports has '65536/tcp'", "Write ports=['8000/http']."),
    ({"ports": ["80/udp"]}, "ports", "ports has '80/udp'", "Write ports=['8000/http']."),
    ({"ports": 80}, "ports", "ports has 80;", "Write ports=['8000/http']."),
    ({"ports": b"80/http"}, "ports", "ports has b'80/http';", "Write ports=['8000/http']."),
    ({"env": [("A", "b")]}, "env", "a mapping of texts to texts, not list.", "Write env={"),
    ({"env": {"": "x"}}, "env", "cannot name a variable", "Write env={'LOG_LEVEL': 'INFO'}."),
    ({"env": {"A\x00": "x"}}, "env", "cannot name a variable", "Write env={"),
    ({"env": {5: "x"}}, "env", "cannot name a variable (empty, or with '=' in it): 5.", "Write"),
    ({"env": {f"A={SECRET}": ""}}, "env", "with '=' in it): 'A'.", "Write env={"),
    ({"env": {"LBSLS_X": SECRET}}, "env", "LBSLS_ belong to lbsls.", "Rename it."),
    ({"env": {"A": 5}}, "env", "env['A'] must be a text, not int.", "Write it in quotes"),
    ({"env": {"A": None}}, "env", "env['A'] must be a text, not NoneType.", "or str(...)"),
    ({"env": {"A": [SECRET]}}, "env", "env['A'] must be a text, not list.", "for 'A'."),
    ({"env": {"PORT": "http"}}, "env", "env['PORT'] must be a port number", "{'PORT': '8000'}."),
    ({"env": {"PORT_HEALTH": "0"}}, "env", "env['PORT_HEALTH'] must be a port", "Write env="),
    ({"env": {"PORT": "٨"}}, "env", "env['PORT'] must be a port number", "Write env="),
    ({"env": {"HEALTH_CHECK_PATH": "up"}}, "env", "must begin with '/'.", "'/ping'}."),
    ({"gpus": ()}, "gpus", "gpus must not be empty.", "Write gpus=[GpuPool.ADA_24]"),
    ({"gpus": ["A", ""]}, "gpus", "gpus has '', which is no name.", "Write gpus="),
    ({"gpus": [5]}, "gpus", "gpus has 5, which is no name.", "Write gpus="),
    ({"gpuCount": 0}, "gpuCount", f"{WHOLE} of at least 1, not 0.", ""),
    ({"excludedGpus": ["L40"]}, "excludedGpus", "and gpus is not given.", "Write gpus=[...] too."),
    ({**GPUS, "excludedGpus": "-L"}, "excludedGpus", "'-L', which is no name.", "['NVIDIA L40']."),
    ({**GPUS, "excludedGpus": " L"}, "excludedGpus", "' L', which is no name.", "Write"),
    ({"datacenter": [None]}, "datacenter", "datacenter has None", "DataCenter.EU_RO_1."),
    (
        {**GPUS, "gpuCount": 1, "instanceIds": "cpu3g-2-8"},
        "instanceIds",
        "instanceIds asks for CPU workers and gpus, gpuCount for GPU workers.",
        "An endpoint has one of the two: leave the other out.",
    ),
    ({"instanceIds": ()}, "instanceIds", "must not be empty.", "Write instanceIds=['cpu3g-2-8']"),
    ({"instanceIds": "cpu3g"}, "instanceIds", "flavour, vCPUs and memory.", "Write instanceIds="),
    ({"instanceIds": [5]}, "instanceIds", "instanceIds has 5;", "Write instanceIds="),
    ({"instanceIds": "cpu3g-3-8"}, "instanceIds", "with 3 vCPUs; it must be a power", "Write"),
    ({"instanceIds": "cpu3g-1"}, "instanceIds", "with 1 vCPUs; it must be a power", "Write"),
    ({"cudaVersions": ["12"]}, "cudaVersions", "has '12'; a version is major.minor.", "'12.8'."),
    ({"cudaVersions": 12.8}, "cudaVersions", "has 12.8; a version is major.minor.", "'12.8'."),
    ({"minCudaVersion": "12.8\n"}, "minCudaVersion", "a version is major.minor.", "'12.8'."),
    (
        {"cudaVersions": ["12.8"], "minCudaVersion": "12.4"},
        "minCudaVersion",
        "minCudaVersion and cudaVersions exclude each other.",
        "Keep one.",
    ),
    ({"networkVolume": "vol"}, "networkVolume", "a NetworkVolume, not str.", "(id='...')."),
    ({"networkVolume": [5]}, "networkVolume", "a NetworkVolume, not int.", "(id='...')."),
]


@pytest.mark.parametrize(("fields", "field", "reason", "instead"), RULES)
def test_each_rule(fields: dict[str, Any], field: str, reason: str, instead: str) -> None:
    """A mistake is refused at once, with its field, the reason and what to write instead."""
    with pytest.raises(ConfigError) as caught:
        resource(**fields)
    (violation,) = caught.value.violations
    assert field == violation.field
    assert reason in violation.reason
    assert instead in violation.instead
    assert (violation.reason[0] != " ", violation.reason[-1]) == (True, ".")
    assert str(violation) == str(caught.value)
    assert SECRET not in str(caught.value) + repr(caught.value)


QUEUE_RULES: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "LB", "scalerType": "REQUEST_COUNT"}, "type", "ServerlessResource is queue-based"),
    ({"type": "POD"}, "type", "type must be ServerlessType.QB, not 'POD'."),
    ({"scalerValue": 0.4}, "scalerValue", "at least 0.5 seconds with QUEUE_DELAY, not 0.4."),
    ({"scalerValue": float("nan")}, "scalerValue", "not nan."),
    ({"scalerValue": 10**400}, "scalerValue", "at least 0.5 seconds"),
    ({"scalerValue": Decimal(4)}, "scalerValue", "not Decimal('4')."),
    ({"scalerType": "REQUEST_COUNT", "idleTimeout": 5}, "idleTimeout", "is refused for a queue"),
]


@pytest.mark.parametrize(("fields", "field", "reason"), QUEUE_RULES)
def test_each_rule_of_queues(fields: dict[str, Any], field: str, reason: str) -> None:
    """Queue-based resources have rules of their own."""
    with pytest.raises(ConfigError) as caught:
        ServerlessResource(name="q", imageName="i", **fields)
    (violation,) = caught.value.violations
    assert field == violation.field
    assert reason in violation.reason


@pytest.mark.parametrize("scaler", [ServerlessScalerType.QUEUE_DELAY, "QUEUE_DELAY"])
def test_the_specs_message_word_for_word(scaler: str) -> None:
    """The design's own example raises a ValueError with the design's own words."""
    expected = (
        "LoadBalancerSlsResource requires REQUEST_COUNT scaler, not QUEUE_DELAY. "
        "Load-balanced endpoints don't support queue-based scaling."
    )
    with pytest.raises(ValueError, match="REQUEST_COUNT") as caught:
        LoadBalancerSlsResource(name="test", imageName="test:latest", scalerType=scaler)
    assert f"{expected} Leave scalerType out." == str(caught.value)


def test_all_mistakes_are_named_at_once() -> None:
    """Nobody fixes a declaration one error at a time."""
    with pytest.raises(ConfigError) as caught:
        LoadBalancerSlsResource(
            name="",
            scalerType="QUEUE_DELAY",
            workersMin=5,
            workersMax=1,
            env={"LBSLS_MARK": SECRET, "TOKEN": SECRET.encode(), "PORT": SECRET},
            gpus=(),
        )
    fields = [violation.field for violation in caught.value.violations]
    expected = ["name", "imageName", "scalerType", "workersMin", "env", "env", "env", "gpus"]
    assert expected == fields
    lines = str(caught.value).splitlines()
    assert "LoadBalancerSlsResource '' has 8 mistakes:" == lines[0]
    assert [f"  {field}:" for field in fields] == [line.split(":")[0] + ":" for line in lines[1:]]
    assert SECRET not in str(caught.value) + repr(caught.value) + repr(vars(caught.value))


@pytest.mark.parametrize("id", [None, "", "  ", 5])
def test_a_volume_needs_an_id(id: Any) -> None:
    """Creating volumes comes later, and the error says what to do until then."""
    with pytest.raises(ConfigError, match=r"creating volumes comes later.*NetworkVolume\(id="):
        NetworkVolume(id)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"executionTimeoutMs": 600_000}, "executionTimeoutMs=600000 has no effect above 330000"),
        ({"ports": ["1/http", "2/http"]}, "ports=['1/http', '2/http'] does not expose 80/http"),
        ({"ports": ["80/http"], "env": {"PORT": "8000"}}, "add '8000/http' to ports"),
        ({"ports": []}, "ports=[] does not expose 80/http"),
    ],
)
def test_what_will_disappoint_is_a_warning(fields: dict[str, Any], expected: str) -> None:
    """What is allowed is allowed, and told; the warning points at the caller's own line."""
    with pytest.warns(LbslsWarning) as caught:
        LoadBalancerSlsResource(name="app", imageName="i", **fields)
    assert str(caught[0].message).startswith("app: ")
    assert expected in str(caught[0].message)
    assert __file__ == caught[0].filename


@pytest.mark.parametrize(
    "make",
    [
        lambda: resource(executionTimeoutMs=330_000, ports=["80/http", "22/tcp"]),
        lambda: resource(ports=["8000/http"], env={"PORT": "8000"}),
        lambda: resource(imageName=None, templateId="t", ports=["8000/http"]),
        lambda: ServerlessResource(name="q", imageName="i", executionTimeoutMs=10**6, ports=[]),
    ],
)
def test_what_is_fine_warns_of_nothing(make: Any) -> None:
    """No warning where there is nothing to say."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make()


class Odd:
    """A value that cannot even be shown."""

    id = 5

    def __repr__(self) -> str:
        raise RuntimeError("no")


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from([HUGE, -HUGE, 10**400, 1e308, Odd(), Odd, object(), range(3), memoryview(b"")]),
    st.binary(max_size=4),
    st.text(max_size=6),
    st.lists(st.one_of(st.none(), st.text(max_size=3), st.just([]), st.just({})), max_size=3),
    st.sets(st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(
        st.none() | st.integers() | st.text(max_size=3) | st.binary(max_size=3),
        st.none() | st.floats() | st.text(max_size=3) | st.just([]),
        max_size=3,
    ),
    st.lists(st.text(max_size=3), max_size=2).map(iter),
    st.sampled_from(["LB", "QUEUE_DELAY", "80/http", "cpu3g-2", "12.8", "OFF", "\ud800"]),
)
FIELDS = sorted(set(LoadBalancerSlsResource.__init__.__annotations__) - {"return"})


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([LoadBalancerSlsResource, ServerlessResource]),
    st.dictionaries(st.sampled_from(FIELDS), junk, min_size=1, max_size=4),
)
def test_junk_is_a_config_error_or_a_resource(
    kind: type[ServerlessResource], fields: dict[str, Any]
) -> None:
    """Whatever is passed in whatever field, nothing but a ConfigError comes out, and readable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LbslsWarning)
        try:
            made = kind(**{"name": "app", "imageName": "i", **fields})
        except ConfigError as error:
            assert all(violation.field in FIELDS for violation in error.violations)
            assert str(error)
        else:
            assert hash(made) == hash(made)
            assert str(made)


@settings(max_examples=50, deadline=None)
@given(st.from_regex("[0-9]{3}[a-z]{3}[0-9]{9}", fullmatch=True))
def test_no_value_of_env_is_ever_shown(secret: str) -> None:
    """Neither a declaration nor an error about it shows a value of env."""
    env = {"A": secret, "PORT": secret, "HEALTH_CHECK_PATH": secret, "LBSLS_B": secret}
    with pytest.raises(ConfigError) as caught:
        resource(env={**env, "C": secret.encode(), f"D={secret}": secret})
    assert secret not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    made = resource(env={"A": secret})
    assert secret not in f"{made} {made!r} {made.env} {made.env!r}"
