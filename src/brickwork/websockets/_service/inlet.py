"""`Inlet`: reads what a client sends, whatever the application is doing meanwhile."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol, Self

from starlette.websockets import WebSocket

from ..._core.clock import Clock
from .._rules.frames import Entry, Frame, frame
from .._rules.rate import Allowance, MessageRate
from .._rules.values import CloseCode, ConnectionLimits, Heartbeat
from .counters import Counters
from .delivering import Recipient
from .hooks import logger
from .liveness import Liveness

_MINUTE: Final = 60
_NO_STATUS: Final = 1005
_ABNORMAL: Final = 1006
_PATIENCE: Final = 5.0


class Peer(Protocol):
    """What an inlet needs of its connection."""

    @property
    def id(self) -> str:
        """What it is called in the log."""
        ...

    @property
    def websocket(self) -> WebSocket:
        """What is read from."""
        ...

    @property
    def outlet(self) -> Recipient:
        """What is answered through."""
        ...

    def evict(self, code: int, reason: str = "") -> None:
        """Close the socket; harmless where it is closed."""
        ...

    def departed(self, code: int) -> None:
        """Hear that the client has closed it, or is gone; harmless where it is closed."""
        ...


class Inlet:
    """Reads one client's messages into an inbox, in a task of its own.

    Servers stop reading from a client until the application asks for its next message, and then see neither its pongs
    nor its leaving: so something has to ask, however long a handler takes.

    Args:
        peer: The connection.
        limits: How much the client may send.
        heartbeat: How long it may be silent.
        clock: Tells the time.
        counters: Where it is counted.
        patience: Seconds until what does not fit into the inbox is dropped where nobody has ever asked for messages, as
            in an endpoint that only sends: it could not see its clients leave otherwise. `rest` tells as much.

    Attributes:
        received: How many messages came.
        dropped: How many of them nobody will get, since they were too many.
        liveness: What closes the connection in time.
    """

    __slots__ = (
        "_allowance", "_answers", "_asked", "_clock", "_counters", "_ended", "_errors", "_giving_up",
        "_ignored", "_inbox", "_limits", "_patience", "_peer", "_reader", "_room", "_takers",
        "dropped", "liveness", "received",
    )  # fmt: skip

    def __init__(
        self,
        peer: Peer,
        *,
        limits: ConnectionLimits,
        heartbeat: Heartbeat,
        clock: Clock,
        counters: Counters,
        patience: float = _PATIENCE,
    ) -> None:
        self.received: int = 0
        self.dropped: int = 0
        self.liveness: Liveness = Liveness(peer.evict, heartbeat=heartbeat, clock=clock)
        self._peer = peer
        self._limits = limits
        self._clock = clock
        self._counters = counters
        self._patience = patience
        self._allowance = None if limits.rate is None else Allowance(MessageRate.parse(limits.rate))
        self._errors: Allowance | None = None
        self._inbox: list[str | bytes] = []  # lists, since an empty deque takes 600 bytes, and most are empty
        self._takers: list[asyncio.Future[None]] = []
        self._room: asyncio.Future[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: Callable[[str | bytes], bool] | None = None
        self._asked = False
        self._giving_up: asyncio.TimerHandle  # there while nothing is read, for lack of room
        self._ignored = False
        self._ended = False

    # --- for the connection

    def start(self, *, first_message: bool = False) -> None:
        """Begin to read.

        Args:
            first_message: Whether the first message has to come before `Heartbeat.first_message`.
        """
        if self._ended:  # the connection was closed before anything was read
            return
        self.liveness.start(first_message=first_message)
        self._reader = asyncio.get_running_loop().create_task(self._read())

    def stop(self) -> None:
        """Give nothing any more: the connection is closed from this side, and what it said before counts no longer."""
        if not self._ended:
            self._inbox.clear()
            self._end()
        if self._reader is not None and self._reader is not asyncio.current_task():
            self._reader.cancel()

    def expect(self, answers: Callable[[str | bytes], bool] | None) -> None:
        """Show each message to one who waits for an answer, and who may be the one that keeps the inbox full.

        So reading goes on meanwhile, and a message for which there is no room is dropped.

        Args:
            answers: Takes a message, and tells whether it was an answer; None where nobody waits any more.
        """
        self._answers = answers
        if answers is not None:
            self._make_room()

    def rest(self) -> None:
        """Hear that messages are not asked for any more, until they are: who only waits for the end needs none."""
        self._asked = False

    def blame(self, error: Mapping[str, object] | Frame) -> None:
        """Tell the client of an error of its own; those after `ConnectionLimits.errors` in a minute close the socket.

        Args:
            error: The error frame, or its members but for the ``type``.
        """
        if self._errors is None:  # most clients make none
            self._errors = Allowance(MessageRate(self._limits.errors, _MINUTE, self._limits.errors))
        if self._errors.take(self._clock.monotonic()):
            self._peer.evict(CloseCode.POLICY_VIOLATION, "too many errors")
        else:
            self._counters.errors += 1
            told = error if isinstance(error, Frame) else frame({"type": "error", **error})
            self._peer.outlet.push(Entry("", told))

    # --- for who reads

    async def first(self) -> str | bytes | None:
        """Give the next message to one who will not ask for the others, such as who looks for a token in the first.

        Returns:
            The message, when there is one; None when there will be none.
        """
        while not self._inbox:
            if self._ended:
                return None
            taker = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            try:
                await taker
            finally:
                with suppress(ValueError):  # woken together with all others
                    self._takers.remove(taker)
        message = self._inbox.pop(0)
        self._make_room()
        return message

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        message = await self.first()
        if message is None:
            raise StopAsyncIteration
        self._asked, self._ignored = True, False
        return message

    # --- reading

    async def _read(self) -> None:
        try:
            while not self._ended:
                message = await self._peer.websocket.receive()
                if message["type"] == "websocket.disconnect":
                    self._leave(int(message.get("code") or _NO_STATUS))  # some servers give an enum of their own
                else:
                    await self._sort(message)
        except OSError:
            self._leave(_ABNORMAL)
        except Exception:  # noqa: BLE001 - whatever a server raises here, the client cannot be heard any more
            logger.exception("connection %s cannot be read from", self._peer.id)
            self._leave(_ABNORMAL)

    async def _sort(self, message: Mapping[str, Any]) -> None:
        now = self._clock.monotonic()
        self.received += 1
        self._counters.received += 1
        self.liveness.heard(now)
        text: str | None = message.get("text")
        data: str | bytes = message.get("bytes") or b"" if text is None else text
        if _exceeds(data, self._limits.message):
            self._peer.evict(CloseCode.MESSAGE_TOO_BIG, f"more than {self._limits.message} bytes")
            return
        if self._answers is not None and self._answers(data):
            return  # it was asked for, and so counts towards no limit
        wait = 0.0 if self._allowance is None else self._allowance.take(now)
        if wait:
            self.dropped += 1
            self.blame(
                {
                    "status": 429,
                    "title": "Too many messages",
                    "detail": f"The message was dropped. Wait {wait:g} s before the next one.",
                    "retry_after": wait,
                }
            )
            return
        await self._keep(data)

    async def _keep(self, message: str | bytes) -> None:
        while self._is_full():
            if self._answers is not None or self._ignored:
                self._refuse()
                return
            await self._wait_for_room()
        if not self._ended:
            self._inbox.append(message)
            self._wake()

    def _is_full(self) -> bool:
        return len(self._inbox) >= self._limits.inbox

    def _refuse(self) -> None:
        self.dropped += 1
        if not self._ignored:
            detail = "The message was dropped, since too many wait to be handled."
            self.blame({"status": 429, "title": "Too many messages", "detail": detail})

    async def _wait_for_room(self) -> None:
        self.liveness.pause()
        self._room = asyncio.get_running_loop().create_future()
        self._give_up_later()
        try:
            await self._room
        finally:
            self._giving_up.cancel()
            self._room = None
        self.liveness.resume()

    def _give_up_later(self) -> None:
        self._giving_up = asyncio.get_running_loop().call_later(self._patience, self._give_up)

    def _give_up(self) -> None:
        if self._asked:  # whoever is busy with one may ask for the next, or say that there is no need
            self._give_up_later()
            return
        self._ignored = True
        logger.warning("connection %s: nobody asks for its messages, so they are dropped", self._peer.id)
        self._make_room()

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    # --- ending

    def _leave(self, code: int) -> None:
        self._end()
        self._peer.departed(code)

    def _end(self) -> None:
        self._ended = True
        self.liveness.stop()
        self._wake()
        self._make_room()

    def _wake(self) -> None:
        for taker in self._takers:
            if not taker.done():
                taker.set_result(None)
        self._takers.clear()


def _exceeds(message: str | bytes, limit: int) -> bool:
    """Tell whether a message has more bytes than the limit; a text is only encoded where that is not clear."""
    if len(message) > limit:
        return True
    if isinstance(message, bytes) or message.isascii() or len(message) * 4 <= limit:
        return False
    return len(message.encode("utf-8", "surrogatepass")) > limit
