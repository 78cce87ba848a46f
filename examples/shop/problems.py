"""What the shop can refuse, and how it answers."""

from brickwork import Problem


class BookNotFoundError(Problem, status=404, slug="book-not-found", title="Book not found"):
    """The catalogue has no book with this number."""

    book_id: int


class OrderNotFoundError(Problem, status=404, slug="order-not-found", title="Order not found"):
    """There is no order with this number, or it is somebody else's."""


class AccountNotFoundError(Problem, status=404, slug="account-not-found", title="Account not found"):
    """Nobody has this login."""


class UnknownBookError(Problem, status=422, slug="unknown-book", title="Unknown book"):
    """An order asks for a book that the catalogue does not have."""

    book_id: int


class OutOfStockError(Problem, status=409, slug="out-of-stock", title="Out of stock"):
    """An order asks for more copies than there are. Order fewer, or come back later."""

    book_id: int
    requested: int
    available: int
