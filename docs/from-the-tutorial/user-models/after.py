from fastapi import FastAPI
from pydantic import BaseModel

from brickwork.auth import (
    MemoryUserStore,
    PasswordHasher,
    StrongPassword,
    UserName,
)
from brickwork.problems import add_problem_handlers

users = MemoryUserStore()
hasher = PasswordHasher()


class UserCreate(BaseModel):
    username: UserName
    password: StrongPassword


app = FastAPI()
add_problem_handlers(app)


@app.post("/users", status_code=201)
async def create_user(user: UserCreate):
    password = user.password.get_secret_value()
    hashed = await hasher.hash(password)
    created = await users.create(
        {"login": user.username, "password_hash": hashed}
    )
    return {"username": created.login}
