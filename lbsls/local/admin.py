"""The address where a local Runpod is told to misbehave, and asked what it was sent.

It has a port and a key of its own: neither the account's key nor an endpoint's address leads here.

==========================  =====================================================================
``GET /faults``             the faults there are
``POST /faults``            one more: the fields of `Fault`, and the arguments of `Faults.add`
``DELETE /faults``          none any more; ``DELETE /faults/ID`` ends one
``GET /requests``           what was sent, ``?operation=`` and ``?endpoint=`` choose; and the counts
``DELETE /requests``        forget it
==========================  =====================================================================
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from lbsls.local import keys
from lbsls.local.clock import moment
from lbsls.local.faults import Fault
from lbsls.local.options import World
from lbsls.local.problems import Problem, invalid, not_found

BODY_LIMIT = 64 * 1024
NUMBER = (int, float)
OF_FAULT: dict[str, Any] = {
    "kind": str,
    "status": int,
    "html": bool,
    "retry_after": (*NUMBER, str),
    "done": bool,
    "seconds": NUMBER,
}
OF_RULE: dict[str, Any] = {
    "operation": str,
    "endpoint": str,
    "times": int,
    "probability": NUMBER,
    "seed": int,
    "lasts": NUMBER,
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Admin:
    """Answers who may change and ask."""

    def __init__(self, world: World, key: str) -> None:
        self._faults = world.faults
        self._journal = world.journal
        self._key = key

    def app(self) -> web.Application:
        """Give the application that serves it."""
        app = web.Application(middlewares=[self._admit], client_max_size=BODY_LIMIT)
        app.router.add_get("/faults", self._list)
        app.router.add_post("/faults", self._add)
        app.router.add_delete("/faults", self._clear)
        app.router.add_delete("/faults/{id}", self._remove)
        app.router.add_get("/requests", self._requests)
        app.router.add_delete("/requests", self._forget)
        return app

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if not keys.is_loopback(request.headers.get("Host")):
                raise Problem(403, "the Host header does not name this machine")
            token = keys.bearer(request.headers.get("Authorization"))
            if token is None or not keys.is_key(token, self._key):
                raise Problem(401, "this address wants LBSLS_LOCAL_ADMIN_KEY as its bearer token")
            return await handler(request)
        except web.HTTPError as refusal:
            problem = Problem(refusal.status, "there is /faults and /requests here, nothing else")
        except Problem as refusal:
            problem = refusal
        return web.json_response(
            problem.body(), status=problem.status, content_type="application/problem+json"
        )

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"faults": [rule.as_json() for rule in self._faults]})

    async def _add(self, request: web.Request) -> web.StreamResponse:
        fault, options = wanted(await _body(request))
        try:
            rule = self._faults.add(Fault(**fault), **options)
        except ValueError as cause:
            raise invalid([str(cause)]) from cause
        return web.json_response(rule.as_json(), status=201)

    async def _clear(self, request: web.Request) -> web.StreamResponse:
        self._faults.clear()
        return web.Response(status=204)

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        found = [rule for rule in self._faults if str(rule.id) == request.match_info["id"]]
        if not found:
            raise not_found("fault")
        self._faults.remove(found[0])
        return web.Response(status=204)

    async def _requests(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        seen = self._journal.of(query.get("operation"), endpoint=query.get("endpoint"))
        return web.json_response(
            {"counts": self._journal.counts, "requests": [each.as_json() for each in seen]}
        )

    async def _forget(self, request: web.Request) -> web.StreamResponse:
        self._journal.clear()
        return web.Response(status=204)


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as cause:
        raise invalid(["the body is not JSON"]) from cause


def wanted(body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the fields of a fault, and of when it strikes.

    Raises:
        Problem: they are not these, or not of their types; all that is wrong is named.
    """
    if not isinstance(body, dict):
        raise invalid([f"the body is an object with {', '.join((*OF_FAULT, *OF_RULE))}"])
    errors = [] if "kind" in body else ["kind is missing"]
    for name, value in body.items():
        kinds = {**OF_FAULT, **OF_RULE}.get(name)
        if kinds is None:
            errors.append(f"{name} is not one of {', '.join((*OF_FAULT, *OF_RULE))}")
        elif value is not None and not _is_of(value, kinds):
            errors.append(f"{name} cannot be {value!r}")
    fields = {name: value for name, value in body.items() if value is not None}
    if isinstance(fields.get("retry_after"), str):
        fields["retry_after"] = _date(fields["retry_after"], errors)
    if errors:
        raise invalid(errors)
    return (
        {name: value for name, value in fields.items() if name in OF_FAULT},
        {name: value for name, value in fields.items() if name in OF_RULE},
    )


def _is_of(value: Any, kinds: Any) -> bool:
    """Whether a value is of one of these types; truth is no number."""
    return isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool))


def _date(text: str, errors: list[str]) -> datetime | None:
    try:
        return moment(text)
    except ValueError as cause:
        errors.append(f"retry_after is seconds or a time: {cause}")
        return None
