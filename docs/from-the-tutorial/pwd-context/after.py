from contextlib import asynccontextmanager

from fastapi import FastAPI

from brickwork.auth import (
    Auth,
    MemoryUserStore,
    PasswordHasher,
)
from brickwork.problems import add_problem_handlers

SECRET_KEY = "09d25e094faa6ca2556c818166b7a9563b93f709"

# What is in the table of users, from last year.
ROWS = {
    "ada": "$2b$10$abcdefghijklmnopqrstuu"
    "4d.Ulp.6xWnYVbVfF0AdrTQVEw2U8JO"
}

users = MemoryUserStore()
auth = Auth(
    users,
    secret=SECRET_KEY,
    hasher=PasswordHasher(legacy={"bcrypt": 10}),
)


@asynccontextmanager
async def rows(app: FastAPI):
    for login, hashed in ROWS.items():
        await users.create(
            {"login": login, "password_hash": hashed}
        )
    yield


app = FastAPI(lifespan=rows)
add_problem_handlers(app)
app.include_router(auth.router())
