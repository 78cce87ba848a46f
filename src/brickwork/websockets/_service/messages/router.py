"""`MessageRouter`: which function handles which message."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar, overload

from pydantic import BaseModel

from .asyncapi import document
from .handlers import Handler, read_handler
from .reading import Reader

H = TypeVar("H", bound=Callable[..., object])


class Route(NamedTuple):
    """How messages of one type are read and handled.

    Attributes:
        handler: Who handles them.
        reader: What they are read as.
    """

    handler: Handler
    reader: Reader[BaseModel]


class MessageRouter:
    """Hands each message of a client to the function that is for its type.

    ```python
    from typing import Literal

    from pydantic import BaseModel

    from brickwork.websockets import MessageRouter


    class Ping(BaseModel):
        type: Literal["ping"] = "ping"
        number: int


    class Pong(BaseModel):
        type: Literal["pong"] = "pong"
        number: int


    messages = MessageRouter()


    @messages.on
    async def ping(message: Ping) -> Pong:
        return Pong(number=message.number)
    ```

    In the endpoint, ``await connection.serve(messages)`` reads and answers until the socket closes.

    Args:
        discriminator: The member of a message that names its type.

    Raises:
        ValueError: It is called ``id`` or ``re``, which have a meaning of their own.
    """

    def __init__(self, *, discriminator: str = "type") -> None:
        if discriminator in ("id", "re", ""):
            raise ValueError(f'discriminator={discriminator!r} does not name a type: write discriminator="type"')
        self.discriminator = discriminator
        self._table = _Table()

    @overload
    def on(self, handler: H, /) -> H: ...

    @overload
    def on(self, /, *, concurrent: bool = False) -> Callable[[H], H]: ...

    def on(self, handler: H | None = None, /, *, concurrent: bool = False) -> H | Callable[[H], H]:
        """Have a function handle the messages of the type that its signature names.

        It takes the message, a pydantic model with ``type: Literal["say"] = "say"`` or a union of such models, and if
        it wants the connection, in either order. What it returns, a model or a dict, is the reply to the message;
        a message with an ``id`` is answered in any case. A function that is no coroutine function runs in a thread.

        Args:
            handler: The function.
            concurrent: Whether the connection's next message may be handled before this one is. Otherwise the messages
                of one connection are handled one after the other, in the order in which they came.

        Raises:
            TypeError: The function takes something else.
            ValueError: Another function handles messages of that type.
        """

        def register(handler: H) -> H:
            self._table.add(_routes(read_handler(handler, self.discriminator, concurrent=concurrent)))
            return handler

        return register if handler is None else register(handler)

    def include(self, router: "MessageRouter") -> None:
        """Handle what another router handles, also what is added to it later.

        Raises:
            ValueError: Both handle messages of one type, or their discriminators differ.
        """
        if router.discriminator != self.discriminator:
            raise ValueError(
                f"a router with discriminator={router.discriminator!r} cannot be part of one with "
                f"{self.discriminator!r}: write the same for both"
            )
        self._table.include(router._table)  # noqa: SLF001 - of the same class

    def asyncapi(
        self, *, title: str, version: str, address: str = "/ws", sends: Sequence[type[BaseModel]] = ()
    ) -> dict[str, Any]:
        """Describe what is handled, and what is sent, as an AsyncAPI document.

        Args:
            title: The name of the application.
            version: Its version.
            address: The path of the socket.
            sends: What clients are sent besides replies: the models of what goes to rooms and users.

        Reference: AsyncAPI 3.0.0.
        """
        return document(self, title=title, version=version, address=address, sends=sends)

    def route(self, tag: object) -> Route | None:
        """Give the route of a type, or None where there is none."""
        return self._table.routes.get(tag) if isinstance(tag, str) else None

    def routes(self) -> dict[str, Route]:
        """Give the route of each type."""
        return dict(self._table.routes)


class _Table:
    """The routes of one router, and the tables of those that include it, which have them too."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.above: list[_Table] = []

    def include(self, table: "_Table") -> None:
        if table in self.line():
            raise ValueError("a router cannot be part of itself")
        self.add(table.routes)
        table.above.append(self)

    def add(self, routes: dict[str, Route]) -> None:
        line = self.line()
        for each in line:
            for tag in routes.keys() & each.routes.keys():
                first, second = each.routes[tag].handler.name, routes[tag].handler.name
                raise ValueError(f"{first} and {second} both handle messages of type {tag!r}: one type has one handler")
        for each in line:
            each.routes |= routes

    def line(self) -> "list[_Table]":
        """Give this table and all above it."""
        found = [self, *(each for above in self.above for each in above.line())]
        return list(dict.fromkeys(found))


def _routes(handler: Handler) -> dict[str, Route]:
    return {tag: Route(handler, Reader(model)) for tag, model in handler.models.items()}
