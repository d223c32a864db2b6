"""Secrets that a test plants, and the search for them in whatever form they might come out."""

from __future__ import annotations

import base64
import json
import pickle
import traceback
from collections.abc import Iterator
from urllib.parse import quote

from rich.traceback import Traceback

__all__ = ["KEY", "LIVE", "TOKEN", "leaks", "told_by"]

KEY = "rpa_CANARYkey+0123456789/abcdefGHIJ"
TOKEN = 'CANARYtoken "0123" \\ 4567 \u00e9'
"""A declared value of env, with all that is written differently in one place or another."""
LIVE = "CANARYlive-" + "0123456789" * 20
"""A value of env of somebody else's endpoint, so long that what cuts long texts cuts it."""
_PIECE = 11


def _forms(secret: str) -> Iterator[str]:
    data = secret.encode()
    yield from (secret, secret[:_PIECE], secret[-_PIECE:])
    yield from (quote(secret), quote(secret, safe=""), repr(secret)[1:-1], repr(data)[2:-1])
    yield from (json.dumps(secret)[1:-1], data.hex())
    # Base64 of it looks different after none, one and two other bytes, but for the edges.
    for before in range(3):
        whole = base64.b64encode(b"x" * before + data).decode()
        yield whole[4 : 4 * (len(whole) // 4 - 1)]


FORMS = {form for secret in (KEY, TOKEN, LIVE) for form in _forms(secret)}


def leaks(text: str) -> list[str]:
    """Give the surroundings of every secret in a text, so that a failure says where it was."""
    found = {text.find(form) for form in FORMS} - {-1}
    return [f"...{text[max(0, at - 200) : at + 60]}..." for at in sorted(found)[:3]]


def told_by(error: BaseException) -> str:
    """Give all that an error tells, to people, to programs and to error trackers.

    That is its text, its attributes, its pickle, and tracebacks with the locals of every frame, as
    the standard library and as rich show them; but for the frames of the tests themselves.
    """
    texts = [_plain(error), _rich(error)]
    for each in _chain(error):
        texts += [str(each), repr(each), repr(vars(each))]
        texts += _pickled(each)
    return "\n".join(texts)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    if error is not None:
        yield error
        yield from _chain(error.__cause__)
        yield from _chain(error.__context__)


def _pickled(error: BaseException) -> list[str]:
    try:
        data = pickle.dumps(error, protocol=0)
    except Exception as unpicklable:
        return [str(unpicklable)]
    return [data.decode("latin-1"), repr(pickle.loads(data))]


def _is_own(filename: str) -> bool:
    """Tell whether a frame is a test's."""
    return "/tests/" in filename or "_pytest" in filename or "pluggy" in filename


def _plain(error: BaseException) -> str:
    # Each by itself: a chain that is not displayed is still there for who looks.
    texts = []
    for each in _chain(error):
        seen = traceback.TracebackException(
            type(each), each, each.__traceback__, capture_locals=True
        )
        seen.stack[:] = [frame for frame in seen.stack if not _is_own(frame.filename)]
        texts += [*seen.stack.format(), *seen.format_exception_only()]
    return "".join(texts)


def _rich(error: BaseException) -> str:
    texts = []
    for each in _chain(error):
        for longest in (80, 10_000):  # it cuts long texts itself, and so looks into them
            trace = Traceback.extract(
                type(each),
                each,
                each.__traceback__,
                show_locals=True,
                locals_max_string=longest,
                locals_max_length=1000,
            )
            frames = [frame for stack in trace.stacks for frame in stack.frames]
            texts += [
                f"{name} = {value}"
                for frame in frames
                if not _is_own(frame.filename)
                for name, value in (frame.locals or {}).items()
            ]
    return "\n".join(texts)
