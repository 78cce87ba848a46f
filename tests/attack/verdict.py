"""Judges what an app answered to a hostile request."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .payloads import SECRET
from .wire import Exchange, Response

# What tells an attacker how the inside looks. Only refusals are searched: documentation may name what it documents.
LEAK = re.compile(
    rb"Traceback|File \"|site-packages|\.py\b|\bat 0x[0-9a-f]|/usr/|/home/|/root/|SELECT |INSERT |"
    rb"[a-z]Error\b|Exception\b|(?i:sqlalchemy|sqlite|psycopg|asyncpg|pydantic|starlette|uvicorn|fastapi|brickwork|asyncio)"
)
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# Answers that the server gives before any app is asked.
OF_THE_SERVER = re.compile(
    rb"Invalid HTTP request received\.|Failed to open a WebSocket connection|Unsupported upgrade request\."
)


@dataclass(frozen=True)
class Expectation:
    """What an app promises about its answers.

    Attributes:
        numbered: Whether each has exactly one request ID.
        hardened: Whether each has the security headers.
        described: Whether each refusal is a problem document.
        deliberate: Statuses of 500 and above that it gives on purpose.
    """

    numbered: bool = True
    hardened: bool = True
    described: bool = True
    deliberate: frozenset[int] = frozenset()


@dataclass
class Verdict:
    """The sum of a run.

    Attributes:
        findings: What must not be, in words, with the request that caused it.
        statuses: How often each status was given by the app.
        by_server: How many answers the server gave by itself.
        silent: How many requests got no answer, where none was due.
    """

    findings: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    by_server: int = 0
    silent: int = 0


def judge(exchanges: Iterable[Exchange], expectation: Expectation) -> Verdict:
    """Look at every answer."""
    verdict = Verdict()
    for exchange in exchanges:
        verdict.findings += [f"{exchange.name}: {fault}" for fault in _of_exchange(exchange)]
        verdict.silent += not exchange.responses
        for response in exchange.responses:
            if OF_THE_SERVER.match(response.body) or _refused_upgrade(response) or _refused_head(response, exchange):
                verdict.by_server += 1
                continue
            verdict.statuses[response.status] += 1
            faults = faults_of(response, exchange, expectation)
            verdict.findings += [f"{exchange.name}: {response.status}: {fault}" for fault in faults]
    return verdict


def _refused_upgrade(response: Response) -> bool:
    """Tell whether a server without a word closed a socket that the app did not accept."""
    return response.status == 403 and not response.body and not response.all(b"content-type")


def _refused_head(response: Response, exchange: Exchange) -> bool:
    """Tell whether a server refused what it could not read by itself; to HEAD its sentence is left out."""
    plain = response.all(b"content-type") == [b"text/plain; charset=utf-8"]
    return exchange.request.method == b"HEAD" and response.status == 400 and plain and not response.body


def _of_exchange(exchange: Exchange) -> Iterator[str]:
    if exchange.hung:
        yield "neither answered nor closed"
    elif exchange.cut:
        return
    elif exchange.request.complete and not exchange.responses:
        yield f"no answer, but {exchange.rest[:100]!r}"
    elif exchange.rest and not exchange.request.abandoned and exchange.request.complete:
        yield f"an answer that is no whole HTTP: {exchange.rest[:100]!r}"


def faults_of(response: Response, exchange: Exchange, expectation: Expectation) -> Iterator[str]:
    """Name what is wrong with one answer of the app."""
    yield from _headers(response, expectation)
    if response.status < 400:
        return
    if response.status >= 500 and response.status not in expectation.deliberate:
        yield f"the app broke: {response.body[:200]!r}"
    if leak := LEAK.search(response.body):
        yield f"tells of its inside: {leak[0]!r} in {response.body[:300]!r}"
    if expectation.described and SECRET in response.body:
        yield "repeats what it refused"
    if expectation.described and exchange.request.method != b"HEAD":
        yield from _problem(response, exchange)


def _headers(response: Response, expectation: Expectation) -> Iterator[str]:
    ids = response.all(b"x-request-id")
    if expectation.numbered and (len(ids) != 1 or not REQUEST_ID.fullmatch(ids[0])):
        yield f"request IDs are {ids!r}"
    if expectation.hardened and response.all(b"x-content-type-options") != [b"nosniff"]:
        yield "lacks the security headers"
    if response.all(b"x-injected"):
        yield "has a header that the client wrote"


def _problem(response: Response, exchange: Exchange) -> Iterator[str]:
    [media_type] = response.all(b"content-type")[:1] or [b""]
    if media_type.startswith(b"text/html") and b"html" in exchange.request.wire():
        if b"<script>alert" in response.body:
            yield "repeats a script"
        return
    if _speaks_oauth(response, media_type):
        return
    if media_type != b"application/problem+json":
        yield f"is no problem, but {media_type!r}: {response.body[:200]!r}"
        return
    try:
        document = json.loads(response.body.decode("utf-8"), parse_constant=_refuse)
    except ValueError as error:
        yield f"is no JSON: {error}"
        return
    if not isinstance(document, dict) or not {"type", "title", "status", "instance"} <= document.keys():
        yield f"lacks a member: {response.body[:200]!r}"
    elif document["status"] != response.status:
        yield f"says {document['status']} in its body"


def _speaks_oauth(response: Response, media_type: bytes) -> bool:
    """Tell whether an error is in the words of RFC 6749, section 5.2, and kept out of caches."""
    if media_type != b"application/json" or response.all(b"cache-control") != [b"no-store"]:
        return False
    told: object = json.loads(response.body)
    return isinstance(told, dict) and told.keys() == {"error", "error_description"}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
