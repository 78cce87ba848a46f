"""The chat: what is said is kept, reaches everybody who is there, and those who come back."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession

from examples.chat.app import create_app

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "examples" / "chat" / "pages"
SECRET = "a secret of these tests, and long enough"


@contextmanager
def chat(folder: Path) -> Iterator[TestClient]:
    """Open the chat whose posts are in a folder."""
    app = create_app(database_url=f"sqlite:///{folder / 'chat.db'}", secret=SECRET)
    with TestClient(app, base_url="https://chat.example") as client:
        yield client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A chat that has just opened, and somebody who looks at its page."""
    with chat(tmp_path) as opened:
        yield opened


def come(client: TestClient, login: str) -> None:
    """Make somebody an account, and log them in; the client has their cookies from then on."""
    client.cookies.clear()
    person = {"login": login, "password": "violet kettle bridge"}
    client.post("/auth/register", json=person)
    assert client.post("/auth/login", json=person).status_code == 200


def enter(client: TestClient, room: str = "lobby", *, cursor: str = "") -> WebSocketTestSession:
    """Open a socket of a room, as the page does."""
    query = f"?cursor={room}:{cursor}" if cursor else ""
    return client.websocket_connect(
        f"wss://chat.example/rooms/{room}/live{query}", headers={"Origin": "https://chat.example"}
    )


def next_of(socket: WebSocketTestSession, kind: str) -> dict[str, Any]:
    """Wait for a message of a type."""
    while (message := socket.receive_json())["type"] != kind:
        pass
    found: dict[str, Any] = message
    return found


def say(socket: WebSocketTestSession, text: str, *, key: str = "") -> dict[str, Any]:
    """Say something, and give it as the room hears it."""
    socket.send_json({"type": "say", "text": text, "key": key or str(uuid4())})
    return next_of(socket, "said")


def test_what_is_said_is_heard_and_kept(client: TestClient) -> None:
    """Everybody in the room hears it at once, and whoever comes later reads it."""
    come(client, "ada")
    with enter(client) as ada:
        come(client, "bob")
        with enter(client) as bob:
            say(ada, "Hello!")
            heard = next_of(bob, "said")

    kept = client.get("/rooms/lobby/posts").json()
    assert (heard["author"], heard["text"]) == ("ada", "Hello!")
    assert [(post["number"], post["text"]) for post in kept] == [(heard["number"], "Hello!")]


def test_a_client_may_say_it_again(client: TestClient) -> None:
    """What comes a second time, because the answer got lost, is the same post."""
    come(client, "ada")
    key = str(uuid4())

    with enter(client) as first:
        one = say(first, "Hello!", key=key)
    with enter(client) as second:
        next_of(second, "said")  # what was said before
        other = say(second, "Hello!", key=key)

    assert one["number"] == other["number"]
    assert len(client.get("/rooms/lobby/posts").json()) == 1


def test_who_comes_back_gets_what_was_said_meanwhile(client: TestClient) -> None:
    """With the cursor of the last message, exactly what came after it comes."""
    come(client, "ada")
    with enter(client) as ada:
        seen = say(ada, "one")["cursor"]
        say(ada, "two")

    with enter(client, cursor=seen) as again:
        resume = next_of(again, "resume")
        missed = next_of(again, "said")

    assert resume["recovered"]
    assert missed["text"] == "two"


def test_a_restart_forgets_nothing_that_was_said(tmp_path: Path) -> None:
    """After it the client is told to read, finds all, and need not log in again."""
    with chat(tmp_path) as client:
        come(client, "ada")
        with enter(client) as ada:
            seen = say(ada, "Before.")["cursor"]
        cookies = client.cookies

    with chat(tmp_path) as client:
        client.cookies = cookies
        with enter(client, cursor=seen) as ada:
            resume = next_of(ada, "resume")
            posts = client.get("/rooms/lobby/posts").json()

    assert not resume["recovered"]
    assert [post["text"] for post in posts] == ["Before."]


