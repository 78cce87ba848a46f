"""The captured logs."""

import logging

import pytest
from starlette.types import Receive, Scope, Send

from brickwork._core.context import RequestContext, mark
from brickwork._core.frame import Frame, Piece
from brickwork.testing import CapturedLogs, open_client


class Numbered(Piece):
    """Gives each request its path as ID."""

    def begin(self, context: RequestContext) -> None:
        """Take the path."""
        context.request_id = context.scope["path"].strip("/")


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Log a line and answer."""
    logging.getLogger("shop.orders").info("served %s", scope["path"])
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


@pytest.mark.promise("testing-5")
async def test_records_belong_to_their_request(logs: CapturedLogs) -> None:
    """A test can ask what was logged for one request."""
    async with open_client(Frame(answer, [Numbered()])) as client:
        await client.get("/ada")
        await client.get("/grace")

    part = logs.for_request("grace")

    assert part.messages == ["served /grace"]


@pytest.mark.promise("testing-5")
def test_an_error_brings_its_request_along(logs: CapturedLogs, expected_errors: list[logging.LogRecord]) -> None:
    """What a server logs about an error after the request has ended still belongs to the request."""
    context = RequestContext({"type": "http"}, 0.0)
    context.request_id = "ada"
    error = ValueError("no")
    mark(error, context)

    logging.getLogger("uvicorn.error").error("failed", exc_info=error)

    assert logs.for_request("ada").messages == ["failed"]


def test_records_can_be_picked_by_logger(logs: CapturedLogs) -> None:
    """A logger's name stands for those below it, and for no other that begins alike."""
    for name in ("shop", "shop.orders", "shopping"):
        logging.getLogger(name).info(name)

    part = logs.from_logger("shop")

    assert part.messages == ["shop", "shop.orders"]


def test_records_are_whole(logs: CapturedLogs) -> None:
    """What was logged as an extra can be asked for."""
    logging.getLogger("shop").warning("sold out", extra={"sku": "A1"})

    [record] = logs.records

    assert (record.levelname, record.__dict__["sku"]) == ("WARNING", "A1")


@pytest.mark.promise("testing-5")
@pytest.mark.usefixtures("restored_logging")
def test_no_configuration_hides_a_record(logs: CapturedLogs) -> None:
    """Neither a logger that does not propagate nor a filter keeps a record from the test."""
    logger = logging.getLogger("shop.silent")
    logger.propagate = False
    logger.addFilter(lambda _: False)

    logger.info("hidden")

    assert logs.messages == ["hidden"]


def test_what_is_forgotten_is_gone(logs: CapturedLogs) -> None:
    """A test that arranges with noise can start over."""
    logging.getLogger("shop").info("arranged")

    logs.clear()

    assert logs.records == []
