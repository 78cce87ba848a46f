from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI

from brickwork.auth import (
    Auth,
    MemoryUser,
    MemoryUserStore,
    PasswordHasher,
)
from brickwork.problems import add_problem_handlers

SECRET_KEY = "09d25e094faa6ca2556c818166b7a9563b93f709"

USERS = {
    "ada": {
        "password": "wall of bricks",
        "role": "admin",
    },
    "bob": {"password": "wall of stones", "role": "user"},
}
PERMISSIONS = {
    "admin": {"read", "write", "delete"},
    "user": {"read"},
}

users = MemoryUserStore()
hasher = PasswordHasher()
auth = Auth(
    users,
    secret=SECRET_KEY,
    hasher=hasher,
    permissions=PERMISSIONS,
)
Admin = Annotated[
    MemoryUser, auth.require(roles=["admin"])
]
Remover = Annotated[
    MemoryUser, auth.require(permissions="delete")
]


@asynccontextmanager
async def first_users(app: FastAPI):
    for login, user in USERS.items():
        hashed = await hasher.hash(user["password"])
        fields = {"login": login, "password_hash": hashed}
        await users.create(
            {**fields, "roles": [user["role"]]}
        )
    yield


app = FastAPI(lifespan=first_users)
add_problem_handlers(app)
app.include_router(auth.router())


@app.get("/reports")
async def reports(user: Admin) -> dict[str, str]:
    return {"reader": user.login}


@app.delete("/reports", status_code=204)
async def delete_reports(user: Remover) -> None:
    pass
