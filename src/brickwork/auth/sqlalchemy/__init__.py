"""Stores in a SQL database, by SQLAlchemy: what one process ends, all others refuse at once.

```python
from sqlalchemy.orm import DeclarativeBase

from brickwork.auth.sqlalchemy import AuthTables, AuthUser, SQLAlchemyTokenStore, SQLAlchemyUserStore
from brickwork.database import Database, UUIDKey


class Base(DeclarativeBase):
    pass


class User(AuthUser, UUIDKey, Base):
    __tablename__ = "user"


db = Database("sqlite:///app.db")
tables = AuthTables(Base.metadata)
users = SQLAlchemyUserStore(db, User)
tokens = SQLAlchemyTokenStore(db, tables)
```

The tables are part of the metadata, so `create_all` makes them and Alembic finds them. PostgreSQL and
SQLite are served.
"""

from ..._core.extras import extra

with extra("sqlalchemy"):
    import sqlalchemy.ext.asyncio as _  # noqa: F401 - the guard of all modules here

from .attempts import SQLAlchemyAttemptStore
from .keys import SQLAlchemyApiKeyStore
from .models import AuthEmail, AuthTables, AuthUser
from .sessions import Sessions
from .tokens import SQLAlchemyTokenStore
from .users import SQLAlchemyUserStore

__all__ = [
    "AuthEmail",
    "AuthTables",
    "AuthUser",
    "SQLAlchemyApiKeyStore",
    "SQLAlchemyAttemptStore",
    "SQLAlchemyTokenStore",
    "SQLAlchemyUserStore",
    "Sessions",
]
