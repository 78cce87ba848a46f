from fastapi import FastAPI

from brickwork.problems import (
    Problem,
    add_problem_handlers,
    raises,
)

app = FastAPI()
add_problem_handlers(app)
stock = {1: 2}


class BookNotFoundError(
    Problem, status=404, slug="book-not-found"
):
    pass


class OutOfStockError(
    Problem, status=409, slug="out-of-stock"
):
    left: int


@app.post(
    "/books/{book_id}/orders",
    responses=raises(BookNotFoundError, OutOfStockError),
)
async def order(book_id: int, copies: int):
    if book_id not in stock:
        raise BookNotFoundError(
            f"There is no book {book_id}."
        )
    left = stock[book_id]
    if copies > left:
        raise OutOfStockError(
            f"Only {left} left.", left=left
        )
    return {"ordered": copies}
