"""Orders: what customers buy, kept in memory."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field

from brickwork.problems import raises

from .catalogue import Books
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


class OrderedBook(BaseModel):
    book_id: int
    title: str
    quantity: int
    price: Decimal = Field(description="Of one copy, in euros.")


class Order(BaseModel):
    id: UUID
    placed_at: datetime
    lines: list[OrderedBook]
    total: Decimal = Field(description="In euros.")


class OrderBook:
    """The orders that the shop has accepted."""

    def __init__(self) -> None:
        self._orders: dict[UUID, Order] = {}

    async def add(self, lines: list[OrderedBook]) -> Order:
        total = sum((line.price * line.quantity for line in lines), Decimal(0))
        order = Order(id=uuid4(), placed_at=datetime.now(UTC), lines=lines, total=total)
        self._orders[order.id] = order
        return order

    async def get(self, order_id: UUID) -> Order | None:
        return self._orders.get(order_id)


async def order_book(request: Request) -> OrderBook:
    found: OrderBook = request.app.state.orders
    return found


Orders = Annotated[OrderBook, Depends(order_book)]

router = APIRouter(prefix="/orders", tags=["orders"])


@router.post("", status_code=status.HTTP_201_CREATED, responses=raises(UnknownBookError, OutOfStockError))
async def place_order(new: NewOrder, books: Books, orders: Orders, request: Request, response: Response) -> Order:
    """Buy books: all of the order, or none of it."""
    copies = Counter[int]()
    for line in new.lines:
        copies[line.book_id] += line.quantity
    order = await orders.add(
        [
            OrderedBook(book_id=book.id, title=book.title, quantity=copies[book.id], price=book.price)
            for book in await books.take(copies)
        ]
    )
    response.headers["Location"] = request.app.url_path_for("read_order", order_id=order.id)
    return order


@router.get("/{order_id}", responses=raises(OrderNotFoundError))
async def read_order(order_id: UUID, orders: Orders) -> Order:
    """Look at an order again; its number is the only key to it."""
    order = await orders.get(order_id)
    if order is None:
        raise OrderNotFoundError("There is no order with this number.")
    return order
