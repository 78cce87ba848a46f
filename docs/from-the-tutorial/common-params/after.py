from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from brickwork.listing import (
    FilterSet,
    LimitOffset,
    LimitOffsetPage,
    Listing,
    ListQuery,
    Search,
)


class Item(BaseModel):
    name: str
    price: int


class ItemFilter(FilterSet):
    q: Annotated[str | None, Search("name")] = None


app = FastAPI()
fake_items_db = [
    Item(name="Foo", price=9),
    Item(name="Bar", price=5),
    Item(name="Baz", price=7),
]
items = Listing(ItemFilter, page=LimitOffset(limit=100))
Commons = Annotated[ListQuery[Item], Depends(items)]


@app.get("/items")
async def read_items(
    commons: Commons,
) -> LimitOffsetPage[Item]:
    return commons.slice(
        fake_items_db, into=LimitOffsetPage[Item]
    )
