from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import (
    HTTPBasic,
    HTTPBasicCredentials,
)
from pydantic import BaseModel

from brickwork.auth import ApiKey, Auth, MemoryUserStore
from brickwork.problems import add_problem_handlers

ADMIN = ("ada", "wall of bricks")
SECRET_KEY = "09d25e094faa6ca2556c818166b7a9563b93f709"

users = MemoryUserStore()
auth = Auth(users, secret=SECRET_KEY)
CurrentKey = Annotated[ApiKey, Depends(auth.api_key)]
basic = HTTPBasic()


class KeyIn(BaseModel):
    name: str


@asynccontextmanager
async def programs(app: FastAPI):
    await users.create({"login": "programs"})
    yield


app = FastAPI(lifespan=programs)
add_problem_handlers(app)


@app.post("/keys", status_code=201)
async def create_key(
    body: KeyIn,
    login: HTTPBasicCredentials = Depends(basic),
):
    if (login.username, login.password) != ADMIN:
        raise HTTPException(401)
    owner = await users.find("programs")
    new = await auth.create_key(owner, name=body.name)
    return {"key": new.key}


@app.get("/stock")
async def stock(key: CurrentKey) -> dict[str, str]:
    return {"caller": key.name}
