"""What every backplane promises."""

import anyio
import pytest

from brickwork.websockets import Cursor, History, Member, Presence
from brickwork.websockets._rules.frames import Entry, Frame, frame
from tests.websockets.backplanes import Process, Start, texts

LOBBY = "room:lobby"


async def subscribed(start: Start, *, history: History | None = None, presence: Presence | None = None) -> Process:
    """Start a process that hears of the lobby."""
    process = await start(history=history, presence=presence)
    await process.backplane.subscribe(LOBBY)
    return process


@pytest.mark.promise("websockets-91")
async def test_a_message_reaches_all_processes_that_subscribed(start: Start) -> None:
    """What one process says is heard by another, and by itself where it subscribed."""
    here, there = await subscribed(start), await subscribed(start)

    await here.say(LOBBY, "hello")

    assert texts(await here.receiver.heard(LOBBY, 1)) == ["hello"]
    assert texts(await there.receiver.heard(LOBBY, 1)) == ["hello"]


@pytest.mark.parametrize("channel", ["room:Übung ✓: 1", "user:42", "all", "room:{curly}", "room:" + "x" * 256])
async def test_channels_have_any_name(start: Start, channel: str) -> None:
    """A channel's name is any text."""
    process = await start()
    await process.backplane.subscribe(channel)

    await process.say(channel, "hello")

    assert texts(await process.receiver.heard(channel, 1)) == ["hello"]


@pytest.mark.parametrize(
    "message",
    [{"a": [1, "ü"]}, "text ✓", b"\x00\xff\n{", "", b""],
    ids=["object", "text", "bytes", "empty text", "no bytes"],
)
async def test_a_message_arrives_as_it_was_sent(start: Start, message: object) -> None:
    """All that an entry says of its message and of who is to get it travels with it."""
    here, there = await start(), await subscribed(start)

    await here.backplane.publish(
        Entry(LOBBY, frame(message), key="k", exclude=frozenset({"c1"}), exclude_users=frozenset({"u"}), once="p-1")
    )

    entry = (await there.receiver.heard(LOBBY, 1))[0]
    assert entry.frame == frame(message)
    assert (entry.key, entry.exclude, entry.exclude_users, entry.once) == (
        "k",
        frozenset({"c1"}),
        frozenset({"u"}),
        "p-1",
    )


async def test_what_processes_are_told_is_no_message(start: Start) -> None:
    """A control entry reaches the other processes, and never becomes history."""
    here, there = await start(history=History()), await subscribed(start, history=History())

    await here.backplane.publish(Entry(LOBBY, frame({"code": 1008}), control="close"))

    assert (await there.receiver.heard(LOBBY, 1))[0].control == "close"
    assert (await there.backplane.read(LOBBY, None)).entries == []


@pytest.mark.promise("websockets-92")
async def test_all_processes_hear_a_channel_in_one_order(start: Start) -> None:
    """Two processes that talk at once are heard in one order everywhere, each in its own."""
    here, there = await subscribed(start, history=History()), await subscribed(start, history=History())

    async def talk(process: Process, name: str) -> None:
        for number in range(50):
            await process.say(LOBBY, f"{name}{number}")

    async with anyio.create_task_group() as group:
        group.start_soon(talk, here, "a")
        group.start_soon(talk, there, "b")

    first, second = await here.receiver.heard(LOBBY, 100), await there.receiver.heard(LOBBY, 100)
    assert texts(first) == texts(second)
    assert [entry.cursor for entry in first] == [entry.cursor for entry in second]
    for name in "ab":
        assert [text for text in texts(first) if text[0] == name] == [f"{name}{number}" for number in range(50)]


async def test_a_channel_that_was_unsubscribed_is_silent(start: Start) -> None:
    """After unsubscribing nothing more is heard; other channels go on."""
    process = await subscribed(start)
    await process.backplane.subscribe("all")
    await process.backplane.unsubscribe(LOBBY)

    await process.say(LOBBY, "hello")
    await process.say("all", "end")

    await process.receiver.heard("all", 1)
    assert process.receiver.of(LOBBY) == []


async def test_a_channel_can_be_subscribed_again(start: Start) -> None:
    """Who comes back hears what is said from then on."""
    process = await subscribed(start)
    await process.backplane.unsubscribe(LOBBY)
    await process.backplane.subscribe(LOBBY)

    await process.say(LOBBY, "hello")

    assert texts(await process.receiver.heard(LOBBY, 1)) == ["hello"]


async def test_unsubscribing_an_unknown_channel_is_harmless(start: Start) -> None:
    """A channel that was never subscribed can be left, and subscribed afterwards."""
    process = await start()
    await process.backplane.unsubscribe(LOBBY)
    await process.backplane.subscribe(LOBBY)

    await process.say(LOBBY, "hello")

    assert texts(await process.receiver.heard(LOBBY, 1)) == ["hello"]


