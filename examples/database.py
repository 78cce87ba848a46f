r"""One session per request, committed before the answer leaves; versions, so that nobody overwrites another's change.

```console
$ hatch run demo database:app
$ curl -i localhost:8000/notes --json '{"text": "Buy mortar"}'
HTTP/1.1 201 Created
…
etag: "…"

{"text":"Buy mortar","id":"…","version":1}
$ curl -i localhost:8000/notes --json '{"text": "Buy mortar"}'
HTTP/1.1 409 Conflict
…
$ curl -i localhost:8000/notes/00000000-0000-7000-8000-000000000001 -X PATCH --json '{"text": "Lay bricks"}'
HTTP/1.1 428 Precondition Required
…
$ curl -i localhost:8000/notes/00000000-0000-7000-8000-000000000001 -X PATCH -H 'If-Match: "an-old-one"' \
    --json '{"text": "Lay bricks"}'
HTTP/1.1 412 Precondition Failed
…
```
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from brickwork import combine_lifespans
from brickwork.database import Conditional, Database, Repository, Timestamps, UUIDKey, Versioned
from brickwork.problems import add_problem_handlers


class Base(DeclarativeBase):
    pass


class Note(UUIDKey, Timestamps, Versioned, Base):
    __tablename__ = "note"

    text: Mapped[str] = mapped_column(String(200), unique=True)


class NoteIn(BaseModel):
    text: str = Field(min_length=1, max_length=200)


class NoteOut(NoteIn):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int


db = Database("sqlite://")
Notes = Annotated[Repository[Note], db.repository(Note)]


@asynccontextmanager
async def tables(_app: FastAPI) -> AsyncGenerator[None]:
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with db.begin() as session:
        session.add(Note(id=UUID("00000000-0000-7000-8000-000000000001"), text="Buy bricks"))
    yield


app = FastAPI(lifespan=combine_lifespans(db.lifespan, tables))
add_problem_handlers(app)


@app.post("/notes", status_code=201, response_model=NoteOut)
async def write_note(note: NoteIn, notes: Notes, condition: Conditional) -> Note:
    written = await notes.create(note)
    condition.fresh(written)
    return written


@app.get("/notes/{note_id}", response_model=NoteOut)
async def read_note(note_id: UUID, notes: Notes, condition: Conditional) -> Note:
    note = await notes.get_or_404(note_id)
    condition.fresh(note)
    return note


@app.patch("/notes/{note_id}", response_model=NoteOut)
async def change_note(note_id: UUID, change: NoteIn, notes: Notes, condition: Conditional) -> Note:
    note = await notes.get_or_404(note_id)
    condition.check(note)
    changed = await notes.update(note, change)
    condition.fresh(changed)
    return changed
