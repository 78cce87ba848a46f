import re

from fastapi import FastAPI, HTTPException
from passlib.context import CryptContext
from pydantic import BaseModel, field_validator

pwd_context = CryptContext(schemes=["bcrypt"])
users: dict[str, str] = {}


class UserCreate(BaseModel):
    username: str
    password: str

    @field_validator("username")
    def username_valid(cls, value: str):
        if not re.match(r"^[a-zA-Z0-9_-]+$", value):
            raise ValueError("letters and digits only")
        return value.lower()

    @field_validator("password")
    def password_strong(cls, value: str):
        if len(value) < 8:
            raise ValueError("at least 8 characters")
        if not re.search(r"[A-Z]", value):
            raise ValueError("an uppercase letter")
        if not re.search(r"\d", value):
            raise ValueError("a digit")
        if not re.search(r"[^a-zA-Z0-9]", value):
            raise ValueError("a special character")
        return value


app = FastAPI()


@app.post("/users", status_code=201)
def create_user(user: UserCreate):
    if user.username in users:
        raise HTTPException(409, "Username taken")
    hashed = pwd_context.hash(user.password)
    users[user.username] = hashed
    return {"username": user.username}
