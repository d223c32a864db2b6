"""Errors: caught by the types that code already catches, told whole, and safe to send on."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from lbsls import errors
from lbsls.values import Health, Ping

PINGS = (Ping(Health.COLD, at=0.0, elapsed=15.0, detail="held"), Ping(Health.UNHEALTHY, 404))
API: dict[str, Any] = {
    "status": 422,
    "title": "Unprocessable",
    "detail": "no",
    "errors": ["$.disk: too small"],
    "request_id": "req-1",
    "body_excerpt": '{"title": "U"}',
}
VIOLATION = errors.Violation("disk", "disk must be more.", "Write disk=5.")
TIMEOUT: dict[str, Any] = {
    "pings": PINGS,
    "ping_counts": {"404": 3, "COLD": 1},
    "diagnosis": "no health path",
    "observations": ["workers: 1 RUNNING", "system log: started"],
}


def health_timeout(seconds: float = 60.0) -> errors.HealthTimeout:
    """Make the error of a deploy that did not become healthy."""
    return errors.HealthTimeout("mothership", "endpoint-id", seconds, **TIMEOUT)


MADE: list[tuple[errors.LbslsError, tuple[type[Exception], ...]]] = [
    (errors.ConfigError("app", [VIOLATION]), (ValueError,)),
    (errors.TransportError("GET h", "it broke"), ()),
    (errors.ConnectError("GET h", "refused"), (errors.TransportError,)),
    (errors.AnswerTooLarge("GET h", 1000), (errors.TransportError,)),
    (errors.TlsError("GET h", "no TLS"), (errors.ConnectError, errors.TransportError)),
    (errors.TransportTimeout("GET h", "late"), (errors.TransportError, TimeoutError)),
    (errors.ApiError("create", **API), (ValueError,)),
    (errors.AuthError("list", **API), (errors.ApiError, ValueError)),
    (errors.PermissionDenied("list", **API), (errors.ApiError, ValueError)),
    (errors.NotFound("get", **API), (errors.ApiError, ValueError)),
    (errors.Conflict("update", **API), (errors.ApiError, ValueError)),
    (errors.CapacityError("create", **API), (errors.ApiError, ValueError)),
    (errors.RateLimited("list", retry_after=1.5, **API), (errors.ApiError, ValueError)),
    (errors.ServerError("list", **API), (errors.ApiError, ValueError)),
    (errors.WireError("list", "no JSON", body_excerpt="<html>"), ()),
    (errors.UntrustedHost("call app", "http://h/", "h"), (errors.WireError,)),
    (errors.AmbiguousEndpoint("app", [("a", "2026", True)], "why"), ()),
    (errors.NotOurs("app", "id", ["disk: 1 -> 2"]), ()),
    (health_timeout(), (TimeoutError,)),
    (errors.DeployFailed("app", "id", 3.5, **TIMEOUT), (errors.HealthTimeout, TimeoutError)),
]


@pytest.mark.parametrize(("error", "kinds"), MADE)
def test_each_error_is_what_code_already_catches(
    error: errors.LbslsError, kinds: tuple[type[Exception], ...]
) -> None:
    """``except ValueError`` and ``except TimeoutError`` work as the design's examples do."""
    assert [] == [kind for kind in (errors.LbslsError, *kinds) if not isinstance(error, kind)]
    others = {ValueError, TimeoutError} - set(kinds)
    assert [] == [kind for kind in others if isinstance(error, kind)]


@pytest.mark.parametrize("error", [error for error, _ in MADE])
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_each_error_survives_pickle(error: errors.LbslsError, protocol: int) -> None:
    """A Celery worker's error arrives whole: type, text and every attribute."""
    for found in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(error) is type(found)
        assert (str(error), error.args, vars(error)) == (str(found), found.args, vars(found))


def test_what_was_tried_is_kept_too() -> None:
    """Attributes that are set after an error was made travel with it."""
    error = errors.ServerError("list", status=503)
    error.attempts, error.elapsed = 5, 12.34
    found = pickle.loads(pickle.dumps(error))
    assert (5, 12.34) == (found.attempts, found.elapsed)
    assert "list: 503 (tried 5 times in 12.3s). That is a fault of the service" in str(found)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(60.0, "60s"), (50, "50s"), (0.5, "0.5s"), (300.0, "300s")]
)
def test_the_specs_words_for_a_timeout(seconds: float, expected: str) -> None:
    """The design's own words, with the deadline that passed."""
    head = f"LB endpoint mothership (endpoint-id) failed to become healthy within {expected}"
    assert head == str(health_timeout(seconds)).splitlines()[0]


def test_a_timeout_tells_all_that_was_seen() -> None:
    """What the pings answered, what the workers did, the likely cause, and what is left."""
    expected = [
        "  pings: 3 x 404, 1 x COLD",
        "  workers: 1 RUNNING",
        "  system log: started",
        "  likely cause: no health path",
        "  The endpoint still exists; remove it with `lbsls rm endpoint-id` "
        "or account.undeploy('endpoint-id').",
    ]
    assert expected == str(health_timeout()).splitlines()[1:]
    assert PINGS == health_timeout().pings


