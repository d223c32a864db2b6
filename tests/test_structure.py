"""The rules of the house that no linter holds: exports, twins, flows, sizes, what is installed."""

from __future__ import annotations

import configparser
import importlib
import importlib.metadata
import inspect
import os
import pickle
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lbsls
from lbsls import errors
from lbsls.records import replace
from lbsls.values import Health, Ping
from samples import KEY, endpoint
from servers import reply, serving

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(lbsls.__file__).parent
FACADES = ["Account", "Endpoint", "LoadBalancerSlsResource", "ServerlessResource"]
TWINLESS = {"environ", "session"}
HEAVY = ["aiohttp", "anyio", "asyncio", "backoff", "cattrs", "click", "concurrent.futures"]
HEAVY += ["django", "email", "flask", "http", "requests", "rich", "tomli", "urllib3"]


def in_fresh_interpreter(code: str) -> str:
    """Run a line in an interpreter that has imported nothing yet, and give what it printed."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.skipif("TOX_ENV_NAME" not in os.environ, reason="only tox installs the wheel")
def test_the_wheel_is_tested_and_not_the_tree() -> None:
    """What the tests pass on is what a user installs, in child processes too."""
    inside = in_fresh_interpreter("import lbsls; print(lbsls.__file__)")
    assert [Path(lbsls.__file__), Path(inside)] == [PACKAGE / "__init__.py"] * 2
    assert PACKAGE.is_relative_to(sys.prefix)


def test_the_wheel_holds_all_of_the_package_and_nothing_else() -> None:
    """No data file is missing from what is installed, and no module that was removed is in it."""

    def files(package: Path) -> list[str]:
        found = (path for path in package.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(package)) for path in found if path.suffix != ".pyc")

    assert files(PACKAGE) == files(ROOT / "lbsls"), "remove a left-over build/ and run again"


def test_the_package_says_what_it_is() -> None:
    """A type checker trusts its annotations, and its version is the installed one."""
    assert (PACKAGE / "py.typed").is_file()
    assert lbsls.__version__ == importlib.metadata.version("lbsls")


def declared_bounds() -> dict[str, str]:
    """Give the lower bound of every dependency, of the extras too, as setup.cfg has it."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = [text for _, text in config.items("options.extras_require")]
    lines = "\n".join([config["options"]["install_requires"], *extras]).split("\n")
    pairs = [line.partition(";")[0].split(">=") for line in lines if line]
    return {name.strip(): bound.strip() for name, bound in pairs}


def test_the_oldest_dependencies_are_pinned_as_declared() -> None:
    """The versions that mindeps installs are the lower bounds that a user's installer reads."""
    lines = (ROOT / "tests" / "mindeps.txt").read_text(encoding="utf-8").splitlines()
    assert dict(line.split("==") for line in lines if line[0] != "#") == declared_bounds()


@pytest.mark.skipif(os.environ.get("TOX_ENV_NAME") != "mindeps", reason="only in tox's mindeps")
@pytest.mark.parametrize("name", declared_bounds())
def test_the_oldest_dependencies_are_what_is_tested(name: str) -> None:
    """A lower bound is a version that the tests have passed on."""

    def parts(version: str) -> list[str]:
        return re.sub(r"(\.0)+$", "", version).split(".")

    assert parts(importlib.metadata.version(name)) == parts(declared_bounds()[name])


