from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import (
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
)
from jose import JWTError, jwt

SECRET_KEY = "09d25e094faa6ca2556c818166b7a9563b93f709"
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")

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


def get_current_user(token: str = Depends(oauth2_scheme)):
    try:
        return jwt.decode(token, SECRET_KEY, ["HS256"])
    except JWTError:
        raise HTTPException(401) from None


def require_roles(roles: list[str]):
    def check(user: dict = Depends(get_current_user)):
        if user["role"] not in roles:
            raise HTTPException(403, "Not enough rights")
        return user

    return check


class RequirePermissions:
    def __init__(self, *permissions: str):
        self.permissions = set(permissions)

    def __call__(
        self, user: dict = Depends(get_current_user)
    ):
        allowed = PERMISSIONS[user["role"]]
        if not self.permissions <= allowed:
            raise HTTPException(403, "Not enough rights")
        return user


admin_only = require_roles(["admin"])
may_delete = RequirePermissions("delete")
app = FastAPI()


@app.post("/token")
def login(form: OAuth2PasswordRequestForm = Depends()):
    user = USERS.get(form.username)
    if not user or user["password"] != form.password:
        raise HTTPException(400, "Wrong password")
    claims = {"sub": form.username, "role": user["role"]}
    token = jwt.encode(claims, SECRET_KEY, "HS256")
    return {"access_token": token, "token_type": "bearer"}


@app.get("/reports")
def reports(
    user: dict = Depends(admin_only),
):
    return {"reader": user["sub"]}


@app.delete("/reports", status_code=204)
def delete_reports(
    user: dict = Depends(may_delete),
):
    pass
