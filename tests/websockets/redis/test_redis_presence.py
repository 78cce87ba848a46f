"""Who is in a room, while processes die and Redis forgets."""

import anyio
import pytest
from redis.asyncio import Redis

from brickwork.websockets import Member, Presence
from brickwork.websockets._rules.frames import Entry, frame
from tests.servers import FaultyProxy
from tests.websockets.backplanes import Process, texts
from tests.websockets.redis.faults import LOBBY, Start, eventually, state

QUICK = Presence(ttl=600.0, refresh=0.05)
SLOW = Presence(ttl=600.0, refresh=300.0)


def joined(who: str) -> Entry:
    """Make what announces a member."""
    return Entry(LOBBY, frame(f"joined {who}"))


async def here(process: Process) -> list[str]:
    """List who is in the lobby, as a process knows it."""
    return [member.user for member in await process.backplane.members(LOBBY)]


@pytest.mark.promise("websockets-131")
async def test_members_of_a_process_that_died_are_gone(
    redis_proxy: FaultyProxy, redis_url: str, redis: Redis, launch: Start
) -> None:
    """Members of a process that is heard of no more end after the time to live, and one of the others is told."""
    dying = await launch(redis_proxy.url, presence=QUICK)
    living = [await launch(redis_url, LOBBY, presence=QUICK) for _ in "ab"]
    await dying.backplane.join(LOBBY, "ada", "c1", {})
    await dying.backplane.join(LOBBY, "grace", "c2", {})
    await living[0].backplane.join(LOBBY, "grace", "c3", {})
    await redis_proxy.refuse()

    # Their time passes.
    await redis.zadd("ws:{room:lobby}:due", {"ada\0c1": 1, "grace\0c2": 1})

    await eventually(lambda: living[0].receiver.departures or living[1].receiver.departures)

    told = [told for process in living for told in process.receiver.departures]
    assert told == [(LOBBY, [Member("ada")])]
    assert await here(living[1]) == ["grace"]


@pytest.mark.promise("websockets-132")
async def test_members_of_a_process_that_lives_stay(redis_url: str, redis: Redis, launch: Start) -> None:
    """As long as a process lives, the end of its members' time is put off again and again."""
    process = await launch(redis_url, presence=QUICK)
    await process.backplane.join(LOBBY, "ada", "c1", {})
    ends = [await redis.zscore("ws:{room:lobby}:due", "ada\0c1")]

    async def later() -> bool:
        end = await redis.zscore("ws:{room:lobby}:due", "ada\0c1")
        if end and end != ends[-1]:
            ends.append(end)
        return len(ends) > 3

    await eventually(later)


@pytest.mark.promise("websockets-133")
async def test_members_are_known_again_after_redis_forgot(redis_url: str, redis: Redis, launch: Start) -> None:
    """When Redis has lost everything, the next sign of life brings the members back."""
    one, two = [await launch(redis_url, LOBBY, presence=QUICK) for _ in "ab"]
    await one.backplane.join(LOBBY, "ada", "c1", {"tab": 1}, announce=joined("ada"))
    await redis.flushall()

    await two.receiver.heard(LOBBY, 2)

    assert await two.backplane.members(LOBBY) == [Member("ada", ({"tab": 1},))]
    assert texts(two.receiver.of(LOBBY)) == ["joined ada", "joined ada"]