def test_importing_is_light() -> None:
    """``import lbsls`` and every public name cost attrs and little else."""
    code = (
        "import sys, lbsls; lbsls.LoadBalancerSlsResource; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert in_fresh_interpreter(code) == "[]"


PING = """
import pickle, sys, requests
requests.get({url!r}, timeout=30)
known = set(sys.modules)
assert pickle.loads({endpoint!r}).check_ping(timeout=30).status == 200
print([name for name in sys.modules if name not in known and name.split(".")[0] != "lbsls"])
"""


def test_a_ping_needs_requests_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that pings starts as fast as one that uses `requests`: attrs stays out of it too."""
    with serving(reply()) as server:
        known = replace(endpoint(), base_url=server.url, health_url=f"{server.url}/ping")
        monkeypatch.setenv("RUNPOD_API_KEY", KEY)
        monkeypatch.setenv("RUNPOD_API_BASE_URL", server.url)
        code = PING.format(url=server.url, endpoint=pickle.dumps(known))
        assert in_fresh_interpreter(code) == "[]"


def test_every_public_name_is_there_and_sorted() -> None:
    """``__all__`` can be read from top to bottom, and ``import *`` works."""
    names = lbsls.__all__
    assert names == sorted(names)
    assert [name for name in names if getattr(lbsls, name, None) is None] == []
    assert set(names) <= set(dir(lbsls))


def modules() -> list[str]:
    """Name every module of the installed package."""
    found = pkgutil.walk_packages([str(PACKAGE)], "lbsls.")
    return [module.name for module in found if not module.name.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_every_module_exports_what_it_says(name: str) -> None:
    """A module's ``__all__``, where it has one, holds nothing that is missing."""
    module = importlib.import_module(name)
    names = getattr(module, "__all__", ())
    assert [each for each in names if not hasattr(module, each)] == []


API = {"status": 418, "title": "T", "detail": "d", "errors": ["e"], "request_id": "r"}
SAMPLES: dict[type[errors.LbslsError], tuple[tuple[Any, ...], dict[str, Any]]] = {
    errors.LbslsError: (("what",), {}),
    errors.ConfigError: (("app", [errors.Violation("f", "bad.", "Write 1.")]), {}),
    errors.TransportError: (("what", "why"), {"sent": False}),
    errors.ConnectError: (("what", "why"), {}),
    errors.TransportTimeout: (("what", "why"), {}),
    errors.AnswerTooLarge: (("what", 1000), {}),
    errors.RateLimited: (("what",), {**API, "retry_after": 1.5}),
    errors.WireError: (("what", "why"), {"body_excerpt": "<html>"}),
    errors.UntrustedHost: (("call app", "https://evil.test/x", "evil.test"), {}),
    errors.AmbiguousEndpoint: (("app", [("id", "2026-01-01", True)], "and why"), {}),
    errors.NotOurs: (("app", "id", ["workersMax: 1 -> 2"]), {}),
    errors.HealthTimeout: (
        ("app", "id", 3.0),
        {"pings": [Ping(Health.READY, 200)], "ping_counts": {"200": 1}, "diagnosis": "none"},
    ),
}


def error_classes() -> list[type[errors.LbslsError]]:
    """Give every error of the library."""
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, errors.LbslsError)]


def sample(kind: type[errors.LbslsError]) -> errors.LbslsError:
    """Make an error; a class that has no sample of its own is made like its base."""
    given, named = next(SAMPLES[base] for base in kind.__mro__ if base in SAMPLES)
    if issubclass(kind, errors.ApiError) and not named:
        given, named = ("what",), API
    return kind(*given, **named)


@pytest.mark.parametrize("kind", error_classes())
def test_every_error_can_be_pickled(kind: type[errors.LbslsError]) -> None:
    """An error crosses process borders (Celery, multiprocessing) with all that it says."""
    error = sample(kind)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), vars(copy), copy.args) == (str(error), vars(error), error.args)


def verbs(facade: str) -> dict[str, Any]:
    """Give the public methods of a facade class."""
    kind = getattr(lbsls, facade)
    return {name: f for name, f in inspect.getmembers(kind, inspect.isfunction) if name[0] != "_"}


@pytest.mark.parametrize("facade", FACADES)
def test_every_verb_has_a_twin(facade: str) -> None:
    """Nothing blocks an event loop for want of an async twin, and none lacks the blocking one."""
    names = set(verbs(facade)) - TWINLESS
    blocking = {name for name in names if not name.endswith("_async")}
    assert names - blocking == {f"{name}_async" for name in blocking}


@pytest.mark.parametrize("facade", FACADES)
def test_twins_have_equal_signatures(facade: str) -> None:
    """Whoever knows a verb knows its async twin."""
    methods = verbs(facade)
    for name in [name for name in methods if f"{name}_async" in methods]:
        twin = methods[f"{name}_async"]
        assert inspect.signature(twin) == inspect.signature(methods[name]), name
        assert inspect.iscoroutinefunction(twin), name
        assert not inspect.iscoroutinefunction(methods[name]), name
        assert len((twin.__doc__ or "").splitlines()) == 1, name
