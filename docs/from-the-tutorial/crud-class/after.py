from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
)

from brickwork.database import Database, Repository
from brickwork.problems import add_problem_handlers


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]


class UserCreate(BaseModel):
    email: str
    name: str | None = None


class UserUpdate(BaseModel):
    email: str = ""
    name: str | None = None


class UserOut(UserCreate):
    id: int


db = Database("sqlite://")
Users = Annotated[Repository[User], db.repository(User)]


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with db.engine.begin() as connection:
        await connection.run_sync(
            Base.metadata.create_all
        )
    async with db.lifespan(app):
        yield


app = FastAPI(lifespan=lifespan)
add_problem_handlers(app)


@app.post(
    "/users", status_code=201, response_model=UserOut
)
async def create_user(
    data: UserCreate, users: Users
) -> User:
    return await users.create(data)


@app.get("/users/{user_id}", response_model=UserOut)
async def read_user(user_id: int, users: Users) -> User:
    return await users.get_or_404(user_id)


@app.patch("/users/{user_id}", response_model=UserOut)
async def update_user(
    user_id: int, data: UserUpdate, users: Users
) -> User:
    user = await users.get_or_404(user_id)
    return await users.update(user, data)


@app.delete("/users/{user_id}", status_code=204)
async def delete_user(user_id: int, users: Users) -> None:
    await users.delete(await users.get_or_404(user_id))
