"""Compression: what the client can decode and is worth it goes out smaller, and nothing is held back."""

import asyncio
import re
import sys
import zlib
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypedDict

from .._core.headers import RawHeaders, add_vary, find, find_all, remove, replace

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Already compressed, or (event streams, gRPC) with a framing of their own.
_SKIPPED = (
    "application/gzip", "application/grpc", "application/pdf", "application/vnd.openxmlformats-officedocument.",
    "application/vnd.rar", "application/x-7z-compressed", "application/x-bzip", "application/x-gzip",
    "application/x-xz", "application/zip", "application/zstd", "audio/", "font/woff", "image/", "text/event-stream",
    "video/",
)  # fmt: skip
_SPARED = ("image/svg+xml", "image/bmp", "image/vnd.microsoft.icon", "image/x-icon")
# A coding in place, part of a representation, or a digest over the bytes as they are.
_FIXED = frozenset(
    {b"content-encoding", b"content-range", b"content-digest", b"repr-digest", b"digest", b"content-md5"}
)
_WITHOUT_BODY = frozenset({204, 205, 206, 304})
_WEIGHT = re.compile(rb"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
_AS_FILE = ("http.response.pathsend", "http.response.zerocopysend")


class CompressionOptions(TypedDict, total=False):
    """The options of `CompressionMiddleware`."""

    minimum_size: int
    """Bytes from which a body of known length is compressed."""
    level: int
    """1 is fast, 9 is small."""
    thread_size: int
    """Bytes from which one piece of body is compressed in a thread, so that the loop is not held up."""
    skip: Collection[str]
    """Content types to leave alone besides those that are compressed already; ``"image/"`` means all that begin so."""


class Encoder(Protocol):
    """One body on its way through a content coding."""

    def feed(self, data: bytes, /, *, last: bool) -> bytes:
        """Give everything that a decoder needs to have ``data`` back at once."""
        ...


class CompressionMiddleware:
    """Compresses responses: gzip, and zstd where the interpreter has it (Python 3.14).

    Args:
        app: The application inside.
        minimum_size: Bytes from which a body of known length is compressed.
        level: 1 is fast, 9 is small.
        thread_size: Bytes from which one piece of body is compressed in a thread.
        skip: Content types to leave alone besides those that are compressed already.

    Raises:
        ValueError: The level is not one of 1 to 9, or a size is negative.
        TypeError: A bare string was passed instead of a collection.

    Reference: RFC 9110, sections 8.4 and 12.5.3.
    """

    rank: ClassVar[int] = 140

    def __init__(
        self,
        app: "ASGIApp",
        *,
        minimum_size: int = 500,
        level: int = 6,
        thread_size: int = 128 * 1024,
        skip: Collection[str] = (),
    ) -> None:
        if level not in range(1, 10):
            raise ValueError(f"level={level!r} must be a whole number from 1 (fast) to 9 (small)")
        if minimum_size < 0 or thread_size < 0:
            raise ValueError("minimum_size and thread_size are bytes: use 0 or more")
        if isinstance(skip, str):
            raise TypeError(f"skip takes a collection: write [{skip!r}]")
        self.app = app
        self._minimum_size = minimum_size
        self.thread_size = thread_size
        self._skipped = (*_SKIPPED, *(prefix.lower() for prefix in skip))
        self._spared = tuple(kind for kind in _SPARED if not kind.startswith(tuple(skip)))
        self.encoders: dict[bytes, Callable[[], Encoder]] = _encoders(level)
        # Clients say the same few things over and over.
        self._choose = lru_cache(maxsize=256)(partial(choose_coding, offered=tuple(self.encoders)))

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request; anything else passes untouched."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        accepted = find_all(scope["headers"], b"accept-encoding")
        # A longer list is no browser's, and would only fill the cache.
        coding = self._choose(joined) if accepted and len(joined := b",".join(accepted)) <= 256 else None
        await self.app(scope, receive, _Exchange(self, scope, coding, send).send)

    def may_encode(self, status: int, headers: RawHeaders) -> bool:
        """Tell whether a response is one that goes out compressed to clients that like it so."""
        length = None
        for key, value in headers:
            name = key.lower()
            if name in _FIXED or (name == b"cache-control" and b"no-transform" in value.lower()):
                return False
            if name == b"content-type" and not self._is_worth_it(value):
                return False
            if name == b"content-length" and value.isdigit():
                length = int(value)
        return status >= 200 and status not in _WITHOUT_BODY and (length is None or length >= self._minimum_size)

    def _is_worth_it(self, content_type: bytes) -> bool:
        kind = content_type.decode("latin-1").strip().lower()
        return kind.startswith(self._spared) or not kind.startswith(self._skipped)


class _Exchange:
    """One response on its way out."""

    __slots__ = ("_coding", "_encoder", "_held", "_middleware", "_scope", "_to_client")

    def __init__(
        self, middleware: CompressionMiddleware, scope: "Scope", coding: bytes | None, to_client: "Send"
    ) -> None:
        self._middleware = middleware
        self._scope = scope
        self._coding = coding
        self._to_client = to_client
        self._encoder: Encoder | None = None
        self._held: Message | None = None

    def send(self, message: "Message") -> Awaitable[None]:
        kind = message["type"]
        if kind == "http.response.start":
            return self._start(message)
        if self._encoder is None:
            return self._to_client(message)
        if kind == "http.response.body":
            return self._body(message, self._encoder)
        return self._other(message)

    def _start(self, message: "Message") -> Awaitable[None]:
        headers: RawHeaders = list(message.get("headers") or ())
        message = {**message, "headers": headers}
        if message["status"] == 304:
            # It stands for a response that may have been compressed.
            add_vary(headers, b"accept-encoding")
            if self._coding is not None:
                _weaken(headers)
        elif self._middleware.may_encode(message["status"], headers):
            add_vary(headers, b"accept-encoding")
            if self._coding is not None and self._scope["method"] == "HEAD":
                _announce(headers, self._coding)
            elif self._coding is not None:
                self._encoder = self._middleware.encoders[self._coding]()
                if self._may_be_whole(headers):
                    self._held = message
                    return asyncio.sleep(0)
                _announce(headers, self._coding)
        return self._to_client(message)

    def _may_be_whole(self, headers: RawHeaders) -> bool:
        """Tell whether the headers better wait for the first piece of body: it may be all of it, or the name of a file.

        A body of unknown length is a stream, which may take its time to the first piece.
        """
        offered = self._scope.get("extensions") or ()
        return find(headers, b"content-length") is not None or any(kind in offered for kind in _AS_FILE)

    async def _body(self, message: "Message", encoder: Encoder) -> None:
        last = not message.get("more_body")
        data = await self._feed(encoder, message.get("body", b""), last=last)
        held, self._held = self._held, None
        if held is not None and self._coding is not None:
            _announce(held["headers"], self._coding)
            if last and not held.get("trailers"):
                held["headers"].append((b"content-length", b"%d" % len(data)))
            await self._to_client(held)
        await self._to_client({**message, "body": data})

    async def _feed(self, encoder: Encoder, data: bytes, *, last: bool) -> bytes:
        if not data and not last:
            return b""
        if len(data) >= self._middleware.thread_size:
            return await asyncio.to_thread(encoder.feed, data, last=last)
        return encoder.feed(data, last=last)

    async def _other(self, message: "Message") -> None:
        if message["type"] in _AS_FILE and self._held is not None:
            self._encoder = None
            await self._to_client(self._held)
        await self._to_client(message)


def _announce(headers: RawHeaders, coding: bytes) -> None:
    """Describe a body in a content coding: other length, no ranges, and no byte-for-byte validator."""
    remove(headers, b"content-length", b"accept-ranges")
    headers.append((b"content-encoding", coding))
    _weaken(headers)


def _weaken(headers: RawHeaders) -> None:
    etag = find(headers, b"etag")
    if etag is not None and not etag.startswith(b"W/"):
        replace(headers, b"etag", b"W/" + etag)


class _Gzip:
    """A gzip stream (RFC 1952)."""

    def __init__(self, level: int) -> None:
        self._stream = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)

    def feed(self, data: bytes, /, *, last: bool) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


