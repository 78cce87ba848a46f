"""The chat in two browser windows, while its server goes away and comes back."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import chromium
from .chromium import Page

ROOT = Path(__file__).parents[2]
CONNECTED = "document.getElementById('state').textContent === 'connected'"


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve the chat from a folder, until left; give the address of its page."""
    command = [sys.executable, "-m", "examples.chat", "--port", str(port), "--folder", str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    with (
        (folder.parent / "log").open("a") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        yield next(found[0] for line in process.stdout if (found := re.search(r"http://[\w.:]+/", line)))
        process.send_signal(signal.SIGINT)
        process.stdout.read()


async def come(page: Page, url: str, login: str) -> None:
    """Open the page, and make an account there."""
    await page.goto(url)
    await page.until("!document.getElementById('door').hidden")
    await page.run(
        f"document.querySelector('[name=login]').value = {json.dumps(login)};"
        "document.querySelector('[name=password]').value = 'violet kettle bridge';"
        "document.querySelector('[value=register]').click()"
    )
    await page.until(CONNECTED)


async def say(page: Page, text: str) -> None:
    """Type something, and send it."""
    await page.run(
        f"document.getElementById('text').value = {json.dumps(text)};document.getElementById('saying').requestSubmit()"
    )


async def hears(page: Page, *texts: str) -> None:
    """Wait until exactly these are said, in this order, and none of them still waits to be sent."""
    said = "[...document.querySelectorAll('#log li:not(.note, .waiting) span')].map((each) => each.textContent)"
    await page.until(f"JSON.stringify({said}) === {json.dumps(json.dumps(list(texts), separators=(',', ':')))}")


async def test_two_windows_outlive_a_restart(browser: str, tmp_path: Path) -> None:
    """What is said, also while the server is away, is there in both, once and in order; HTML stays text."""
    folder = tmp_path / "data"
    hostile = "<img src=x onerror=alert(1)>"
    async with chromium.opened(browser) as ada, chromium.opened(browser) as bob:
        with serving(folder) as url:
            await come(ada, url, "ada")
            await come(bob, url, "bob")
            await say(ada, "Hello!")
            await hears(bob, "Hello!")
            await say(bob, hostile)
            await hears(ada, "Hello!", hostile)
            await ada.until("document.getElementById('members').textContent.includes('bob')")
        await ada.until("document.getElementById('state').dataset.state === 'reconnecting'")
        await say(ada, "Anybody?")
        await ada.until("document.querySelectorAll('.waiting').length === 1")
        with serving(folder, int(url.rstrip("/").rpartition(":")[2])):
            await hears(ada, "Hello!", hostile, "Anybody?")
            await hears(bob, "Hello!", hostile, "Anybody?")
            await bob.until(CONNECTED)

        assert not [said for said in ada.complaints + bob.complaints if "ERR_CONNECTION_REFUSED" not in said]
