"""What a page says to its server by the JavaScript client, and hears when no socket gets through."""

import pytest

from .chromium import Page
from .serving import Server
from .visiting import heard, opened, visited


@pytest.mark.promise("websockets-160")
async def test_requests_are_answered(page: Page, server: Server) -> None:
    """An answer fulfils its request; an error fails it, with all that the server says."""
    server.start()
    await visited(page, server)
    await opened(page, token="ada")

    answer = await page.run("socket.request({ type: 'whoami' })")
    error = await page.run("socket.request({ type: 'fail' }).catch((error) => [error.message, error.cause.status])")

    assert (answer["type"], answer["name"]) == ("you", "ada")
    assert error == ["This was done already.", 409]


@pytest.mark.promise("websockets-160")
async def test_requests_that_nobody_answers_fail(page: Page, server: Server) -> None:
    """One fails after its time, one with the connection, and one at once where there is none."""
    server.start()
    await visited(page, server)
    await opened(page)
    ask = "socket.request({{ type: 'ignore' }}, {{ timeout: {} }}).catch((error) => error.message)"

    late = await page.run(ask.format(50))
    await page.run(f"globalThis.broken = {ask.format(600_000)}; null")
    server.post("/close/4403")
    broken = await page.run("broken")
    closed = await page.run(ask.format(600_000))

    assert late == "no answer in time"
    assert broken == "the connection ended"
    assert closed == "no socket is open"


@pytest.mark.promise("websockets-160")
async def test_the_server_can_ask_the_page(page: Page, server: Server) -> None:
    """What a function of the page gives is the answer to the server's question."""
    server.start()
    await visited(page, server)
    await opened(page)

    await page.run("socket.answer('question', async () => ({ answer: 42 }))")

    assert (await page.run("socket.request({ type: 'ask' }, { timeout: 60_000 })"))["answer"] == 42


async def test_a_token_can_be_a_fresh_one_each_time(page: Page, server: Server) -> None:
    """A function is asked before each attempt, and one that fails is asked again."""
    server.start()
    await visited(page, server)
    await page.run("globalThis.asked = 0")
    await page.run(
        "open('/ws', { shortest: 1, token: async () => {"
        " asked += 1; if (asked === 1) throw new Error('no network'); return `ada-${asked}`; } })"
    )
    await page.until("socket.state.state === 'open'")

    first = (await page.run("socket.request({ type: 'whoami' })"))["name"]
    server.post("/close/1013")
    await page.until("told.states.filter(({ state }) => state === 'open').length === 2")
    second = (await page.run("socket.request({ type: 'whoami' })"))["name"]

    assert (first, second) == ("ada-2", "ada-3")
    assert "no network" in await page.run("told.states[1].reason")


async def test_a_handler_that_fails_keeps_nothing_from_the_others(page: Page, server: Server) -> None:
    """Errors of handlers are the page's to see; other handlers get the message, until they want no more."""
    server.start()
    await visited(page, server)
    await opened(page)
    await page.run(
        "globalThis.seen = [];"
        "socket.on('said', () => { throw new Error('broken handler'); });"
        "globalThis.off = socket.on('said', ({ n }) => seen.push(n)); null"
    )

    server.post("/say/1")
    await heard(page, 1)
    await page.run("off()")
    server.post("/say/2")
    await heard(page, 2)

    assert await page.run("seen") == [1]
    assert any("broken handler" in complaint for complaint in page.complaints)


@pytest.mark.promise("websockets-161")
async def test_a_page_without_sockets_listens_to_events(page: Page, server: Server) -> None:
    """Where no socket gets through, the same handlers hear the same messages; a socket is tried again later."""
    server.start(sockets=False)
    await visited(page, server)
    await opened(page, shortest=1, sse="/events")
    via_first = await page.run("socket.state.via")
    server.post("/say/1")
    server.post("/say/2")
    await heard(page, 2)

    server.kill()
    server.start()
    server.post("/say/3")
    await heard(page, 3)
    await page.until("socket.state.via === 'socket'")
    server.post("/say/4")

    assert await heard(page, 4) == [1, 2, 3, 4]
    assert via_first == "sse"
    resumes = await page.run("told.messages.filter(({ type }) => type === 'resume').map((each) => each.recovered)")
    assert resumes == [False, True]


@pytest.mark.promise("websockets-161")
@pytest.mark.parametrize("sockets", [True, False])
async def test_texts_and_bytes_are_the_same_either_way(page: Page, server: Server, sockets: bool) -> None:
    """A text is a string, and bytes are an ArrayBuffer, by a socket as by events."""
    server.start(sockets=sockets)
    await visited(page, server)
    await opened(page, shortest=1, sse="/events")

    server.post("/plain")
    await page.until("told.messages.length === 3")

    assert await page.run("told.messages[1]") == "one\ntwo"
    assert await page.run("told.messages[2] instanceof ArrayBuffer")
    assert await page.run("[...new Uint8Array(told.messages[2])]") == [0, 1, 255]


@pytest.mark.promise("websockets-161")
async def test_codes_mean_the_same_for_events(page: Page, server: Server) -> None:
    """A stream that ends tells why: after a code that is final the page does not come back, else it does."""
    server.start(sockets=False)
    await visited(page, server)
    await opened(page, shortest=1, sse="/events")

    server.post("/close/1013")
    await page.until("told.messages.filter(({ type }) => type === 'resume').length === 2")
    can_send = await page.run("socket.send({ type: 'whoami' })")
    server.post("/close/4403?reason=enough")
    await page.until("socket.state.state === 'closed'")

    assert can_send is False
    assert await page.run("told.states.at(-1)") == {"state": "closed", "code": 4403, "reason": "enough"}
