"""What the environment says of an account, and what says it to a child: names of variables."""

from __future__ import annotations

import os
from typing import Any

from lbsls.addresses import DEFAULT_BASE_URL, Names, Trust, queue_base, several
from lbsls.errors import ConfigError, Violation
from lbsls.values import Secret

__all__ = ["settings", "variables"]

KEY, BASE_URL, QUEUE_URL = "RUNPOD_API_KEY", "RUNPOD_API_BASE_URL", "RUNPOD_ENDPOINT_BASE_URL"
TRUSTED_HOSTS, ALLOW_HTTP = "LBSLS_TRUSTED_HOSTS", "LBSLS_ALLOW_HTTP"


def settings(trusted_hosts: Names = (), allow_http: Names = ()) -> dict[str, Any]:
    """Give what `Account` is made of, with the hosts that are named here besides.

    Raises:
        ConfigError: If there is no key.
    """
    api_key = Secret(os.environ.get(KEY, ""))
    if not api_key.strip():
        reason = f"{KEY} is not set in the environment."
        instead = (
            "Make a key in Runpod's console under Settings, API Keys, and "
            f"`export {KEY}=...`; or try it without one: `lbsls local`."
        )
        raise ConfigError("Account.from_env()", [Violation(KEY, reason, instead)])
    return {
        "api_key": api_key,
        "base_url": os.environ.get(BASE_URL) or DEFAULT_BASE_URL,
        "trusted_hosts": [*several(trusted_hosts), *_named(TRUSTED_HOSTS)],
        "allow_http": [*several(allow_http), *_named(ALLOW_HTTP)],
    }


def variables(api_key: str, base_url: str, trust: Trust) -> dict[str, str]:
    """Give the variables of which `settings` makes the same again."""
    hosts = {TRUSTED_HOSTS: trust.hosts, ALLOW_HTTP: trust.plain}
    return {
        KEY: str(api_key),
        BASE_URL: base_url,
        QUEUE_URL: queue_base(base_url),
        **{name: ",".join(sorted(named)) for name, named in hosts.items() if named},
    }


def _named(variable: str) -> list[str]:
    """Give the names in a variable."""
    parts = os.environ.get(variable, "").split(",")
    return [part.strip() for part in parts if part.strip()]
