from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI

from brickwork.auth import (
    Auth,
    MemoryUser,
    MemoryUserStore,
    PasswordHasher,
)
from brickwork.problems import add_problem_handlers

SECRET_KEY = "09d25e094faa6ca2556c818166b7a9563b93f709"

users = MemoryUserStore()
hasher = PasswordHasher()
auth = Auth(
    users,
    secret=SECRET_KEY,
    hasher=hasher,
    refresh_ttl=7 * 86_400,
)
CurrentUser = Annotated[MemoryUser, Depends(auth.user)]


@asynccontextmanager
async def first_user(app: FastAPI):
    hashed = await hasher.hash("wall of bricks")
    await users.create(
        {"login": "ada", "password_hash": hashed}
    )
    yield


app = FastAPI(lifespan=first_user)
add_problem_handlers(app)
app.include_router(auth.router())


@app.get("/name")
async def name(user: CurrentUser) -> str:
    return user.login
