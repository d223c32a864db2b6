"""The facade: a Runpod account as code sees it. The only thing here that talks.

Every verb is a flow, driven blocking or, by its ``_async`` twin, on asyncio and trio.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from lbsls import environment, flows
from lbsls.addresses import DEFAULT_BASE_URL, Names, Trust, check_account
from lbsls.deploying import Deploying
from lbsls.engine import Engine
from lbsls.errors import ConfigError
from lbsls.flows.context import Context, Memory, Pacing
from lbsls.values import Secret

if TYPE_CHECKING:
    import requests
    from typing_extensions import Self, Unpack

    from lbsls.flows.find import Target
    from lbsls.health import Strategy
    from lbsls.live import Endpoint, Worker
    from lbsls.requesting import CallOptions
    from lbsls.transports import AsyncTransport, Transport
    from lbsls.values import Ping, Request, Response

__all__ = ["Account", "default_account"]


class Account(Deploying):
    """A Runpod account: a base URL, an API key, transports, and every verb.

    One account serves many threads and tasks at once, survives a fork, and any number of event
    loops one after another.

    Args:
        api_key: The key; it goes to the control plane and to this account's endpoints, nowhere
            else.
        base_url: The control plane, ``https://api.runpod.io`` unless told otherwise.
        project: Written into the mark of what this account creates; names may be shared by
            projects, and one project does not change what another made.
        transport: Moves requests for the blocking verbs; `requests` unless told otherwise.
        async_transport: Moves them for the async verbs; threads that use ``transport`` unless
            told otherwise.
        trusted_hosts: Hosts that may get the key too when the control plane names them, such as a
            gateway of your own.
        allow_http: Hosts that may be spoken to over plain ``http://``, where everybody on the way
            can read the key; those of this machine always may.

    Raises:
        ConfigError: If a setting cannot be right.
    """

    base_url, project = "", cast("str | None", None)  # for the repr of one that is not finished

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = DEFAULT_BASE_URL,
        project: str | None = None,
        transport: Transport | None = None,
        async_transport: AsyncTransport | None = None,
        trusted_hosts: Names = (),
        allow_http: Names = (),
    ) -> None:
        # First of all: a traceback that shows locals shows this one.
        api_key = Secret(api_key) if isinstance(api_key, str) else api_key
        if violations := check_account(api_key, base_url, project, trusted_hosts, allow_http):
            raise ConfigError("Account", violations)
        self.base_url = base_url.rstrip("/")
        self.project = project
        self._engine = Engine(transport, async_transport)
        self._context = Context(
            base_url=self.base_url,
            api_key=Secret(api_key),
            project=project or "",
            clock=time.monotonic,
            random=random.random,
            nonce=lambda: os.urandom(8).hex(),
            memory=Memory(),
            pacing=Pacing.of(self.base_url),
            account=self,
            trust=Trust.of(trusted_hosts, allow_http),
        )

    @classmethod
    def from_env(
        cls, *, project: str | None = None, trusted_hosts: Names = (), allow_http: Names = ()
    ) -> Self:
        """Make an account of ``RUNPOD_API_KEY`` and ``RUNPOD_API_BASE_URL`` of the environment.

        ``LBSLS_TRUSTED_HOSTS`` and ``LBSLS_ALLOW_HTTP`` (host,host) add to what is given here.

        Raises:
            ConfigError: If there is no key.
        """
        return cls(**environment.settings(trusted_hosts, allow_http), project=project)

    def __repr__(self) -> str:
        project = f", project={self.project!r}" if self.project else ""
        return f"Account('***', base_url={self.base_url!r}{project})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close_async()

    def close(self) -> None:
        """Let go of connections. Endpoints stay; verbs used later connect anew."""
        self._engine.close()

    async def close_async(self) -> None:
        """Async twin of `close`."""
        await self._engine.aclose()

    def environ(self) -> dict[str, str]:
        """Give the variables that point another program, or a child process, at this account."""
        return environment.variables(self._context.api_key, self.base_url, self._context.trust)

    def find(self, name: str) -> Endpoint | None:
        """Find the endpoint of an exact name, or None if there is none.

        Raises:
            AmbiguousEndpoint: If several have the name and no rule chooses.
        """
        return self._engine.run(flows.find.find(self._context, name))

    async def find_async(self, name: str) -> Endpoint | None:
        """Async twin of `find`."""
        return await self._engine.run_async(flows.find.find(self._context, name))

    def get(self, id: str) -> Endpoint:
        """Get the endpoint of an id.

        Raises:
            NotFound: If there is none.
        """
        return self._engine.run(flows.find.get_by_id(self._context, id))

    async def get_async(self, id: str) -> Endpoint:
        """Async twin of `get`."""
        return await self._engine.run_async(flows.find.get_by_id(self._context, id))

    def endpoints(self) -> tuple[Endpoint, ...]:
        """List every endpoint of the account, by name and age."""
        return self._engine.run(flows.find.endpoints(self._context))

    async def endpoints_async(self) -> tuple[Endpoint, ...]:
        """Async twin of `endpoints`."""
        return await self._engine.run_async(flows.find.endpoints(self._context))

    def workers(self, target: Target) -> tuple[Worker, ...]:
        """List the workers of a target; those that were scaled down are not in it."""
        return self._engine.run(flows.find.workers(self._context, target))

    async def workers_async(self, target: Target) -> tuple[Worker, ...]:
        """Async twin of `workers`."""
        return await self._engine.run_async(flows.find.workers(self._context, target))

    def is_deployed(self, target: Target) -> bool:
        """Tell whether a target is there, without waking a worker.

        With a worker up, it is asked: 200 and 204 are True. Asleep with a maximum above 0 is
        True, gone is False.

        Raises:
            AuthError: If the endpoint refuses the key.
            ConnectError: If there is no connection.
            NotFound: If a text matches nothing.
        """
        return self._engine.run(flows.pings.is_deployed(self._context, target))

    async def is_deployed_async(self, target: Target) -> bool:
        """Async twin of `is_deployed`."""
        return await self._engine.run_async(flows.pings.is_deployed(self._context, target))

    def is_healthy(self, target: Target) -> bool:
        """Tell whether a target answers 200 now; this may wake a worker.

        Raises:
            AuthError: If the endpoint refuses the key.
            ConnectError: If there is no connection.
            NotFound: If a text matches nothing.
        """
        return self._engine.run(flows.pings.is_healthy(self._context, target))

    async def is_healthy_async(self, target: Target) -> bool:
        """Async twin of `is_healthy`."""
        return await self._engine.run_async(flows.pings.is_healthy(self._context, target))

    def check_ping(self, target: Target, *, timeout: float = 5.0) -> Ping:
        """Ask a target's health path once and tell what came of it, whatever it was.

        Raises:
            NotFound: If there is no such endpoint.
        """
        return self._engine.run(flows.pings.check_ping(self._context, target, timeout))

    async def check_ping_async(self, target: Target, *, timeout: float = 5.0) -> Ping:
        """Async twin of `check_ping`."""
        return await self._engine.run_async(flows.pings.check_ping(self._context, target, timeout))

    def wait_for_health(
        self,
        target: Target,
        *,
        max_retries: int | None = None,
        retry_interval: float | None = None,
        strategy: Strategy | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Ping a target until it is healthy.

        Args:
            target: An endpoint, a resource, an exact id, or an exact name.
            max_retries: Pings in all, 10 by default.
            retry_interval: Seconds from ping to ping, start to start, 5 by default.
            strategy: Another way to wait, instead of these two.
            timeout: Seconds for all of it; as long as the schedule by default, 300 for a
                strategy without an end.

        Returns:
            True.

        Raises:
            HealthTimeout: If it is not healthy in time, with the likely cause.
        """
        flow = flows.wait.wait_for_health(
            self._context,
            target,
            max_retries=max_retries,
            retry_interval=retry_interval,
            strategy=strategy,
            timeout=timeout,
        )
        return self._engine.run(flow)

    async def wait_for_health_async(
        self,
        target: Target,
        *,
        max_retries: int | None = None,
        retry_interval: float | None = None,
        strategy: Strategy | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Async twin of `wait_for_health`."""
        flow = flows.wait.wait_for_health(
            self._context,
            target,
            max_retries=max_retries,
            retry_interval=retry_interval,
            strategy=strategy,
            timeout=timeout,
        )
        return await self._engine.run_async(flow)

    def request(
        self, target: Target, method: str, path: str = "/", **options: Unpack[CallOptions]
    ) -> Response:
        """Send a request to a target and give its response, whatever its status.

        What the balancer refuses for want of a worker is sent again within the timeout, and so is
        what could not connect. After a 502 or a broken connection only GET, HEAD, OPTIONS, PUT
        and DELETE are, or with ``retry=True`` every method, five times at most. Redirects are
        followed; the API key goes to the endpoint's own address only.

        Raises:
            ConfigError: If an option does not fit.
            TransportError: If no response came.
        """
        on_event = options.pop("on_event", None)
        return self._engine.run(
            flows.calls.call(self._context, target, method, path, options), on_event
        )

    async def request_async(
        self, target: Target, method: str, path: str = "/", **options: Unpack[CallOptions]
    ) -> Response:
        """Async twin of `request`."""
        on_event = options.pop("on_event", None)
        flow = flows.calls.call(self._context, target, method, path, options)
        return await self._engine.run_async(flow, on_event)

    def session(self, target: Target) -> requests.Session:
        """Open a `requests.Session` whose relative URLs and credentials are a target's.

        Close it, or use it in a ``with`` statement.
        """
        from lbsls.requesting import CALL_TIMEOUT
        from lbsls.transports.session import EndpointSession

        def resend(once: Callable[[Request], Response], request: Request) -> object:
            deadline = self._context.clock() + request.timeout
            flow = flows.calls.send_until_worker(self._context, request, deadline)
            return self._engine.run_over(flow, once)

        endpoint = self._engine.run(flows.calls.callable_endpoint(self._context, target))
        return EndpointSession(endpoint.endpoint_url, self._context.api_key, CALL_TIMEOUT, resend)


_defaults: dict[tuple[object, ...], Account] = {}


def default_account() -> Account:
    """Give the account of the environment, the same one as long as the environment is the same."""
    fresh = Account.from_env()
    key = (fresh._context.api_key, fresh.base_url, fresh._context.trust)
    return _defaults.setdefault(key, fresh)
