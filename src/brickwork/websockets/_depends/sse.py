"""`EventStreamResponse`: rooms as server-sent events."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from starlette.background import BackgroundTask
from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response

from .._errors import ConnectionClosedError, TooManyRoomsError
from .._rules.rooms import cursors
from .._rules.values import CloseCode, Cursor, Heartbeat
from .._service.event_stream import EventStream, Opening, chunk, farewell, read_positions
from .._service.liveness import Liveness
from .._service.outlet import LOST
from .connect import Terms, id_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_HEADERS: Final = {
    "Cache-Control": "no-store",
    # Nginx would keep events until it has a buffer full of them.
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
# A stream cannot be silent for too long: it has nothing to say.
_ENDLESS: Final = Heartbeat(idle=None)


class EventStreamResponse(Response):
    """What is sent to rooms, as server-sent events, until the client goes or is parted with.

    Args:
        terms: On what terms clients are let in.
        rooms: The rooms that are heard.
        since: The ``Last-Event-ID`` of the client; None to read it from the request.
        user: Who listens; None for a stranger.
        heartbeat: Seconds between comments that show that the stream is alive.
        retry: Seconds after which a browser tries again when the stream breaks.
        status_code: What a stream is answered with; FastAPI looks for it here, for the description of the API.

    Raises:
        ValueError: There is no room, or a duration is not above 0.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        terms: Terms[Any],
        rooms: str | Sequence[str],
        *,
        since: str | None = None,
        user: object = None,
        heartbeat: float = 15.0,
        retry: float = 2.0,
        status_code: int = 200,
    ) -> None:
        self._rooms = (rooms,) if isinstance(rooms, str) else tuple(dict.fromkeys(rooms))
        if not self._rooms:
            raise ValueError("an event stream hears at least one room: name it")
        if heartbeat <= 0 or retry <= 0:
            raise ValueError("heartbeat= and retry= are seconds, above 0")
        self._terms = terms
        self._since = since
        self._user = user
        self._heartbeat = heartbeat
        self._preamble = b"retry: %d\n\n" % (retry * 1000)
        self.status_code = status_code
        self.background: BackgroundTask | None = None
        self.init_headers(_HEADERS)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request.

        Raises:
            DrainingError: (503) The process is about to end.
            JoinDeniedError: (403) A guard refuses.
            TooManyConnectionsError: (429) There are as many connections as there may be.
            TooManyRoomsError: (429) There are more rooms than one connection may be in.
        """
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if scope["method"] == "HEAD":
            await send(start)
            await send(chunk(b"", more=False))
            return
        terms, respond = self._terms, Opening(send, start, self._preamble)
        terms.draining.check()
        address = terms.proxies.client(scope)
        place = terms.caps.take(address)
        try:
            user_id = None if self._user is None else id_of(self._user, terms.identify)
            terms.caps.name(place, user_id)
            since = self._places(scope)
            stream = EventStream(
                terms.hub,
                respond,
                user=self._user,
                user_id=user_id,
                address=address,
                several=len(self._rooms) > 1,
                since=since,
            )
            await self._admit(stream)
            place.attach(stream.evict)
            with suppress(OSError):  # so some servers say that the client has gone
                await self._serve(stream, since, receive)
                await self._part(stream, respond)
        finally:
            terms.caps.give_back(place)
        if self.background is not None:
            await self.background()

    def _places(self, scope: "Scope") -> Mapping[str, Cursor]:
        """Tell where the client was: browsers repeat the last ID, and a page can say it by ``cursor`` at first."""
        asked = cursors(QueryParams(scope["query_string"]).getlist("cursor"), self._terms.hub.limits.rooms)
        last = self._since if self._since is not None else Headers(scope=scope).get("last-event-id", "")
        known = asked | read_positions(last)
        return {room: known[room] for room in self._rooms if room in known}

    async def _admit(self, stream: EventStream[Any]) -> None:
        if len(self._rooms) > self._terms.hub.limits.rooms:
            raise TooManyRoomsError("Ask for fewer rooms: these are more than one connection may be in.")
        for room in self._rooms:
            await self._terms.hub.rooms.admit(stream, room)

    async def _serve(self, stream: EventStream[Any], since: Mapping[str, Cursor], receive: "Receive") -> None:
        terms = self._terms
        liveness = Liveness(stream.evict, heartbeat=_ENDLESS, clock=terms.hub.clock)
        watching = asyncio.create_task(_watch(stream, receive))
        try:
            if terms.expires is not None and self._user is not None:
                liveness.start()
                liveness.expire_at(terms.expires(self._user))
            await terms.hub.add(stream)
            for room in self._rooms:
                await terms.hub.rooms.join(stream, room, since=since.get(room), admitted=True)
            stream.begin()
            await stream.live(self._heartbeat)
        except ConnectionClosedError:
            pass
        finally:
            liveness.stop()
            stream.evict(LOST)
            watching.cancel()
            await asyncio.wait([watching])

    async def _part(self, stream: EventStream[Any], send: "Send") -> None:
        """End the response, if the client still reads it."""
        if stream.close_code == LOST:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._terms.hub.heartbeat.close):
                await stream.outlet.wait_idle()
                await send(chunk(farewell(stream.close_code or CloseCode.NORMAL, stream.reason), more=False))


async def _watch(stream: EventStream[Any], receive: "Receive") -> None:
    """Notice at once that the client has gone; a server that says so by failing means the same."""
    try:
        with suppress(OSError):
            while (await receive())["type"] != "http.disconnect":
                pass
    finally:
        stream.evict(LOST)
