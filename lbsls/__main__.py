"""``python -m lbsls`` is the command ``lbsls``."""

from __future__ import annotations

import sys

from lbsls.cli import main

if __name__ == "__main__":
    sys.exit(main())
