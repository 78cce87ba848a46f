"""A browser for all tests, a page for each, and the server that the page talks to."""

from collections.abc import AsyncIterator, Iterator

import pytest

from . import chromium
from .serving import Server


@pytest.fixture(scope="session")
def browser() -> Iterator[str]:
    """Where the one browser of the run is driven."""
    executable = chromium.program()
    if executable is None:
        pytest.exit("no Chromium is installed: apt-get install chromium", returncode=3)
    with chromium.running(executable) as address:
        yield address


@pytest.fixture
async def page(browser: str) -> AsyncIterator[chromium.Page]:
    """A page with cookies of its own."""
    async with chromium.opened(browser) as page:
        yield page


@pytest.fixture
def server(redis_url: str) -> Iterator[Server]:
    """A server that can be killed and started again at the same address, and keeps what was sent in Redis."""
    server = Server(redis_url)
    yield server
    server.close()
