"""What a user declares: frozen, checked when made, no I/O in it.

Fields keep Runpod's own spelling, so that a name is the same in its console, in an example and
here. A field left out is None: it is not sent and not compared, so Runpod's default applies and
what somebody set in the console stays. The verbs at the end delegate to an account.
"""

from __future__ import annotations

import builtins
import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from attrs import asdict, field, fields_dict, frozen

from lbsls import converters
from lbsls.enums import ServerlessScalerType, ServerlessType
from lbsls.errors import ConfigError, LbslsWarning, Violation
from lbsls.rules import check_endpoint, check_volume, warn_endpoint
from lbsls.values import Env, shown

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lbsls.account import Account
    from lbsls.deploying import Choices
    from lbsls.events import Event
    from lbsls.health import Strategy
    from lbsls.live import Endpoint, Worker
    from lbsls.plans import Plan
    from lbsls.values import Ping

__all__ = ["LoadBalancerSlsResource", "NetworkVolume", "ServerlessResource"]

T = TypeVar("T")
Self = TypeVar("Self", bound="ServerlessResource")


@frozen
class NetworkVolume:
    """Storage that outlives workers, named by the id it has in Runpod's console.

    Raises:
        ConfigError: Without an id; creating volumes comes later.
    """

    id: str | None = None

    def __attrs_post_init__(self) -> None:
        if violations := check_volume(self.id):
            raise ConfigError("NetworkVolume", violations)


def _volumes(
    value: NetworkVolume | Iterable[NetworkVolume] | None,
) -> tuple[NetworkVolume, ...] | None:
    return (value,) if isinstance(value, NetworkVolume) else converters.several(value)


def _volume_of_id(value: Any) -> Any:
    return NetworkVolume(value) if isinstance(value, str) and value.strip() else value


def _discreet(kind: builtins.type[T]) -> builtins.type[T]:
    """Let an error of a class's constructor show nothing of what it was called with."""
    init = kind.__init__

    @functools.wraps(init)
    def constructor(self: T, *args: Any, **fields: Any) -> None:
        try:
            init(self, *args, **fields)
            return
        except Exception as error:
            problem = error.with_traceback(None)
        # A traceback that shows locals would show this frame's, and the frames below it are gone.
        del self, args, fields
        raise problem

    kind.__init__ = constructor  # type: ignore[method-assign,assignment]
    return kind


