"""How many connections a user, an address and all of them together may have."""

from asyncio import Future, get_running_loop
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from ..._core.scope import network
from .._errors import TooManyConnectionsError
from .._rules.values import CloseCode, ConnectionLimits

_RETRY_AFTER: Final = {"Retry-After": "5"}


class Place:
    """What one connection takes up, from before its handshake is answered until its endpoint has ended.

    Attributes:
        user_id: Whose it is; None for a stranger's.
        address: Where it is from, or the network; None where nobody can tell.
        ending: The code and the reason with which it has to end; None while it may go on.
    """

    __slots__ = ("_evict", "address", "ending", "user_id")

    def __init__(self, address: str | None) -> None:
        self.user_id: str | None = None
        self.address: str | None = address
        self.ending: tuple[int, str] | None = None
        self._evict: Callable[[int, str], None] | None = None

    def attach(self, evict: Callable[[int, str], None]) -> None:
        """Say how its socket is closed, now that there is one; what has to end by now does so at once."""
        self._evict = evict
        if self.ending is not None:
            evict(*self.ending)

    def end(self, code: int, reason: str) -> None:
        """Close its socket, now or when there is one; harmless where that was said before."""
        if self.ending is None:
            self.ending = code, reason
            if self._evict is not None:
                self._evict(code, reason)


class Caps:
    """Counts connections. No method waits, so that no two handshakes can share a place.

    Args:
        limits: How many there may be.
        ipv6_prefix: How many bits of an IPv6 address one client cannot choose.
    """

    def __init__(self, limits: ConnectionLimits, ipv6_prefix: int) -> None:
        self._limits = limits
        self._ipv6_prefix = ipv6_prefix
        self._all: dict[Place, None] = {}
        self._ends: list[Future[None]] = []
        self._addresses: Counter[str] = Counter()
        self._users: dict[str, dict[Place, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Place]:
        return iter(tuple(self._all))

    def take(self, address: str | None) -> Place:
        """Take a place for a connection from an address; it is to be given back, whatever becomes of it.

        Raises:
            TooManyConnectionsError: (429) The process, or the address, has as many as it may.
        """
        limits = self._limits
        if limits.total is not None and len(self._all) >= limits.total:
            raise TooManyConnectionsError("The server has as many connections as it takes.", headers=_RETRY_AFTER)
        place = Place(None if address is None else network(address, self._ipv6_prefix))
        if place.address is not None:
            if limits.per_address is not None and self._addresses[place.address] >= limits.per_address:
                raise TooManyConnectionsError("Your network has as many connections as it may.", headers=_RETRY_AFTER)
            self._addresses[place.address] += 1
        self._all[place] = None
        return place

    def name(self, place: Place, user_id: str | None) -> None:
        """Tell whose connection it is.

        Raises:
            TooManyConnectionsError: (429) The user has as many as it may.
        """
        if user_id is None:
            return
        mine = self._users.setdefault(user_id, {})
        if self._limits.per_user is not None and len(mine) >= self._limits.per_user:
            if self._limits.excess == "refuse":
                raise TooManyConnectionsError(
                    "Close a connection first: you have as many as you may.", headers=_RETRY_AFTER
                )
            self._replace(next(iter(mine)))
            mine = self._users.setdefault(user_id, {})
        place.user_id = user_id
        mine[place] = None

    def _replace(self, oldest: Place) -> None:
        self._forget_user(oldest)
        oldest.end(CloseCode.REPLACED, "replaced by a newer connection")

    def give_back(self, place: Place) -> None:
        """Make room for another; harmless where it was made already."""
        if place not in self._all:
            return
        del self._all[place]
        self._forget_user(place)
        if place.address is not None:
            self._addresses[place.address] -= 1
            if not self._addresses[place.address]:
                del self._addresses[place.address]
        for end in () if self._all else self._ends:
            if not end.done():
                end.set_result(None)

    async def wait_empty(self) -> None:
        """Wait until there is no connection any more."""
        while self._all:
            end = get_running_loop().create_future()
            self._ends.append(end)
            try:
                await end
            finally:
                self._ends.remove(end)

    def _forget_user(self, place: Place) -> None:
        if place.user_id is None:
            return
        mine = self._users[place.user_id]
        mine.pop(place, None)
        if not mine:
            del self._users[place.user_id]
        place.user_id = None
