"""How operations and pages of others share the control plane's address."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import test_utils, web

from lbsls.local import control
from lbsls.local.cloud import Cloud
from lbsls.local.control import Control
from lbsls.local.images import Images, Ports
from lbsls.local.misbehave import Visit
from lbsls.local.operations import Operation, answer
from lbsls.local.options import World
from lbsls.local.worker import Ground


@pytest.mark.parametrize(("host", "status"), [("localhost", 200), ("evil.example", 403)])
def test_who_adds_a_page_has_its_host_checked_and_nothing_else(host: str, status: int) -> None:
    """A page in a browser brings no key, costs no request, and is in no journal."""

    async def hello(request: web.Request) -> web.StreamResponse:
        """Give a page."""
        return web.Response(text="hello")

    async def main() -> None:
        """Ask for the page, in an event loop."""
        world = World()
        async with aiohttp.ClientSession() as session:
            cloud = Cloud(Ground(world, Images({}), Ports(), session), "key")
            app = Control(cloud, world, "key").app()
            app.router.add_get("/hello", hello)
            async with test_utils.TestServer(app) as server:
                headers = {"Host": host}
                async with session.get(server.make_url("/hello"), headers=headers) as response:
                    assert status == response.status
                    assert "RateLimit" not in response.headers
        assert 0 == len(world.journal)

    asyncio.run(main())


def test_an_operation_may_be_no_part_of_the_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of another address, which has its own; the key is asked for all the same."""

    async def hello(request: web.Request, visit: Visit) -> web.StreamResponse:
        """Give an answer."""
        return answer("hello")

    async def main() -> None:
        """Ask for it, in an event loop."""
        world = World()
        async with aiohttp.ClientSession() as session:
            cloud = Cloud(Ground(world, Images({}), Ports(), session), "key")
            app = Control(cloud, world, "key").app()
            async with test_utils.TestServer(app) as server:
                for key, status in (("key", 200), ("other", 401)):
                    headers = {"Host": "localhost", "Authorization": f"Bearer {key}"}
                    async with session.get(server.make_url("/hello"), headers=headers) as response:
                        assert (status, False) == (response.status, "RateLimit" in response.headers)

    free = Operation("list", "GET", "/hello", hello, limited=False)
    monkeypatch.setattr(control, "PARTS", (lambda _cloud: [free],))
    asyncio.run(main())
