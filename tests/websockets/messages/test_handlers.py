"""What may be a handler, and what is said of what may not."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

from brickwork.websockets import MessageRouter
from brickwork.websockets._service.connection import Connection
from tests.websockets.messages.client import connected


class Say(BaseModel):
    type: Literal["say"] = "say"
    text: str = ""


class Shout(BaseModel):
    type: Literal["shout", "scream"] = "shout"
    text: str = ""


class Word(Enum):
    SAY = "say"
    NUMBER = 1


class Plain(BaseModel):
    text: str


class Numbered(BaseModel):
    type: Literal[1] = 1


class Texty(BaseModel):
    type: str = "say"


class Answering(BaseModel):
    type: Literal["answer"] = "answer"
    re: int


async def _plain(message: Plain) -> None: ...
async def _numbered(message: Numbered) -> None: ...
async def _texty(message: Texty) -> None: ...
async def _untyped(message) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
async def _builtin(message: dict[str, Any]) -> None: ...
async def _nothing() -> None: ...
async def _lonely(connection: Connection[Any]) -> None: ...
async def _twofold(message: Say, other: Shout) -> None: ...
async def _greedy(message: Say, connection: Connection[Any], database: Connection[Any]) -> None: ...
async def _spread(*messages: Say) -> None: ...
async def _named(*, message: Say) -> None: ...
async def _partly(message: Say | dict[str, Any]) -> None: ...
async def _postponed(message: "Unheard") -> None: ...  # type: ignore[name-defined]  # noqa: F821


def _streaming(message: Say) -> Iterator[Say]:
    yield message


async def _flowing(message: Say) -> AsyncIterator[Say]:
    yield message


@pytest.mark.promise("websockets-74")
@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (_plain, 'Plain does not name its type: give it a field `type: Literal["say"] = "say"`'),
        (_numbered, "Numbered does not name its type"),
        (_texty, "Texty does not name its type"),
        (_untyped, "does not say which message message is; write `async def _untyped(message: Say, connection"),
        (_builtin, "does not say which message message is"),
        (_partly, "does not say which message message is"),
        (_nothing, "takes the message and, if it wants, the connection, and nothing else"),
        (_lonely, "takes the message and, if it wants, the connection"),
        (_twofold, "takes the message and, if it wants, the connection"),
        (_greedy, "takes the message and, if it wants, the connection"),
        (_spread, "cannot give it messages"),
        (_named, "cannot give it message"),
        (_postponed, "names 'Unheard', which its module does not know"),
        (_streaming, "yields: return one reply"),
        (_flowing, "yields: return one reply"),
    ],
)
def test_what_is_no_handler_is_refused_where_it_is_written(handler: Callable[..., object], reason: str) -> None:
    """A function that cannot handle messages is a TypeError at once, which says what to write."""
    messages = MessageRouter()

    with pytest.raises(TypeError, match=re.escape(reason)):
        messages.on(handler)

    assert messages.routes() == {}


@pytest.mark.promise("websockets-74")
def test_a_member_that_names_what_is_answered_has_one_meaning() -> None:
    """A model with a member `re` would be taken for an answer, and so is refused."""
    messages = MessageRouter()

    async def answer(message: Answering) -> None: ...

    with pytest.raises(ValueError, match="`re` says which request a client answers"):
        messages.on(answer)


async def _message_first(message: Say, connection: Connection[Any]) -> Say:
    connection.data["text"] = message.text
    return message


async def _connection_first(connection: Connection[Any], message: Say) -> Say:
    return await _message_first(message, connection)


async def _annotated(connection: Annotated[Connection[Any], "mine"], message: Annotated[Say, "yours"]) -> Say:
    return await _message_first(message, connection)


async def _bare(connection: Connection, message: Say, /) -> Say:  # type: ignore[type-arg]
    return await _message_first(message, connection)


def _in_a_thread(message: Say, connection: Connection[Any]) -> Say:
    connection.data["text"] = message.text
    return message


def _wrapped(message: Say, connection: Connection[Any]) -> object:
    return _message_first(message, connection)


class Callee:
    """A handler that is an object."""

    async def __call__(self, message: Say, connection: Connection[Any]) -> Say:
        """Handle a message."""
        return await _message_first(message, connection)

    async def method(self, message: Say, connection: Connection[Any]) -> Say:
        """Handle a message."""
        return await _message_first(message, connection)


@pytest.mark.promise("websockets-75")
@pytest.mark.parametrize(
    "handler",
    [
        _message_first, _connection_first, _annotated, _bare, _in_a_thread, _wrapped, Callee(), Callee().method,
        partial(_message_first),
    ],
)  # fmt: skip
async def test_a_handler_may_be_any_function(handler: Callable[..., object]) -> None:
    """Sync or async, function, method or object, with its two parameters in either order."""
    messages = MessageRouter()
    messages.on(handler)

    async with connected(messages) as client:
        heard = await client.ask({"type": "say", "text": "hello", "id": 1})

    assert heard == {"re": 1, "type": "say", "text": "hello"}
    assert client.connection.data == {"text": "hello"}


def test_a_decorated_handler_is_what_it_was() -> None:
    """The decorator gives back the function, with and without options."""
    messages = MessageRouter()

    decorated = messages.on(concurrent=True)(_message_first)

    assert decorated is _message_first
    assert messages.routes()["say"].handler.concurrent
    assert MessageRouter().on(_message_first) is _message_first


# --- which types a model is for


class Named(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    kind: Literal["named"] = Field(default="named", alias="type")


class Chosen(BaseModel):
    kind: Literal["chosen"] = Field(default="chosen", validation_alias=AliasChoices("type", AliasPath("a", 0)))


class Generated(BaseModel):
    model_config = ConfigDict(alias_generator=lambda name: name.rstrip("_"))

    type_: Literal["generated"] = "generated"


class Worded(BaseModel):
    type: Literal[Word.SAY, Word.NUMBER] = Word.SAY


@pytest.mark.promise("websockets-76")
@pytest.mark.parametrize(
    ("model", "types"),
    [
        (Say, {"say"}),
        (Shout, {"shout", "scream"}),
        (Say | Shout, {"say", "shout", "scream"}),
        (Annotated[Say | Named, Field(discriminator="kind")], {"say", "named"}),
        (TypeAliasType("Both", Say | Named), {"say", "named"}),  # pyright: ignore[reportGeneralTypeIssues]
        (Chosen, {"chosen"}),
        (Generated, {"generated"}),
        (Worded, {"say"}),
    ],
)
def test_a_model_says_which_types_it_is_for(model: Any, types: set[str]) -> None:
    """Several literals, unions of models, enums and aliases of the discriminator all count."""
    messages = MessageRouter()

    async def handle(message: BaseModel) -> None: ...

    handle.__annotations__["message"] = model
    messages.on(handle)

    assert messages.routes().keys() == types


def test_two_models_of_one_type_are_refused() -> None:
    """A union in which a type does not say which model is meant is a ValueError."""
    messages = MessageRouter()

    async def handle(message: Say | Worded) -> None: ...

    with pytest.raises(ValueError, match="the handler handle has two models of type 'say'"):
        messages.on(handle)
