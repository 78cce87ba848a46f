"""Which pages may open a socket."""

import logging
from typing import Any

import pytest

from brickwork._core.scope import TrustedProxies
from brickwork.websockets import ANY_ORIGIN, OriginNotAllowedError
from brickwork.websockets._depends.origins import Origins

PROXY = TrustedProxies(["10.0.0.1"])


def handshake(origin: str | None, *, scheme: str = "ws", peer: str = "192.0.2.7", **headers: str) -> dict[str, Any]:
    """Make the scope of a handshake with ``app.example``, as a browser sends it."""
    sent = {"host": "app.example", **({} if origin is None else {"origin": origin}), **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    return {"type": "websocket", "scheme": scheme, "client": (peer, 1), "headers": raw}


def is_let_in(origins: Origins, scope: dict[str, Any]) -> bool:
    """Tell whether a handshake passes."""
    try:
        origins.check(scope)
    except OriginNotAllowedError:
        return False
    return True


@pytest.mark.promise("websockets-1")
@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("ws", "app.example", "http://app.example"),
        ("ws", "app.example", "HTTP://APP.example"),
        ("ws", "app.example:80", "http://app.example"),
        ("ws", "localhost:8000", "http://localhost:8000"),
        ("ws", "[::1]:8000", "http://[::1]:8000"),
        ("wss", "app.example", "https://app.example"),
        ("wss", "app.example:443", "https://app.example"),
        ("wss", "app.example:8443", "https://app.example:8443"),
        ("ws", "app.example", "https://app.example"),  # TLS ends at a proxy that nobody has named
    ],
)
def test_pages_of_the_same_host_are_let_in(scheme: str, host: str, origin: str) -> None:
    """A page may open sockets to where it came from: the same scheme, host and port."""
    origins = Origins((), TrustedProxies())

    let_in = is_let_in(origins, handshake(origin, scheme=scheme, host=host, cookie="session=1"))

    assert let_in


@pytest.mark.promise("websockets-1")
@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("wss", "app.example", "https://evil.example"),
        ("wss", "app.example", "http://app.example"),  # whoever is on the way can write into that page
        ("wss", "app.example", "https://app.example:8443"),
        ("wss", "app.example", "https://app.example:80"),
        ("ws", "app.example", "http://app.example:8080"),
        ("ws", "app.example:8080", "http://app.example"),
        ("ws", "app.example", "http://app.example.evil.example"),
        ("ws", "app.example", "http://evil.example/http://app.example"),
        ("ws", "app.example", "app.example"),
        ("ws", "app.example", "file://"),
        ("ws", "app.example", ""),
        ("ws", "", "https://"),
        ("ws", "app.example", "null"),
        ("wss", "app.example", "chrome-extension://app.example"),
    ],
)
def test_pages_of_others_are_refused(scheme: str, host: str, origin: str) -> None:
    """A page of another scheme, host or port is refused, and so is one that does not say what it is of."""
    origins = Origins(["https://other.example"], TrustedProxies())

    let_in = is_let_in(origins, handshake(origin, scheme=scheme, host=host))

    assert not let_in


@pytest.mark.promise("websockets-1")
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://shop.example", True),
        ("https://Shop.example:443", True),
        ("http://shop.example", False),
        ("https://admin.shop.example", False),
        ("http://localhost:3000", True),
    ],
)
def test_listed_pages_are_let_in(origin: str, *, expected: bool) -> None:
    """Pages of other hosts are let in where they are listed, to the letter."""
    origins = Origins(["https://SHOP.example:443", "http://localhost:3000"], TrustedProxies())

    let_in = is_let_in(origins, handshake(origin, scheme="wss", cookie="session=1"))

    assert let_in is expected


@pytest.mark.promise("websockets-2")
@pytest.mark.parametrize(("cookies", "expected"), [({}, True), ({"cookie": "session=1"}, False)])
def test_programs_need_no_page(cookies: dict[str, str], *, expected: bool) -> None:
    """Whoever does not say which page it is, is let in unless cookies come along."""
    origins = Origins((), TrustedProxies())

    let_in = is_let_in(origins, handshake(None, **cookies))

    assert let_in is expected


def test_two_origins_are_none() -> None:
    """A handshake that names two pages is refused, though both may."""
    scope = handshake("http://app.example")
    scope["headers"].append((b"origin", b"http://app.example"))

    let_in = is_let_in(Origins((), TrustedProxies()), scope)

    assert not let_in


@pytest.mark.promise("websockets-2")
@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_any_origin_is_said_in_so_many_words(origin: str | None) -> None:
    """With `ANY_ORIGIN` every page is let in."""
    origins = Origins(ANY_ORIGIN, TrustedProxies())

    let_in = is_let_in(origins, handshake(origin, cookie="session=1"))

    assert let_in


@pytest.mark.promise("websockets-3")
@pytest.mark.parametrize(
    ("headers", "origin", "expected"),
    [
        ({"x_forwarded_proto": "https", "x_forwarded_host": "front.example"}, "https://front.example", True),
        ({"x_forwarded_proto": "https", "x_forwarded_host": "front.example"}, "http://front.example", False),
        ({"x_forwarded_proto": "http", "x_forwarded_host": "front.example"}, "http://front.example", True),
        ({"x_forwarded_proto": "wss"}, "http://app.example", False),
        ({"x_forwarded_host": "front.example, app.example"}, "https://front.example", True),
        ({"forwarded": 'for=192.0.2.7;proto=https;host="front.example:8443"'}, "https://front.example:8443", True),
        ({"forwarded": "Proto=https;Host=front.example, proto=http;host=inner.example"}, "http://front.example", False),
        ({"forwarded": "Proto=https;Host=front.example, proto=http;host=inner.example"}, "https://front.example", True),
        ({"forwarded": "for=192.0.2.7"}, "http://app.example", True),
    ],
)
def test_trusted_proxies_say_what_the_client_used(headers: dict[str, str], origin: str, *, expected: bool) -> None:
    """Behind a trusted proxy, what it says of the scheme and the host is the page's own."""
    origins = Origins((), PROXY)

    let_in = is_let_in(origins, handshake(origin, peer="10.0.0.1", **headers))

    assert let_in is expected


@pytest.mark.promise("websockets-3")
@pytest.mark.parametrize("proxies", [PROXY, TrustedProxies()])
def test_nobody_else_says_what_the_client_used(proxies: TrustedProxies) -> None:
    """What a client itself says of the host counts for nothing."""
    origins = Origins((), proxies)

    let_in = is_let_in(origins, handshake("https://evil.example", x_forwarded_host="evil.example"))

    assert not let_in


def test_the_log_says_which_page_was_refused(caplog: pytest.LogCaptureFixture) -> None:
    """One line names the page that was refused, and commands no terminal."""
    caplog.set_level(logging.INFO, "brickwork.websockets")

    is_let_in(Origins((), TrustedProxies()), handshake("https://evil.example/\x1b[2J" + "x" * 500))

    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "https://evil.example/\\x1b[2J" in caplog.text
    assert len(caplog.records[0].getMessage()) < 400


@pytest.mark.parametrize(
    ("origins", "error"),
    [
        ("https://app.example", TypeError),
        (["app.example"], ValueError),
        (["https://app.example/path"], ValueError),
        (["null"], ValueError),
        (["*"], ValueError),
        (["https://app.example", "*"], ValueError),
    ],
)
def test_what_is_no_origin_is_refused_at_once(origins: Any, error: type[Exception]) -> None:
    """What cannot be a list of origins is refused where it is written."""
    with pytest.raises(error, match="write"):
        Origins(origins, TrustedProxies())