def test_a_timeout_of_which_nothing_is_known() -> None:
    """Nothing seen is said as such."""
    lines = str(errors.HealthTimeout("app", "id", 5)).splitlines()
    assert (3, "  pings: none was answered") == (len(lines), lines[1])


def test_an_early_end_is_no_timeout_in_words() -> None:
    """The wait that was ended early says so, and after how long."""
    head = str(errors.DeployFailed("app", "id", 31.234)).splitlines()[0]
    assert head.startswith("LB endpoint app (id) failed to become healthy: ")
    assert head.endswith("the wait was ended after 31.2s")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            errors.TransportError("GET h", "it broke"),
            "GET h: it broke. Look at the network between this machine and that address, "
            "then try again.",
        ),
        (
            errors.ConnectError("GET h", "refused"),
            "GET h: refused. Check the address, the network and any proxy; nothing was sent.",
        ),
        (
            errors.TransportTimeout("GET h", "late"),
            "GET h: late. It may have been done all the same; look before you send it again.",
        ),
        (
            errors.ApiError("create", **API),
            "create: 422 Unprocessable: no; $.disk: too small. Request id: req-1.",
        ),
        (errors.ApiError("call", status=500, body_excerpt="Oops!"), "call: 500: Oops!"),
        (errors.ApiError("call", status=500), "call: 500."),
        (
            errors.AuthError("list endpoints", status=401, detail="invalid api key"),
            "list endpoints: 401: invalid api key. Check RUNPOD_API_KEY, or make a new key in "
            "Runpod's console under Settings, API Keys.",
        ),
        (
            errors.WireError("list", "no JSON", body_excerpt="<html>"),
            "list: no JSON. It began with: <html> Check that RUNPOD_API_BASE_URL names Runpod's "
            "API and that no proxy answers instead.",
        ),
        (
            errors.WireError("list", "the body is empty"),
            "list: the body is empty. Check that RUNPOD_API_BASE_URL names Runpod's "
            "API and that no proxy answers instead.",
        ),
        (
            errors.AmbiguousEndpoint("app", [("a", "2025", True), ("b", "2026", False)], "why"),
            "2 endpoints are named 'app', why:\n  a created 2025, by lbsls\n"
            "  b created 2026, not by lbsls\n"
            "Name one by its id, or delete the others: `lbsls rm ID`, account.undeploy('ID').",
        ),
        (
            errors.NotOurs("app", "id", ["disk: 1 -> 2"]),
            "endpoint 'app' (id) exists and was not created by this project. It differs from what "
            "is declared:\n  disk: 1 -> 2\n"
            "Pass adopt=True to change it to what is declared, or choose another name.",
        ),
        (
            errors.NotOurs("app", "id", []),
            "endpoint 'app' (id) exists and was not created by this project, and adopt=False was "
            "given. Choose another name or leave adopt out.",
        ),
        (errors.ConfigError("app", [VIOLATION]), "disk must be more. Write disk=5."),
        (
            errors.ConfigError("app", [VIOLATION, errors.Violation("name", "no name.")]),
            "app has 2 mistakes:\n  disk: disk must be more. Write disk=5.\n  name: no name.",
        ),
    ],
)
def test_each_text_says_what_to_do(error: errors.LbslsError, expected: str) -> None:
    """Every message names what was done, what happened and what to do next."""
    assert expected == str(error)


def test_what_may_have_been_sent_is_told() -> None:
    """A program can tell what surely did not happen from what may have."""
    sent = [errors.TransportError("w", "r").sent, errors.TransportTimeout("w", "r").sent]
    assert ([True, True], False) == (sent, errors.ConnectError("w", "r").sent)
    assert errors.TransportError("w", "r", sent=False).sent is False


def test_a_rate_limit_says_how_long() -> None:
    """The seconds that the answer asked for can be read, or are None."""
    assert 1.5 == errors.RateLimited("w", retry_after=1.5, status=429).retry_after
    assert errors.RateLimited("w").retry_after is None


HOSTS = [
    (
        "https://h.test/x",
        "h.test",
        "h.test is neither Runpod's for it nor the control plane's",
    ),
    (
        "https://h.test/x",
        "h.test",
        "Account(trusted_hosts='h.test'), or LBSLS_TRUSTED_HOSTS=h.test.",
    ),
    ("HTTP://h.test/x", "h.test", "'HTTP://h.test/x', and that is plain http, so the API key was"),
    (
        "http://h.test/x",
        "h.test",
        "Account(trusted_hosts='h.test', allow_http='h.test'), or LBSLS_",
    ),
    ("https://a@b\n/", "", "'https://a@b\\n/', and programs may read it in different ways, so the"),
]


@pytest.mark.parametrize(("url", "host", "says"), HOSTS)
def test_an_untrusted_host_is_named_with_how_to_trust_it(url: str, host: str, says: str) -> None:
    """In code and in the environment; where no host can be told for certain there is no way."""
    text = str(errors.UntrustedHost("call endpoint 'app' (e1)", url, host))
    assert text.startswith("call endpoint 'app' (e1): the control plane names the address '")
    assert says in text
    assert "the API key was not sent there" in text
    assert ("If you trust it" in text) is bool(host)