@pytest.mark.promise("websockets-93")
async def test_stored_messages_are_numbered_without_a_gap(start: Start) -> None:
    """Cursors of a room count its stored messages, whichever process sent them, and come with each message."""
    here, there = await subscribed(start, history=History()), await subscribed(start, history=History())

    cursors = [await process.say(LOBBY, "x", store=store) for process in (here, there) for store in (True, False, True)]

    numbers = [cursor and cursor.offset for cursor in cursors]
    assert numbers == [1, None, 2, 3, None, 4]
    assert len({cursor.epoch for cursor in cursors if cursor}) == 1
    assert [entry.cursor for entry in await there.receiver.heard(LOBBY, 6)] == cursors


@pytest.mark.parametrize("channel", ["user:42", "all"])
async def test_only_rooms_have_a_history(start: Start, channel: str) -> None:
    """What goes to a user or to everybody is not kept."""
    process = await start(history=History())

    assert await process.say(channel, "x") is None


async def test_without_a_history_there_is_no_cursor(start: Start) -> None:
    """Where none is kept, messages have no place in one and nothing is read."""
    process = await start()

    cursor = await process.say(LOBBY, "x")

    assert cursor is None
    replay = await process.backplane.read(LOBBY, None)
    assert (list(replay.entries), replay.head, replay.recovered) == ([], None, False)


async def talked(start: Start, messages: int, *, size: int) -> tuple[Process, str]:
    """Start a process whose lobby has heard so many messages; gives the epoch too."""
    process = await start(history=History(size=size))
    head = (await process.backplane.read(LOBBY, None)).head
    assert head is not None
    for number in range(1, messages + 1):
        await process.say(LOBBY, str(number))
    return process, head.epoch


@pytest.mark.promise("websockets-94")
@pytest.mark.parametrize(
    ("since", "found", "recovered"),
    [
        (5, [], True),
        (4, ["5"], True),
        (2, ["3", "4", "5"], True),
        (1, ["3", "4", "5"], False),
        (6, ["3", "4", "5"], False),
    ],
    ids=["up to date", "one behind", "just enough", "one too old", "from the future"],
)
async def test_what_came_after_a_cursor_is_read(start: Start, since: int, found: list[str], recovered: bool) -> None:
    """Reading since a cursor gives exactly what came after, or all that is kept and that some is missing."""
    process, epoch = await talked(start, 5, size=3)

    replay = await process.backplane.read(LOBBY, Cursor(epoch, since))

    assert texts(replay.entries) == found
    assert replay.recovered is recovered
    assert replay.head == Cursor(epoch, 5)


@pytest.mark.parametrize("since", [None, Cursor("elsewhere", 4)])
async def test_without_a_cursor_of_this_history_all_is_read(start: Start, since: Cursor | None) -> None:
    """Who has no cursor, or one of another history, gets all that is kept and learns that it may not be all."""
    process, epoch = await talked(start, 5, size=3)

    replay = await process.backplane.read(LOBBY, since)

    assert texts(replay.entries) == ["3", "4", "5"]
    assert [entry.cursor for entry in replay.entries] == [Cursor(epoch, number) for number in (3, 4, 5)]
    assert (replay.head, replay.recovered) == (Cursor(epoch, 5), False)


@pytest.mark.parametrize(("limit", "found"), [(0, []), (2, ["4", "5"]), (3, ["3", "4", "5"]), (9, ["3", "4", "5"])])
async def test_a_limit_leaves_out_the_oldest(start: Start, limit: int, found: list[str]) -> None:
    """At most so many are read, the latest of them; that some were left out is told."""
    process, epoch = await talked(start, 5, size=4)

    replay = await process.backplane.read(LOBBY, Cursor(epoch, 2), limit=limit)

    assert texts(replay.entries) == found
    assert replay.recovered is (limit >= 3)


async def test_reading_begins_a_history(start: Start) -> None:
    """Who comes before the first message gets a cursor, and misses nothing that is said later."""
    here, there = await start(history=History()), await start(history=History())
    head = (await here.backplane.read(LOBBY, None)).head
    assert head is not None
    assert head.offset == 0
    await there.say(LOBBY, "first")

    replay = await here.backplane.read(LOBBY, head)

    assert (texts(replay.entries), replay.recovered, replay.head) == (["first"], True, Cursor(head.epoch, 1))


async def test_what_was_kept_says_who_is_not_to_get_it(start: Start) -> None:
    """A replayed entry has the frame and the exclusions that it was sent with."""
    process = await start(history=History())
    await process.backplane.publish(Entry(LOBBY, Frame("bytes", b"\x00\n"), exclude_users=frozenset({"ada"})))

    entry = (await process.backplane.read(LOBBY, None)).entries[0]

    assert (entry.channel, entry.frame, entry.exclude_users) == (LOBBY, Frame("bytes", b"\x00\n"), frozenset({"ada"}))


