"""``lbsls.toml``: found, read, checked. Talks to nobody and prints nothing.

::

    [project]
    name = "shop"                       # marks what is deployed from here as this project's

    [endpoints.api]                     # the endpoint's name; its fields as in a resource
    imageName = "my-app:latest"
    workersMax = 3
    env = { MODEL = "small", TOKEN = "${TOKEN}" }

    [local.images]                      # what images stand for in the local Runpod
    "my-app:latest" = ["python", "app.py"]

``${NAME}`` in a value of ``env`` is the variable of the shell that runs ``lbsls``; one that is
not set is a mistake, named when the endpoint is deployed; ``$${NAME}`` is the text ``${NAME}``.
Commands under ``[local.images]`` run in the folder of the file.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from attrs import field, fields_dict, frozen

from lbsls.addresses import DEFAULT_BASE_URL, check_account
from lbsls.errors import ConfigError, LbslsWarning, Violation
from lbsls.resources import LoadBalancerSlsResource
from lbsls.values import Env

__all__ = ["FILE", "Config", "FileError", "is_command", "load", "locate"]

FILE = "lbsls.toml"
EXAMPLE = """Make one:

    [endpoints.my-app]
    imageName = "me/my-app:1"
""".rstrip()

_TABLES = {"project": ("name",), "endpoints": None, "local": ("images",)}
_REFERENCE = re.compile(r"\$(\$?)\{([^}]*)\}")

Commands = Mapping[str, "str | Sequence[str]"]


class FileError(ConfigError):
    """``lbsls.toml`` is wrong: every mistake, with file and table."""

    def __str__(self) -> str:
        lines = [f"{item.field}: {item}" if item.field else str(item) for item in self.violations]
        if len(lines) == 1:
            return f"{self.subject}: {lines[0]}"
        return "\n  ".join([f"{self.subject} has {len(lines)} mistakes:", *lines])


@frozen
class Config:
    """What a file says; without a file, nothing.

    Attributes:
        path: The file, None without one.
        endpoints: The fields of each endpoint, as written.
        images: The command of each local image.
    """

    path: Path | None = None
    project: str | None = None
    endpoints: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    images: Commands = field(factory=dict)

    @property
    def folder(self) -> Path:
        """Where commands of local images run."""
        return self.path.parent if self.path else Path.cwd()

    def require(self) -> Config:
        """Give it, if it was read from a file.

        Raises:
            FileError: If there is none.
        """
        if self.path is None:
            reason = Violation("", "there is none here or in a folder above.", EXAMPLE)
            raise FileError(FILE, [reason])
        return self

    def resources(
        self, names: Sequence[str] = ()
    ) -> tuple[list[LoadBalancerSlsResource], list[str]]:
        """Give the named resources, or all, and what is to be warned of.

        Raises:
            FileError: If there is no file, it does not declare a name, or a variable is not set.
        """
        chosen = list(dict.fromkeys(names)) or list(self.endpoints)
        if violations := [*self._missing(chosen), *self._unset(chosen)]:
            raise FileError(_shown(self.path or FILE), violations)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", LbslsWarning)
            resources = [_resource(name, self.endpoints[name]) for name in chosen]
        return resources, [str(warning.message) for warning in caught]

    def _missing(self, names: Iterable[str]) -> Iterator[Violation]:
        if self.path is None:
            yield Violation("", "there is none here or in a folder above.", EXAMPLE)
        elif not self.endpoints:
            yield Violation("", "it declares no endpoints.", "Add a table [endpoints.NAME].")
        else:
            for name in names:
                if name not in self.endpoints:
                    hint = _hint(name, self.endpoints)
                    yield Violation("", f"it declares no endpoint {name!r}.", hint)

    def _unset(self, names: Iterable[str]) -> Iterator[Violation]:
        for name in names:
            for key, value in _env(self.endpoints.get(name, {})).items():
                for variable in _references(value):
                    if variable not in os.environ:
                        reason = f"the variable {variable} is not set in this shell."
                        yield Violation(
                            f"[endpoints.{name}] env {key}", reason, f"`export {variable}=...`"
                        )

    @property
    def secrets(self) -> list[str]:
        """The values of env, as written and as filled in."""
        values = [value for fields in self.endpoints.values() for value in _env(fields).values()]
        texts = [value for value in values if isinstance(value, str)]
        named = [os.environ.get(name, "") for text in texts for name in _references(text)]
        return [*texts, *named]

    def check_images(self, resources: Sequence[LoadBalancerSlsResource], images: Commands) -> None:
        """Check that each resource's image has a command, before it is deployed locally.

        Raises:
            FileError: With every image that has none.
        """
        violations = []
        for resource in resources:
            if resource.imageName is not None and resource.imageName not in images:
                reason = f"image {resource.imageName!r} has no command for the local Runpod."
                instead = f'Add "{resource.imageName}" = ["python", "app.py"] to [local.images].'
                violations.append(Violation(f"[endpoints.{resource.name}]", reason, instead))
        if violations:
            raise FileError(_shown(self.path or FILE), violations)


def locate(start: Path) -> Path | None:
    """Find the file in a folder or the nearest one above it."""
    folders = (start, *start.parents)
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def load(path: Path | None) -> Config:
    """Read a file and check all of it; None gives a config that says nothing.

    Raises:
        FileError: With every mistake.
    """
    if path is None:
        return Config()
    tables = _read(path)
    if violations := list(_violations(tables)):
        raise FileError(_shown(path), violations)
    return Config(
        path.resolve(),
        tables.get("project", {}).get("name"),
        tables.get("endpoints", {}),
        tables.get("local", {}).get("images", {}),
    )


def _read(path: Path) -> dict[str, Any]:
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        tables: dict[str, Any] = toml.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        reason = f"it cannot be read: {cause.strerror}."
        raise FileError(_shown(path), [Violation("", reason)]) from cause
    except UnicodeDecodeError as cause:
        reason = f"it is not UTF-8: {cause.reason} at byte {cause.start}."
        raise FileError(_shown(path), [Violation("", reason)]) from None
    except toml.TOMLDecodeError as cause:
        raise FileError(_shown(path), [Violation("", *_not_toml(str(cause)))]) from None
    return tables


def _not_toml(message: str) -> tuple[str, str]:
    hint = 'A name with ":" or "/" needs quotes: "my-app:latest" = ...'
    hint = hint if "after a key" in message else ""
    return f"it is not TOML: {message}.", hint


def _violations(tables: Mapping[str, Any]) -> Iterator[Violation]:
    for key, value in tables.items():
        if key not in _TABLES:
            yield Violation(f"[{key}]", f"there is no table {key}.", _hint(key, _TABLES))
        elif not isinstance(value, dict):
            yield Violation(f"[{key}]", f"{key} must be a table.", f"Write [{key}].")
        else:
            known = _TABLES[key]
            for name in value if known else ():
                if name not in (known or ()):
                    reason = f"there is no {name} in [{key}]."
                    yield Violation(f"[{key}] {name}", reason, _hint(name, known or ()))
            yield from _CHECKS[key](value)


def _check_project(table: Mapping[str, Any]) -> Iterator[Violation]:
    for violation in check_account("key", DEFAULT_BASE_URL, table.get("name")):
        yield Violation("[project] name", violation.reason, 'Write name = "my-project".')


def _check_endpoints(table: Mapping[str, Any]) -> Iterator[Violation]:
    for name, values in table.items():
        if isinstance(values, dict):
            for violation in _check_resource(name, values):
                where = f"[endpoints.{name}] {violation.field}"
                yield Violation(where, violation.reason, violation.instead)
        else:
            reason = "an endpoint is a table of its own."
            yield Violation(f"[endpoints] {name}", reason, "Write [endpoints.NAME] above it.")


def _check_resource(name: str, values: Mapping[str, Any]) -> Iterator[Violation]:
    """Name unknown fields and broken rules together; references that are not set come later."""
    if "name" in values:
        reason = "the name of an endpoint is that of its table."
        yield Violation("name", reason, "Leave it out.")
    fields = {key: value for key, value in values.items() if key != "name"}
    env = _env(fields)
    if env:
        fields["env"] = {key: value for key, value in env.items() if not list(_references(value))}
    known = {key: value for key, value in fields.items() if key in _FIELDS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LbslsWarning)
        for part in [fields, known] if known != fields else [fields]:
            try:
                LoadBalancerSlsResource.from_mapping(name, part)
            except ConfigError as error:
                yield from error.violations


def _check_local(table: Mapping[str, Any]) -> Iterator[Violation]:
    images = table.get("images", {})
    if not isinstance(images, dict):
        yield Violation("[local] images", "images must be a table.", "Write [local.images].")
        return
    for name, command in images.items():
        where = f'[local.images] "{name}"'
        if isinstance(command, dict):
            reason = "that is a table."
            yield Violation(where, reason, 'A name with "." needs quotes: "my.app:1" = ...')
        elif not is_command(command):
            reason = "a command is a text, or a list of texts, that a shell could run."
            yield Violation(where, reason, 'Write ["python", "app.py"].')


def is_command(value: object) -> bool:
    """Tell whether a value can stand for an image: words, or a text that a shell can split."""
    try:
        words = shlex.split(value) if isinstance(value, str) else value
    except ValueError:  # an unclosed quote
        return False
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return False
    return bool(words and words[0].strip())


_FIELDS = frozenset(fields_dict(LoadBalancerSlsResource)) - {"name"}
_CHECKS = {"project": _check_project, "endpoints": _check_endpoints, "local": _check_local}


def _resource(name: str, values: Mapping[str, Any]) -> LoadBalancerSlsResource:
    fields = dict(values)
    if env := _env(values):
        fields["env"] = Env({key: _filled(value) for key, value in env.items()})
    return LoadBalancerSlsResource.from_mapping(name, fields)


def _env(values: Mapping[str, Any]) -> Mapping[str, Any]:
    env = values.get("env")
    return env if isinstance(env, dict) else {}


def _references(value: object) -> Iterator[str]:
    if isinstance(value, str):
        for escaped, variable in _REFERENCE.findall(value):
            if not escaped:
                yield variable


def _filled(value: str) -> str:
    return _REFERENCE.sub(lambda found: found[0][1:] if found[1] else os.environ[found[2]], value)


def _shown(path: Path | str) -> str:
    """Give a path as its user would write it here."""
    near = os.path.relpath(path)
    return str(path) if near.startswith("..") else near


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names)}."
