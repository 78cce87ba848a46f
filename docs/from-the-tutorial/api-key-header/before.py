import uuid

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import (
    APIKeyHeader,
    HTTPBasic,
    HTTPBasicCredentials,
)
from pydantic import BaseModel

ADMIN = ("ada", "wall of bricks")
API_KEYS: dict[str, str] = {}
header = APIKeyHeader(name="X-API-Key", auto_error=False)
basic = HTTPBasic()


class KeyIn(BaseModel):
    name: str


def get_api_key(key: str | None = Depends(header)):
    if key not in API_KEYS:
        raise HTTPException(401, "Invalid API key")
    return API_KEYS[key]


app = FastAPI()


@app.post("/keys", status_code=201)
def create_key(
    body: KeyIn,
    login: HTTPBasicCredentials = Depends(basic),
):
    if (login.username, login.password) != ADMIN:
        raise HTTPException(401)
    key = str(uuid.uuid4())
    API_KEYS[key] = body.name
    return {"key": key}


@app.get("/stock")
def stock(name: str = Depends(get_api_key)):
    return {"caller": name}
