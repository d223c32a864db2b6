"""Where commands deploy, and deploying with its progress shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lbsls.cli.board import Board
from lbsls.cli.config import Config
from lbsls.cli.crew import Crew, Options
from lbsls.cli.progress import watch
from lbsls.cli.session import Session

if TYPE_CHECKING:
    from lbsls.account import Account
    from lbsls.resources import LoadBalancerSlsResource

__all__ = ["deploy_watched", "local_account", "target_account"]


@contextmanager
def local_account(config: Config) -> Iterator[Account]:
    """Run a local Runpod with the file's images, and give its account."""
    from lbsls import local

    with local.runpod(config.images, cwd=config.folder) as account:
        yield account


@contextmanager
def target_account(session: Session, name: str, *, local: bool) -> Iterator[Account]:
    """Give the account in which a target is: the environment's, or a local one made for it.

    Raises:
        LbslsError: If the target cannot be deployed locally.
    """
    if not local:
        with session.account() as account:
            yield account
        return
    resources, warnings = session.config.resources([name])
    session.config.check_images(resources, session.config.images)
    for text in warnings:
        session.output.warning(text)
    with local_account(session.config) as account:
        board = Board.of([name])
        deploy_watched(session, account, resources, Options(), board)
        for _, error in board.failures:
            raise error
        yield account


def deploy_watched(
    session: Session,
    account: Account,
    resources: Sequence[LoadBalancerSlsResource],
    options: Options,
    board: Board,
) -> None:
    """Deploy resources, showing how it goes; the board knows what came of each."""
    crew = Crew(account, resources, options)
    try:
        with watch(board, session.output, quiet=session.quiet) as view, crew:
            for message in crew.messages():
                if message is not None:
                    board.feed(message)
                view.show(message)
    finally:
        # What was told and not heard: who stops must learn of a create that was sent.
        for unheard in crew.unheard():
            board.feed(unheard)
