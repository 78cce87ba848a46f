from fastapi import FastAPI, HTTPException

from brickwork.problems import (
    Success,
    add_problem_handlers,
)

app = FastAPI()
codes = {422: "validation_error", 500: "internal_error"}


def envelope(problem: dict):
    return {
        "success": False,
        "error": {
            "code": codes.get(
                problem["status"], "http_error"
            ),
            "message": problem.get(
                "detail", problem["title"]
            ),
        },
    }


add_problem_handlers(app, render=envelope)


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
