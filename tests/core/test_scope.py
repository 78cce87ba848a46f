"""The route's template, whatever the application is made of."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from brickwork._core.context import RequestContext
from brickwork._core.frame import Frame, Piece
from brickwork._core.scope import route_template


class Seen(Piece):
    """Notes the template of each request."""

    def __init__(self) -> None:
        self.templates: list[str | None] = []

    def finish(self, context: RequestContext) -> None:
        self.templates.append(route_template(context.scope))


def plain(request: Request) -> PlainTextResponse:
    """Answer as a plain Starlette route."""
    return PlainTextResponse("ok")


def endpoint() -> str:
    """Answer as a route of FastAPI."""
    return "ok"


async def socket(websocket: WebSocket) -> None:
    """Open and close."""
    await websocket.accept()
    await websocket.close()


def application() -> FastAPI:
    """An application with every way to put a route somewhere."""
    inner = APIRouter(prefix="/books")
    inner.add_api_route("/{book_id}", endpoint)
    inner.add_api_websocket_route("/{book_id}/live", socket)
    outer = APIRouter(prefix="/shops/{shop_id}")
    outer.include_router(inner)

    mounted = FastAPI()
    mounted.add_api_route("/plain/{name}", endpoint)
    mounted.add_api_websocket_route("/live/{name}", socket)
    mounted.include_router(inner)
    mounted.mount("/deeper", Starlette(routes=[Route("/{leaf}", plain)]))

    mounted.add_route("/plain-too", plain)
    mounted.mount("/static", StaticFiles(directory="."))

    app = FastAPI()
    app.add_api_route("/", endpoint)
    app.add_route("/plain", plain)
    app.add_api_route("/items/{item_id:int}", endpoint)
    app.add_api_websocket_route("/live", socket)
    app.include_router(inner)
    app.include_router(inner, prefix="/second")
    app.include_router(outer, prefix="/v1")
    app.mount("/admin", mounted)
    app.mount("/tenants/{tenant}", mounted)
    app.mount("/static", StaticFiles(directory="."))
    app.router.routes.append(Mount("/group", routes=[Route("/{leaf}", plain)]))
    return app


TEMPLATES = [
    ("/", "/"),
    ("/items/7", "/items/{item_id}"),
    ("/books/7", "/books/{book_id}"),
    ("/second/books/7", "/second/books/{book_id}"),
    ("/v1/shops/3/books/7", "/v1/shops/{shop_id}/books/{book_id}"),
    ("/admin/plain/x", "/admin/plain/{name}"),
    ("/admin/books/7", "/admin/books/{book_id}"),
    ("/admin/deeper/x", "/admin/deeper/{leaf}"),
    ("/tenants/acme/plain/x", "/tenants/{tenant}/plain/{name}"),
    ("/tenants/acme/books/7", "/tenants/{tenant}/books/{book_id}"),
    ("/tenants/acme/deeper/x", "/tenants/{tenant}/deeper/{leaf}"),
    ("/group/x", "/group/{leaf}"),
    ("/docs", "/docs"),
    ("/plain", "/plain"),
    ("/admin/plain-too", "/admin/plain-too"),
    ("/static/missing.css", "/static/{path}"),
    ("/tenants/acme/static/missing.css", "/tenants/{tenant}/static/{path}"),
    ("/admin/nowhere", None),
    ("/nowhere", None),
    ("/items/none", None),
]


@pytest.mark.parametrize("root_path", ["", "/api"])
@pytest.mark.parametrize(("path", "template"), TEMPLATES)
def test_a_template_is_what_the_client_sees(path: str, template: str | None, root_path: str) -> None:
    """Prefixes of routers and mounts are included, the server's root_path is not."""
    seen = Seen()
    client = TestClient(Frame(application(), [seen]), root_path=root_path)

    client.get(root_path + path)

    assert seen.templates == [template]


def test_a_starlette_application_has_templates_too() -> None:
    """Starlette notes mounts as routes; they count only where they are the end of the way."""
    inner = Starlette(routes=[Route("/{leaf}", plain)])
    mounts = [Mount("/static", StaticFiles(directory=".")), Mount("/{tenant}", inner)]
    seen = Seen()
    client = TestClient(Frame(Starlette(routes=mounts), [seen]))

    client.get("/static/x")
    client.get("/acme/x")
    client.get("/acme/x/y")

    assert seen.templates == ["/static/{path}", "/{tenant}/{leaf}", None]


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/live", "/live"),
        ("/books/7/live", "/books/{book_id}/live"),
        ("/v1/shops/3/books/7/live", "/v1/shops/{shop_id}/books/{book_id}/live"),
        ("/admin/live/x", "/admin/live/{name}"),
        ("/tenants/acme/books/7/live", "/tenants/{tenant}/books/{book_id}/live"),
    ],
)
def test_sockets_have_templates_too(path: str, template: str) -> None:
    """A socket's template is found as a request's is."""
    seen = Seen()
    client = TestClient(Frame(application(), [seen]))

    with client.websocket_connect(path):
        pass

    assert seen.templates == [template]


def test_a_wrong_method_still_has_a_template() -> None:
    """A 405 counts for the route whose method it was not."""
    seen = Seen()
    client = TestClient(Frame(application(), [seen]))

    answer = client.delete("/v1/shops/3/books/7")

    assert answer.status_code == 405
    assert seen.templates == ["/v1/shops/{shop_id}/books/{book_id}"]


def test_the_template_is_found_as_middleware_too() -> None:
    """Inside the application the answer is the same as around it."""
    app, seen = application(), Seen()
    app.add_middleware(_Middleware, piece=seen)

    TestClient(app).get("/tenants/acme/books/7")

    assert seen.templates == ["/tenants/{tenant}/books/{book_id}"]


class _Middleware(Frame):
    def __init__(self, app: Any, piece: Piece) -> None:
        super().__init__(app, [piece])


@pytest.mark.parametrize("prefix", ["/odd", "/admin/odd"])
def test_a_prefix_that_no_mount_explains_stays(prefix: str) -> None:
    """A dispatcher of one's own may move the root; its prefix is then taken as it is."""
    app = application()
    route = next(route for route in app.routes if getattr(route, "path", "") == "/items/{item_id:int}")
    scope = {"type": "http", "app": app, "app_root_path": "", "root_path": prefix, "route": route}

    assert route_template(scope) == prefix + "/items/{item_id}"
