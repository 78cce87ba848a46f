"""A listening socket whose clients cannot hold it for ever."""

import errno
import socket

import pytest

from brickwork.websockets import listen_socket
from brickwork.websockets._depends import listen

# What has no such option is listened on without.
USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)


def accepted_timeout(listener: socket.socket) -> int:
    """Give the time-out in milliseconds that a connection to a socket has."""
    with socket.create_connection(listener.getsockname()[:2]):
        connection, _ = listener.accept()
        with connection:
            return 0 if USER_TIMEOUT is None else connection.getsockopt(socket.IPPROTO_TCP, USER_TIMEOUT)


@pytest.mark.promise("websockets-28")
@pytest.mark.parametrize(("seconds", "expected"), [(30.0, 30_000), (0.0001, 1), (None, 0)])
def test_connections_have_a_time_out(seconds: float | None, expected: int) -> None:
    """What is accepted ends when nothing was acknowledged for so long."""
    with listen_socket("127.0.0.1", 0, user_timeout=seconds, backlog=5) as listener:
        listener.setblocking(True)
        found = accepted_timeout(listener)

    assert found == (expected if USER_TIMEOUT is not None else 0)


def test_a_system_that_has_no_such_time_out_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system knows of no such option, the socket has none."""
    monkeypatch.setattr(listen, "_USER_TIMEOUT", None)

    with listen_socket("127.0.0.1", 0) as listener:
        listener.setblocking(True)
        found = accepted_timeout(listener)

    assert found == 0


def test_addresses_may_be_of_ipv6() -> None:
    """An address with colons is one of IPv6, whether this machine speaks it or not."""
    families: list[int] = []
    try:
        with listen_socket("::1", 0) as listener:
            families.append(listener.family)
            assert not listener.getblocking()
    except OSError as error:
        families += [socket.AF_INET6] * (error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT))

    assert families == [socket.AF_INET6]


def test_an_address_that_is_taken_is_an_error() -> None:
    """Nobody listens where somebody else does."""
    with listen_socket("127.0.0.1", 0) as listener, pytest.raises(OSError, match="in use"):
        listen_socket("127.0.0.1", listener.getsockname()[1])
