"""Orders: what customers buy."""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Database
from brickwork.problems import raises

from .catalogue import Books
from .models import Order, OrderLine
from .problems import OrderNotFoundError, OutOfStockError, UnknownBookError


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    book_id: int = Field(ge=1, le=1_000_000)
    quantity: int = Field(ge=1, le=20)


class NewOrder(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"lines": [{"book_id": 64, "quantity": 1}]}]}
    )

    lines: list[Line] = Field(min_length=1, max_length=50)

    def copies(self) -> Counter[int]:
        """Count the copies of each book, which may be on several lines."""
        copies = Counter[int]()
        for line in self.lines:
            copies[line.book_id] += line.quantity
        return copies


class OrderedBook(BaseModel):
    book_id: int
    title: str
    quantity: int
    price: Decimal = Field(description="Of one copy, in euros.")


class OrderOut(BaseModel):
    id: UUID
    placed_at: datetime = Field(validation_alias="created_at")
    lines: list[OrderedBook]
    total: Decimal = Field(description="In euros.")


def order_router(db: Database) -> APIRouter:
    """Give the routes of the order desk.

    Args:
        db: Where books and orders are.
    """
    router = APIRouter(prefix="/orders", tags=["orders"])

    @router.post(
        "",
        status_code=status.HTTP_201_CREATED,
        response_model=OrderOut,
        responses=raises(UnknownBookError, OutOfStockError),
    )
    async def place_order(
        new: NewOrder, session: Annotated[AsyncSession, db.transaction()], request: Request, response: Response
    ) -> Order:
        """Buy books: all of the order, or none of it."""
        copies = new.copies()
        order = Order(
            lines=[
                OrderLine(number=number, book_id=book.id, title=book.title, quantity=copies[book.id], price=book.price)
                for number, book in enumerate(await Books(session).take(copies), 1)
            ]
        )
        session.add(order)
        await session.flush()
        response.headers["Location"] = request.app.url_path_for("read_order", order_id=order.id)
        return order

    @router.get("/{order_id}", response_model=OrderOut, responses=raises(OrderNotFoundError))
    async def read_order(order_id: UUID, session: Annotated[AsyncSession, db.read_only()]) -> Order:
        """Look at an order again; its number is the only key to it."""
        order = await session.get(Order, order_id)
        if order is None:
            raise OrderNotFoundError("There is no order with this number.")
        return order

    return router
