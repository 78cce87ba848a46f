from typing import Annotated

from fastapi import Depends, FastAPI

app = FastAPI()
fake_items_db = [
    {"name": name, "price": price}
    for name, price in (
        ("Foo", 9),
        ("Bar", 5),
        ("Baz", 7),
    )
]


class CommonQueryParams:
    def __init__(
        self,
        q: str | None = None,
        skip: int = 0,
        limit: int = 100,
    ):
        self.q = q
        self.skip = skip
        self.limit = limit


@app.get("/items")
async def read_items(
    commons: Annotated[CommonQueryParams, Depends()],
):
    items = fake_items_db
    if commons.q:
        items = [
            item
            for item in items
            if commons.q.lower() in item["name"].lower()
        ]
    end = commons.skip + commons.limit
    return {"items": items[commons.skip : end]}
