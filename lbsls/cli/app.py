"""The command ``lbsls`` as a whole: its help, its commands, and how every run ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import click

import lbsls
from lbsls.cli import exits
from lbsls.cli.interrupts import Stopped, signals_as_errors
from lbsls.cli.options import account_options, common
from lbsls.cli.session import Session

__all__ = ["cli", "run"]


_COMMANDS = {
    "demo": "Watch a server being deployed, called, scaled, removed.",
    "local": "Run a local Runpod until Ctrl-C.",
    "deploy": "Deploy endpoints of lbsls.toml, and wait until they serve.",
    "diff": "Show what a deploy would change.",
    "ls": "List endpoints, without waking any.",
    "ping": "Ask an endpoint's health path once.",
    "call": "Send a request to an endpoint.",
    "rm": "Delete endpoints with their workers.",
    "prune": "Delete what lbsls.toml does not declare any more.",
}
"""In the order in which somebody meets them."""


class _NobodyReads(BaseException):
    """Nobody reads the output any more. No Exception, as click would end the process for those."""


@contextmanager
def _until_nobody_reads() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise _NobodyReads from None


class _Commands(click.Group):
    """Imports a command when it is run, so that the help is quick."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _until_nobody_reads():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _until_nobody_reads():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"lbsls.cli.commands.{cmd_name}")
        return getattr(module, cmd_name)  # type: ignore[no-any-return]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(lbsls.__version__, message="lbsls %(version)s")
@account_options
@common
def cli() -> None:
    r"""Deploy load-balanced serverless endpoints, wait until they serve, call them, remove them.

    \b
    See it work, without an account:
      lbsls demo
    Your own, with lbsls.toml:
      lbsls deploy --local           on this machine
      export RUNPOD_API_KEY=...
      lbsls deploy                   on Runpod
      lbsls call api /generate -j '{"prompt": "hi"}'
      lbsls rm api

    \b
    lbsls.toml, in this folder or one above:
      [project]
      name = "shop"
      [endpoints.api]
      imageName = "my-app:latest"
      env = { TOKEN = "${TOKEN}" }   # of the shell that runs lbsls
      [local.images]
      "my-app:latest" = ["python", "app.py"]

    \b
    Exit codes:
      0  done                        4  not healthy, in time or now
      1  failed                      5  API key missing or refused
      2  command line, lbsls.toml    6  a call was answered with 400 or above
      3  no such endpoint            7  diff: something would change
      130, 143  ended by Ctrl-C, SIGTERM

    Results go to stdout, all else to stderr. NO_COLOR turns colours off. RUNPOD_API_KEY and
    RUNPOD_API_BASE_URL say which account is meant, REQUESTS_CA_BUNDLE whose certificates are
    trusted. --trust-host and --allow-http stand before the command, or in LBSLS_TRUSTED_HOSTS and
    LBSLS_ALLOW_HTTP, with commas.
    """


def run(arguments: Sequence[str] | None) -> int:
    """Run the command line, and end every run with a code and at most a few lines."""
    session = Session()
    try:
        with signals_as_errors():
            code = _run(arguments, session)
            with _until_nobody_reads():
                sys.stdout.flush()
    except _NobodyReads:
        return _broken_pipe()
    except Stopped as stop:
        says = stop.says or "nothing was changed"
        session.output.note(f"lbsls: {stop.word}; {says}")
        return stop.code
    return code


def _run(arguments: Sequence[str] | None, session: Session) -> int:
    args = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        return int(cli.main(args, prog_name="lbsls", standalone_mode=False, obj=session) or 0)
    except click.Abort:
        session.output.note("nothing was changed")
        return exits.FAILED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Exception as error:
        if session.verbose > 1:
            import traceback

            session.output.note(session.redacted(traceback.format_exc()).rstrip())
        return _failed(session, error)


def _failed(session: Session, error: Exception) -> int:
    from lbsls.errors import LbslsError

    if isinstance(error, ModuleNotFoundError) and (extra := _extra(error.name)):
        what = f"this needs {error.name}: pip install 'lbsls[{extra}]'"
        session.output.failure(ModuleNotFoundError(what), exits.USAGE)
        return exits.USAGE
    code = exits.code_of(error)
    if isinstance(error, OSError) and not isinstance(error, LbslsError):
        error = OSError(session.redacted(error.strerror or str(error)))
    elif not isinstance(error, (LbslsError, NotImplementedError)):
        what = (
            f"unexpected {type(error).__name__}: {session.redacted(str(error))} (-vv shows where)"
        )
        error = RuntimeError(what)
    session.output.failure(error, code)
    return code


def _extra(module: str | None) -> str:
    extras = {"aiohttp": "local", "rich": "cli", "tomli": "cli"}
    return extras.get((module or "").partition(".")[0], "")


def _broken_pipe() -> int:
    """End silently; what the interpreter still wants to flush goes nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError):
        os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return exits.BROKEN_PIPE
