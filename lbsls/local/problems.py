"""What the control plane refuses, as RFC 9457 problems in Runpod's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

NO_ERRORS: tuple[str, ...] = ()
# what Runpod calls it, where Python's versions call it otherwise or know no name
TITLES = {422: "Unprocessable Entity", 524: "A Timeout Occurred"}


class Problem(Exception):
    """A request that is answered with a problem.

    Attributes:
        status: the HTTP status.
        detail: what is wrong, for a person.
        errors: each failure of validation.
        headers: what the answer carries beside its body.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[str] = NO_ERRORS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """Give the JSON object that says it."""
        title = title_of(self.status)
        body: dict[str, object] = {"title": title, "status": self.status, "detail": self.detail}
        if self.errors:
            body["errors"] = list(self.errors)
        return body


def title_of(status: int) -> str:
    """Give the words for a status."""
    try:
        return TITLES.get(status) or HTTPStatus(status).phrase
    except ValueError:  # nobody registered it
        return "Error"


def bad_request(detail: str) -> Problem:
    """Say that a request conflicts with a rule that its schema cannot express."""
    return Problem(400, detail)


def not_found(what: str) -> Problem:
    """Say that there is no such thing."""
    return Problem(404, f"{what} not found")


def invalid(errors: Sequence[str]) -> Problem:
    """Say that a request is not what the schema asks for, and where."""
    return Problem(422, "Request validation failed.", errors)
