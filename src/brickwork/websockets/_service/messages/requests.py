"""What the server asks a client."""

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from ..._errors import ConnectionClosedError, InvalidReplyError, RequestTimeoutError
from ..._rules.frames import Frame, frame, with_members
from .error_frames import unfit_frame
from .incoming import Refused, read
from .reading import Reader, reader_of

if TYPE_CHECKING:
    from ..connection import Connection

R = TypeVar("R", bound=BaseModel)


class Requests:
    """The requests to one client, and who waits for their answers.

    Args:
        connection: The client's connection.

    Attributes:
        ignored: How many answers came that nobody waited for, any more or at all.
    """

    __slots__ = ("_asked", "_connection", "_waiting", "ignored")

    def __init__(self, connection: "Connection[Any]") -> None:
        self.ignored: int = 0
        self._connection = connection
        self._asked = 0
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, message: object, reply: type[R], timeout: float | None) -> R:  # noqa: ASYNC109 - as anyone else's
        """Send a message and wait for the answer; `Connection.request` says more."""
        self._asked += 1
        request_id = str(self._asked)
        request = _numbered(message, request_id)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        self._connection.inlet.expect(self.take)
        try:
            await self._connection.send(request)
            body = await self._answered(answer, timeout)
        finally:
            del self._waiting[request_id]
            if not self._waiting:
                self._connection.inlet.expect(None)
        return self._understood(body, reply)

    def take(self, data: str | bytes) -> bool:
        """Take a message if it is an answer that somebody waits for: before it stands in line behind who waits."""
        # Most messages are none, and are read a second time where they are handled: so those are not read here.
        if not ("re" in data if isinstance(data, str) else b"re" in data):
            return False
        try:
            return self._answer(read(self._connection.codec, data).body)
        except Refused:
            return False

    def settle(self, body: dict[str, Any]) -> None:
        """Take an answer that stood in line; one that nobody waits for is ignored."""
        if not self._answer(body):
            self.ignored += 1

    def _answer(self, body: dict[str, Any]) -> bool:
        request_id = body.get("re")
        answer = self._waiting.get(request_id) if isinstance(request_id, str) else None
        if answer is None or answer.done():
            return False
        answer.set_result(body)
        return True

    async def _answered(self, answer: "asyncio.Future[dict[str, Any]]", timeout: float | None) -> dict[str, Any]:  # noqa: ASYNC109
        closing = self._connection.closing
        either: list[asyncio.Future[Any]] = [answer, closing]
        await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        if closing.done():
            raise ConnectionClosedError(closing.result())
        raise RequestTimeoutError(f"connection {self._connection.id} did not answer within {timeout:g} s")

    def _understood(self, body: dict[str, Any], reply: type[R]) -> R:
        message_id = body.get("id")
        try:
            reader: Reader[R] = reader_of(reply)
            return reader.read(body)
        except ValidationError as error:
            self._connection.inlet.blame(unfit_frame(error, body, message_id))
            raise InvalidReplyError(
                f"connection {self._connection.id} answered with what is no {reply.__name__}: "
                f"{error.error_count()} errors in it"
            ) from None


def _numbered(message: object, request_id: str) -> Frame:
    """Give a message an ID.

    Raises:
        TypeError: It has no members.
        ValueError: It has an ID of its own.
    """
    encoded = frame(message)
    if encoded.kind != "json" or not encoded.data.startswith(b"{"):
        raise TypeError(f"a request is a model or a dict, whose members its ID joins, and not {type(message).__name__}")
    if b'"id"' in encoded.data and "id" in from_json(encoded.data):
        raise ValueError(f"{type(message).__name__} has a member `id`, which names the request: choose another name")
    return with_members(encoded, {"id": request_id})
