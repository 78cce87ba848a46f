"""`Allow`: a 405 names every method that the path has."""

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route
from starlette.testclient import TestClient

from brickwork.problems import add_problem_handlers


async def answer(_request: Request) -> Response:
    """Answer anything."""
    return PlainTextResponse("")


class Desk(HTTPEndpoint):
    """Takes two methods, and says so itself."""

    async def get(self, _request: Request) -> Response:
        """Answer."""
        return PlainTextResponse("")

    async def put(self, _request: Request) -> Response:
        """Answer."""
        return PlainTextResponse("")


def build() -> FastAPI:
    """Build an app whose paths have their methods in more than one route."""
    app = FastAPI()
    add_problem_handlers(app)
    inner, outer, inside = APIRouter(), APIRouter(), FastAPI()
    add_problem_handlers(inside)
    for router, path in ((app, "/plain"), (inner, "/{number:int}"), (inside, "/deep")):
        router.add_api_route(path, lambda: 1, methods=["GET"])
        router.add_api_route(path, lambda: 1, methods=["POST"])
    app.get("/one")(lambda: 1)
    app.delete("/{any}")(lambda: 1)
    outer.include_router(inner, prefix="/inner")
    outer.patch("/inner/{text}")(lambda: 1)
    app.include_router(outer, prefix="/outer")
    app.mount("/app", inside)
    app.router.routes += [
        Mount("/folder", routes=[Route("/file", answer, methods=["PUT"]), Route("/{name}", answer, methods=["POST"])]),
        Host("desk.example", app=Starlette(routes=[Route("/host", answer, methods=["PUT"])])),
        Route("/desk/1", answer, methods=["POST"]),
        Route("/desk/{name}", Desk),
        Route("/desk/1", answer, methods=["DELETE"]),
    ]
    return app


@pytest.mark.promise("problems-41")
@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/plain", "DELETE, GET, POST"),
        ("/one", "DELETE, GET"),
        ("/outer/inner/7", "GET, PATCH, POST"),
        ("/outer/inner/seven", "PATCH"),
        ("/app/deep", "GET, POST"),
        ("/folder/file", "POST, PUT"),
    ],
)
@pytest.mark.parametrize("root_path", ["", "/proxy"])
def test_a_405_names_every_method_of_the_path(path: str, allow: str, root_path: str) -> None:
    """Routes of the app, of included routers and of what is mounted, wherever the app itself is."""
    client = TestClient(build(), root_path=root_path)

    response = client.options(root_path + path)

    assert (response.status_code, response.headers["allow"]) == (405, allow)


@pytest.mark.promise("problems-41")
def test_what_takes_every_method_hides_what_comes_after() -> None:
    """An endpoint that knows its own methods is believed, beside the routes before it, and those after it are not."""
    response = TestClient(build()).patch("/desk/1")

    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST, PUT")


@pytest.mark.promise("problems-41")
@pytest.mark.parametrize("headers", [None, {"allow": "GET"}, {"Retry-After": "1"}])
def test_an_endpoint_has_the_last_word(headers: dict[str, str] | None) -> None:
    """A 405 of the application's own is left as it is."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.post("/frozen")
    async def frozen() -> None:
        raise HTTPException(405, headers=headers)

    response = TestClient(app).post("/frozen")

    assert response.headers.get("allow") == (headers or {}).get("allow")
    assert response.headers.get("retry-after") == (headers or {}).get("Retry-After")
