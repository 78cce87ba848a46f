"""Sessions and the IDs of single tokens in memory."""

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import Final

from .._rules.values import Rotation, Session

_SWEPT_AT: Final = 1000  # fewer of a kind are not worth looking through


class MemoryTokenStore:
    """Keeps sessions in this process; they end with it.

    What has expired is dropped when there is twice as much as was left the last time, so it takes the memory of two
    sessions for each that is alive at most, and no call has to look at all of them but one in many.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._owned: dict[str, set[str]] = {}  # IDs of sessions by user
        self._denied = _Deadlines()
        self._spent = _Deadlines()
        self._swept_at = _SWEPT_AT
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._sessions) + len(self._denied) + len(self._spent)

    async def start(self, session: Session, *, now: float, limit: int) -> None:
        """Keep a new session; beyond ``limit`` of one user, the least recently used end."""
        with self._lock:
            self._sweep(now)
            others = [each for each in self._of(session.user_id, now) if each.id != session.id]
            for excess in others[max(limit - 1, 0) :]:
                self._end(excess)
            self._sessions[session.id] = session
            self._owned.setdefault(session.user_id, set()).add(session.id)

    async def get(self, session_id: str, *, now: float) -> Session | None:
        """Give a session that has not ended, or None."""
        session = self._sessions.get(session_id)
        return session if session is not None and now < session.ends_at() else None

    async def rotate(
        self,
        session_id: str,
        *,
        presented: bytes,
        successor: bytes,
        now: float,
        idle_expires_at: float,
        grace: float,
        client: str = "",
        address: str | None = None,
    ) -> Rotation:
        """Put a successor in the place of a refresh token, or end a session whose token is in two hands."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None or now >= session.ends_at():
                return Rotation("unknown")
            if presented == session.token_hash:
                session = self._sessions[session_id] = replace(
                    session,
                    token_hash=successor,
                    previous_hash=presented,
                    rotated_at=now,
                    used_at=now,
                    idle_expires_at=idle_expires_at,
                    client=client or session.client,
                    address=address or session.address,
                )
                return Rotation("rotated", session)
            if grace > 0 and presented == session.previous_hash and now < (session.rotated_at or 0.0) + grace:
                return Rotation("replayed", session)
            self._end(session)
            return Rotation("reused", session)

    async def check(self, session_id: str | None, token_id: str, *, now: float) -> bool:
        """Tell whether a session (if one is named) is alive and a token not denied."""
        if session_id is not None:
            session = self._sessions.get(session_id)
            if session is None or now >= session.ends_at():
                return False
        return not self._denied.holds(token_id, now)

    async def sessions(self, user_id: str, *, now: float) -> Sequence[Session]:
        """Give the sessions of a user that have not ended, the most recently used first."""
        with self._lock:
            return self._of(user_id, now)

    async def end(self, session_id: str) -> bool:
        """End a session; tell whether there was one."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                return False
            self._end(session)
            return True

    async def end_all(self, user_id: str, *, keep: str | None = None) -> int:
        """End the sessions of a user, but for the one to ``keep``; give how many there were."""
        with self._lock:
            ending = [self._sessions[each] for each in self._owned.get(user_id, ()) if each != keep]
            for session in ending:
                self._end(session)
            return len(ending)

    async def deny(self, token_id: str, *, now: float, until: float) -> None:
        """Refuse a single token until an instant, when it has expired anyway."""
        with self._lock:
            self._denied.add(token_id, now, until)

    async def spend(self, token_id: str, *, now: float, until: float) -> bool:
        """Tell whether a one-time token is shown for the first time, and remember it until an instant."""
        with self._lock:
            if now >= until or self._spent.holds(token_id, now):
                return False
            self._spent.add(token_id, now, until)
            return True

    def _of(self, user_id: str, now: float) -> list[Session]:
        alive = [each for name in self._owned.get(user_id, ()) if now < (each := self._sessions[name]).ends_at()]
        return sorted(alive, key=lambda session: (session.used_at, session.id), reverse=True)

    def _end(self, session: Session) -> None:
        del self._sessions[session.id]
        owned = self._owned[session.user_id]
        owned.remove(session.id)
        if not owned:
            del self._owned[session.user_id]

    def _sweep(self, now: float) -> None:
        if len(self._sessions) < self._swept_at:
            return
        for session in [each for each in self._sessions.values() if now >= each.ends_at()]:
            self._end(session)
        self._swept_at = max(_SWEPT_AT, 2 * len(self._sessions))


class _Deadlines:
    """Names that are remembered until an instant each."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._swept_at = _SWEPT_AT

    def __len__(self) -> int:
        return len(self._until)

    def holds(self, name: str, now: float) -> bool:
        return now < self._until.get(name, now)

    def add(self, name: str, now: float, until: float) -> None:
        if len(self._until) >= self._swept_at:
            self._until = {each: end for each, end in self._until.items() if now < end}
            self._swept_at = max(_SWEPT_AT, 2 * len(self._until))
        self._until[name] = until
