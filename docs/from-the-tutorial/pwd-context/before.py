from fastapi import FastAPI, HTTPException
from passlib.context import CryptContext
from pydantic import BaseModel

pwd_context = CryptContext(
    schemes=["bcrypt"], bcrypt__rounds=10
)
# What is in the table of users, from last year.
ROWS = {
    "ada": "$2b$10$abcdefghijklmnopqrstuu"
    "4d.Ulp.6xWnYVbVfF0AdrTQVEw2U8JO"
}


class Login(BaseModel):
    login: str
    password: str


app = FastAPI()


@app.post("/login")
async def login(body: Login):
    hashed = ROWS.get(body.login)
    if hashed is None:
        raise HTTPException(401, "Unknown user")
    if not pwd_context.verify(body.password, hashed):
        raise HTTPException(401, "Wrong password")
    return {"access_token": "..."}
