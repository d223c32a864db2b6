"""Whatever stands in lbsls.toml, its mistakes are told as such."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lbsls.cli import config

GOOD = b"""
[project]
name = "shop"
[endpoints.api]
imageName = "app:1"
workersMax = 2
env = { TOKEN = "${TOKEN}" }
[local.images]
"app:1" = ["python", "app.py"]
"""
FIELDS = ["name", "imageName", "env", "workersMax", "type", "gpus", "ports", "scalerType", "other"]

scalars = st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)
often = settings(max_examples=200, deadline=None)


def toml(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")


def load(data: bytes) -> None:
    """Read a file that says this; declare what it declares."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "lbsls.toml")
        path.write_bytes(data)
        try:
            config.load(path)
        except config.FileError as error:
            assert str(error)


@often
@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, 40))
def test_any_bytes(data: bytes, start: int, length: int) -> None:
    """A good file with a piece of anything in it."""
    load(GOOD[:start] + data + GOOD[start + length :])


@often
@given(st.sampled_from(FIELDS), values)
def test_any_value_of_a_field(name: str, value: Any) -> None:
    """What is no resource is told."""
    load(f"[endpoints.api]\n{name} = {toml(value)}\n".encode())


@often
@given(st.sampled_from(["project", "endpoints", "local", "other", "project.name"]), values)
def test_any_value_of_a_table(name: str, value: Any) -> None:
    """What is no table is told."""
    load(f"{name} = {toml(value)}\n".encode())