@_discreet
@frozen(kw_only=True)
class ServerlessResource:
    """A queue-based serverless endpoint as its user wants it; base of the load-balanced one.

    Args:
        name: The identity of the endpoint: its exact name in the account.
        imageName: Container image; or ``templateId``, whose settings are copied once.
        env: Environment variables; values are hidden wherever the resource is shown.
        workersMin: Workers kept warm, 0 by Runpod's default.
        workersMax: Most workers at once, 3 by Runpod's default; 0 puts the endpoint to sleep.
        idleTimeout: Seconds before an idle worker stops, 1 to 3600.
        scalerValue: Seconds of waiting (``QUEUE_DELAY``, 0.5 or more) or requests per worker
            (``REQUEST_COUNT``, 1 or more) that call for another worker; 4 when created.
        executionTimeoutMs: Milliseconds that one request may take.
        datacenter: One or several data centers; any by default.
        networkVolume: One or several volumes, mounted into every worker.
        gpus: One or several GPU pools. Without ``gpus`` and ``instanceIds`` an endpoint is created
            on AMPERE_16, AMPERE_24 and ADA_24: never on just any, as that may be an H200.
        gpuCount: GPUs for each worker, 1 by Runpod's default.
        excludedGpus: GPU types (not pools) that workers must not get.
        cudaVersions: CUDA versions that do, such as ``"12.8"``; or ``minCudaVersion``.
        instanceIds: CPU instances instead of GPUs, such as ``"cpu3g-2-8"``.
        flashboot: Cold-start acceleration; True and False mean FLASHBOOT and OFF.
        args: Arguments for the container's entrypoint.
        disk: Container disk in GB.
        ports: Exposed ports, such as ``"8000/http"``; by default the one in env ``PORT``, or 80.
        registry: Id of the credentials for a private registry.

    Raises:
        ConfigError: With every broken rule, not only the first.

    Warns:
        LbslsWarning: For what is allowed but will disappoint.
    """

    name: str = field(converter=converters.text)
    imageName: str | None = None
    templateId: str | None = None
    type: ServerlessType = field(default=ServerlessType.QB, converter=converters.kind)
    env: Env | None = field(default=None, converter=converters.env)
    workersMin: int | None = None
    workersMax: int | None = None
    idleTimeout: int | None = None
    scalerType: ServerlessScalerType = field(
        default=ServerlessScalerType.QUEUE_DELAY, converter=converters.scaler
    )
    scalerValue: float | None = None
    executionTimeoutMs: int | None = None
    datacenter: tuple[str, ...] | None = field(default=None, converter=converters.data_centers)
    networkVolume: tuple[NetworkVolume, ...] | None = field(default=None, converter=_volumes)
    gpus: tuple[str, ...] | None = field(default=None, converter=converters.pools)
    gpuCount: int | None = None
    excludedGpus: tuple[str, ...] | None = field(default=None, converter=converters.texts)
    cudaVersions: tuple[str, ...] | None = field(default=None, converter=converters.texts)
    minCudaVersion: str | None = None
    instanceIds: tuple[str, ...] | None = field(default=None, converter=converters.texts)
    flashboot: str | None = field(default=None, converter=converters.flashboot)
    args: str | None = None
    disk: int | None = None
    ports: tuple[str, ...] | None = field(default=None, converter=converters.texts)
    registry: str | None = None

    def __repr__(self) -> str:
        declared = {k: v for k, v in asdict(self, recurse=False).items() if v is not None}
        fields = ", ".join(f"{name}={value!r}" for name, value in declared.items())
        return f"{type(self).__name__}({fields})"

    def __attrs_post_init__(self) -> None:
        values = asdict(self, recurse=False)
        kind = type(self).__name__
        if violations := check_endpoint(kind, values):
            raise ConfigError(f"{kind} {shown(self.name)}", violations)
        for sentence in warn_endpoint(kind, values):
            warnings.warn(f"{self.name}: {sentence}", LbslsWarning, stacklevel=4)

    @classmethod
    def from_mapping(cls: builtins.type[Self], name: str, values: Mapping[str, Any]) -> Self:
        """Make a resource of a mapping, such as a table of ``lbsls.toml``.

        ``networkVolume`` may be an id or a list of ids here.

        Raises:
            ConfigError: With every unknown field, or with every broken rule.
        """
        subject = f"{cls.__name__} {shown(name)}"
        if not isinstance(values, Mapping):
            reason = f"the settings must be a mapping, not {type(values).__name__}."
            instead = "Write {'imageName': 'my-app:latest'}."
            raise ConfigError(subject, [Violation("values", reason, instead)])
        known = {**values, **({"env": converters.env(values["env"])} if "env" in values else {})}
        del values  # an error's traceback may show locals
        unknown = [key for key in known if key == "name" or key not in fields_dict(cls)]
        if unknown:
            raise ConfigError(subject, [_no_such_field(cls, key) for key in unknown])
        volumes = _volumes(known.get("networkVolume"))
        if isinstance(volumes, tuple):
            known["networkVolume"] = tuple(_volume_of_id(volume) for volume in volumes)
        return cls(name=name, **known)

    @overload
    def deploy(
        self,
        *,
        account: Account | None = None,
        dry_run: Literal[False] = False,
        **choices: Unpack[Choices],
    ) -> Endpoint: ...
    @overload
    def deploy(
        self, *, account: Account | None = None, dry_run: Literal[True], **choices: Unpack[Choices]
    ) -> Plan: ...
    @overload
    def deploy(
        self, *, account: Account | None = None, dry_run: bool, **choices: Unpack[Choices]
    ) -> Endpoint | Plan: ...
    def deploy(
        self,
        *,
        account: Account | None = None,
        wait: bool = True,
        timeout: float = 300.0,
        strategy: Strategy | None = None,
        adopt: bool | None = None,
        cleanup: Literal["never", "on_failure"] = "never",
        dry_run: bool = False,
        on_event: Callable[[Event], object] | None = None,
    ) -> Endpoint | Plan:
        """Make the endpoint exist as declared, and wait for it; see `Account.deploy`."""
        return _account(account).deploy(
            self,
            wait=wait,
            timeout=timeout,
            strategy=strategy,
            adopt=adopt,
            cleanup=cleanup,
            dry_run=dry_run,
            on_event=on_event,
        )

    @overload
    async def deploy_async(
        self,
        *,
        account: Account | None = None,
        dry_run: Literal[False] = False,
        **choices: Unpack[Choices],
    ) -> Endpoint: ...
    @overload
    async def deploy_async(
        self, *, account: Account | None = None, dry_run: Literal[True], **choices: Unpack[Choices]
    ) -> Plan: ...
    @overload
    async def deploy_async(
        self, *, account: Account | None = None, dry_run: bool, **choices: Unpack[Choices]
    ) -> Endpoint | Plan: ...
    async def deploy_async(
        self,
        *,
        account: Account | None = None,
        wait: bool = True,
        timeout: float = 300.0,
        strategy: Strategy | None = None,
        adopt: bool | None = None,
        cleanup: Literal["never", "on_failure"] = "never",
        dry_run: bool = False,
        on_event: Callable[[Event], object] | None = None,
    ) -> Endpoint | Plan:
        """Async twin of `deploy`."""
        return await _account(account).deploy_async(
            self,
            wait=wait,
            timeout=timeout,
            strategy=strategy,
            adopt=adopt,
            cleanup=cleanup,
            dry_run=dry_run,
            on_event=on_event,
        )

    def undeploy(self, *, account: Account | None = None) -> bool:
        """Delete the endpoint of this name; True if there was one."""
        return _account(account).undeploy(self)

    async def undeploy_async(self, *, account: Account | None = None) -> bool:
        """Async twin of `undeploy`."""
        return await _account(account).undeploy_async(self)

    def workers(self, *, account: Account | None = None) -> tuple[Worker, ...]:
        """List the workers of the endpoint of this name."""
        return _account(account).workers(self)

    async def workers_async(self, *, account: Account | None = None) -> tuple[Worker, ...]:
        """Async twin of `workers`."""
        return await _account(account).workers_async(self)

    def is_deployed(self, *, account: Account | None = None) -> bool:
        """Tell whether an endpoint of this name is there, without waking it."""
        return _account(account).is_deployed(self)

    async def is_deployed_async(self, *, account: Account | None = None) -> bool:
        """Async twin of `is_deployed`."""
        return await _account(account).is_deployed_async(self)

    def is_healthy(self, *, account: Account | None = None) -> bool:
        """Tell whether the endpoint answers 200 now; this may wake it."""
        return _account(account).is_healthy(self)

    async def is_healthy_async(self, *, account: Account | None = None) -> bool:
        """Async twin of `is_healthy`."""
        return await _account(account).is_healthy_async(self)

    def check_ping(self, *, account: Account | None = None, timeout: float = 5.0) -> Ping:
        """Ask the endpoint's health path once."""
        return _account(account).check_ping(self, timeout=timeout)

    async def check_ping_async(
        self, *, account: Account | None = None, timeout: float = 5.0
    ) -> Ping:
        """Async twin of `check_ping`."""
        return await _account(account).check_ping_async(self, timeout=timeout)

    def wait_for_health(
        self,
        *,
        account: Account | None = None,
        max_retries: int | None = None,
        retry_interval: float | None = None,
        strategy: Strategy | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Ping until the endpoint is healthy; see `Account.wait_for_health`."""
        return _account(account).wait_for_health(
            self,
            max_retries=max_retries,
            retry_interval=retry_interval,
            strategy=strategy,
            timeout=timeout,
        )

    async def wait_for_health_async(
        self,
        *,
        account: Account | None = None,
        max_retries: int | None = None,
        retry_interval: float | None = None,
        strategy: Strategy | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Async twin of `wait_for_health`."""
        return await _account(account).wait_for_health_async(
            self,
            max_retries=max_retries,
            retry_interval=retry_interval,
            strategy=strategy,
            timeout=timeout,
        )


@_discreet
@frozen(kw_only=True, repr=False)
class LoadBalancerSlsResource(ServerlessResource):
    """A load-balanced serverless endpoint as its user wants it: HTTP straight to the workers.

    Its fields are those of `ServerlessResource`. ``type`` is always LB, whatever is passed, and
    it scales by REQUEST_COUNT.

    The app serves on the port in its environment variable ``PORT`` and answers ``GET /ping`` (or
    env ``HEALTH_CHECK_PATH``) with 200 when it is ready and 204 while it is loading.
    Source: https://docs.runpod.io/serverless/load-balancing/overview
    """

    type: ServerlessType = field(default=ServerlessType.LB, converter=converters.always_lb)
    scalerType: ServerlessScalerType = field(
        default=ServerlessScalerType.REQUEST_COUNT, converter=converters.scaler
    )


_NOT_IN_V2 = frozenset({"workersStandby", "workersPFBTarget", "template"})


def _no_such_field(cls: type[ServerlessResource], key: object) -> Violation:
    if not isinstance(key, str):
        return Violation(shown(key), f"{cls.__name__} has no field {shown(key)}.")
    if key == "name":
        return Violation(key, "name is given already, before the settings.", "Leave it out.")
    if key in _NOT_IN_V2:
        reason = f"{key} has no place in Runpod's REST API v2, which lbsls speaks."
        return Violation(key, reason, "Leave it out.")
    import difflib

    known = [name for name in fields_dict(cls) if name != "name"]
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
    return Violation(key, f"{cls.__name__} has no field {key}.", hint)


def _account(given: Account | None) -> Account:
    if given is not None:
        return given
    from lbsls.account import default_account

    return default_account()
