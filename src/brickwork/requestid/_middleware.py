"""Gives each request and socket its ID."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict, Unpack

from starlette.exceptions import HTTPException

from .._core import headers as raw
from .._core.context import RequestContext
from .._core.frame import Frame, Piece
from .._core.problem import Problem
from .._core.renderer import renderer_of
from .._core.scope import TrustedProxies
from ._errors import InvalidRequestIDError
from ._rules import PATTERN, Shape, hashed, random_id

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp

Trust = Literal["never", "always", "proxies"]
OnInvalid = Literal["replace", "reject", "hash"]

_logger = logging.getLogger("brickwork.requestid")


class RequestIDOptions(TypedDict, total=False):
    """Options of the request-ID piece."""

    header: str
    """Header that brings an ID and takes it back. Default: ``"X-Request-ID"``."""
    trust: Trust
    """Whose IDs are taken over: ``"never"`` anyone's, ``"always"`` everyone's, ``"proxies"`` those of connections that
    come from ``trusted_proxies``. Default: ``"never"``."""
    trusted_proxies: Sequence[str]
    """Addresses or networks of your own proxies, such as ``["10.0.0.0/8"]``. Default: none."""
    on_invalid: OnInvalid
    """What becomes of an ID that is none: ``"replace"`` gives a fresh one, ``"hash"`` one made from it, so that equal
    ones stay equal, ``"reject"`` answers 400. Default: ``"replace"``."""
    pattern: str
    """Regular expression that a whole ID matches; besides, only visible ASCII passes. Default: letters, digits, ``.``,
    ``_`` and ``-``, beginning with a letter or digit."""
    min_length: int
    """Fewest characters. Default: 8."""
    max_length: int
    """Most characters. Default: 128."""
    generator: Callable[[], str] | None
    """Makes a fresh ID, such as `uuid7`. Default: 128 random bits in hexadecimal digits."""
    echo: bool
    """Whether responses carry the ID. Default: True."""
    keep_endpoint_header: bool
    """Whether an endpoint that sets the header itself has the last word. Default: False."""


class RequestID(Piece):
    """Gives each request and socket an ID; the options are those of `RequestIDOptions`.

    Raises:
        TypeError: ``trusted_proxies`` is a bare string.
        ValueError: An option makes no sense, or the generator's ID is none.
    """

    rank: ClassVar[int] = 10

    def __init__(
        self,
        *,
        header: str = "X-Request-ID",
        trust: Trust = "never",
        trusted_proxies: Sequence[str] = (),
        on_invalid: OnInvalid = "replace",
        pattern: str = PATTERN,
        min_length: int = 8,
        max_length: int = 128,
        generator: Callable[[], str] | None = None,
        echo: bool = True,
        keep_endpoint_header: bool = False,
    ) -> None:
        if trust not in ("never", "always", "proxies"):
            raise ValueError(f'trust={trust!r}: write "never", "always" or "proxies"')
        if on_invalid not in ("replace", "reject", "hash"):
            raise ValueError(f'on_invalid={on_invalid!r}: write "replace", "reject" or "hash"')
        if (trust == "proxies") != bool(trusted_proxies):
            raise ValueError('trust="proxies" and trusted_proxies=["10.0.0.0/8"] need each other: give both or neither')
        self._name, _ = raw.encode(header, "")
        self._proxies = TrustedProxies(trusted_proxies)
        self._trust = trust
        self._on_invalid = on_invalid
        self._shape = Shape(pattern, min_length, max_length)
        self._generate = random_id if generator is None else self._checked(generator)
        self._echo = echo
        self._keep = keep_endpoint_header
        refuses = on_invalid == "reject" and trust != "never"
        self.__problems__: tuple[type[Problem], ...] = (InvalidRequestIDError,) if refuses else ()

    def _checked(self, generator: Callable[[], object]) -> Callable[[], str]:
        """Try the generator once, and keep an eye on it: a line break in a header would end the connection."""

        def generate() -> str:
            made = generator()
            if not isinstance(made, str) or self._shape.fault(made.encode("utf-8", "surrogatepass")) is not None:
                raise ValueError(
                    f"generator= gave {made!r}, which is no ID: give text that pattern= and the lengths allow"
                )
            return made

        def generate_always() -> str:
            try:
                return generate()
            except Exception:
                _logger.exception("the generator failed, and a random ID took its place")
                return random_id()

        generate()
        return generate_always

    def begin(self, context: RequestContext) -> None:
        """Take over the caller's ID or make one."""
        if self._trust == "never":
            context.request_id = self._generate()
            return
        context.request_id = self._given(context) or self._generate()

    def _given(self, context: RequestContext) -> str | None:
        scope = context.scope
        if self._trust == "proxies" and not self._proxies.trusts_peer(scope):
            return None
        values = raw.find_all(scope["headers"], self._name)
        faults: list[str] = []
        for value in values:
            fault = self._shape.fault(value)
            if fault is None:
                return value.decode("ascii")
            faults.append(fault)
        return self._instead(context, values[0], faults[0]) if values else None

    def _instead(self, context: RequestContext, value: bytes, fault: str) -> str | None:
        # Only what cannot hurt a log: the caller chose every byte of the value.
        _logger.info("the caller's request ID of %d bytes was not taken over: it is %s", len(value), fault)
        if self._on_invalid == "reject":
            context.request_id = self._generate()
            raise InvalidRequestIDError(f"The request ID in {self._name.decode().title()} is {fault}.")
        return hashed(value) if self._on_invalid == "hash" and value else None

    def start(self, context: RequestContext, headers: raw.RawHeaders) -> None:
        """Put the ID on the response."""
        if not self._echo or context.request_id is None:
            return
        own = raw.find(headers, self._name) if self._keep else None
        raw.replace(headers, self._name, context.request_id.encode("ascii") if own is None else own)

    async def answer(self, context: RequestContext, error: Exception) -> "Response | None":
        """Answer an error that Starlette would answer with bare text, and without the ID."""
        app = context.app
        handlers = getattr(app, "exception_handlers", None)
        # The app's own handler, or its debug page, answers from outside all middleware: to come first would silence it.
        if handlers is None or app.debug or 500 in handlers or Exception in handlers or context.scope["type"] != "http":
            return None
        return renderer_of(app).respond(context.scope, HTTPException(500))


class RequestIDMiddleware(Frame):
    """Gives each request and socket an ID, and puts it on the response.

    ```python
    from fastapi import FastAPI

    from brickwork.requestid import RequestIDMiddleware

    app = FastAPI()
    app.add_middleware(RequestIDMiddleware, trust="proxies", trusted_proxies=["10.0.0.0/8"])
    ```

    Args:
        app: The application inside.
        **options: See `RequestIDOptions`.
    """

    def __init__(self, app: "ASGIApp", **options: Unpack[RequestIDOptions]) -> None:
        super().__init__(app, [RequestID(**options)])
