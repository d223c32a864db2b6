"""One run of the command: its options that all commands share, and what they lead to."""

from __future__ import annotations

import logging
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lbsls.cli.output import Output

if TYPE_CHECKING:
    from lbsls.account import Account
    from lbsls.cli.config import Config

__all__ = ["Session"]


class Session:
    """What was given to the command.

    Attributes:
        verbose: 0, 1 for the log, 2 for all of it and tracebacks.
        config_path: ``--config``; None looks for ``lbsls.toml``.
        hosts: ``trusted_hosts`` and ``allow_http`` of the account.
    """

    def __init__(self) -> None:
        self.output = Output()
        self.verbose = 0
        self.config_path: Path | None = None
        self.hosts: dict[str, tuple[str, ...]] = {}

    @cached_property
    def config(self) -> Config:
        """What ``lbsls.toml`` says.

        Raises:
            FileError: With every mistake in it.
        """
        from lbsls.cli import config

        return config.load(self.config_path or config.locate(Path.cwd()))

    @property
    def quiet(self) -> bool:
        """Whether progress is left to the log."""
        return self.verbose > 0

    def account(self) -> Account:
        """Give the account of the environment, with the project of ``lbsls.toml``.

        Raises:
            ConfigError: If there is no API key.
        """
        from lbsls.account import Account

        return Account.from_env(project=self.config.project, **self.hosts)

    def redacted(self, text: str) -> str:
        """Give a text of which nobody knows what is in it without the key and values of env."""
        from lbsls.values import redact

        known = self.__dict__.get("config")  # only if it was read: to read it may be what failed
        return redact(
            text, [os.environ.get("RUNPOD_API_KEY", ""), *(known.secrets if known else ())]
        )

    def log(self) -> logging.Handler:
        """Make the handler that writes the library's log to stderr."""
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        handler.setLevel(logging.DEBUG if self.verbose > 1 else logging.INFO)
        return handler
