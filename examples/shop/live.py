"""Live orders: a customer's page hears at once when an order is shipped."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from brickwork.auth import Auth
from brickwork.websockets import Backplane, Connection, ConnectionManager

from .accounts import User
from .models import Order


class OrderShipped(BaseModel):
    """What a page is told."""

    type: Literal["order_shipped"] = "order_shipped"
    order_id: UUID
    shipped_at: datetime | None

    @classmethod
    def of(cls, order: Order) -> Self:
        """Say what there is to tell of an order."""
        return cls(order_id=order.id, shipped_at=order.shipped_at)


class Live:
    """The pages that are open right now.

    Args:
        auth: Knows the customers.
        backplane: Joins processes that serve one shop; without one each tells its own pages alone.
    """

    def __init__(self, auth: Auth[User], *, backplane: Backplane | None = None) -> None:
        self.manager = ConnectionManager(authenticate=auth.user, backplane=backplane, trusted_proxies=["127.0.0.1"])

    async def shipped(self, customer_id: UUID, news: OrderShipped) -> None:
        """Tell all pages of a customer."""
        await self.manager.user(str(customer_id)).send(news)


def live_router(live: Live) -> APIRouter:
    """Give the socket that pages open, and the script that opens it.

    Args:
        live: Knows them.
    """
    router = APIRouter()
    router.include_router(live.manager.client_router())

    @router.websocket("/orders/live")
    async def hear_of_orders(connection: Annotated[Connection[User], Depends(live.manager.connect)]) -> None:
        """Tell a customer's page what becomes of the orders; it has nothing to say."""
        await connection.wait_closed()

    return router
