from datetime import UTC, datetime, timedelta

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import (
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
)
from jose import JWTError, jwt
from passlib.context import CryptContext
from pydantic import BaseModel

SECRET_KEY = "09d25e094faa6ca2556c818166b7a9563b93f709"
ALGORITHM = "HS256"

pwd_context = CryptContext(schemes=["bcrypt"])
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")


class User(BaseModel):
    username: str
    hashed_password: str
    disabled: bool = False


fake_users_db = {
    "ada": User(
        username="ada",
        hashed_password=pwd_context.hash(
            "wall of bricks"
        ),
    )
}


def authenticate_user(username: str, password: str):
    user = fake_users_db.get(username)
    if not user:
        return False
    if not pwd_context.verify(
        password, user.hashed_password
    ):
        return False
    return user


def create_access_token(data: dict):
    expire = datetime.now(UTC) + timedelta(minutes=30)
    return jwt.encode(
        {**data, "exp": expire}, SECRET_KEY, ALGORITHM
    )


async def get_current_user(
    token: str = Depends(oauth2_scheme),
):
    exception = HTTPException(
        401,
        "Could not validate credentials",
        {"WWW-Authenticate": "Bearer"},
    )
    try:
        payload = jwt.decode(
            token, SECRET_KEY, algorithms=[ALGORITHM]
        )
    except JWTError:
        raise exception from None
    user = fake_users_db.get(payload.get("sub"))
    if user is None:
        raise exception
    return user


async def get_current_active_user(
    user: User = Depends(get_current_user),
):
    if user.disabled:
        raise HTTPException(400, "Inactive user")
    return user


app = FastAPI()


@app.post("/token")
async def login(
    form: OAuth2PasswordRequestForm = Depends(),
):
    user = authenticate_user(form.username, form.password)
    if not user:
        raise HTTPException(
            400, "Incorrect username or password"
        )
    token = create_access_token({"sub": user.username})
    return {"access_token": token, "token_type": "bearer"}


@app.get("/users/me")
async def read_me(
    user: User = Depends(get_current_active_user),
):
    return {"username": user.username}
