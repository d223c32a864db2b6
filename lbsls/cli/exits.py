"""The exit codes, and which error has which. Prints nothing.

====  ==============================================================================
0     done
1     failed: refused, no connection, several different failures
2     the command line or ``lbsls.toml`` is wrong; an extra is not installed
3     no such endpoint
4     not healthy: in time (``deploy``), or now (``ping``)
5     no usable API key: missing, refused, or not allowed to do this
6     the endpoint answered a call with 400 or above
7     ``diff``: what there is differs from what is declared
130   interrupted (Ctrl-C); 143: ended by SIGTERM; 141: nobody reads the output any more
====  ==============================================================================

Ctrl-C and SIGTERM are the ordinary end, 0, of a command that serves (``local``,
``deploy --local``).
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "BROKEN_PIPE",
    "DIFFERS",
    "FAILED",
    "NOT_FOUND",
    "NOT_HEALTHY",
    "NO_KEY",
    "OK",
    "REFUSED_CALL",
    "USAGE",
    "code_of",
    "worst",
]

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
NOT_HEALTHY = 4
NO_KEY = 5
REFUSED_CALL = 6
DIFFERS = 7
BROKEN_PIPE = 141


def code_of(error: BaseException) -> int:
    """Give the exit code of an error."""
    from lbsls.errors import AuthError, ConfigError, HealthTimeout, NotFound, PermissionDenied

    codes: dict[type[Exception] | tuple[type[Exception], ...], int] = {
        (AuthError, PermissionDenied): NO_KEY,
        NotFound: NOT_FOUND,
        HealthTimeout: NOT_HEALTHY,
        ConfigError: USAGE,
    }
    if isinstance(error, ConfigError):
        if any(violation.field == "RUNPOD_API_KEY" for violation in error.violations):
            return NO_KEY
    return next((code for kind, code in codes.items() if isinstance(error, kind)), FAILED)


def worst(codes: Iterable[int]) -> int:
    """Give one code for several: that of the failures if they have one in common, else 1."""
    failures = {code for code in codes if code != OK}
    return failures.pop() if len(failures) == 1 else FAILED if failures else OK
