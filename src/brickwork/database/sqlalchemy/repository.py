"""The rows of one model in one session: read, written and kept within a scope, and never committed."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar, cast

from sqlalchemy import ColumnElement, Select, func, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstanceState, QueryableAttribute
from sqlalchemy.sql.base import ExecutableOption

from .._errors import NotFoundError, OutsideScopeError
from .._store import Applies
from . import rows
from .models import SoftDelete
from .rows import Data
from .upsert import first_version, upsert_statement

Model = TypeVar("Model")

# As many keys as fit into one statement on every database.
_AT_ONCE = 500


class Repository(Generic[Model]):
    """The rows of one model, as far as one session and one scope reach.

    It flushes and never commits: that is for whoever opened the session. For whatever it does not offer there is
    `session`, and `select` to start from.

    ```python
    from sqlalchemy import select
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import DeclarativeBase, Mapped

    from brickwork.database import Repository, UUIDKey

    class Base(DeclarativeBase): ...

    class Book(UUIDKey, Base):
        __tablename__ = "book"
        title: Mapped[str]

    class Books(Repository[Book], model=Book):
        async def titled(self, title: str) -> Book | None:
            return await self.session.scalar(self.select().where(Book.title == title))
    ```

    Args:
        session: Where the rows are read and written.
        model: Their mapped class; a subclass names it in its class line instead.
        where: Conditions that every row fulfils. What does not is not found, and cannot be written.

    Raises:
        TypeError: No model is named, what is named is none, or `where` is no list.
    """

    _declared: ClassVar[type[Any] | None] = None

    def __init_subclass__(cls, *, model: type[Any] | None = None) -> None:
        super().__init_subclass__()
        if model is not None:
            cls._declared = rows.mapper_of(model).class_

    def __init__(
        self, session: AsyncSession, model: type[Model] | None = None, *, where: Sequence[ColumnElement[bool]] = ()
    ) -> None:
        if isinstance(where, ColumnElement):
            raise TypeError("where= takes a list of conditions: write where=[…]")
        self.session = session
        self.model = cast("type[Model]", self._named() if model is None else model)
        self._mapper = rows.mapper_of(self.model)
        self._where = tuple(where)

    @classmethod
    def _named(cls) -> type[Any]:
        if cls._declared is None:
            raise TypeError(
                f"{cls.__name__} of which rows? Write Repository(session, Book), or class Books(Repository[Book], "
                "model=Book)"
            )
        return cls._declared

    # --- reading

    def select(self) -> Select[Model]:
        """Give a statement that selects every row in the scope, to add to."""
        return select(self.model).where(*self._where)

    async def get(
        self, key: object, *, options: Sequence[ExecutableOption] = (), for_update: bool = False
    ) -> Model | None:
        """Give the row of a primary key, or None.

        A row that the session holds already is given without a query, unless there is a scope, an option or a lock.

        Args:
            key: The primary key; a tuple where it has several columns. One that the column could never hold, such as
                a number beyond its range or text for a UUID, is that of no row.
            options: Options of the statement, such as ``selectinload(Book.author)``.
            for_update: Whether to lock the row until the transaction ends, and read it afresh.

        Raises:
            TypeError: The key has more or fewer parts than the model's.
        """
        parts = rows.key_of(self._mapper, key)
        if not rows.can_be_key(self._mapper, parts, self._dialect):
            return None
        if not (self._where or options or for_update):
            found = await self.session.get(self.model, parts)
            return None if isinstance(found, SoftDelete) and found.deleted_at is not None else found
        statement = self.select().where(rows.is_one_of(self._mapper, [parts])).options(*options)
        if for_update:
            statement = statement.with_for_update(of=self.model).execution_options(populate_existing=True)
        return (await self.session.scalars(statement)).unique().one_or_none()

    async def get_or_404(
        self, key: object, *, options: Sequence[ExecutableOption] = (), for_update: bool = False
    ) -> Model:
        """Give the row of a primary key, as `get` does.

        Raises:
            NotFoundError: There is none in the scope.
            TypeError: The key has more or fewer parts than the model's.
        """
        found = await self.get(key, options=options, for_update=for_update)
        if found is None:
            raise self._absent()
        return found

    async def list(
        self,
        query: Applies[Select[Model]] | None = None,
        *,
        limit: int | None,
        options: Sequence[ExecutableOption] = (),
    ) -> Sequence[Model]:
        """Give the rows in the scope, in an order that is always the same: by primary key where nothing else decides.

        Args:
            query: Anything with ``apply(statement)``, such as a filter or a listing's query, that narrows or sorts.
            limit: Rows to give at most; None for all there are.
            options: Options of the statement, such as ``selectinload(Book.author)``.

        Raises:
            ValueError: The limit is negative.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"limit={limit} must be 0 or more, or None for all rows")
        statement = self.select()
        if query is not None:
            statement = query.apply(statement)
        statement = statement.options(*options).order_by(*rows.key_attributes(self._mapper)).limit(limit)
        return (await self.session.scalars(statement)).unique().all()

    async def exists(self, *where: ColumnElement[bool]) -> bool:
        """Tell whether a row in the scope fulfils all conditions; without one, whether there is any row."""
        key, *_ = rows.key_attributes(self._mapper)
        found = await self.session.execute(select(key).where(*self._where, *where).limit(1))
        return found.first() is not None

    # --- writing

    async def create(self, data: Data, values: Mapping[str, object] | None = None) -> Model:
        """Add a row.

        Args:
            data: What it is made of.
            values: Values that the client does not decide; they go before those in ``data``.

        Raises:
            TypeError: The model has no attribute of that name.
            OutsideScopeError: The row would lie outside of the scope.
            sqlalchemy.exc.IntegrityError: The database refuses it; `brickwork.problems` answers 409.
        """
        entity = self.model(**rows.values_of(self._mapper, data, values))
        async with self._undone_outside():
            self.session.add(entity)
            await self._flush(entity)
        return entity

    async def create_many(self, data: Iterable[Data]) -> Sequence[Model]:
        """Add rows in one statement, or a few where they are thousands, and give them in the order of ``data``.

        Only columns can be set, and events of single objects, such as ``before_insert``, are not raised.

        Raises:
            TypeError: The model has no column of that name.
            OutsideScopeError: One of the rows would lie outside of the scope.
            sqlalchemy.exc.IntegrityError: The database refuses one; `brickwork.problems` answers 409.
        """
        values = [rows.values_of(self._mapper, each, columns_only=True) for each in data]
        if not values:
            return []
        statement = insert(self.model).returning(self.model, sort_by_parameter_order=True)
        async with self._undone_outside():
            created = (await self.session.scalars(statement, values)).all()
            await self._stay_inside(created, OutsideScopeError)
        return created

    async def update(self, entity: Model, data: Data, values: Mapping[str, object] | None = None) -> Model:
        """Change a row; of a pydantic model only the fields that were sent.

        Args:
            entity: The row, as the session gave it.
            data: What changes. The version that the client has seen may be among it: it is compared, not written.
            values: Values that the client does not decide; they go before those in ``data``.

        Raises:
            TypeError: The model has no attribute of that name, or the primary key would change.
            NotFoundError: The row is outside of the scope.
            OutsideScopeError: The change would take the row out of the scope.
            sqlalchemy.orm.exc.StaleDataError: Somebody else was faster; `brickwork.problems` answers 409.
            sqlalchemy.exc.IntegrityError: The database refuses it; `brickwork.problems` answers 409.
        """
        sent = rows.values_of(self._mapper, data, values, sent_only=True)
        changes = rows.changes_of(self._mapper, entity, sent)
        await self._stay_inside([entity], self._absent)
        async with self._undone_outside():
            for name, value in changes.items():
                setattr(entity, name, value)
            await self._flush(entity)
        return entity

    async def delete(self, entity: Model, *, hard: bool = False) -> None:
        """Delete a row: softly where its model has `SoftDelete`, for good elsewhere.

        Args:
            entity: The row, as the session gave it.
            hard: Whether it goes for good in any case.

        Raises:
            NotFoundError: The row is outside of the scope.
            sqlalchemy.orm.exc.StaleDataError: Somebody else was faster; `brickwork.problems` answers 409.
            sqlalchemy.exc.IntegrityError: Others refer to it; `brickwork.problems` answers 409.
        """
        await self._stay_inside([entity], self._absent)
        if hard or not isinstance(entity, SoftDelete):
            await self.session.delete(entity)
        elif entity.deleted_at is None:
            entity.deleted_at = datetime.now(UTC)
        await self.session.flush()

    async def upsert(self, data: Data, *, on: Sequence[QueryableAttribute[Any]]) -> Model:
        """Add a row, or update the one that is there, in one statement that no other can come between.

        A softly deleted row comes back; its version counts on. Events of single objects are not raised.

        Args:
            data: What the row is made of; every field of a pydantic model, sent or not.
            on: The columns that tell whether it is there; a unique constraint or index covers just these.

        Raises:
            TypeError: The model has no column of that name, ``data`` lacks one of ``on``, or the database is neither
                PostgreSQL nor SQLite.
            OutsideScopeError: The row is outside of the scope, or would be.
            sqlalchemy.exc.IntegrityError: The database refuses it; `brickwork.problems` answers 409.
        """
        found = await self.upsert_many([data], on=on)
        return found[0]

    async def upsert_many(self, data: Iterable[Data], *, on: Sequence[QueryableAttribute[Any]]) -> Sequence[Model]:
        """Add or update rows, as `upsert` does, in one statement, or a few where they are thousands.

        Args:
            data: What the rows are made of; all set the same fields, and no two are for the same row.
            on: The columns that tell whether one is there; a unique constraint or index covers just these.

        Returns:
            The rows in the order of ``data``.

        Raises:
            TypeError: As `upsert`, or not all of ``data`` set the same fields.
            ValueError: Two of ``data`` are for the same row.
            OutsideScopeError: One of the rows is outside of the scope, or would be.
            sqlalchemy.exc.IntegrityError: The database refuses one; `brickwork.problems` answers 409.
        """
        names = rows.attribute_names(self._mapper, on)
        values = [rows.values_of(self._mapper, each, columns_only=True) for each in data]
        if not values:
            return []
        places = _places(values, names)
        statement = upsert_statement(self._mapper, self._dialect, values[0].keys(), names, self._where)
        await self.session.flush()
        version = first_version(self._mapper)
        async with self._undone_outside():
            found = await self.session.scalars(
                statement, [{**version, **each} for each in values], execution_options={"populate_existing": True}
            )
            written = found.all()
            if len(written) < len(values):
                raise OutsideScopeError
            await self._stay_inside(written, OutsideScopeError)
        last = len(places)
        return sorted(written, key=lambda each: places.get(tuple(getattr(each, name) for name in names), last))

    # --- both

    @property
    def _dialect(self) -> str:
        return self.session.get_bind(self._mapper).dialect.name

    async def _flush(self, entity: object) -> None:
        """Write what is pending, and read back what only the database knows: asynchronous code cannot do so later."""
        await self.session.flush()
        state: InstanceState[Any] = inspect(entity)
        if state.expired_attributes:
            await self.session.refresh(entity, state.expired_attributes)
        await self._stay_inside([entity], OutsideScopeError)

    @asynccontextmanager
    async def _undone_outside(self) -> AsyncGenerator[None]:
        """Undo what turns out to lie outside of the scope: whoever catches the error may still commit."""
        if not self._where:
            yield
            return
        async with self.session.begin_nested():
            yield

    def _absent(self) -> NotFoundError:
        return NotFoundError(f"There is no {self.model.__name__} with this key.")

    async def _stay_inside(
        self, entities: Sequence[object], error: Callable[[], NotFoundError | OutsideScopeError]
    ) -> None:
        """Refuse rows that are not in the scope, as they are in the database."""
        if not self._where:
            return
        keys = list(dict.fromkeys(tuple(self._mapper.primary_key_from_instance(each)) for each in entities))
        inside = select(func.count()).select_from(self.model).where(*self._where)
        inside = inside.execution_options(include_deleted=True)
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            if await self.session.scalar(inside.where(rows.is_one_of(self._mapper, some))) != len(some):
                raise error()


def opener(of: type[Any]) -> Callable[[AsyncSession], Repository[Any]]:
    """Give what makes the repository of a model, or one of a class of its own, in a session.

    Raises:
        TypeError: It is neither a model nor a repository that names one.
    """
    if Repository in of.__mro__:
        of._named()  # noqa: SLF001 - a mistake is shown where it is written
        return of
    rows.mapper_of(of)
    return lambda session: Repository(session, of)


def _places(values: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[tuple[Any, ...], int]:
    """Tell where the values of each row stand, and refuse what no one statement can write."""
    fields = values[0].keys()
    missing = [name for name in names if name not in fields]
    if missing:
        raise TypeError(f"data lacks {', '.join(missing)}, which on= names")
    if any(each.keys() != fields for each in values):
        raise TypeError("rows that are written together set the same fields: complete data, or upsert them one by one")
    places = {tuple(each[name] for name in names): place for place, each in enumerate(values)}
    if len(places) < len(values):
        raise ValueError(f"two of data have the same {', '.join(names)}: a statement can write a row once only")
    return places
