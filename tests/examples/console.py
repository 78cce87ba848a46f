"""Reads the console sessions that the examples show, makes their requests in process, and compares the answers."""

import argparse
import json
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape

import httpx2
from starlette.types import ASGIApp

from brickwork.testing import open_client

_CURL = argparse.ArgumentParser(prog="curl")
_CURL.add_argument("url")
_CURL.add_argument("-s", dest="silent", action="store_true")
_CURL.add_argument("-i", dest="head", action="store_true")
_CURL.add_argument("-X", dest="method")
_CURL.add_argument("-H", dest="headers", action="append", default=[])
_CURL.add_argument("--json")
_CURL.add_argument("-d", dest="fields", action="append", default=[])


# What `NAME=$(curl … | jq -r .member)` keeps for the commands after it.
_KEPT = re.compile(r"(?P<name>[A-Z]+)=\$\((?P<command>curl .*?) *\| jq -r \.(?P<member>\w+)\)$")


@dataclass(frozen=True)
class Exchange:
    """A command as it is shown, and the answer that is shown below it."""

    command: str
    answer: list[str]


def exchanges(session: str) -> list[Exchange]:
    """Find the curl commands of a console session, each with the lines that follow it."""
    found: list[Exchange] = []
    for block in re.split(r"^\$ ", session.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
        command, *answer = block.strip().splitlines()
        if command.startswith("curl ") or _KEPT.match(command):
            found.append(Exchange(command, answer))
    return found


def session_of(docstring: str) -> str:
    """Give the console blocks of a docstring."""
    return "\n".join(re.findall(r"^```console\n(.*?)^```", docstring, flags=re.MULTILINE | re.DOTALL))


def text_of(html: str) -> str:
    """Give what a browser shows of a piece of HTML."""
    return unescape(re.sub(r"<[^>]+>", "", html))


class Terminal:
    """Makes the requests of curl commands, one after the other.

    Args:
        client: Calls the app.
    """

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._id = "…"
        self._kept: dict[str, str] = {}

    async def run(self, command: str) -> str:
        """Make the request of a curl command, and give what curl (and jq) would print.

        In the address … stands for the ``id`` in the answer before it, and $NAME for what NAME=$(…) kept.
        """
        if kept := _KEPT.match(command):
            answer = json.loads(await self.run(kept["command"]))
            self._kept[kept["name"]] = answer[kept["member"]]
            return ""
        command = re.sub(r"\$([A-Z]+)\b", lambda name: self._kept[name[1]], command)
        words, _, filtered = command.partition(" | ")
        asked = _CURL.parse_args(shlex.split(words)[1:])
        headers = {"User-Agent": "curl/8.11.1"} | dict(line.split(": ", 1) for line in asked.headers)
        if asked.json:
            headers |= {"Content-Type": "application/json", "Accept": "application/json"}
        form = "&".join(asked.fields)
        if form:
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        method = asked.method or ("POST" if asked.json or form else "GET")
        url = f"http://{asked.url}".replace("…", self._id)
        response = await self._client.request(method, url, headers=headers, content=asked.json or form or None)
        if response.headers.get("content-type") == "application/json" and "id" in response.json():
            self._id = str(response.json()["id"])
        lines = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}"]
        lines += [f"{name}: {value}" for name, value in response.headers.multi_items()]
        body = json.dumps(response.json(), indent=2, ensure_ascii=False) if filtered == "jq" else response.text
        return "\n".join([*lines, "", body]) if asked.head else body


@asynccontextmanager
async def terminal(app: ASGIApp) -> AsyncIterator[Terminal]:
    """Open a terminal from the start of an app to its end."""
    async with open_client(app, raise_errors=False) as client:
        yield Terminal(client)


async def curl(app: ASGIApp, command: str) -> str:
    """Start an app, make the request of one curl command, and give what curl (and jq) would print."""
    async with terminal(app) as opened:
        return await opened.run(command)


def agrees(shown: list[str], answer: str) -> bool:
    """Tell whether an answer is the one shown, where … stands for any text, and a line of it for any lines."""
    pattern = "".join("(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in shown)
    return re.fullmatch(pattern, answer.rstrip() + "\n") is not None
