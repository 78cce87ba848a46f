"""What a route declares, and the pages behind the type URIs."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, params
from starlette.exceptions import HTTPException
from starlette.responses import Response

from .._core.negotiation import wants_page
from .._core.openapi import answers, problems_of
from .._core.page import LINKED_POLICY, STYLE, definitions, escape, page
from .._core.problem import Problem, phrase
from .._core.registry import ProblemRegistry
from .._core.renderer import ProblemRenderer, encode, renderer_of
from .._core.schema import described, example, plain, problem_schema, wire_name

_PAGE_HEADERS: Final = {
    "Cache-Control": "public, max-age=300",
    "Content-Security-Policy": LINKED_POLICY,
    "Vary": "Accept",
}
_JSON_HEADERS: Final = {"Cache-Control": "public, max-age=300", "Vary": "Accept"}


def raises(*sources: Any) -> dict[int | str, dict[str, Any]]:
    """Declare what a route can refuse: its ``responses=``, with schema and example of each problem.

    ```python
    from fastapi import FastAPI

    from brickwork.problems import Problem, raises

    class OutOfStockError(Problem, status=409, slug="out-of-stock"):
        available: int

    app = FastAPI()

    @app.post("/orders", responses=raises(OutOfStockError, 404))
    async def order() -> None: ...
    ```

    Args:
        *sources: Problem classes; statuses, for a plain `HTTPException`; dependencies that declare what they can
            refuse, as those of Brickwork do, alone or in ``Depends``.

    Raises:
        TypeError: One of them declares nothing.
        ValueError: A status is no error.
    """
    return answers(problem for source in sources for problem in _declared(source))


def _declared(source: Any) -> Iterable[type[Problem]]:
    declaring: Any = source.dependency if isinstance(source, params.Depends) else source
    problems: Iterable[type[Problem]] | None = getattr(declaring, "__problems__", None)
    if problems is not None:
        return problems
    if isinstance(source, type) and issubclass(source, Problem):
        return [source]
    if isinstance(source, int) and not isinstance(source, bool):
        return [plain(source)]
    raise TypeError(f"raises({source!r}): name a problem class, a status, or a dependency that has __problems__")


def problem_registry(app: FastAPI) -> ProblemRegistry:
    """Gather every problem type that ``app`` is known to answer: of its routes, their dependencies and the handlers.

    Raises:
        ValueError: Two of them have one slug.
    """
    return problems_of(app)


def problem_router() -> APIRouter:
    """Make the router of the pages behind the type URIs: a list of all problem types, and one page for each.

    Include it where `add_problem_handlers` says the types are: ``base_uri="https://api.example/problems/"`` goes with
    ``app.include_router(problem_router(), prefix="/problems")``. A browser gets HTML, a program JSON. The pages need
    no script and stay within a strict Content-Security-Policy.
    """
    router = APIRouter(include_in_schema=False)
    for path, endpoint, name in (
        ("/", _index, "problems"),
        ("/style.css", _style, "problem_style"),
        ("/{slug}", _one, "problem"),
    ):
        router.add_api_route(path, endpoint, methods=["GET", "HEAD"], name=name)
    return router


async def _style() -> Response:
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=300"})


async def _index(request: Request) -> Response:
    app: FastAPI = request.app
    registry, renderer = problems_of(app), renderer_of(app)
    if wants_page(request.scope["headers"]):
        return _page(f"Problems · {app.title}", _index_body(app.title, registry))
    return _json({"problems": [_facts(problem, renderer) for problem in registry]})


async def _one(slug: str, request: Request) -> Response:
    app: FastAPI = request.app
    problem, renderer = problems_of(app).get(slug), renderer_of(app)
    if problem is None:
        raise HTTPException(404, "There is no problem type of this name.")
    if wants_page(request.scope["headers"]):
        return _page(f"{problem.title} · {app.title}", _problem_body(problem, renderer))
    return _json({**_facts(problem, renderer), "schema": problem_schema(problem, renderer)})


def _facts(problem: type[Problem], renderer: ProblemRenderer) -> dict[str, Any]:
    return {
        "type": renderer.type_uri(problem.slug),
        "slug": problem.slug,
        "title": problem.title,
        "status": problem.status,
        "description": described(problem)[0],
    }


def _json(content: object) -> Response:
    return Response(encode(content), media_type="application/json", headers=_JSON_HEADERS)


def _page(title: str, body: str) -> Response:
    # The links are relative, so that the pages stand anywhere: below a prefix, a mount or a root_path.
    return Response(page(title, body, stylesheet="style.css"), media_type="text/html", headers=_PAGE_HEADERS)


def _index_body(title: str, registry: ProblemRegistry) -> str:
    cards = "".join(
        f'<li><a class="card" href="{escape(problem.slug)}"><span class="status">{problem.status}</span>'
        f'<strong>{escape(problem.title)}</strong><span class="soft">{escape(_first_sentence(problem))}</span></a></li>'
        for problem in sorted(registry, key=lambda each: (each.status, str(each.slug)))
    )
    return (
        f'<span class="status">{escape(title)}</span>\n<h1>What can go wrong</h1>\n'
        '<p class="lead">Every error of this API is a problem document, as RFC 9457 describes it. '
        f'These are the types that its <code>type</code> can name.</p>\n<ul class="list">{cards}</ul>'
    )


def _first_sentence(problem: type[Problem]) -> str:
    return described(problem)[0].partition("\n\n")[0]


def _words(schema: dict[str, Any], note: str | None) -> Iterator[str]:
    """Say of a member what it is, where one word tells, and what it is for."""
    if isinstance(schema.get("type"), str):
        yield schema["type"]
    if note:
        yield note


def _problem_body(problem: type[Problem], renderer: ProblemRenderer) -> str:
    description, notes = described(problem)
    shown = json.dumps(example(problem, renderer), indent=2)
    parts = [
        f'<span class="status">{problem.status} {escape(phrase(problem.status))}</span>',
        f"<h1>{escape(problem.title)}</h1>",
        *(f'<p class="lead">{escape(paragraph)}</p>' for paragraph in description.split("\n\n") if paragraph),
        f'<p class="soft">Type: <code>{escape(renderer.type_uri(problem.slug))}</code></p>',
    ]
    if problem.__members__:
        kinds = problem_schema(problem)["properties"]
        wired = {name: wire_name(problem, name) for name in problem.__members__}
        members = ((wire, " · ".join(_words(kinds[wire], notes.get(name)))) for name, wire in wired.items())
        parts += ["<h2>Members of its own</h2>", definitions(members)]
    parts += [
        "<h2>For example</h2>",
        f'<pre tabindex="0"><code>{escape(shown)}</code></pre>',
        '<p><a href="./">All problem types</a></p>',
    ]
    return "\n".join(parts)
