"""Combine what the test runs measured and report the branches that none of them took.

All supported Pythons together must take every branch. Where some of them are missing that cannot be
asked for (a branch may be one for them), so there the report is shown and nothing is demanded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DEMANDED = ("py310", "py311", "py312", "py313")


def main(folder: Path) -> int:
    """Combine the data files in a folder, report them, and give the exit code."""
    coverage = [sys.executable, "-m", "coverage"]
    combined = f"--data-file={folder / 'combined'}"
    files = sorted(path for path in folder.glob("*.*") if not path.name.startswith("combined"))
    measured = {path.name.partition(".")[0] for path in files}
    missing = [name for name in DEMANDED if name not in measured]
    if not files:
        print("no coverage: no test run has left any data")
        return 1
    # the files go, so that no later report takes in what an older tree has left
    subprocess.run([*coverage, "combine", "--quiet", combined, *files], check=True)
    demand = not missing or bool(os.environ.get("CI"))
    threshold = [f"--fail-under={100 if demand else 0}", "--precision=2"]
    report = subprocess.run([*coverage, "report", combined, *threshold], check=False)
    print(f"measured: {', '.join(sorted(measured))}")
    if missing:
        print(f"no data of {', '.join(missing)}: 100 % is {'' if demand else 'not '}demanded")
    return report.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
