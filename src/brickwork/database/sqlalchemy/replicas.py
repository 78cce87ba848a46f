"""Replicas that stand in for the primary while they can be reached, and the primary that stands in for them."""

import logging
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from ..._core.clock import Clock
from .engines import shown

_logger = logging.getLogger("brickwork.database")

_RETRY_AT: Final = "brickwork_retry_at"


def fall_back(replica: Engine, primary: Engine, *, retry: float, clock: Clock) -> None:
    """Connect to the primary while a replica cannot be connected.

    Only one caller in ``retry`` seconds waits for a replica that is down; a connection that leads to the primary
    instead is given up when it is asked for after that time.

    Args:
        replica: Engine of the replica, or the synchronous face of an asynchronous one.
        primary: The same of the primary.
        retry: Seconds until a replica that was down is tried again.
        clock: Tells the time.
    """
    watch = _Replica(replica, primary, retry, clock)
    event.listen(replica, "do_connect", watch.connect)
    event.listen(replica, "checkout", watch.check_out)


class _Replica:
    def __init__(self, replica: Engine, primary: Engine, retry: float, clock: Clock) -> None:
        self._name = shown(replica.url)
        self._primary = primary
        self._retry = retry
        self._clock = clock
        self._retry_at: float | None = None

    def connect(
        self, dialect: Dialect, record: ConnectionPoolEntry, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> DBAPIConnection:
        now = self._clock.monotonic()
        if self._retry_at is not None:
            if now < self._retry_at:
                return self._connect_primary(record)
            # Whoever comes while this one tries need not wait with it.
            self._retry_at = now + self._retry
        try:
            connection = dialect.connect(*arguments, **options)
        except Exception as error:  # noqa: BLE001 - drivers raise their own, and the socket's
            # The message of a driver may hold anything; its class tells enough.
            _logger.warning("replica %s cannot be connected: %s; using the primary", self._name, type(error).__name__)
            self._retry_at = self._clock.monotonic() + self._retry
            return self._connect_primary(record)
        if self._retry_at is not None:
            _logger.info("replica %s is back", self._name)
            self._retry_at = None
        return connection

    def _connect_primary(self, record: ConnectionPoolEntry) -> DBAPIConnection:
        # By way of its pool, which alone knows how the primary is connected; it is ours from here on.
        lent = self._primary.raw_connection()
        connection = lent.dbapi_connection
        lent.detach()
        record.info[_RETRY_AT] = self._retry_at
        assert connection is not None  # noqa: S101 - a connection that was lent is there
        return connection

    def check_out(self, _connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        retry_at = record.info.get(_RETRY_AT)
        if retry_at is not None and self._clock.monotonic() >= retry_at:
            raise DisconnectionError("the replica is to be tried again")
