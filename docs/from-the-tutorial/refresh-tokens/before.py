import time
import uuid

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import (
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
)
from jose import JWTError, jwt
from pydantic import BaseModel

SECRET_KEY = "09d25e094faa6ca2556c818166b7a9563b93f709"
USERS = {"ada": "wall of bricks"}
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")
refresh_tokens: set[str] = set()


class Refresh(BaseModel):
    refresh_token: str


def create_token(sub: str, kind: str, seconds: int):
    claims = {
        "sub": sub,
        "type": kind,
        "jti": uuid.uuid4().hex,
        "exp": time.time() + seconds,
    }
    return jwt.encode(claims, SECRET_KEY, "HS256")


def decode(token: str, kind: str):
    try:
        claims = jwt.decode(token, SECRET_KEY, ["HS256"])
    except JWTError:
        raise HTTPException(401) from None
    if claims["type"] != kind:
        raise HTTPException(401)
    return claims["sub"]


def token_pair(sub: str):
    refresh_token = create_token(sub, "refresh", 604800)
    refresh_tokens.add(refresh_token)
    return {
        "access_token": create_token(sub, "access", 900),
        "refresh_token": refresh_token,
        "token_type": "bearer",
    }


app = FastAPI()


@app.post("/token")
def login(form: OAuth2PasswordRequestForm = Depends()):
    if USERS.get(form.username) != form.password:
        raise HTTPException(400, "Wrong password")
    return token_pair(form.username)


@app.post("/refresh")
def refresh(body: Refresh):
    if body.refresh_token not in refresh_tokens:
        raise HTTPException(401)
    refresh_tokens.remove(body.refresh_token)
    sub = decode(body.refresh_token, "refresh")
    return token_pair(sub)


@app.post("/logout", status_code=204)
def logout(body: Refresh):
    refresh_tokens.discard(body.refresh_token)


@app.get("/name")
def name(token: str = Depends(oauth2_scheme)) -> str:
    return decode(token, "access")
