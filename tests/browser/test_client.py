"""How the JavaScript client comes back, in a browser."""

from typing import Any

import pytest

from .chromium import Page
from .serving import Server
from .visiting import heard, opened, visited

FINAL = (1003, 1008, 1009, 4400, 4401, 4403, 4409)
PASSING = (1000, 1001, 1011, 1013, 4408, 4429)


@pytest.mark.promise("websockets-157")
async def test_a_page_comes_back_after_a_restart_and_misses_nothing(page: Page, server: Server) -> None:
    """The server is killed and started again: the page gets what was said meanwhile, once and in order."""
    server.start()
    await visited(page, server)
    await opened(page)
    server.post("/say/1")
    await heard(page, 1)

    for number in (2, 4, 6):
        server.kill()
        await page.until("socket.state.state === 'reconnecting'")
        server.start()
        server.post(f"/say/{number}")
        server.post(f"/say/{number + 1}")
        await heard(page, number + 1)

    assert await heard(page, 7) == [1, 2, 3, 4, 5, 6, 7]
    resumes = await page.run("told.messages.filter(({ type }) => type === 'resume').map((each) => each.recovered)")
    assert resumes == [False, True, True, True]
    assert page.complaints == []


@pytest.mark.promise("websockets-158")
async def test_a_page_that_is_refused_does_not_come_back(page: Page, server: Server) -> None:
    """After a code that says that another attempt would end the same way, none is made."""
    server.start()
    await visited(page, server)

    ends = []
    for code in FINAL:
        await opened(page)
        server.post(f"/close/{code}?reason=because")
        await page.until("socket.state.state === 'closed'")
        ends.append(await page.run("told.states.at(-1)"))

    assert ends == [{"state": "closed", "code": code, "reason": "because"} for code in FINAL]


@pytest.mark.promise("websockets-158")
async def test_a_page_that_is_sent_away_for_now_comes_back(page: Page, server: Server) -> None:
    """After every other code it does, with what it missed."""
    server.start()
    await visited(page, server)
    await opened(page, shortest=1)

    for count, code in enumerate(PASSING, 1):
        server.post(f"/close/{code}")
        await page.until(f"told.messages.filter(({{ type }}) => type === 'resume').length === {count + 1}")

    ends = await page.run("told.states.filter(({ state }) => state === 'reconnecting').map(({ code }) => code)")
    assert ends == list(PASSING)


@pytest.mark.promise("websockets-158")
async def test_a_server_that_stops_says_when_to_come_back(page: Page, server: Server) -> None:
    """The time that is given with 1012 is kept to; while the server takes nobody, attempts go on."""
    server.start()
    await visited(page, server)
    await opened(page, shortest=1)
    server.post("/say/1")
    await heard(page, 1)

    server.post("/drain")
    await page.until("told.states.filter(({ state }) => state === 'reconnecting').length >= 3")
    server.stop()
    server.start()
    server.post("/say/2")

    assert await heard(page, 2) == [1, 2]
    first = await page.run("told.states.find(({ state }) => state === 'reconnecting')")
    assert first == {"state": "reconnecting", "code": 1012, "reason": "retry_after=0.5", "delay": 500}


@pytest.mark.promise("websockets-158")
async def test_pauses_grow_and_are_left_to_chance(page: Page, server: Server) -> None:
    """Each pause is drawn below a bound that doubles, up to the longest: clients do not come back in step."""
    server.start(sockets=False)
    await visited(page, server)
    await page.run("Math.random = () => 0.5; open('/ws', { shortest: 2, longest: 16 })")
    await page.until("told.states.length > 6")

    delays = await page.run("told.states.slice(1, 7).map(({ delay }) => delay)")
    assert delays == [1, 2, 4, 8, 8, 8]


@pytest.mark.promise("websockets-158")
async def test_a_server_that_does_not_answer_is_given_up(page: Page, server: Server) -> None:
    """An attempt that nobody answers ends in time, and the next ones find the server when it is there."""
    server.start()
    await visited(page, server)
    server.kill()

    await page.run("open('/ws', { shortest: 1, timeout: 300 })")
    await page.until("told.states.filter(({ state }) => state === 'reconnecting').length >= 2")
    server.start()
    await page.until("socket.state.state === 'open'")

    states: list[dict[str, Any]] = await page.run("told.states")
    assert [states[0]["state"], states[1]["code"]] == ["connecting", 1006]


async def test_who_is_online_again_need_not_wait(page: Page, server: Server) -> None:
    """A long pause ends when the browser says that there is a network again."""
    server.start()
    await visited(page, server)
    await opened(page, shortest=10**9, longest=10**9)
    server.post("/close/1013")
    await page.until("socket.state.state === 'reconnecting'")

    await page.run("dispatchEvent(new Event('online'))")

    await page.until("told.messages.filter(({ type }) => type === 'resume').length === 2")


@pytest.mark.promise("websockets-159")
async def test_what_comes_twice_is_shown_once(page: Page, server: Server) -> None:
    """What was delivered while the server could not store it comes again under the same name, and is left out."""
    server.start()
    await visited(page, server)
    await opened(page)

    for path in ("/say/1/a-1", "/say/2/a-2", "/say/1/a-1", "/say/3"):
        server.post(path)

    assert await heard(page, 3) == [1, 2, 3]


async def test_who_closes_is_left_in_peace(page: Page, server: Server) -> None:
    """A connection that the page has closed stays closed, whatever the browser says, and sends nothing."""
    server.start()
    await visited(page, server)
    await opened(page)

    await page.run("socket.close(4000, 'bye'); socket.close(); dispatchEvent(new Event('online'))")

    states = await page.run("told.states.slice(-2)")
    assert states == [{"state": "open", "via": "socket"}, {"state": "closed", "code": 4000, "reason": "bye"}]
    assert await page.run("socket.send({ type: 'whoami' })") is False
