"""Options of the access log: what they choose and hide, and wrong ones refused at once."""

import inspect
import logging
from typing import Any

import pytest
from fastapi import FastAPI, Response

from brickwork.accesslog import AccessLog, AccessLogMiddleware, AccessLogOptions
from brickwork.accesslog._rules import Redaction, Selection
from tests.accesslog.calls import Form, Records, get


def application() -> FastAPI:
    """An application that answers with any status."""
    app = FastAPI()

    @app.get("/{kind}/{status}")
    async def answer(kind: str, status: int) -> Response:
        return Response(status_code=status)

    return app


@pytest.mark.promise("accesslog-7")
async def test_excluded_paths_are_not_logged_unless_they_fail(form: Form, records: Records) -> None:
    """Probes leave no record while all is well."""
    app = form(application(), exclude={"/health/*", "/exact/200"})

    for path in ("/health/200", "/health/404", "/health/503", "/exact/200", "/exact/201", "/healthy/200"):
        await get(app, path)

    assert [vars(each)["path"] for each in records.all] == ["/health/503", "/exact/201", "/healthy/200"]


@pytest.mark.promise("accesslog-7")
async def test_a_status_class_can_be_sampled(form: Form, records: Records) -> None:
    """A share of nothing logs none of the class, and all of the others."""
    app = form(application(), sample={"2xx": 0, "4xx": 1})

    for status in (200, 302, 404, 500):
        await get(app, f"/any/{status}")

    assert [vars(each)["status"] for each in records.all] == [302, 404, 500]


@pytest.mark.promise("accesslog-7")
def test_slow_requests_are_always_logged() -> None:
    """Neither a share nor an excluded path hides what takes too long."""
    selection = Selection(exclude=["/health/*"], sample={"2xx": 0.25}, slow=1.5)

    assert selection.takes("/health/live", 200, 1.5, 0.9)
    assert not selection.takes("/health/live", 200, 1.4, 0)
    assert selection.takes("/books", 200, 0.1, 0.24)
    assert not selection.takes("/books", 200, 0.1, 0.25)


@pytest.mark.promise("accesslog-8")
@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (b"", ""),
        (b"page=2&sort=-name", "page=2&sort=-name"),
        (b"token=abc&page=2", "token=***&page=2"),
        (b"Access_Token=a&CODE=b&Password=c&api-key=d", "Access_Token=***&CODE=***&Password=***&api-key=***"),
        (b"%74oken=abc", "%74oken=***"),
        (b"new+password=a", "new+password=***"),
        (b"user[password]=a", "user[password]=***"),
        (b"X-Amz-Signature=a&X-Amz-Credential=b", "X-Amz-Signature=***&X-Amz-Credential=***"),
        (b"voucher=a&Vou-Cher=b&vouchers=c", "voucher=***&Vou-Cher=***&vouchers=c"),
        (b"token=a=b&token", "token=***&token"),
        (b"zipcode=1&keyboard=2", "zipcode=1&keyboard=2"),
        (b"a=\x1b[31m\r\n\xff", "a=\\x1b[31m\\r\\nÿ"),
        (b"&&=&", "&&=&"),
    ],
)
def test_secrets_in_queries_are_hidden(query: bytes, shown: str) -> None:
    """By their names, however they are written; everything else stays as it came."""
    assert Redaction({"voucher"}).query(query) == shown


@pytest.mark.promise("accesslog-8")
async def test_headers_are_logged_when_named(form: Form, records: Records) -> None:
    """Only those on the list, by their lower-case names."""
    app = form(application(), headers={"User-Agent", "x-missing"})

    await get(app, "/any/200", headers={"user-agent": "probe\x1b", "authorization": "Bearer secret"})

    assert records.only["headers"] == {"user-agent": "probe\\x1b"}


@pytest.mark.promise("accesslog-9")
@pytest.mark.parametrize(("peer", "client"), [("10.0.0.1", "198.51.100.9"), ("192.0.2.7", "192.0.2.7")])
async def test_the_client_is_whom_trusted_proxies_name(form: Form, records: Records, peer: str, client: str) -> None:
    """Forwarded addresses count only where a trusted proxy hands them over."""
    app = form(application(), trusted_proxies=["10.0.0.0/8"])

    await get(app, "/any/200", peer=peer, headers={"x-forwarded-for": "6.6.6.6, 198.51.100.9"})

    assert records.only["client"] == client


async def test_logger_and_level_are_the_apps(form: Form) -> None:
    """Records go where the app wants them."""
    handler, logger = Records(), logging.getLogger("shop.access")
    logger.addHandler(handler)
    logger.setLevel("DEBUG")

    await get(form(application(), logger="shop.access", level="debug"), "/any/200")
    await get(form(application(), logger="shop.access", level=logging.WARNING), "/any/200")
    logger.removeHandler(handler)

    assert [record.levelname for record in handler.all] == ["DEBUG", "WARNING"]


def test_middleware_and_piece_take_the_same_options() -> None:
    """What is documented is what can be passed."""
    assert list(AccessLogOptions.__annotations__) == list(inspect.signature(AccessLog).parameters)


@pytest.mark.promise("accesslog-13")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "LOUD"}, 'write "INFO"'),
        ({"exclude": ["health"]}, "begin it with a slash"),
        ({"sample": {"2xx": 2}}, "give a number from 0 to 1"),
        ({"sample": {"200": 0.5}}, 'must be "1xx", "2xx", "3xx" or "4xx"'),
        ({"sample": {"5xx": 0.5}}, "server errors are always logged"),
        ({"slow": 0}, "give seconds above 0"),
        ({"headers": ["Authorization"]}, "would write credentials into the log"),
        ({"headers": ["cookie"]}, "would write credentials into the log"),
        ({"trusted_proxies": ["proxy"]}, 'write it like "10.0.0.0/8"'),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    """The error says what to write instead."""
    with pytest.raises(ValueError, match=message):
        AccessLogMiddleware(FastAPI(), **options)


@pytest.mark.promise("accesslog-13")
@pytest.mark.parametrize("option", ["exclude", "redact", "headers", "trusted_proxies"])
def test_a_bare_string_is_no_list(option: str) -> None:
    """A text is a list of letters to Python, and never what was meant."""
    with pytest.raises(TypeError, match=r"write [{\[]"):
        AccessLogMiddleware(FastAPI(), **{option: "/health"})  # type: ignore[arg-type]
