from typing import Annotated

from fastapi import Depends, FastAPI

from brickwork.listing import (
    LimitOffset,
    Listing,
    ListQuery,
)

app = FastAPI()
fake_items_db = [{"name": f"Item {n}"} for n in range(50)]
Item = dict[str, str]
items = Listing(page=LimitOffset(limit=10))


@app.get("/items")
async def read_items(
    query: Annotated[ListQuery[Item], Depends(items)],
) -> list[Item]:
    return query.slice(fake_items_db).items
