"""Let tox find the interpreters that pyenv has installed, activated or not.

tox loads this file by itself. Its search looks at PATH only, and there pyenv shows nothing but the
versions that somebody activated. So the folders of all of its versions are put at the end of PATH,
where they win over nothing that was found before.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

SUPPORTED = re.compile(r"3\.1[0-3]\.\d+")


def pyenv_versions() -> Iterator[Path]:
    """Name the folders in which pyenv keeps its versions, and those that may be one.

    PYENV_ROOT is rarely exported to where tests run and HOME may be another one, so what lies
    beside this interpreter, or beside one on PATH, counts too.
    """
    if root := os.environ.get("PYENV_ROOT"):
        yield Path(root) / "versions"
    yield Path("~/.pyenv/versions").expanduser()
    interpreter = Path(sys.base_prefix) / "bin"
    for folder in (interpreter, *map(Path, os.get_exec_path())):
        yield folder.parent.parent  # .../versions/3.X.Y/bin
        yield folder.parent / "versions"  # .../shims, or .../bin with pyenv in it


def interpreters() -> Iterator[Path]:
    """Give the folder of each supported interpreter that pyenv has, newest patch first."""
    for versions in dict.fromkeys(pyenv_versions()):
        if versions.name != "versions":
            continue
        found = [path for path in versions.glob("3.*/bin") if SUPPORTED.fullmatch(path.parent.name)]
        yield from sorted(found, key=lambda path: -int(path.parent.name.rpartition(".")[2]))


os.environ["PATH"] = os.pathsep.join(
    dict.fromkeys([*os.get_exec_path(), *(str(folder) for folder in interpreters())])
)
