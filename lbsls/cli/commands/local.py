"""``lbsls local``: a Runpod of one's own machine, for other programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from lbsls.cli import exits, tables
from lbsls.cli.config import is_command
from lbsls.cli.interrupts import until_stopped
from lbsls.cli.options import command
from lbsls.cli.session import Session

__all__ = ["local"]


def _images(context: click.Context, _: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Give images written as ``NAME=COMMAND``."""
    images = {}
    for value in values:
        name, _equals, words = value.partition("=")
        if not name.strip() or not is_command(words):
            raise click.BadParameter(f"{value!r} is no image; write NAME=COMMAND.")
        images[name.strip()] = words
    return images


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes any free one.")
@click.option("--image", "images", multiple=True, callback=_images, metavar="NAME=COMMAND")
@click.option(
    "--api-key",
    metavar="KEY",
    envvar="LBSLS_LOCAL_API_KEY",
    help="The account's key; a new one by default. Others on this machine can read it here, and "
    "not in LBSLS_LOCAL_API_KEY.",
)
@click.option(
    "--cold",
    type=click.Choice(["hold", "refuse", "pass"]),
    default="hold",
    show_default=True,
    help="What comes of a request while no worker is ready: it is held, as Runpod does; refused; "
    "or passed to a worker that is still loading.",
)
@command
def local(
    session: Session,
    port: int,
    images: dict[str, str],
    api_key: str | None,
    cold: Any,
) -> int:
    r"""Run a local Runpod: control plane, load balancer and real workers on 127.0.0.1.

    The lines on stdout point other programs at it: paste them into another shell. The last two lead
    to where it can be told to misbehave. Images stand for commands: those under [local.images] of
    lbsls.toml, and --image. They run in the folder of lbsls.toml, or here, and listen on $PORT.
    Ctrl-C or SIGTERM ends it and all its workers; that is its ordinary end, with exit code 0.

    \b
    Examples:
      lbsls local --image my-app:latest='python app.py'
      lbsls local --port 8080 > environ &      then: . ./environ && lbsls ls
      curl -H "Authorization: Bearer $LBSLS_LOCAL_ADMIN_KEY" \
           $LBSLS_LOCAL_ADMIN_URL/faults \
           -d '{"kind": "answer", "status": 503, "operation": "create"}'
    """
    from lbsls.local import runpod

    commands = {**session.config.images, **images}
    folder = session.config.folder
    output = session.output
    local = runpod(commands, port=port, api_key=api_key, cwd=folder, cold=cold)
    with local as account, until_stopped():
        environ, admin = account.environ(), local.admin_environ()
        if output.json:
            output.document({"environ": environ, "admin": admin, "images": sorted(commands)})
        else:
            output.result("\n".join(tables.exports({**environ, **admin})))
        sys.stdout.flush()
        known = ", ".join(sorted(commands)) or "none; add [local.images] to lbsls.toml, or --image"
        output.note(f"local Runpod at {account.base_url}, images: {known}. Ctrl-C ends it.")
    output.note("stopped; nothing is left")
    return exits.OK
