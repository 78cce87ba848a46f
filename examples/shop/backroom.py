"""Behind the counter: what staff do, and what programs of theirs do with an API key."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Depends
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.auth import Auth
from brickwork.database import Conditional, Database, Repository, precondition
from brickwork.listing import CursorPage, CursorQuery, FilterSet, Keyset, Listing, Sort
from brickwork.problems import raises

from .accounts import User
from .catalogue import BookOut, Books
from .live import Live, OrderShipped
from .models import Book, Order
from .orders import OrderOut
from .problems import BookNotFoundError, OrderNotFoundError


class BookChange(BaseModel):
    """What changes of a book; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    price: Decimal = Field(default_factory=Decimal, gt=0, max_digits=6, decimal_places=2, description="In euros.")
    stock: int = Field(default_factory=int, ge=0, le=1_000_000, description="Copies on the shelf.")


class OpenOrderFilter(FilterSet, model=Order):
    """Nothing: all open orders are to be shipped."""


def stock_router(db: Database, auth: Auth[User]) -> APIRouter:
    """Give the route by which staff change books.

    Args:
        db: Where the books are.
        auth: Knows who is staff.
    """
    router = APIRouter(prefix="/books", tags=["backroom"])

    @router.patch("/{book_id}", response_model=BookOut, responses=raises(precondition, BookNotFoundError))
    async def change_book(
        book_id: Annotated[int, InPath(ge=1, le=1_000_000)],
        change: BookChange,
        _staff: Annotated[User, auth.require(roles=["staff", "admin"], scopes="books:write")],
        session: Annotated[AsyncSession, db.transaction()],
        condition: Conditional,
    ) -> Book:
        """Change price or stock of a book, whose ETag you have seen: what was sold meanwhile is not forgotten."""
        books = Books(session)
        book = await books.get(book_id, for_update=True)
        if book is None:
            raise BookNotFoundError(f"There is no book {book_id}.", book_id=book_id)
        condition.check(book)
        changed = await books.update(book, change)
        condition.fresh(changed)
        return changed

    return router


def fulfilment_router(db: Database, auth: Auth[User], live: Live, *, cursor_secret: str) -> APIRouter:
    """Give the routes of the program that ships orders. Staff make its API key, with the scope ``orders:fulfil``.

    Args:
        db: Where the orders are.
        auth: Knows the API keys.
        live: Tells customers.
        cursor_secret: What cursors are sealed with.
    """
    router = APIRouter(prefix="/fulfilment", tags=["backroom"], dependencies=[auth.require_key(scopes="orders:fulfil")])
    oldest_first = Listing(
        OpenOrderFilter, sort=Sort(Order.created_at, default="created_at"), page=Keyset(size=20, secret=cursor_secret)
    )

    @router.get("/orders")
    async def list_open_orders(
        query: Annotated[CursorQuery[Order], Depends(oldest_first)], session: Annotated[AsyncSession, db.read_only()]
    ) -> CursorPage[OrderOut]:
        """Look through the orders of all customers that are to be shipped, the oldest first."""
        return await query.page(session, select(Order).where(Order.shipped_at.is_(None)), into=OrderOut)

    @router.put("/orders/{order_id}/shipment", response_model=OrderOut, responses=raises(OrderNotFoundError))
    async def ship_order(
        order_id: UUID, session: Annotated[AsyncSession, db.transaction()], afterwards: BackgroundTasks
    ) -> Order:
        """Mark an order as shipped; once more changes nothing, so a program that lost the answer asks again."""
        order = await Repository(session, Order).get(order_id, for_update=True)
        if order is None:
            raise OrderNotFoundError("There is no order with this number.")
        if order.shipped_at is None:
            order.shipped_at = datetime.now(UTC)
            # Once it is committed, and not before, there is something to tell.
            afterwards.add_task(live.shipped, order.customer_id, OrderShipped.of(order))
        return order

    return router
