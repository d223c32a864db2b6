"""What can be asked for over HTTP, as values: method, path, and what does it. Knows no operation.

`control` carries them out. A part of the control plane is a function that gives its operations;
`control.PARTS` names the parts, a line each.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from lbsls.local import keys
from lbsls.local.misbehave import Visit
from lbsls.local.problems import Problem, bad_request

BODY_LIMIT = 1024 * 1024

Do = Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]


class Things(Protocol):
    """What the id in a path is about."""

    def name_of(self, id_: str | None) -> str | None:
        """Give the name of one, None where there is none."""
        ...

    def check_age(self, id_: str, seconds: float) -> None:
        """Refuse one that was made less than so many seconds ago."""
        ...


def refused(problem: Problem) -> web.Response:
    """Write a problem as the control plane does."""
    return web.Response(
        status=problem.status,
        headers={**problem.headers, "Cache-Control": "no-store"},
        body=json.dumps(problem.body()).encode(),
        content_type="application/problem+json",
    )


def bearer(request: web.Request) -> str | None:
    """Give the key that a request brings in its header."""
    return keys.bearer(request.headers.get("Authorization"))


@dataclass(frozen=True)
class Operation:
    """Something that can be asked for.

    Attributes:
        name: what faults and the journal call it.
        method: of the request.
        path: of the request; `{id}` in it is what it is about.
        do: answers.
        things: what the id in the path is one of.
        names_what_it_makes: its body has a name, which faults can be about.
        limited: whether it counts for the control plane's rate limit, and its answers say so.
        token: finds the key in a request.
        refused: writes a refusal.
    """

    name: str
    method: str
    path: str
    do: Do
    things: Things | None = None
    names_what_it_makes: bool = False
    limited: bool = True
    token: Callable[[web.Request], str | None] = bearer
    refused: Callable[[Problem], web.StreamResponse] = refused


def answer(body: Any, status: int = 200) -> web.Response:
    """Answer with JSON that nobody keeps."""
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})


def made(visit: Visit, path: str, thing: dict[str, Any]) -> web.Response:
    """Answer with a thing that was made, and say where it is."""
    visit.made = thing["id"]
    response = answer(thing, status=201)
    response.headers["Location"] = f"{path}/{thing['id']}"
    return response


def gone() -> web.Response:
    """Answer that something is no more."""
    return web.Response(status=204)


def id_of(request: web.Request) -> str:
    """Give the id in a path."""
    return request.match_info["id"]


def lag_of(visit: Visit) -> float:
    """Give the seconds that a list is behind."""
    fault = visit.fault
    return fault.seconds if fault is not None and fault.kind == "lag" else 0.0


async def body_of(request: web.Request, visit: Visit) -> Any:
    """Give the JSON that was sent.

    Raises:
        Problem: it is none.
    """
    if request.content_type != "application/json":
        raise Problem(415, f"expected application/json, got {request.content_type}")
    try:
        body = json.loads(await request.read(), parse_constant=_no_constant)
    except web.HTTPRequestEntityTooLarge:
        raise Problem(413, f"the body is larger than {BODY_LIMIT} bytes") from None
    except (ValueError, RecursionError) as cause:
        raise bad_request("the body is not valid JSON") from cause
    visit.body = body
    return body


async def name_in(request: web.Request) -> str | None:
    """Give the name in a body that may be anything."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError, web.HTTPRequestEntityTooLarge):
        return None
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) else None


def _no_constant(name: str) -> None:
    raise ValueError(name)
