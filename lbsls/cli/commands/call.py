"""``lbsls call``: one request to an endpoint, its answer to stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import click

from lbsls.cli import exits
from lbsls.cli.accounts import target_account
from lbsls.cli.interrupts import Stopped
from lbsls.cli.options import local_option, plain_command, timeout_option
from lbsls.cli.output import Output
from lbsls.cli.progress import busy
from lbsls.cli.session import Session

if TYPE_CHECKING:
    from lbsls.requesting import CallOptions
    from lbsls.values import Response

__all__ = ["call"]


def _body(context: click.Context, _: click.Parameter, value: str | None) -> bytes | None:
    """Give bytes: as written, of a file (``@FILE``), or of stdin (``-``)."""
    if value is None:
        return None
    if value in ("-", "@-"):
        return sys.stdin.buffer.read()
    if not value.startswith("@"):
        return value.encode()
    try:
        with open(value[1:], "rb") as file:
            return file.read()
    except OSError as cause:
        raise click.BadParameter(f"{value[1:]!r} cannot be read: {cause.strerror}.") from cause


def _headers(context: click.Context, _: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Give headers written as ``Name: value``."""
    headers = {}
    for value in values:
        name, colon, text = value.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{value!r} is no header; write 'Name: value'.")
        headers[name.strip()] = text.strip()
    return headers


@click.command()
@click.argument("target", metavar="NAME|ID")
@click.argument("path", default="/")
@click.option("-X", "--request", "method", metavar="METHOD", help="GET, or POST with a body.")
@click.option(
    "-d", "--data", callback=_body, metavar="DATA", help="Body: text, @FILE, or - for stdin."
)
@click.option(
    "-j", "--json-data", callback=_body, metavar="JSON", help="Body, the same, sent as JSON."
)
@click.option(
    "-H", "--header", "headers", multiple=True, callback=_headers, metavar="'NAME: VALUE'"
)
@click.option("-i", "--include", is_flag=True, help="Write status and headers before the body.")
@timeout_option(340.0, "How long all of it may take.")
@local_option
@plain_command
def call(
    session: Session,
    target: str,
    path: str,
    method: str | None,
    data: bytes | None,
    json_data: bytes | None,
    headers: dict[str, str],
    include: bool,
    timeout: float,
    local: bool,
) -> int:
    r"""Send a request to an endpoint with the account's key; the answer's body goes to stdout.

    An endpoint that is asleep wakes up. The exit code is 0 for a status below 400, and 6 else.

    \b
    Examples:
      lbsls call api /generate -j '{"prompt": "hi"}'
      lbsls call api /upload -X PUT -d @photo.jpg > answer
      lbsls call --local api /    deploy it on this machine, call it, remove it
    """
    options: CallOptions = {"headers": headers, "timeout": timeout}
    if json_data is not None:
        options["json"] = _parsed(json_data)
    if data is not None:
        options["data"] = data
    has_body = data is not None or json_data is not None
    verb = (method or ("POST" if has_body else "GET")).upper()
    try:
        with (
            target_account(session, target, local=local) as account,
            busy(f"{verb} {target} {path}", quiet=session.quiet),
        ):
            response = account.request(target, verb, path, **options)
    except Stopped as stop:
        stop.says = "the request may have been done all the same"
        raise
    _write(session.output, response, include=include)
    if response.ok:
        return exits.OK
    session.output.error(f"{verb} {path} was answered with {_status(response)}")
    return exits.REFUSED_CALL


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as cause:
        raise click.BadParameter(f"that is not JSON: {cause}.", param_hint="--json-data") from None


def _write(output: Output, response: Response, *, include: bool) -> None:
    if include:
        lines = [_status(response), *(f"{k}: {v}" for k, v in response.headers.items()), ""]
        output.result("\n".join(lines))
    content, terminal = response.content, sys.stdout.isatty()
    if terminal and b"\0" in content:
        output.note(f"{len(content)} bytes that are no text; write them to a file: > FILE")
        return
    if terminal and content and not content.endswith(b"\n"):
        content += b"\n"
    output.data(content)


def _status(response: Response) -> str:
    try:
        return f"{response.status_code} {HTTPStatus(response.status_code).phrase}"
    except ValueError:
        return str(response.status_code)
