"""SQLAlchemy sessions whose commit comes before the response, models and a repository with the parts people expect.

```python
from typing import Annotated

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Database

db = Database("sqlite:///app.db")
Session = Annotated[AsyncSession, db.transaction()]
Reader = Annotated[AsyncSession, db.read_only()]
app = FastAPI(lifespan=db.lifespan)
```
"""

from .._core.entity_tags import EntityTag
from .._core.not_modified import NotModifiedError
from ._depends import Conditional, Database, Precondition, RollbackRoute, precondition
from ._errors import (
    MalformedPreconditionError,
    NotFoundError,
    OutsideScopeError,
    PreconditionFailedError,
    PreconditionRequiredError,
    ReadOnlySessionError,
)
from ._rules import uuid7
from ._store import Applies
from .sqlalchemy.models import SoftDelete, Timestamps, UTCDateTime, UUIDKey, Versioned
from .sqlalchemy.repository import Repository
from .sqlalchemy.softdelete import hide_deleted
from .sqlalchemy.tags import etag_of

__all__ = [
    "Applies",
    "Conditional",
    "Database",
    "EntityTag",
    "MalformedPreconditionError",
    "NotFoundError",
    "NotModifiedError",
    "OutsideScopeError",
    "Precondition",
    "PreconditionFailedError",
    "PreconditionRequiredError",
    "ReadOnlySessionError",
    "Repository",
    "RollbackRoute",
    "SoftDelete",
    "Timestamps",
    "UTCDateTime",
    "UUIDKey",
    "Versioned",
    "etag_of",
    "hide_deleted",
    "precondition",
    "uuid7",
]
