"""How operations and pages of others share the control plane's address."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import test_utils, web

from lbsls.local.cloud import Cloud
from lbsls.local.control import Control
from lbsls.local.images import Images, Ports
from lbsls.local.options import World
from lbsls.local.worker import Ground


@pytest.mark.parametrize(("host", "status"), [("localhost", 200), ("evil.example", 403)])
def test_who_adds_a_page_has_its_host_checked_and_nothing_else(host: str, status: int) -> None:
    """A page in a browser brings no key, costs no request, and is in no journal."""

    async def hello(request: web.Request) -> web.StreamResponse:
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