@pytest.mark.promise("websockets-134")
async def test_who_comes_and_goes_during_an_outage(redis_proxy: FaultyProxy, redis_url: str, launch: Start) -> None:
    """While Redis is away the members of this process are known, and afterwards all processes agree."""
    cut = await launch(redis_proxy.url, LOBBY, presence=SLOW)
    other = await launch(redis_url, LOBBY, presence=SLOW)
    await cut.backplane.join(LOBBY, "ada", "c1", {})
    await cut.backplane.join(LOBBY, "ada", "c2", {"tab": 2})
    await redis_proxy.refuse()
    await state(cut, "degraded")

    changes = [
        await cut.backplane.leave(LOBBY, "ada", "c1"),
        await cut.backplane.leave(LOBBY, "ada", "c2", announce=Entry(LOBBY, frame("left ada"))),
        await cut.backplane.join(LOBBY, "grace", "c3", {}, announce=joined("grace")),
        await cut.backplane.leave(LOBBY, "nobody", "c9", announce=Entry(LOBBY, frame("left nobody"))),
    ]
    alone = await here(cut)
    heard = texts(cut.receiver.of(LOBBY))
    await redis_proxy.heal()

    assert [change.first_or_last for change in changes] == [False, True, True, False]
    assert changes[0].member == Member("ada", ({"tab": 2},))
    assert alone == ["grace"]
    assert heard == ["left ada", "joined grace"]
    await other.receiver.heard(LOBBY, 2)
    assert texts(other.receiver.of(LOBBY)) == ["left ada", "joined grace"]
    assert await here(other) == ["grace"]
    await state(cut, "ready")
    assert await here(cut) == ["grace"]


async def test_a_lost_reply_to_a_change(redis_proxy: FaultyProxy, redis_url: str, launch: Start) -> None:
    """When the answer is lost, what is known here is answered, and in the end all know the same."""
    process = await launch(redis_proxy.url, presence=QUICK)
    other = await launch(redis_url, presence=QUICK)
    await process.backplane.join(LOBBY, "ada", "c1", {})
    redis_proxy.lose_reply(of=b"join")
    change = await process.backplane.join(LOBBY, "grace", "c2", {})
    redis_proxy.lose_reply(of=b"infos")
    listed = await here(process)
    redis_proxy.lose_reply(of=b"leave")
    gone = await process.backplane.leave(LOBBY, "ada", "c1")

    async def agreed() -> bool:
        return await here(other) == ["grace"]

    assert change == (Member("grace", ({},)), True)
    assert listed == ["ada", "grace"]
    assert gone.first_or_last
    await eventually(agreed)
    assert redis_proxy.sprung == 3


@pytest.mark.parametrize("member", ["a\0b", "a%00b", "ü %", "a"])
async def test_members_have_any_name(redis_url: str, member: str, launch: Start) -> None:
    """No member is taken for another, whatever characters their names have."""
    process = await launch(redis_url, presence=SLOW)
    await process.backplane.join(LOBBY, "a\0c", "c1", {})

    first = await process.backplane.join(LOBBY, member, "c2", {})
    last = await process.backplane.leave(LOBBY, member, "c2")

    assert (first.member.user, first.first_or_last, last.first_or_last) == (member, True, True)
    assert await here(process) == ["a\0c"]


async def test_many_connections_are_kept_alive(redis_url: str, redis: Redis, launch: Start) -> None:
    """A room with hundreds of connections is refreshed as one with few."""
    process = await launch(redis_url, presence=QUICK)
    async with anyio.create_task_group() as group:
        for number in range(250):
            group.start_soon(process.backplane.join, LOBBY, "ada", f"c{number:03}", {})
    await redis.flushall()

    async def all_there() -> bool:
        return bool(await redis.zcard("ws:{room:lobby}:due") == 250)

    await eventually(all_there)
    [member] = await process.backplane.members(LOBBY)
    assert len(member.info) == 250


async def test_a_sign_of_life_that_is_lost(redis_proxy: FaultyProxy, launch: Start) -> None:
    """A refresh whose answer is lost is made up for by the next."""
    process = await launch(redis_proxy.url, presence=QUICK)
    await process.backplane.join(LOBBY, "ada", "c1", {})
    redis_proxy.lose_reply(of=b"keep")
    await eventually(lambda: redis_proxy.sprung)
    redis_proxy.lose_reply(of=b"keep")

    await eventually(lambda: redis_proxy.sprung == 2)

    assert await here(process) == ["ada"]


async def test_keys_of_presence_end(redis_url: str, redis: Redis, launch: Start) -> None:
    """Whatever is noted of a room is forgotten when nobody is heard of."""
    process = await launch(redis_url, presence=SLOW)

    await process.backplane.join(LOBBY, "ada", "c1", {})

    keys = await redis.keys("*")
    assert len(keys) == 3
    for key in keys:
        assert 0 < await redis.pttl(key) <= 2_000 * SLOW.ttl
