"""Orders: what customers buy."""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.auth import Auth
from brickwork.database import Database, Repository
from brickwork.listing import CursorPage, CursorQuery, FilterSet, Keyset, Listing, Sort, Where
from brickwork.problems import raises

from .accounts import User
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
    shipped_at: datetime | None
    lines: list[OrderedBook]
    total: Decimal = Field(description="In euros.")


class OrderFilter(FilterSet, model=Order):
    shipped: Annotated[
        bool | None,
        Where(lambda wanted: Order.shipped_at.is_not(None) if wanted else Order.shipped_at.is_(None)),
        Field(description="Whether they have been shipped."),
    ] = None


_BY_AGE = Sort(Order.created_at, default="-created_at")


def order_router(db: Database, auth: Auth[User], *, cursor_secret: str) -> APIRouter:
    """Give the routes of the order desk. To each customer there are only orders of their own.

    Args:
        db: Where books and orders are.
        auth: Knows the customers.
        cursor_secret: What cursors are sealed with.
    """
    router = APIRouter(prefix="/orders", tags=["orders"])
    newest_first = Listing(OrderFilter, sort=_BY_AGE, page=Keyset(size=20, secret=cursor_secret))

    @router.post(
        "",
        status_code=status.HTTP_201_CREATED,
        response_model=OrderOut,
        responses=raises(UnknownBookError, OutOfStockError),
    )
    async def place_order(
        new: NewOrder,
        customer: Annotated[User, auth.require(scopes="orders:write")],
        session: Annotated[AsyncSession, db.transaction()],
        request: Request,
        response: Response,
    ) -> Order:
        """Buy books: all of the order, or none of it."""
        order = await _place(new, customer, session)
        response.headers["Location"] = request.app.url_path_for("read_order", order_id=order.id)
        return order

    @router.get("")
    async def list_orders(
        customer: Annotated[User, auth.require(scopes="orders:read")],
        query: Annotated[CursorQuery[Order], Depends(newest_first)],
        session: Annotated[AsyncSession, db.read_only()],
    ) -> CursorPage[OrderOut]:
        """Look through your orders, the newest first."""
        return await query.page(session, select(Order).where(Order.customer_id == customer.id), into=OrderOut)

    @router.get("/{order_id}", response_model=OrderOut, responses=raises(OrderNotFoundError))
    async def read_order(
        order_id: UUID,
        customer: Annotated[User, auth.require(scopes="orders:read")],
        session: Annotated[AsyncSession, db.read_only()],
    ) -> Order:
        """Look at an order of yours again; those of others are not there, so that nobody learns their numbers."""
        return await _find(order_id, customer, session)

    return router


async def _place(new: NewOrder, customer: User, session: AsyncSession) -> Order:
    copies = new.copies()
    order = Order(
        customer_id=customer.id,
        lines=[
            OrderLine(number=number, book_id=book.id, title=book.title, quantity=copies[book.id], price=book.price)
            for number, book in enumerate(await Books(session).take(copies), 1)
        ],
    )
    session.add(order)
    await session.flush()
    return order


async def _find(order_id: UUID, customer: User, session: AsyncSession) -> Order:
    order = await Repository(session, Order, where=[Order.customer_id == customer.id]).get(order_id)
    if order is None:
        raise OrderNotFoundError("You have no order with this number.")
    return order
