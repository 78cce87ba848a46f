"""What a handler takes: read from its signature, once, when it is registered."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from anyio.to_thread import run_sync
from pydantic import BaseModel

from ..connection import Connection
from .reading import wire_names

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that handles messages.

    Attributes:
        call: The function.
        models: By type, what its messages are read as.
        takes: Its parameters, in order.
        returns: What it is annotated to return.
        concurrent: Whether the next message may be handled before this one is.
        threaded: Whether it runs in a thread, since it is no coroutine function.
    """

    call: Callable[..., object]
    models: dict[str, type[BaseModel]]
    takes: tuple[Literal["message", "connection"], ...]
    returns: object
    concurrent: bool
    threaded: bool

    @property
    def name(self) -> str:
        """What it is called."""
        return _name(self.call)

    @property
    def replies(self) -> list[type[BaseModel]]:
        """The models that it may return, as far as its annotation tells."""
        return [each for each in branches(self.returns) if isinstance(each, type) and issubclass(each, BaseModel)]

    @property
    def may_be_silent(self) -> bool:
        """Whether it may return nothing, as far as its annotation tells."""
        return not self.replies or type(None) in branches(self.returns)

    async def __call__(self, message: BaseModel, connection: Connection[Any]) -> object:
        """Handle a message; gives what the function returns."""
        given: dict[str, object] = {"message": message, "connection": connection}
        call = partial(self.call, *(given[each] for each in self.takes))
        result = await run_sync(call) if self.threaded else call()
        return await result if inspect.isawaitable(result) else result


def read_handler(call: Callable[..., object], discriminator: str, *, concurrent: bool) -> Handler:
    """Read what a function takes.

    Args:
        call: The function.
        discriminator: The member that names the type of a message.
        concurrent: Whether the next message may be handled before this one is.

    Raises:
        TypeError: It cannot be a handler; the text says what to write.
        ValueError: Two models of one type, or one with a member whose name is taken.
    """
    signature = _signature(call)
    takes: list[Literal["message", "connection"]] = []
    models: dict[str, type[BaseModel]] = {}
    for parameter in signature.parameters.values():
        if parameter.kind not in _POSITIONAL:
            raise _refused(call, f"cannot give it {parameter.name}")
        if _is_connection(parameter.annotation):
            takes.append("connection")
            continue
        takes.append("message")
        models = _models(call, parameter, discriminator)
    if sorted(takes) not in (["message"], ["connection", "message"]):
        raise _refused(call, "takes the message and, if it wants, the connection, and nothing else")
    threaded = not (inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__))
    return Handler(call, models, tuple(takes), signature.return_annotation, concurrent, threaded)


def _signature(call: Callable[..., object]) -> inspect.Signature:
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        raise _refused(call, "yields: return one reply, and send what else there is with `await connection.send(…)`")
    try:
        return inspect.signature(call, eval_str=True)
    except NameError as error:
        raise TypeError(
            f"the handler {_name(call)} has an annotation that names {error.name!r}, which its module does not know: "
            "define or import it at the top of the module, and not under TYPE_CHECKING"
        ) from error


def _refused(call: Callable[..., object], reason: str) -> TypeError:
    return TypeError(
        f"the handler {_name(call)} {reason}; write `async def {_name(call)}(message: Say, connection: "
        "Connection[User])`, where Say is a pydantic model"
    )


def _name(call: Callable[..., object]) -> str:
    return getattr(call, "__name__", type(call).__name__)


def _is_connection(annotation: object) -> bool:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, Connection)


# --- models


def _models(
    call: Callable[..., object], parameter: inspect.Parameter, discriminator: str
) -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for kind in branches(parameter.annotation):
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            raise _refused(call, f"does not say which message {parameter.name} is")
        for tag in _tags(kind, discriminator):
            if tag in found:
                raise ValueError(f"the handler {_name(call)} has two models of type {tag!r}")
            found[tag] = kind
    return found


def branches(annotation: Any) -> Iterator[object]:
    """Give what an annotation allows: it may be one model, a union of them, or an alias of either."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from branches(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from branches(each)
    else:
        yield annotation


def _tags(model: type[BaseModel], discriminator: str) -> list[str]:
    """Give the types that a model is for: the literals of its discriminator."""
    tags: list[str] = []
    for name, field in model.model_fields.items():
        names = wire_names(model, name, field)
        if "re" in names:
            raise ValueError(f"{model.__name__}.{name}: `re` says which request a client answers; choose another name")
        if discriminator in names and get_origin(field.annotation) is Literal:
            values = [each.value if isinstance(each, Enum) else each for each in get_args(field.annotation)]
            tags = [each for each in values if isinstance(each, str)]
    if not tags:
        raise TypeError(
            f'{model.__name__} does not name its type: give it a field `{discriminator}: Literal["say"] = "say"`'
        )
    return tags
