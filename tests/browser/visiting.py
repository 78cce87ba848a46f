"""What tests do with the page."""

import json
from collections.abc import Sequence

from .chromium import Page
from .serving import Server


async def visited(page: Page, server: Server) -> None:
    """Open the page."""
    await page.goto(f"{server.url}/")
    await page.until("globalThis.ready")


async def opened(page: Page, **options: object) -> None:
    """Open a connection in the page; returns when it is in the room."""
    await page.run(f"open('/ws', {json.dumps(options)})")
    await page.until("told.messages.some(({ type }) => type === 'resume')")


async def heard(page: Page, count: int) -> Sequence[int]:
    """Wait until so many numbers were said, and give them."""
    await page.until(f"told.messages.filter(({{ type }}) => type === 'said').length >= {count}")
    numbers: list[int] = await page.run("told.messages.filter(({ type }) => type === 'said').map(({ n }) => n)")
    return numbers
