"""Who is in a room, in all processes."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby, islice
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from ..._core.batch import Batcher
from ..._core.redis import Argument, Call, RedisCaller, RedisUnavailableError, Script
from .._rules.values import Member, Presence
from .._store import Change
from .wire import Names

_PRESENCE: Final = Script.load("brickwork.websockets", "presence")
_MILLISECONDS: Final = 1_000
_AT_ONCE: Final = 100  # rooms of one round trip, and connections of one call

_Change = tuple[Argument, ...]  # a verb, the member, the connection, what it says of itself, what announces it


class _Here(NamedTuple):
    member: str
    info: Mapping[str, Any]
    announcement: bytes


class Attendance:
    """Knows who is in a room: in all processes when Redis can be asked, and always in this one.

    Args:
        caller: Who is asked.
        names: What things are called.
        presence: How long nothing may be heard of a process, and how often it says that it is there.
        patience: Seconds within which an answer is there.
        departed: Hears of members whose process has died.
    """

    def __init__(
        self,
        caller: RedisCaller,
        names: Names,
        presence: Presence,
        *,
        patience: float,
        departed: Callable[[str, Sequence[Member]], None],
    ) -> None:
        self._caller = caller
        self._names = names
        self._ttl = round(presence.ttl * _MILLISECONDS)
        self._refresh = presence.refresh
        self._departed = departed
        self._due = asyncio.Event()
        self._here: dict[str, dict[str, _Here]] = {}
        self._gone: dict[str, dict[str, bytes]] = {}  # of whom Redis could not be told that they left
        # One line for all, so that nobody who has left is noted once more by what was under way.
        self._batcher: Batcher[Call, Any] = Batcher(self._ask_all, deadline=patience)

    async def join(
        self, channel: str, member: str, connection: str, info: Mapping[str, Any], *, announcement: bytes, ask: bool
    ) -> tuple[Change, bool]:
        """Note a connection; gives the change, and whether all processes know of it."""
        name = _name(member, connection)
        first = not any(True for _ in self._of(channel, member))
        self._here.setdefault(channel, {})[name] = _Here(member, info, announcement)
        _discard(self._gone, channel, name)
        change = ("join", _token(member), name, to_json(info), announcement)
        return await self._change(channel, member, change, changed=first, ask=ask)

    async def leave(
        self, channel: str, member: str, connection: str, *, announcement: bytes, ask: bool
    ) -> tuple[Change, bool]:
        """Strike it out; gives the change, and whether all processes know of it."""
        name = _name(member, connection)
        last = _discard(self._here, channel, name) and not any(True for _ in self._of(channel, member))
        self._gone.setdefault(channel, {})[name] = announcement
        change = ("leave", _token(member), name, b"", announcement)
        changed, known = await self._change(channel, member, change, changed=last, ask=ask)
        if known:
            _discard(self._gone, channel, name)
        return changed, known

    async def members(self, channel: str, *, ask: bool) -> Sequence[Member]:
        """List them."""
        if ask:
            with suppress(RedisUnavailableError):
                _, said = await self._ask(channel, [])
                return _members(said)
        here = sorted(self._here.get(channel, {}).items())
        return _members([(name, each.info) for name, each in here])

    @property
    def asking(self) -> list["asyncio.Task[None]"]:
        """The tasks that ask Redis at the moment."""
        return self._batcher.running

    def hurry(self) -> None:
        """Say at once who is here: Redis may have forgotten."""
        self._due.set()

    async def run(self) -> None:
        """Say again and again who is here."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._refresh):
                    await self._due.wait()
            self._due.clear()
            await asyncio.gather(*(self._say(channel, changes) for channel, changes in self._known()))

    async def _say(self, channel: str, changes: Sequence[_Change]) -> None:
        with suppress(RedisUnavailableError):
            await self._ask(channel, changes)
            for change in changes:
                if change[0] == "leave":
                    _discard(self._gone, channel, str(change[2]))

    def _known(self) -> Iterator[tuple[str, Sequence[_Change]]]:
        for channel, gone in list(self._gone.items()):
            lefts = [("leave", name.partition("\0")[0], name, b"", message) for name, message in gone.items()]
            yield from _slices(channel, lefts)
        for channel, here in list(self._here.items()):
            keeps = [
                ("keep", _token(each.member), name, to_json(each.info), each.announcement)
                for name, each in here.items()
            ]
            yield from _slices(channel, keeps)

    async def _change(
        self, channel: str, member: str, change: _Change, *, changed: bool, ask: bool
    ) -> tuple[Change, bool]:
        if ask:
            with suppress(RedisUnavailableError):
                flags, said = await self._ask(channel, [change])
                return Change(Member(member, tuple(info for _, info in said)), bool(flags[-1])), True
        return Change(Member(member, tuple(self._of(channel, member))), changed), False

    def _of(self, channel: str, member: str) -> Iterator[Mapping[str, Any]]:
        here = self._here.get(channel, {})
        return (here[name].info for name in sorted(here) if here[name].member == member)

    async def _ask(
        self, channel: str, changes: Sequence[_Change]
    ) -> tuple[Sequence[int], Sequence[tuple[str, Mapping[str, Any]]]]:
        told = [argument for change in changes for argument in change]
        call = (self._names.presence(channel), (self._names.heard(channel), self._ttl, *told))
        answer = await self._batcher.ask(call, line="")
        if isinstance(answer, Exception):
            raise RedisUnavailableError("who is there is not known") from answer
        ended, flags, said = answer
        if ended:
            self._departed(channel, [Member(_member(bytes(token).decode())) for token in ended])
        texts = iter(said)
        return flags, [(bytes(name).decode(), from_json(info)) for name, info in zip(texts, texts, strict=True)]

    async def _ask_all(self, calls: Sequence[Call]) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(calls), _AT_ONCE):
            some = calls[start : start + _AT_ONCE]
            try:
                answers += await self._caller.run_all(_PRESENCE, some)
            except RedisUnavailableError as error:
                answers += [error] * len(some)
        return answers


def _slices(channel: str, changes: Sequence[_Change]) -> Iterator[tuple[str, Sequence[_Change]]]:
    rest = iter(changes)
    while some := list(islice(rest, _AT_ONCE)):
        yield channel, some


def _discard(channels: dict[str, dict[str, Any]], channel: str, name: str) -> bool:
    names = channels.get(channel, {})
    found = names.pop(name, None) is not None
    if found and not names:
        del channels[channel]
    return found


def _token(member: str) -> str:
    # NUL ends it, so none may be in it.
    return member.replace("%", "%25").replace("\0", "%00")


def _member(token: str) -> str:
    return token.replace("%00", "\0").replace("%25", "%")


def _name(member: str, connection: str) -> str:
    return f"{_token(member)}\0{connection}"


def _members(said: Sequence[tuple[str, Mapping[str, Any]]]) -> Sequence[Member]:
    grouped = groupby(said, key=lambda each: each[0].partition("\0")[0])
    return [Member(_member(token), tuple(info for _, info in each)) for token, each in grouped]
