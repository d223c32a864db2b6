"""What the account answers: endpoints, their live settings, workers. Frozen; no wire knowledge.

An endpoint carries the account that it came from, and its verbs delegate to it. All are records, so
that an endpoint can be unpickled and pinged without attrs; see `lbsls.records`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from lbsls.enums import ServerlessType
from lbsls.errors import ConfigError, Violation
from lbsls.records import Record, replace
from lbsls.values import Env

if TYPE_CHECKING:
    import requests
    from typing_extensions import Unpack

    from lbsls.account import Account
    from lbsls.events import Event
    from lbsls.health import Strategy
    from lbsls.requesting import CallOptions
    from lbsls.resources import ServerlessResource
    from lbsls.values import Ping, Response

__all__ = ["Endpoint", "LogLine", "Mark", "Settings", "Worker"]

MARK_VARIABLE = "LBSLS_MARK"
"""The environment variable that holds the mark of what lbsls created."""


class Mark(Record):
    """What lbsls writes into the env of an endpoint that it creates: ``project/name/nonce``.

    The nonce is new for every create that is sent, so an endpoint can be found whose create was
    done and whose answer was lost.
    """

    project: str
    name: str
    nonce: str

    def __str__(self) -> str:
        return f"{self.project}/{self.name}/{self.nonce}"

    @classmethod
    def parse(cls, text: str | None) -> Mark | None:
        """Read a mark; a text that is none gives None. The name may hold slashes."""
        project, _, rest = (text or "").partition("/")
        name, _, nonce = rest.rpartition("/")
        return cls(project, name, nonce) if name and nonce else None


class Settings(Record, kw_only=True):
    """The live settings of an endpoint, under the names that resources use; None if not told."""

    imageName: str | None = None
    env: Env | None = None
    workersMin: int | None = None
    workersMax: int | None = None
    idleTimeout: int | None = None
    scalerType: str | None = None
    scalerValue: float | None = None
    executionTimeoutMs: int | None = None
    datacenter: tuple[str, ...] = ()
    networkVolume: tuple[str, ...] = ()
    gpus: tuple[str, ...] | None = None
    gpuCount: int | None = None
    excludedGpus: tuple[str, ...] | None = None
    cudaVersions: tuple[str, ...] | None = None
    minCudaVersion: str | None = None
    instanceIds: tuple[str, ...] | None = None
    flashboot: str | None = None
    args: str | None = None
    disk: int | None = None
    ports: tuple[str, ...] | None = None
    registry: str | None = None


class Worker(Record):
    """One running container behind an endpoint.

    Attributes:
        status: RUNNING, IDLE, INITIALIZING, THROTTLED, UNHEALTHY, or what Runpod adds.
        is_stale: It still runs an older release.
        uptime: Seconds since its last start, None before that.
    """

    id: str
    status: str
    is_stale: bool = False
    version: int | None = None
    image: str | None = None
    uptime: float | None = None
    started_at: str | None = None
    gpu_type: str | None = None
    data_center: str | None = None

    @property
    def is_up(self) -> bool:
        """Whether it can serve, as far as Runpod says."""
        return self.status in ("RUNNING", "IDLE")


class LogLine(Record):
    """One line of a worker's log; ``source`` is container or system."""

    source: str
    line: str
    time: str = ""


