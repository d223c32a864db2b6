"""How an answer of REST v2 becomes a value, or a `WireError` that names what is wrong where. Pure.

Unknown fields pass, unknown enum values pass as text, a missing optional field is None. A wrong
type never becomes a value: each primitive is checked, not converted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from types import GenericAlias
from typing import Any, TypeVar, get_args, get_origin

from attrs import has
from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn

from lbsls.addresses import is_segment
from lbsls.errors import WireError
from lbsls.values import Env, Response, excerpt

__all__ = ["checked_id", "converter", "json_of", "moment", "structure"]

T = TypeVar("T")

_JSON: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
"""JSON's types as people call them."""


def _exactly(*kinds: type) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise TypeError(f"expected {_JSON[kinds[0]]}, found {_JSON[type(value)]}")
        return value

    return check


def _env_of(value: Any, _: Any) -> Env:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise TypeError("expected an object of texts")
    return Env(value)


converter = Converter()
converter.register_structure_hook(str, _exactly(str))
converter.register_structure_hook(int, _exactly(int))
converter.register_structure_hook(float, _exactly(float, int))
converter.register_structure_hook(bool, _exactly(bool))
converter.register_structure_hook(Env, _env_of)


# Left to itself cattrs takes a text for a list of letters and "" for an empty list.


def _object_hook(kind: Any) -> Callable[[Any, Any], Any]:
    check, structure = _exactly(dict), make_dict_structure_fn(kind, converter)
    return lambda value, kind: structure(check(value, kind), kind)


def _list_hook(kind: Any) -> Callable[[Any, Any], Any]:
    check = _exactly(list)
    items: Any = GenericAlias(list, get_args(kind)[:1])
    return lambda value, kind: tuple(converter.structure(check(value, kind), items))


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


converter.register_structure_hook_factory(has, _object_hook)
converter.register_structure_hook_factory(_is_tuple, _list_hook)


def structure(response: Response, what: str, kind: type[T], secrets: tuple[str, ...]) -> T:
    """Read a body as JSON of one shape.

    Raises:
        WireError: If it is not, with the places that are wrong.
    """
    value = json_of(response, what, secrets)
    try:
        return converter.structure(value, kind)
    except Exception as cause:  # cattrs raises groups of whatever the hooks raise
        wrong = "; ".join(_places(cause))
        # The cause would show its frames' locals, values of env among them.
        raise WireError(what, f"the answer is not as documented: {wrong}") from None


def _places(cause: Exception) -> list[str]:
    def describe(error: BaseException, _: Any) -> str:
        return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)

    return transform_error(cause, format_exception=describe)[:5]


def json_of(response: Response, what: str, secrets: tuple[str, ...] = ()) -> Any:
    """Read a body as JSON.

    Raises:
        WireError: If it is not, with the beginning of what it is.
    """
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        kind = response.headers.get("content-type") or "no content type"
        if not response.content.strip():
            raise WireError(what, "the body is empty") from None
        if response.content.lstrip()[:1] in (b"{", b"["):
            # No excerpt: what began as an answer may hold values of env, of any endpoint.
            size = len(response.content)
            raise WireError(what, f"the answer is broken or cut off JSON ({size} bytes)") from None
        seen = excerpt(response.content, secrets)
        raise WireError(what, f"the answer is no JSON ({kind})", body_excerpt=seen) from None


def checked_id(text: str, what: str) -> str:
    """Give an id that may come back in a path.

    Raises:
        WireError: If it would ask for another path.
    """
    # It comes back in the path of the next request, a DELETE maybe.
    if not is_segment(text):
        raise WireError(what, f"id is no id: {text[:40]!r}")
    return text


_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", re.A | re.I
)


def moment(text: str, what: str, field: str = "createdAt") -> datetime:
    """Read RFC 3339; Python 3.10 knows neither Z nor other than 3 or 6 digits.

    Raises:
        WireError: If it is none, naming the field that holds it.
    """
    match = _MOMENT.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        date, time, fraction, zone = match.groups()
        micro = (fraction or "").ljust(6, "0")[:6]
        offset = "+00:00" if zone in (None, "Z", "z") else zone
        moment = datetime.fromisoformat(f"{date}T{time}.{micro}{offset}")
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise WireError(what, f"{field} is no time: {text[:40]!r}") from None
