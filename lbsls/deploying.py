"""The verbs that change an account: what `Account` deploys, takes down and tidies up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, TypedDict, overload

from lbsls import flows

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lbsls.engine import Engine
    from lbsls.events import Event
    from lbsls.flows.context import Context
    from lbsls.flows.find import Target
    from lbsls.health import Strategy
    from lbsls.live import Endpoint
    from lbsls.plans import Plan
    from lbsls.resources import ServerlessResource

__all__ = ["Choices", "Deploying"]


class Choices(TypedDict, total=False):
    """What `Account.deploy` may be given besides the resource and ``dry_run``."""

    wait: bool
    timeout: float
    strategy: Strategy | None
    adopt: bool | None
    cleanup: Literal["never", "on_failure"]
    on_event: Callable[[Event], object] | None


class Deploying:
    """The half of `Account` that changes what there is."""

    _context: Context
    _engine: Engine

    @overload
    def deploy(
        self,
        resource: ServerlessResource,
        *,
        dry_run: Literal[False] = False,
        **choices: Unpack[Choices],
    ) -> Endpoint: ...
    @overload
    def deploy(
        self, resource: ServerlessResource, *, dry_run: Literal[True], **choices: Unpack[Choices]
    ) -> Plan: ...
    @overload
    def deploy(
        self, resource: ServerlessResource, *, dry_run: bool, **choices: Unpack[Choices]
    ) -> Endpoint | Plan: ...
    def deploy(
        self,
        resource: ServerlessResource,
        *,
        wait: bool = True,
        timeout: float = 300.0,
        strategy: Strategy | None = None,
        adopt: bool | None = None,
        cleanup: Literal["never", "on_failure"] = "never",
        dry_run: bool = False,
        on_event: Callable[[Event], object] | None = None,
    ) -> Endpoint | Plan:
        """Make exactly one endpoint of the resource's name exist as declared, and wait for it.

        An endpoint that exists is updated where live settings differ from declared ones, in one
        request at most. The wait wakes a worker, also when nothing changed.

        Interrupted (Ctrl-C, cancellation), it ends at once and cleans nothing up: what it created
        stays, the next deploy of that name goes on with it, and `undeploy` removes it.

        Args:
            resource: What to deploy.
            wait: Whether to wait until it is healthy; False suits start-up code. With
                ``workersMax=0`` there is never a wait.
            timeout: Seconds for all of it. 300 cover the two minutes that a cold load balancer
                holds a request, and the pull of an ordinary image.
            strategy: How to wait; `Adaptive` by default.
            adopt: What to do about an endpoint of this name that this project did not create: by
                default it is returned if it is as declared, else refused; True changes it, False
                refuses it always.
            cleanup: What to do when it fails: "never" leaves what it created, "on_failure" removes
                that (not what was there before), within 15 seconds more. Who else waits for the
                same endpoint finds it gone, and creates another.
            dry_run: Whether to look only, and give the `Plan` of what would be done; ``wait``,
                ``strategy`` and ``cleanup`` mean nothing then.
            on_event: Called with each event as it happens.

        Raises:
            ConfigError: If the resource cannot be deployed.
            HealthTimeout: If it is not healthy in time; it still exists, unless its ``removed`` is
                True. `DeployFailed` if the workers prove earlier that it will not be.
            NotOurs: If it exists, was not created by this project, and differs.
            AmbiguousEndpoint: If several have the name and no rule chooses.
            Conflict: If no update can make it as declared.
            ApiError: If Runpod refuses; `TransportError` if it cannot be reached.
        """
        options = flows.deploy.DeployOptions(wait, timeout, strategy, adopt, cleanup)
        if dry_run:
            planned = flows.deploy.dry_run(self._context, resource, options)
            return self._engine.run(planned, on_event)
        with self._context.memory.claim(getattr(resource, "name", "")) as claim:
            flow = flows.deploy.deploy(self._context, resource, options, claim)
            return self._engine.run(flow, on_event)

    @overload
    async def deploy_async(
        self,
        resource: ServerlessResource,
        *,
        dry_run: Literal[False] = False,
        **choices: Unpack[Choices],
    ) -> Endpoint: ...
    @overload
    async def deploy_async(
        self, resource: ServerlessResource, *, dry_run: Literal[True], **choices: Unpack[Choices]
    ) -> Plan: ...
    @overload
    async def deploy_async(
        self, resource: ServerlessResource, *, dry_run: bool, **choices: Unpack[Choices]
    ) -> Endpoint | Plan: ...
    async def deploy_async(
        self,
        resource: ServerlessResource,
        *,
        wait: bool = True,
        timeout: float = 300.0,
        strategy: Strategy | None = None,
        adopt: bool | None = None,
        cleanup: Literal["never", "on_failure"] = "never",
        dry_run: bool = False,
        on_event: Callable[[Event], object] | None = None,
    ) -> Endpoint | Plan:
        """Async twin of `deploy`."""
        options = flows.deploy.DeployOptions(wait, timeout, strategy, adopt, cleanup)
        if dry_run:
            planned = flows.deploy.dry_run(self._context, resource, options)
            return await self._engine.run_async(planned, on_event)
        with self._context.memory.claim(getattr(resource, "name", "")) as claim:
            flow = flows.deploy.deploy(self._context, resource, options, claim)
            return await self._engine.run_async(flow, on_event)

    def plan(
        self, resources: Iterable[ServerlessResource], *, adopt: bool | None = None
    ) -> tuple[Plan, ...]:
        """Tell what a deploy of each resource would do now, in one request for all of them.

        Nothing is changed, and no worker is woken.

        Args:
            resources: What would be deployed.
            adopt: As of `deploy`.

        Raises:
            ConfigError: If a resource cannot be deployed. What a deploy would raise for what it
                finds is in the plans.
        """
        return self._engine.run(flows.judge.plan(self._context, resources, adopt))

    async def plan_async(
        self, resources: Iterable[ServerlessResource], *, adopt: bool | None = None
    ) -> tuple[Plan, ...]:
        """Async twin of `plan`."""
        return await self._engine.run_async(flows.judge.plan(self._context, resources, adopt))

    def undeploy(self, target: Target) -> bool:
        """Delete a target with all its workers.

        Args:
            target: An endpoint, a resource, an exact id, or an exact name. A resource means what
                this account's project deployed, or somebody made by hand; the others mean what
                they name, whoever made it.

        Returns:
            Whether there was anything to delete: an endpoint or a resource that is already gone
            is no error.

        Raises:
            NotFound: If a text matches nothing.
            NotOurs: If a resource means only what another project deployed.
            AmbiguousEndpoint: If a name matches several and no rule chooses.
        """
        return self._engine.run(flows.undeploy.undeploy(self._context, target))

    async def undeploy_async(self, target: Target) -> bool:
        """Async twin of `undeploy`."""
        return await self._engine.run_async(flows.undeploy.undeploy(self._context, target))

    def orphans(self, declared: Iterable[Target]) -> tuple[Endpoint, ...]:
        """List what this account's project deployed and does not declare any more.

        That is told by the mark of an endpoint: what has none, or another project's, is never
        listed.

        Args:
            declared: All that the project declares: resources, or names.
        """
        return self._engine.run(flows.prune.orphans(self._context, declared))

    async def orphans_async(self, declared: Iterable[Target]) -> tuple[Endpoint, ...]:
        """Async twin of `orphans`."""
        return await self._engine.run_async(flows.prune.orphans(self._context, declared))

    def prune(
        self,
        declared: Iterable[Target],
        *,
        only: Iterable[Endpoint] | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> tuple[Endpoint, ...]:
        """Delete what this account's project deployed and does not declare any more.

        Each endpoint is read again just before, and stays if it is no orphan then.

        Args:
            declared: All that the project declares: resources, or names.
            only: Delete none but these, such as the `orphans` that somebody agreed to; all of them
                by default.
            on_event: Called with each event as it happens.

        Returns:
            What was deleted.

        Raises:
            ConfigError: If the account has no project.
            LbslsError: If one cannot be deleted; those before it are.
        """
        return self._engine.run(flows.prune.prune(self._context, declared, only), on_event)

    async def prune_async(
        self,
        declared: Iterable[Target],
        *,
        only: Iterable[Endpoint] | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> tuple[Endpoint, ...]:
        """Async twin of `prune`."""
        flow = flows.prune.prune(self._context, declared, only)
        return await self._engine.run_async(flow, on_event)
