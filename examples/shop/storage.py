"""Where the shop keeps its books and orders: in the database it is given, or in a file of its own."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from tempfile import gettempdir

from sqlalchemy import URL
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Database

from .catalogue import Books
from .models import Base


class Storage:
    """The database of one shop, open from its start to its end.

    Args:
        url: Where it is. Without one the shop has an SQLite file in a temporary folder, which goes when the shop
            closes.
    """

    def __init__(self, url: str | None = None) -> None:
        self._folder = None if url else Path(gettempdir()) / f"bookshop-{token_hex(8)}"
        file = None if self._folder is None else URL.create("sqlite", database=str(self._folder / "shop.db"))
        self.database = Database(url or file)

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncGenerator[None]:
        with _existing(self._folder):
            async with self.database.lifespan(app):
                await _open_once(self.database)
                yield


@contextmanager
def _existing(folder: Path | None) -> Generator[None]:
    if folder is None:
        yield
        return
    folder.mkdir(mode=0o700)
    try:
        yield
    finally:
        rmtree(folder)


async def _open_once(database: Database) -> None:
    """Make the tables and fill the shelves, unless they are there already."""
    try:
        async with database.begin() as session:
            await _open(session)
    except (IntegrityError, OperationalError, ProgrammingError):
        # Of several processes that start together one is the first, and the others find its tables in their way. It
        # made all of them and put every book on its shelf in one transaction, so all is there now.
        async with database.begin() as session:
            await _open(session)


async def _open(session: AsyncSession) -> None:
    connection = await session.connection()
    await connection.run_sync(Base.metadata.create_all)
    await Books(session).fill()
