"""`listen_socket`: a listening socket whose clients cannot hold it for ever."""

import socket
from typing import Final

# Linux has it since 2.6.37, and nothing else does.
_USER_TIMEOUT: Final[int | None] = getattr(socket, "TCP_USER_TIMEOUT", None)


def listen_socket(
    host: str = "127.0.0.1", port: int = 8000, *, user_timeout: float | None = 30.0, backlog: int = 2048
) -> socket.socket:
    """Open a socket for a server to listen on, whose clients are gone when they acknowledge nothing for a while.

    A client that stops to read, but whose machine still answers, holds a server's buffers for as long as it likes: no
    ping ends it, since closing waits for what is in the buffers to be read. The kernel can end it.

    ```python
    import uvicorn

    from brickwork.websockets import listen_socket

    def serve() -> None:
        listener = listen_socket("0.0.0.0", 8000)
        config = uvicorn.Config("app:app", timeout_graceful_shutdown=30)
        uvicorn.Server(config).run(sockets=[listener])
    ```

    Args:
        host: The address to listen on: IPv4 or IPv6.
        port: The port; 0 for any that is free.
        user_timeout: Seconds for which what was sent may stay unacknowledged; None for as long as the kernel likes. It
            does nothing but on Linux.
        backlog: Connections that may wait to be accepted.

    Returns:
        The socket, listening; whoever called closes it.

    Raises:
        OSError: The address is in use, or is none of this machine.

    Reference: RFC 5482; tcp(7), TCP_USER_TIMEOUT.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=backlog)
    if user_timeout is not None and _USER_TIMEOUT is not None:
        # Sockets that are accepted from this one have it too.
        listener.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, max(1, round(user_timeout * 1000)))
    listener.setblocking(False)  # noqa: FBT003 - positional in the standard library
    return listener
