"""Chromium without a window, driven by the DevTools protocol over a WebSocket."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

# Seconds: generous, because a loaded machine is no reason to fail a test.
PATIENCE = 60.0
_POLL = 0.05
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    # A page that nobody looks at would have its timers slowed down.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
)


def program() -> str | None:
    """Find the browser; None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextmanager
def running(executable: str) -> Iterator[str]:
    """Run a browser, and stop it when left; give the address at which it is driven."""
    profile = Path(tempfile.mkdtemp(prefix="brickwork-chromium-"))
    log = profile / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [executable, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield _address(process, profile / "DevToolsActivePort", log)
    finally:
        # The browser's own processes are in its group, and end with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        shutil.rmtree(profile, ignore_errors=True)


def _address(process: subprocess.Popen[bytes], file: Path, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        lines = file.read_text("utf-8").split() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(_POLL)
    raise RuntimeError(f"the browser did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")


class PageError(Exception):
    """What a script in a page threw, or the protocol refused."""


class Page:
    """A page in a browser profile of its own."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._session: str | None = None
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []
        """What the page's console said: violations of its policy, errors that nobody caught."""

    async def read(self) -> None:
        """Take in what the browser says, until it ends."""
        async for message in self._socket:
            said = json.loads(message)
            waiting = self._waiting.pop(said.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(said)
            if said.get("method") == "Log.entryAdded":
                self.complaints.append(said["params"]["entry"]["text"])
            if said.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(said["params"]["exceptionDetails"]))

    async def open(self) -> None:
        """Make the page, with cookies and storage of its own."""
        context = await self.call("Target.createBrowserContext", disposeOnDetach=True)
        target = await self.call("Target.createTarget", url="about:blank", **context)
        attached = await self.call("Target.attachToTarget", flatten=True, **target)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have the browser do something; what it answers."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        order = {"id": number, "method": method, "params": parameters}
        await self._socket.send(json.dumps(order | ({"sessionId": self._session} if self._session else {})))
        async with asyncio.timeout(PATIENCE):
            said = await self._waiting[number]
        if "error" in said:
            raise PageError(f"{method}: {said['error']}")
        result: dict[str, Any] = said["result"]
        return result

    async def goto(self, url: str) -> None:
        """Open an address, and wait until the page is there."""
        await self.call("Page.navigate", url=url)
        await self.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """Run a script in the page and give its value; a promise is waited for."""
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise PageError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    async def until(self, condition: str) -> Any:
        """Wait until an expression is true in the page, and give its value."""
        deadline = time.monotonic() + PATIENCE
        while not (value := await self.run(condition)):
            if time.monotonic() > deadline:
                raise PageError(f"never true: {condition}; {self.complaints} {await self.run('globalThis.told')}")
            await asyncio.sleep(_POLL)
        return value


@asynccontextmanager
async def opened(address: str) -> AsyncIterator[Page]:
    """Open a page in a browser, and close it when left."""
    async with connect(address, max_size=None, proxy=None, open_timeout=PATIENCE) as socket:
        page = Page(socket)
        reading = asyncio.create_task(page.read())
        try:
            await page.open()
            yield page
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