async def test_rooms_have_histories_of_their_own(start: Start) -> None:
    """What is said in one room is neither counted nor read in another."""
    process = await start(history=History())
    await process.say(LOBBY, "x")

    cursor = await process.say("room:other", "y")

    assert cursor is not None
    assert cursor.offset == 1
    assert texts((await process.backplane.read("room:other", None)).entries) == ["y"]


@pytest.mark.promise("websockets-95")
async def test_a_user_with_two_connections_is_one_member(start: Start) -> None:
    """Only the first connection of a user makes a member, and only the last one ends it, on whichever process."""
    here, there = await start(presence=Presence()), await start(presence=Presence())

    changes = [
        await here.backplane.join(LOBBY, "ada", "c1", {"tab": 1}),
        await there.backplane.join(LOBBY, "ada", "c2", {"tab": 2}),
        await here.backplane.leave(LOBBY, "ada", "c1"),
        await there.backplane.leave(LOBBY, "ada", "c2"),
    ]

    assert [change.first_or_last for change in changes] == [True, False, False, True]
    assert [len(change.member.info) for change in changes] == [1, 2, 1, 0]
    assert {change.member.user for change in changes} == {"ada"}


@pytest.mark.promise("websockets-96")
async def test_all_processes_list_the_same_members(start: Start) -> None:
    """Who is in a room is known everywhere, with what each connection said of itself."""
    here, there = await start(presence=Presence()), await start(presence=Presence())
    await here.backplane.join(LOBBY, "ada", "c1", {"tab": 1})
    await there.backplane.join(LOBBY, "ada", "c2", {"tab": "ü"})
    await there.backplane.join(LOBBY, "grace", "c3", {})

    lists = [
        sorted(await process.backplane.members(LOBBY), key=lambda member: member.user) for process in (here, there)
    ]

    for listed in lists:
        assert [member.user for member in listed] == ["ada", "grace"]
        assert sorted(map(str, listed[0].info)) == ["{'tab': 'ü'}", "{'tab': 1}"]
        assert listed[1] == Member("grace", ({},))


async def test_joining_twice_counts_once(start: Start) -> None:
    """A connection that joins again changes only what it says of itself."""
    process = await start(presence=Presence())
    await process.backplane.join(LOBBY, "ada", "c1", {"tab": 1})

    again = await process.backplane.join(LOBBY, "ada", "c1", {"tab": 2})

    assert again == (Member("ada", ({"tab": 2},)), False)
    assert (await process.backplane.leave(LOBBY, "ada", "c1")).first_or_last


async def test_leaving_where_nobody_was_is_harmless(start: Start) -> None:
    """A connection that is not in a room can leave it; it is nobody's last."""
    process = await start(presence=Presence())
    await process.backplane.join(LOBBY, "ada", "c1", {})

    changes = [
        await process.backplane.leave(LOBBY, "grace", "c9"),
        await process.backplane.leave("room:empty", "grace", "c9"),
        await process.backplane.leave(LOBBY, "ada", "c9"),
    ]

    assert [change.first_or_last for change in changes] == [False, False, False]
    assert [member.user for member in await process.backplane.members(LOBBY)] == ["ada"]


@pytest.mark.promise("websockets-97")
async def test_only_the_first_and_the_last_are_announced(start: Start) -> None:
    """What announces a member is published for its first and its last connection, and is no part of the history."""
    here = await start(presence=Presence(), history=History())
    there = await subscribed(start, presence=Presence(), history=History())

    for number in (1, 2, 2):
        await here.backplane.join(LOBBY, "ada", f"c{number}", {}, announce=Entry(LOBBY, frame(f"joined {number}")))
    for number in (1, 2, 2):
        await here.backplane.leave(LOBBY, "ada", f"c{number}", announce=Entry(LOBBY, frame(f"left {number}")))
    await here.say(LOBBY, "end")

    entries = await there.receiver.heard(LOBBY, 3)
    assert texts(entries) == ["joined 1", "left 2", "end"]
    assert [entry.cursor and entry.cursor.offset for entry in entries] == [None, None, 1]


async def test_it_can_be_opened_again(start: Start) -> None:
    """After it was closed, a backplane serves whoever opens it."""
    process = await subscribed(start)
    await process.backplane.close()
    await process.backplane.open(process.receiver, history=History(), presence=None)
    await process.backplane.subscribe(LOBBY)

    await process.say(LOBBY, "hello")

    assert texts(await process.receiver.heard(LOBBY, 1)) == ["hello"]
