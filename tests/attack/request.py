"""The request that the fuzzer starts from, and what an API's own description says is a good one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from pydantic_core import to_json

Schema = dict[str, Any]


@dataclass
class Request:
    """A request as bytes that can be bent.

    Attributes:
        body: What follows the headers; framed by `Content-Length` unless the headers say otherwise.
        framed: Whether a `Content-Length` is still to be added.
        complete: Whether a server has to answer: all of the request is sent, and it is clear where it ends.
        answers: How many answers it gets, where several requests are sent on one connection.
        abandoned: Whether the client leaves without waiting for an answer.
        split: Offsets at which the client pauses while it sends.
    """

    method: bytes = b"GET"
    target: bytes = b"/"
    version: bytes = b"HTTP/1.1"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    host: bytes | None = b"127.0.0.1"
    body: bytes = b""
    framed: bool = True
    raw: bytes | None = None
    complete: bool = True
    answers: int = 1
    abandoned: bool = False
    split: tuple[int, ...] = ()

    def wire(self) -> bytes:
        """Give the bytes that go out."""
        if self.raw is not None:
            return self.raw
        fields = [] if self.host is None else [(b"Host", self.host)]
        fields += self.headers
        if self.framed and (self.body or self.method in {b"POST", b"PUT", b"PATCH"}):
            fields.append((b"Content-Length", str(len(self.body)).encode()))
        lines = [
            b"%s %s %s" % (self.method, self.target, self.version),
            *(b"%s: %s" % pair for pair in fields),
            *self.lines,
        ]
        lines.append(b"Connection: close")
        return b"\r\n".join([*lines, b"", self.body])

    def pieces(self) -> list[bytes]:
        """Give the bytes in the pieces in which they go out."""
        wire = self.wire()
        edges = [0, *(edge for edge in self.split if 0 < edge < len(wire)), len(wire)]
        return [wire[start:end] for start, end in pairwise(edges)]


@dataclass(frozen=True)
class Operation:
    """One operation of an API, with a way to make requests that it accepts."""

    method: str
    path: str
    parameters: tuple[Schema, ...]
    media_type: str
    body: Schema | None
    document: Schema

    def request(self, random: Random) -> Request:
        """Make a request that is right in every way, as far as the description tells."""
        path = self.path
        query = []
        headers = [(b"Accept", b"application/json")]
        for parameter in self.parameters:
            value = str(example(parameter.get("schema", {}), self.document, random))
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", value)
            elif parameter["in"] == "query" and (parameter.get("required") or random.random() < 0.3):
                query.append(f"{parameter['name']}={value}")
        target = path + ("?" + "&".join(query) if query else "")
        body = b""
        if self.body is not None:
            body, media_type = _encoded(example(self.body, self.document, random), self.media_type)
            headers.append((b"Content-Type", media_type))
        return Request(self.method.upper().encode(), target.replace(" ", "%20").encode(), headers=headers, body=body)


def operations(app: FastAPI) -> list[Operation]:
    """List what an app says it can do, and the pages that every app has."""
    document = app.openapi()
    found = [
        Operation(method, path, tuple(described.get("parameters", ())), *_body(described), document)
        for path, item in document["paths"].items()
        for method, described in item.items()
    ]
    pages = ("/", "/docs", "/openapi.json", "/no/such/page")
    return [*found, *(Operation("get", path, (), "", None, document) for path in pages)]


def _body(described: Schema) -> tuple[str, Schema | None]:
    content = described.get("requestBody", {}).get("content", {})
    media_type = next(iter(content), "")
    return media_type, content.get(media_type, {}).get("schema")


def _encoded(value: Any, media_type: str) -> tuple[bytes, bytes]:
    """Give a body, and the content type to send it with."""
    if media_type == "application/x-www-form-urlencoded":
        return urlencode(value).encode(), media_type.encode()
    if media_type == "multipart/form-data":
        part = '--b\r\nContent-Disposition: form-data; name="{}"; filename="a.txt"\r\n\r\n{}\r\n'
        body = "".join(part.format(name, text) for name, text in value.items()) + "--b--\r\n"
        return body.encode(), b"multipart/form-data; boundary=b"
    return to_json(value, fallback=str), b"application/json"


def example(schema: Schema, document: Schema, random: Random) -> Any:
    """Make a value that fits a JSON schema, as far as the common keywords go."""
    if "$ref" in schema:
        return example(_resolved(schema["$ref"], document), document, random)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema:
            return example(random.choice(schema[keyword]), document, random)
    if "enum" in schema:
        return random.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    return _of_type(schema, document, random)


def _resolved(reference: str, document: Schema) -> Schema:
    found = document
    for key in reference.removeprefix("#/").split("/"):
        found = found[key]
    return found


def _of_type(schema: Schema, document: Schema, random: Random) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return dict(_properties(schema, document, random))
    if kind == "array":
        return [example(schema.get("items", {}), document, random) for _ in range(max(1, schema.get("minItems", 1)))]
    if kind == "integer":
        return random.randint(int(schema.get("minimum", 1)), int(min(schema.get("maximum", 50), 300)))
    if kind == "number":
        return float(schema.get("minimum", 1)) + 0.5
    if kind == "boolean":
        return random.random() < 0.5
    return "2026-01-01" if schema.get("format") == "date" else "a" * max(3, schema.get("minLength", 3))


def _properties(schema: Schema, document: Schema, random: Random) -> Iterator[tuple[str, Any]]:
    for name, inner in schema.get("properties", {}).items():
        if name in schema.get("required", ()) or random.random() < 0.5:
            yield name, example(inner, document, random)
