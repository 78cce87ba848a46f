from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import (
    HTTPException as StarletteHTTPException,
)

app = FastAPI()


def success(data):
    return {"success": True, "data": data}


def failure(status: int, code: str, message: str):
    error = {"code": code, "message": message}
    return JSONResponse(
        status_code=status,
        content={"success": False, "error": error},
    )


@app.exception_handler(StarletteHTTPException)
async def http_handler(
    request: Request, exc: StarletteHTTPException
):
    return failure(
        exc.status_code,
        f"http-{exc.status_code}",
        exc.detail,
    )


@app.exception_handler(RequestValidationError)
async def validation_handler(
    request: Request, exc: RequestValidationError
):
    return failure(
        422, "validation-error", str(exc.errors())
    )


@app.exception_handler(Exception)
async def crash_handler(request: Request, exc: Exception):
    return failure(500, "http-500", str(exc))


@app.get("/books/{book_id}")
async def read_book(book_id: int):
    if book_id == 0:
        raise RuntimeError(
            "postgresql://shop:secret@db/shop"
        )
    if book_id != 1:
        raise HTTPException(404, "No such book.")
    return success({"title": "Middlemarch"})