def test_members_hear_who_comes_and_who_is_typing(client: TestClient) -> None:
    """Who is there is told with names; that somebody types is told to the others, and not kept."""
    come(client, "ada")
    with enter(client) as ada:
        here = next_of(ada, "presence")["members"]
        come(client, "bob")
        with enter(client) as bob:
            joined = next_of(ada, "presence")["joined"]
            bob.send_json({"type": "typing"})
            typing = next_of(ada, "is_typing")

    assert [member["user"] for member in here] == ["ada"]
    assert [member["user"] for member in joined] == ["bob"]
    assert typing["author"] == "bob"
    assert "cursor" not in typing


def test_a_new_room_is_told_to_everybody(client: TestClient) -> None:
    """Wherever somebody is, they hear of it; there is no second one of the name."""
    come(client, "ada")
    proof = {"X-CSRF-Token": client.cookies["__Host-csrf"]}
    with enter(client) as ada:
        next_of(ada, "presence")
        opened = client.put("/rooms/tea", headers=proof)
        heard = next_of(ada, "room_opened")

    assert (opened.status_code, heard["name"]) == (201, "tea")
    assert client.put("/rooms/tea", headers=proof).status_code == 409
    assert client.get("/rooms").json() == ["lobby", "tea"]


def test_nobody_is_in_a_room_that_is_not_there(client: TestClient) -> None:
    """The socket of such a room is closed, and nothing is left of the room."""
    come(client, "ada")

    with enter(client, "nowhere") as ada:
        closed = next_of_close(ada)

    assert closed == 1008


def next_of_close(socket: WebSocketTestSession) -> int:
    """Wait for the end of a socket, and give its code."""
    while (message := socket.receive())["type"] != "websocket.close":
        pass
    code: int = message["code"]
    return code


def test_strangers_stay_outside(client: TestClient) -> None:
    """Without a login there are no rooms, no posts and no sockets; of another site there are no sockets with one."""
    with pytest.raises(WebSocketDenialResponse) as unknown, enter(client):
        pass
    come(client, "ada")
    with (
        pytest.raises(WebSocketDenialResponse) as foreign,
        client.websocket_connect("wss://chat.example/rooms/lobby/live", headers={"Origin": "https://evil.example"}),
    ):
        pass
    client.cookies.clear()

    assert unknown.value.status_code == 401
    assert foreign.value.status_code == 403
    assert [client.get(path).status_code for path in ("/rooms", "/rooms/lobby/posts")] == [401, 401]


def test_the_page_keeps_a_strict_policy(client: TestClient) -> None:
    """It runs no inline script, loads nothing from elsewhere, and never takes what people write for HTML."""
    page = client.get("/")
    scripts = "".join(path.read_text("utf-8") for path in PAGES.glob("*.js"))

    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|https?://", page.text) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\.style\b", scripts) == []
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert client.get(path).status_code == 200, path


# --- the command


def run(*arguments: str, environment: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    """Start the command."""
    return subprocess.Popen(
        [sys.executable, "-m", "examples.chat", *arguments],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "REDIS_URL"} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_several_workers_need_redis() -> None:
    """Without it they would not hear each other, so the command says what to do."""
    process = run("--workers", "2")
    said, _ = process.communicate(timeout=50)

    assert process.returncode == 1
    assert "REDIS_URL=" in said


@pytest.mark.slow
def test_the_command_serves_the_chat_and_ends_it(tmp_path: Path) -> None:
    """It prints where the page is, and ends with Ctrl-C; the secret is nobody else's to read."""
    with run("--port", "0", "--folder", str(tmp_path / "data")) as process:
        assert process.stdout is not None
        url = next(found[0] for line in process.stdout if (found := re.search(r"http://[\w.:]+", line)))
        page = poll(url)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()

    assert "The chat" in page
    assert process.returncode == 0, rest
    assert (tmp_path / "data" / "secret").stat().st_mode & 0o777 == 0o600


def poll(url: str) -> str:
    """Get a page of a server that is about to start: its socket is open, and connections wait."""
    return httpx2.get(url, timeout=50).text
