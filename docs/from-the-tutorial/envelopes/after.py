from fastapi import FastAPI, HTTPException

from brickwork.problems import (
    Success,
    add_problem_handlers,
    as_failure,
)

app = FastAPI()
add_problem_handlers(app, render=as_failure)


@app.get("/books/{book_id}")
async def read_book(
    book_id: int,
) -> Success[dict[str, str]]:
    if book_id == 0:
        raise RuntimeError(
            "postgresql://shop:secret@db/shop"
        )
    if book_id != 1:
        raise HTTPException(404, "No such book.")
    return Success(data={"title": "Middlemarch"})
