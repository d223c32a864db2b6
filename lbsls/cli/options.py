"""The options that all commands share."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from lbsls.cli.session import Session

__all__ = [
    "account_options",
    "adopt_option",
    "command",
    "common",
    "local_option",
    "plain_command",
    "timeout_option",
]

Function = Callable[..., Any]


def _set_verbose(context: click.Context, _: click.Parameter, value: int) -> None:
    context.ensure_object(Session).verbose += value


def _set_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Session).config_path = value


def _set_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.ensure_object(Session).output.json = value


def common(function: Function) -> Function:
    """Give a command the options ``--config`` and ``--verbose``, and its docstring as help.

    A backslash and a b in it are click's sign to leave a paragraph as it is.
    """
    function.__doc__ = (function.__doc__ or "").replace("\\b", "\b")
    config = click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Use this lbsls.toml; by default the nearest one, here or in a folder above.",
        expose_value=False,
        callback=_set_config,
    )
    verbose = click.option(
        "-v",
        "--verbose",
        count=True,
        help="Write the log to stderr; twice: all of it, and tracebacks.",
        expose_value=False,
        callback=_set_verbose,
    )
    return config(verbose(function))


def _add_hosts(context: click.Context, parameter: click.Parameter, names: Sequence[str]) -> None:
    context.ensure_object(Session).hosts[str(parameter.name)] = tuple(names)


def account_options(function: Function) -> Function:
    """Give the whole command the options that say where the API key may go."""
    trust = click.option(
        "--trust-host",
        "trusted_hosts",
        multiple=True,
        metavar="HOST",
        help="Let this host have the API key too, when the control plane names it.",
        expose_value=False,
        callback=_add_hosts,
    )
    allow = click.option(
        "--allow-http",
        "allow_http",
        multiple=True,
        metavar="HOST",
        help="Speak to this host over plain http, where others can read the API key.",
        expose_value=False,
        callback=_add_hosts,
    )
    return trust(allow(function))


def plain_command(function: Function) -> Function:
    """Give a command the shared options, and its session as first argument."""

    @functools.wraps(function)
    def run(**arguments: Any) -> Any:
        session = click.get_current_context().ensure_object(Session)
        with _Logging(session):
            return function(session, **arguments)

    return common(run)


def command(function: Function) -> Function:
    """Give a command the shared options, ``--json`` too, and its session as first argument."""
    json = click.option(
        "--json",
        is_flag=True,
        help="Write one JSON document to stdout, and nothing else there.",
        expose_value=False,
        callback=_set_json,
    )
    return json(plain_command(function))


class _Logging:
    """The library's log goes to stderr while a command runs, if it was asked for."""

    def __init__(self, session: Session) -> None:
        self._handler = session.log() if session.verbose else None
        self._logger = logging.getLogger("lbsls")
        self._level = self._logger.level

    def __enter__(self) -> None:
        if self._handler is not None:
            self._logger.addHandler(self._handler)
            self._logger.setLevel(logging.DEBUG)

    def __exit__(self, *exc_info: object) -> None:
        if self._handler is not None:
            self._logger.removeHandler(self._handler)
            self._logger.setLevel(self._level)


local_option = click.option(
    "--local",
    is_flag=True,
    help="Use a local Runpod that lives as long as the command, with [local.images].",
)

adopt_option = click.option(
    "--adopt/--no-adopt",
    default=None,
    help="Change endpoints that this project did not create; or refuse to touch them. By default "
    "they are left alone if they are as declared, and refused if not.",
)

seconds = click.FloatRange(min=0, max=86400, min_open=True)


def timeout_option(default: float, text: str) -> Callable[[Function], Function]:
    """Make the option ``--timeout``."""
    return click.option(
        "--timeout",
        type=seconds,
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=text,
    )
