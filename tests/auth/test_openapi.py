"""OpenAPI: the schemes in use, what each operation wants to see, and what it can answer."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBasic
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from brickwork._core.credentials import Credentials, state_credentials, state_token_endpoint
from brickwork.auth import Auth, MemoryUserStore, QueryTransport
from brickwork.problems import add_problem_handlers
from tests.auth.site import HASHER, SECRET

SCOPES = {"orders:read": "Read your orders", "orders:write": "Change your orders"}
Document = dict[str, Any]
Routes = Callable[[FastAPI, Auth[Any]], None]


def made(*, handlers: bool = True, **options: Any) -> tuple[FastAPI, Auth[Any]]:
    """Make an app with handlers and an `Auth`."""
    app = FastAPI()
    auth = Auth(MemoryUserStore(), **{"secret": SECRET, "hasher": HASHER, "scopes": SCOPES, **options})
    if handlers:
        add_problem_handlers(app)
    return app, auth


def get(app: FastAPI, path: str, *dependencies: Any) -> None:
    """Add a route with dependencies."""
    app.get(path, dependencies=list(dependencies))(lambda: None)


def operation(app: FastAPI, path: str) -> Document:
    """Give what the document says of a route."""
    found: Document = app.openapi()["paths"][path]["get"]
    return found


def security(app: FastAPI, path: str) -> Any:
    """Give what an operation wants to see."""
    return operation(app, path).get("security")


@pytest.mark.promise("auth-157")
def test_the_password_flow_shows_its_addresses_and_scopes() -> None:
    """The scheme of the header is OAuth 2.0 with tokenUrl, refreshUrl and the scopes there are."""
    app, auth = made()
    get(app, "/who", Depends(auth.user))

    schemes = app.openapi()["components"]["securitySchemes"]

    flow = {"tokenUrl": "auth/token", "refreshUrl": "auth/token", "scopes": SCOPES}
    assert schemes == {"OAuth2": {"type": "oauth2", "flows": {"password": flow}}}


@pytest.mark.promise("auth-157")
@pytest.mark.parametrize(("prefix", "url"), [("/auth", "auth/token"), ("/v1/login", "v1/login/token")])
def test_the_addresses_are_those_of_the_router(prefix: str, url: str) -> None:
    """Wherever the router is included, the document finds its token endpoint."""
    app, auth = made()
    outer = APIRouter()
    outer.include_router(auth.router())
    app.include_router(outer, prefix=prefix)

    flow = app.openapi()["components"]["securitySchemes"]["OAuth2"]["flows"]["password"]

    assert (flow["tokenUrl"], flow["refreshUrl"]) == (url, url)


@pytest.mark.promise("auth-157")
def test_an_address_that_was_given_stays() -> None:
    """Behind a gateway the application knows better."""
    app, auth = made(token_url="https://login.example/token")
    app.include_router(auth.router(), prefix="/auth")

    flow = app.openapi()["components"]["securitySchemes"]["OAuth2"]["flows"]["password"]

    assert flow["tokenUrl"] == "https://login.example/token"


@pytest.mark.promise("auth-158")
@pytest.mark.parametrize("handlers", [True, False])
def test_the_schemes_are_those_in_use(handlers: bool) -> None:
    """Header, cookie, query and API key appear when they are on and asked for, and not before."""
    transports = ["header", "cookie", "websocket", QueryTransport("token")]
    app, auth = made(transports=transports, handlers=handlers)
    get(app, "/open")
    without = app.openapi().get("components", {}).get("securitySchemes")
    app.openapi_schema = None
    get(app, "/who", Depends(auth.user))
    get(app, "/key", auth.require_key())

    schemes = app.openapi()["components"]["securitySchemes"]

    assert without is None
    assert {name: each["type"] for name, each in schemes.items()} == {
        "OAuth2": "oauth2",
        "Cookie": "apiKey",
        "Query": "apiKey",
        "ApiKey": "apiKey",
    }
    assert schemes["Cookie"] == {"type": "apiKey", "in": "cookie", "name": "__Host-access"}
    assert schemes["ApiKey"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}


def test_a_service_that_only_verifies_shows_bearer_tokens() -> None:
    """There is no flow to show: its tokens come from elsewhere."""
    app, auth = made(tokens=None)
    get(app, "/who", Depends(auth.user))

    schemes = app.openapi()["components"]["securitySchemes"]

    assert schemes == {"Bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}


def test_the_schemes_of_two_auths_are_told_apart() -> None:
    """The realm is a part of their names."""
    app, auth = made()
    _, other = made(realm="back office")
    get(app, "/who", Depends(auth.user), Depends(other.user))

    assert security(app, "/who") == [{"OAuth2": [], "OAuth2-back-office": []}]


@pytest.mark.promise("auth-159")
@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (lambda auth: [Depends(auth.user)], [{"OAuth2": []}]),
        (lambda auth: [Depends(auth.claims)], [{"OAuth2": []}]),
        (lambda auth: [auth.require(scopes="orders:read")], [{"OAuth2": ["orders:read"]}]),
        (
            lambda auth: [auth.require(scopes="orders:write"), auth.require(scopes="orders:read")],
            [{"OAuth2": ["orders:write", "orders:read"]}],
        ),
        (
            lambda auth: [auth.require(any_of=[auth.require(scopes="orders:read"), auth.require(roles="admin")])],
            [{"OAuth2": []}],
        ),
        (lambda auth: [Depends(auth.optional_user)], [{"OAuth2": []}, {}]),
        (lambda auth: [Depends(auth.optional_user), Depends(auth.user)], [{"OAuth2": []}]),
        (lambda auth: [Depends(auth.optional_api_key)], [{"ApiKey": []}, {}]),
        (lambda auth: [Depends(auth.optional_api_key), Depends(auth.api_key)], [{"ApiKey": []}]),
        (
            lambda auth: [Depends(auth.optional_user), Depends(auth.optional_api_key)],
            [{"OAuth2": [], "ApiKey": []}, {"OAuth2": []}, {"ApiKey": []}, {}],
        ),
        (lambda auth: [Depends(auth.user), Depends(auth.api_key)], [{"OAuth2": [], "ApiKey": []}]),
        (
            lambda auth: [Depends(auth.optional_user), auth.require_key(scopes="orders:read")],
            [{"OAuth2": [], "ApiKey": ["orders:read"]}, {"ApiKey": ["orders:read"]}],
        ),
        (lambda auth: [Depends(auth.user), Depends(HTTPBasic())], [{"OAuth2": []}, {"HTTPBasic": []}]),
        (lambda _auth: [Depends(HTTPBasic())], [{"HTTPBasic": []}]),
        (lambda _auth: [], None),
    ],
)
def test_an_operation_names_what_it_wants(wanted: Callable[[Auth[Any]], list[Any]], said: Any) -> None:
    """Scopes by name; user and key together are one requirement; an optional user may be left out."""
    app, auth = made()
    get(app, "/it", *wanted(auth))

    assert security(app, "/it") == said


@pytest.mark.promise("auth-159")
def test_several_transports_are_alternatives() -> None:
    """Any of them will do, each with the scopes."""
    app, auth = made(transports=["header", "cookie"])
    get(app, "/it", auth.require(scopes="orders:read"), Depends(auth.api_key))

    assert security(app, "/it") == [
        {"OAuth2": ["orders:read"], "ApiKey": []},
        {"Cookie": ["orders:read"], "ApiKey": []},
    ]


@pytest.mark.promise("auth-160")
@pytest.mark.parametrize(
    ("wanted", "statuses"),
    [
        (lambda auth: Depends(auth.user), {"400", "401", "503"}),
        (lambda auth: Depends(auth.optional_user), {"400", "401", "503"}),
        (lambda auth: auth.require(roles="admin"), {"400", "401", "403", "503"}),
        (lambda auth: auth.require(any_of=[auth.require(scopes="orders:read")]), {"400", "401", "403", "503"}),
        (lambda auth: auth.require(fresh=60), {"400", "401", "503"}),
        (lambda auth: Depends(auth.api_key), {"400", "401", "503"}),
        (lambda auth: auth.require_key(scopes="orders:read"), {"400", "401", "403", "503"}),
    ],
)
def test_what_dependencies_answer_is_documented(wanted: Callable[[Auth[Any]], Any], statuses: set[str]) -> None:
    """400, 401, 403 and 503 stand where a dependency can answer them, as problems."""
    app, auth = made()
    get(app, "/it", wanted(auth))

    responses = operation(app, "/it")["responses"]

    assert {status for status in responses if status in {"400", "401", "403", "503"}} == statuses
    assert "application/problem+json" in responses["401"]["content"]


def test_a_csrf_refusal_is_documented_where_cookies_are_on() -> None:
    """403 stands there although nobody demanded anything of the user."""
    app, auth = made(transports=["cookie"])
    get(app, "/it", Depends(auth.user))

    assert "403" in operation(app, "/it")["responses"]


@pytest.mark.promise("auth-161")
@pytest.mark.parametrize("handlers", [True, False])
@pytest.mark.parametrize("transports", [["header"], ["cookie"], ["header", "cookie", QueryTransport("t")]])
def test_the_document_is_valid(transports: list[Any], handlers: bool) -> None:
    """With the router and every kind of dependency, it is an OpenAPI 3.1 document."""
    app, auth = made(transports=transports, handlers=handlers)
    app.include_router(auth.router(), prefix="/auth")
    get(app, "/a", Depends(auth.optional_user), auth.require_key(scopes="orders:read"))
    get(app, "/b", auth.require(scopes="orders:read", roles="admin", fresh=60), Depends(auth.claims))

    validate(app.openapi(), cls=OpenAPIV31SpecValidator)


def test_a_document_without_the_scheme_is_left_alone() -> None:
    """A token endpoint whose scheme nothing asks for has no flow to correct."""
    document: Document = {"paths": {}}

    state_token_endpoint(document, "OAuth2", "/token")

    assert document == {"paths": {}}


def test_credentials_of_equal_schemes_are_one() -> None:
    """Two dependencies that take the same schemes are satisfied by one."""
    document: Document = {"security": [{"A": ["x"]}, {"B": ["x"]}]}

    state_credentials(document, [Credentials(("A", "B"), optional=True), Credentials(("A", "B"))])

    assert document == {"security": [{"A": ["x"]}, {"B": ["x"]}]}


async def test_documented_dependencies_resolve_with_several_transports() -> None:
    """What only the document needs does nothing in a request."""
    _, auth = made(transports=["header", "cookie"])
    names = list(auth.user.__signature__.parameters)

    assert names == ["connection", "scheme_2"]
    annotation: Any = auth.user.__signature__.parameters["scheme_2"].annotation
    assert annotation == Annotated[None, Depends(annotation.__metadata__[0].dependency)]
    assert await annotation.__metadata__[0].dependency() is None