class Endpoint(Record, kw_only=True):
    """What exists in the account.

    Attributes:
        id: Runpod's id; the name is the identity that people use.
        endpoint_url: Where requests go, without a slash at the end.
        health_url: Where pings go.
        created_at: When it was created (UTC).
        settings: Its live settings.
        mark: Who created it, if lbsls did.
        base_url: The control plane that answered.
    """

    id: str
    name: str
    type: ServerlessType = ServerlessType.LB
    endpoint_url: str
    health_url: str
    created_at: datetime
    settings: Settings = Settings()
    mark: Mark | None = None
    base_url: str = ""
    _account: Account | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Neither the account with its key nor the values of env may travel with an endpoint.
        return {**vars(self), "settings": replace(self.settings, env=None), "_account": None}

    @property
    def resource(self) -> ServerlessResource:
        """The resource that declares what is live, every setting written out.

        Raises:
            ConfigError: If the live settings break a rule, as a console allows.
        """
        from lbsls.resources import LoadBalancerSlsResource, NetworkVolume, ServerlessResource

        values = {k: v for k, v in vars(self.settings).items() if v is not None}
        volumes = [NetworkVolume(id) for id in values.pop("networkVolume")]
        kind = LoadBalancerSlsResource if self.type == ServerlessType.LB else ServerlessResource
        if self.settings.env is not None:
            values["env"] = declarable_env(self.settings.env)
        if not values["datacenter"]:
            del values["datacenter"]
        return kind(name=self.name, networkVolume=volumes or None, **values)

    @property
    def account(self) -> Account:
        """The account it came from; after unpickling, the one of the environment.

        Raises:
            ConfigError: If the environment names another control plane than it came from.
        """
        if self._account is not None:
            return self._account
        from lbsls.account import default_account

        account = default_account()
        if account.base_url != self.base_url:
            reason = f"endpoint {self.id} is of {self.base_url}, not of {account.base_url}."
            instead = "Set RUNPOD_API_BASE_URL to where it is, or get it anew: account.get(id)."
            raise ConfigError("Endpoint", [Violation("base_url", reason, instead)])
        return account

    def deploy(
        self,
        *,
        wait: bool = True,
        timeout: float = 300.0,
        strategy: Strategy | None = None,
        adopt: bool | None = None,
        cleanup: Literal["never", "on_failure"] = "never",
        on_event: Callable[[Event], object] | None = None,
    ) -> Endpoint:
        """Deploy its `resource` again: recreate it if it is gone, and wait until it is healthy.

        Raises:
            ConfigError: If it was unpickled, as its env stayed behind; see `Account.deploy` also.
        """
        return self.account.deploy(
            self._whole(),
            wait=wait,
            timeout=timeout,
            strategy=strategy,
            adopt=adopt,
            cleanup=cleanup,
            on_event=on_event,
        )

    async def deploy_async(
        self,
        *,
        wait: bool = True,
        timeout: float = 300.0,
        strategy: Strategy | None = None,
        adopt: bool | None = None,
        cleanup: Literal["never", "on_failure"] = "never",
        on_event: Callable[[Event], object] | None = None,
    ) -> Endpoint:
        """Async twin of `deploy`."""
        return await self.account.deploy_async(
            self._whole(),
            wait=wait,
            timeout=timeout,
            strategy=strategy,
            adopt=adopt,
            cleanup=cleanup,
            on_event=on_event,
        )

    def _whole(self) -> ServerlessResource:
        if self.settings.env is None:
            reason = f"endpoint {self.name!r} was unpickled, and its env did not travel with it."
            instead = "Deploy the resource, or get it anew: account.get(id)."
            raise ConfigError("Endpoint.deploy", [Violation("env", reason, instead)])
        return self.resource

    def undeploy(self) -> bool:
        """Delete it; True if it was still there."""
        return self.account.undeploy(self)

    async def undeploy_async(self) -> bool:
        """Async twin of `undeploy`."""
        return await self.account.undeploy_async(self)

    def workers(self) -> tuple[Worker, ...]:
        """List its workers."""
        return self.account.workers(self)

    async def workers_async(self) -> tuple[Worker, ...]:
        """Async twin of `workers`."""
        return await self.account.workers_async(self)

    def is_deployed(self) -> bool:
        """Tell whether it is there, without waking it."""
        return self.account.is_deployed(self)

    async def is_deployed_async(self) -> bool:
        """Async twin of `is_deployed`."""
        return await self.account.is_deployed_async(self)

    def is_healthy(self) -> bool:
        """Tell whether it answers 200 now; this may wake it."""
        return self.account.is_healthy(self)

    async def is_healthy_async(self) -> bool:
        """Async twin of `is_healthy`."""
        return await self.account.is_healthy_async(self)

    def check_ping(self, *, timeout: float = 5.0) -> Ping:
        """Ask its health path once."""
        return self.account.check_ping(self, timeout=timeout)

    async def check_ping_async(self, *, timeout: float = 5.0) -> Ping:
        """Async twin of `check_ping`."""
        return await self.account.check_ping_async(self, timeout=timeout)

    def wait_for_health(
        self,
        *,
        max_retries: int | None = None,
        retry_interval: float | None = None,
        strategy: Strategy | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Ping until it is healthy; see `Account.wait_for_health`."""
        return self.account.wait_for_health(
            self,
            max_retries=max_retries,
            retry_interval=retry_interval,
            strategy=strategy,
            timeout=timeout,
        )

    async def wait_for_health_async(
        self,
        *,
        max_retries: int | None = None,
        retry_interval: float | None = None,
        strategy: Strategy | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Async twin of `wait_for_health`."""
        return await self.account.wait_for_health_async(
            self,
            max_retries=max_retries,
            retry_interval=retry_interval,
            strategy=strategy,
            timeout=timeout,
        )

    def request(self, method: str, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Send a request to it; see `Account.request`."""
        return self.account.request(self, method, path, **options)

    async def request_async(
        self, method: str, path: str = "/", **options: Unpack[CallOptions]
    ) -> Response:
        """Async twin of `request`."""
        return await self.account.request_async(self, method, path, **options)

    def get(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Send a GET request; see `request`."""
        return self.request("GET", path, **options)

    async def get_async(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Async twin of `get`."""
        return await self.request_async("GET", path, **options)

    def post(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Send a POST request; see `request`."""
        return self.request("POST", path, **options)

    async def post_async(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Async twin of `post`."""
        return await self.request_async("POST", path, **options)

    def put(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Send a PUT request; see `request`."""
        return self.request("PUT", path, **options)

    async def put_async(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Async twin of `put`."""
        return await self.request_async("PUT", path, **options)

    def patch(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Send a PATCH request; see `request`."""
        return self.request("PATCH", path, **options)

    async def patch_async(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Async twin of `patch`."""
        return await self.request_async("PATCH", path, **options)

    def delete(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Send a DELETE request; see `request`."""
        return self.request("DELETE", path, **options)

    async def delete_async(self, path: str = "/", **options: Unpack[CallOptions]) -> Response:
        """Async twin of `delete`."""
        return await self.request_async("DELETE", path, **options)

    def session(self) -> requests.Session:
        """Open a `requests.Session` whose relative URLs and credentials are this endpoint's.

        Close it, or use it in a ``with`` statement. It sends the API key to this endpoint only,
        whatever a ``.netrc`` says, and sends a request again that was refused for want of a
        worker.
        """
        return self.account.session(self)


def is_added(key: str) -> bool:
    """Tell whether a variable that nobody declared is there because lbsls or Runpod added it."""
    return key.startswith(("LBSLS_", "RUNPOD_")) or key in ("PORT", "PORT_HEALTH")


def declarable_env(env: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is not the user's: marks, and what Runpod itself adds."""
    return {k: v for k, v in env.items() if not k.startswith(("LBSLS_", "RUNPOD_"))}


def hidden_values(env: Mapping[str, str]) -> tuple[str, ...]:
    """Give what must not be shown of an env; where an app listens is no secret, and it helps."""
    return tuple(value for key, value in env.items() if key not in _SHOWN)


_SHOWN = frozenset({"PORT", "PORT_HEALTH", "HEALTH_CHECK_PATH", MARK_VARIABLE})
