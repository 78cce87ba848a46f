"""An app that has one of everything that reads from a request."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Body, Cookie, FastAPI, File, Form, Header, Query, Request, UploadFile
from pydantic import BaseModel, Field

from brickwork import install
from brickwork.problems import MalformedJsonError, add_problem_handlers, raises


class Item(BaseModel):
    """A body with a number, a text, and things inside one another."""

    name: str = Field(min_length=1, max_length=1_000)
    price: Decimal
    weight: float
    count: int = Field(ge=0)
    tags: list[str] = []
    inner: "Item | None" = None
    more: dict[str, Any] = {}


router = APIRouter()


@router.post("/items")
async def create(item: Item) -> Item:
    """Read a body into a model, and give it back."""
    return item


@router.get("/items/{number}")
async def read(
    number: int, page: int = 1, ratio: float = 1.0, q: Annotated[str, Query(max_length=50)] = ""
) -> list[str]:
    """Read path and query."""
    return [str(number), str(page), str(ratio), q]


@router.get("/files/{path:path}")
async def walk(path: str) -> str:
    """Read any path."""
    return path


@router.put("/anything")
async def anything(document: Annotated[Any, Body()]) -> str:
    """Read a JSON body of any shape."""
    return type(document).__name__


@router.post("/raw", responses=raises(MalformedJsonError))
async def raw(request: Request) -> str:
    """Read JSON without a model."""
    return type(await request.json()).__name__


@router.post("/form")
async def form(name: Annotated[str, Form()], count: Annotated[int, Form()] = 1) -> str:
    """Read a form."""
    return name


@router.post("/upload")
async def upload(file: Annotated[UploadFile, File()]) -> int:
    """Read a file."""
    return len(await file.read())


@router.get("/headers")
async def headers(x_number: Annotated[int, Header()] = 0, session: Annotated[str, Cookie()] = "") -> str:
    """Read a header and a cookie."""
    return session


@router.post("/bytes")
async def stream(request: Request) -> int:
    """Read the body piece by piece."""
    return sum([len(chunk) async for chunk in request.stream()])


def plain() -> FastAPI:
    """Give the app with nothing installed."""
    app = FastAPI()
    app.include_router(router)
    return app


def with_handlers() -> FastAPI:
    """Give the app with problem handlers only."""
    app = plain()
    add_problem_handlers(app)
    return app


def with_stack() -> FastAPI:
    """Give the app with everything."""
    app = plain()
    install(
        app,
        request_id={"trust": "always"},
        cors=["https://shop.example"],
        body_limit=300_000,
        timeout=20,
        compression=True,
        process_time=True,
    )
    return app
