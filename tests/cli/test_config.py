"""lbsls.toml: where it is found, what it may say, and how its mistakes are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lbsls.cli import config
from lbsls.cli.config import Config, FileError

Write = Callable[[str], Path]

GOOD = """
[project]
name = "shop"
[endpoints.api]
imageName = "app:1"
env = { TOKEN = "${TOKEN}", PLAIN = "$HOME", ESCAPED = "$${TOKEN}", BOTH = "a${TOKEN}b" }
[endpoints."web site"]
imageName = "web:1"
workersMax = 2
[local.images]
"app:1" = ["python", "app.py"]
"web:1" = "python -m http.server $PORT"
"""


def test_it_is_found_in_a_folder_above(toml: Write, tmp_path: Path) -> None:
    """A user may be anywhere inside the project."""
    path = toml(GOOD)
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    assert config.locate(inside) == path


def test_a_project_can_do_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at an account needs no file."""
    monkeypatch.chdir(tmp_path)
    nothing = config.load(None)
    assert (nothing, nothing.folder) == (Config(), tmp_path)


def test_it_says_what_it_says(toml: Write, tmp_path: Path) -> None:
    """Project, endpoints, images, and the folder in which images run."""
    read = config.load(toml(GOOD))
    assert read.project == "shop"
    assert list(read.endpoints) == ["api", "web site"]
    assert read.images["web:1"] == "python -m http.server $PORT"
    assert read.folder == tmp_path.resolve()


def test_references_are_filled_in(toml: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is in the shell and not in the file."""
    monkeypatch.setenv("TOKEN", "t1")
    (resource,), warnings = config.load(toml(GOOD)).resources(["api", "api"])
    assert dict(resource.env or {}) == {
        "TOKEN": "t1",
        "PLAIN": "$HOME",
        "ESCAPED": "${TOKEN}",
        "BOTH": "at1b",
    }
    assert warnings == []


def test_a_missing_variable_is_named(toml: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a mistake of the endpoint that wants it, and of no other."""
    monkeypatch.delenv("TOKEN", raising=False)
    read = config.load(toml(GOOD))
    assert [each.name for each in read.resources(["web site"])[0]] == ["web site"]
    with pytest.raises(FileError, match="TOKEN is not set") as caught:
        read.resources()
    assert [each.field for each in caught.value.violations] == [
        "[endpoints.api] env TOKEN",
        "[endpoints.api] env BOTH",
    ]


def test_a_reference_is_no_broken_rule(toml: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that comes from the shell is checked when it is known."""
    path = toml('[endpoints.api]\nimageName = "a"\nenv = {PORT = "${P}"}')
    read = config.load(path)
    monkeypatch.setenv("P", "8000")
    assert dict(read.resources()[0][0].env or {}) == {"PORT": "8000"}


def test_what_will_disappoint_is_told(toml: Write) -> None:
    """A warning of the library is one of the command."""
    path = toml('[endpoints.api]\nimageName = "a"\nexecutionTimeoutMs = 600000')
    (text,) = config.load(path).resources()[1]
    assert text.startswith("api: executionTimeoutMs")


def test_an_unknown_endpoint_is_a_mistake(toml: Write) -> None:
    """A typing mistake in a name deploys nothing."""
    with pytest.raises(FileError, match=r"no endpoint 'apo'. Did you mean api\?"):
        config.load(toml(GOOD)).resources(["apo"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[endpoints]", "it declares no endpoints"),
        (None, "there is none here or in a folder above"),
    ],
)
def test_nothing_to_deploy_is_a_mistake(toml: Write, text: str | None, said: str) -> None:
    """Who deploys without a declaration hears how to write one."""
    with pytest.raises(FileError, match=said):
        config.load(toml(text) if text else None).resources()


def test_an_image_without_a_command_is_a_mistake(toml: Write) -> None:
    """A local deployment that cannot start is refused before it begins."""
    read = config.load(toml('[endpoints.api]\nimageName = "a"\n[endpoints.b]\ntemplateId = "t"'))
    resources, _ = read.resources()
    with pytest.raises(FileError, match=r"\[endpoints.api\]: image 'a' has no command") as caught:
        read.check_images(resources, {})
    assert len(caught.value.violations) == 1
    read.check_images(resources, {"a": "true"})


MISTAKES = """
title = "x"
[project]
labl = "x"
name = "a/b"
[endpoint.x]
[endpoints]
imageName = "z"
[endpoints.api]
name = "x"
imageName = "y"
worker = 1
workersMin = 5
workersMax = 2
[local]
image = 5
[local.images]
my.app = "x"
"none" = []
"number" = ["python", 5]
"blank" = " "
"quote" = "python 'x"
"""


def test_every_mistake_is_named_at_once(toml: Write) -> None:
    """Each with its table; a user corrects the file once."""
    with pytest.raises(FileError) as caught:
        config.load(toml(MISTAKES))
    assert [violation.field for violation in caught.value.violations] == [
        "[title]",
        "[project] labl",
        "[project] name",
        "[endpoint]",
        "[endpoints] imageName",
        "[endpoints.api] name",
        "[endpoints.api] worker",
        "[endpoints.api] workersMin",
        "[local] image",
        '[local.images] "my"',
        '[local.images] "none"',
        '[local.images] "number"',
        '[local.images] "blank"',
        '[local.images] "quote"',
    ]
    assert str(caught.value).startswith("lbsls.toml has 14 mistakes:\n  [title]: there is no")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[project", r"not TOML: .* \(at line 1, column 9\)|not TOML: .*"),
        ('[local.images]\nmy-app:latest = "x"', 'line 2.*needs quotes: "my-app:latest"'),
        ("local = 5", r"\[local\]: local must be a table. Write \[local\]."),
        ("[local]\nimages = 5", r"\[local\] images: images must be a table."),
        ('[endpoints.api]\nimageName = "a"\nenv = 5', r"\[endpoints.api\] env: env must"),
        ('[endpoints.api]\nimageName = "a"\nenv = {A = 5}', r"\[endpoints.api\] env: env\['A'\]"),
        ("[project]\nname = 5", r"\[project\] name: project must be a text"),
    ],
)
def test_one_mistake_is_one_line(toml: Write, text: str, said: str) -> None:
    """The file, the place, what is wrong and what to write."""
    with pytest.raises(FileError, match=said) as caught:
        config.load(toml(text))
    assert str(caught.value).startswith("lbsls.toml: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    """A wrong --config, or bytes that are no text."""
    with pytest.raises(FileError, match="cannot be read: No such file"):
        config.load(tmp_path / "none.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff")
    with pytest.raises(FileError, match="not UTF-8: invalid start byte at byte 0"):
        config.load(binary)


def test_a_file_elsewhere_is_named_in_full(
    toml: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which file is wrong is never a riddle."""
    path = toml("x = 1")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    with pytest.raises(FileError) as caught:
        config.load(path)
    assert caught.value.subject == str(path)
