"""The servers that are measured: one that does next to nothing, and takes a while to begin."""

from __future__ import annotations

from pathlib import Path

__all__ = ["APP"]

APP = ["python", str(Path(__file__).with_name("server.py"))]
