"""Deploy load-balanced serverless endpoints, wait until they really serve, call them, remove them.

Each name is imported when it is first used: declaring a resource needs attrs and nothing else, a
ping needs requests and nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lbsls import local
    from lbsls.account import Account
    from lbsls.enums import (
        CpuFlavor,
        DataCenter,
        FlashBoot,
        GpuPool,
        ServerlessScalerType,
        ServerlessType,
    )
    from lbsls.errors import (
        AmbiguousEndpoint,
        AnswerTooLarge,
        ApiError,
        AuthError,
        CapacityError,
        ConfigError,
        Conflict,
        ConnectError,
        DeployFailed,
        HealthTimeout,
        LbslsError,
        LbslsWarning,
        NotFound,
        NotOurs,
        PermissionDenied,
        RateLimited,
        ServerError,
        TlsError,
        TransportError,
        TransportTimeout,
        UntrustedHost,
        Violation,
        WireError,
    )
    from lbsls.health import Adaptive, Backoff, Consecutive, FixedSchedule, Strategy
    from lbsls.live import Endpoint, Worker
    from lbsls.plans import Plan
    from lbsls.resources import LoadBalancerSlsResource, NetworkVolume, ServerlessResource
    from lbsls.values import Health, Ping, Response

__version__ = "0.1.0"

__all__ = [
    "Account",
    "Adaptive",
    "AmbiguousEndpoint",
    "AnswerTooLarge",
    "ApiError",
    "AuthError",
    "Backoff",
    "CapacityError",
    "ConfigError",
    "Conflict",
    "ConnectError",
    "Consecutive",
    "CpuFlavor",
    "DataCenter",
    "DeployFailed",
    "Endpoint",
    "FixedSchedule",
    "FlashBoot",
    "GpuPool",
    "Health",
    "HealthTimeout",
    "LbslsError",
    "LbslsWarning",
    "LoadBalancerSlsResource",
    "NetworkVolume",
    "NotFound",
    "NotOurs",
    "PermissionDenied",
    "Ping",
    "Plan",
    "RateLimited",
    "Response",
    "ServerError",
    "ServerlessResource",
    "ServerlessScalerType",
    "ServerlessType",
    "Strategy",
    "TlsError",
    "TransportError",
    "TransportTimeout",
    "UntrustedHost",
    "Violation",
    "WireError",
    "Worker",
    "local",
]

_HOMES = {
    "account": ("Account",),
    "enums": (
        "CpuFlavor",
        "DataCenter",
        "FlashBoot",
        "GpuPool",
        "ServerlessScalerType",
        "ServerlessType",
    ),
    "health": ("Adaptive", "Backoff", "Consecutive", "FixedSchedule", "Strategy"),
    "live": ("Endpoint", "Worker"),
    "plans": ("Plan",),
    "resources": ("LoadBalancerSlsResource", "NetworkVolume", "ServerlessResource"),
    "values": ("Health", "Ping", "Response"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'lbsls' has no attribute {name!r}")
    if name == "local":
        return import_module("lbsls.local")
    # What is left are the errors.
    value = getattr(import_module(f"lbsls.{_HOME_OF.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