class _Zstd:
    """A Zstandard frame (RFC 8878)."""

    def __init__(self, level: int, zstd: Any) -> None:
        self._stream = zstd.ZstdCompressor(level=level)

    def feed(self, data: bytes, /, *, last: bool) -> bytes:
        compressed: bytes = self._stream.compress(data, self._stream.FLUSH_FRAME if last else self._stream.FLUSH_BLOCK)
        return compressed


_ZSTD = import_module("compression.zstd") if sys.version_info >= (3, 14) else None


def _encoders(level: int) -> dict[bytes, Callable[[], Encoder]]:
    """Give the codings of this interpreter, the better first."""
    encoders: dict[bytes, Callable[[], Encoder]] = {}
    if _ZSTD is not None:
        encoders[b"zstd"] = partial(_Zstd, level, _ZSTD)
    encoders[b"gzip"] = partial(_Gzip, level)
    return encoders


def choose_coding(accepted: bytes, *, offered: Iterable[bytes]) -> bytes | None:
    """Give the coding that the client weighs highest, the first of equals; None for the body as it is.

    Args:
        accepted: Value of ``Accept-Encoding``.
        offered: Codings to choose from, the better first.

    Reference: RFC 9110, section 12.5.3.
    """
    weights: dict[bytes, float] = {}
    for member in accepted.lower().split(b","):
        name, *parameters = (part.strip() for part in member.split(b";"))
        # RFC 9110, 8.4.1.3: a recipient should take x-gzip for gzip.
        weights[b"gzip" if name == b"x-gzip" else name] = _weight(parameters)
    other = weights.get(b"*", 0.0)
    best = max(offered, key=lambda coding: weights.get(coding, other))
    weight = weights.get(best, other)
    return best if weight > 0 and weight >= weights.get(b"identity", other) else None


def _weight(parameters: Iterable[bytes]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"q":
            return float(value) if _WEIGHT.fullmatch(value.strip()) else 0.0
    return 1.0
