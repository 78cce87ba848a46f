"""Reads the console sessions that the examples show, makes their requests in process, and compares the answers."""

import argparse
import json
import re
import shlex
from dataclasses import dataclass
from html import unescape

import httpx2
from starlette.types import ASGIApp

_CURL = argparse.ArgumentParser(prog="curl")
_CURL.add_argument("url")
_CURL.add_argument("-s", dest="silent", action="store_true")
_CURL.add_argument("-i", dest="head", action="store_true")
_CURL.add_argument("-X", dest="method")
_CURL.add_argument("-H", dest="headers", action="append", default=[])
_CURL.add_argument("--json")


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
        if command.startswith("curl "):
            found.append(Exchange(command, answer))
    return found


def session_of(docstring: str) -> str:
    """Give the console blocks of a docstring."""
    return "\n".join(re.findall(r"^```console\n(.*?)^```", docstring, flags=re.MULTILINE | re.DOTALL))


def text_of(html: str) -> str:
    """Give what a browser shows of a piece of HTML."""
    return unescape(re.sub(r"<[^>]+>", "", html))


async def curl(app: ASGIApp, command: str) -> str:
    """Make the request of a curl command, and give what curl (and jq) would print."""
    words, _, filtered = command.partition(" | ")
    asked = _CURL.parse_args(shlex.split(words)[1:])
    headers = dict(line.split(": ", 1) for line in asked.headers)
    if asked.json:
        headers |= {"Content-Type": "application/json", "Accept": "application/json"}
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, headers={"User-Agent": "curl/8.11.1"}) as client:
        method = asked.method or ("POST" if asked.json else "GET")
        response = await client.request(method, f"http://{asked.url}", headers=headers, content=asked.json)
    lines = [f"HTTP/1.1 {response.status_code} {response.reason_phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.multi_items()]
    body = json.dumps(response.json(), indent=2, ensure_ascii=False) if filtered == "jq" else response.text
    return "\n".join([*lines, "", body]) if asked.head else body


def agrees(shown: list[str], answer: str) -> bool:
    """Tell whether an answer is the one shown, where … stands for any text, and a line of it for any lines."""
    pattern = "".join("(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in shown)
    return re.fullmatch(pattern, answer.rstrip() + "\n") is not None
