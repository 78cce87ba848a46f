from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()
stock = {1: 2}


class BookNotFoundException(Exception):
    def __init__(self, book_id: int):
        self.book_id = book_id


class OutOfStockException(Exception):
    def __init__(self, book_id: int, left: int):
        self.book_id = book_id
        self.left = left


@app.exception_handler(BookNotFoundException)
async def book_not_found_handler(
    request: Request, exc: BookNotFoundException
):
    return JSONResponse(
        status_code=404,
        content={
            "detail": f"There is no book {exc.book_id}."
        },
    )


@app.exception_handler(OutOfStockException)
async def out_of_stock_handler(
    request: Request, exc: OutOfStockException
):
    return JSONResponse(
        status_code=409,
        content={
            "detail": f"Only {exc.left} left.",
            "left": exc.left,
        },
    )


@app.post("/books/{book_id}/orders")
async def order(book_id: int, copies: int):
    if book_id not in stock:
        raise BookNotFoundException(book_id)
    if copies > stock[book_id]:
        raise OutOfStockException(book_id, stock[book_id])
    return {"ordered": copies}
