"""What OpenAPI says of credentials, where FastAPI cannot: both of two, or none at all, and where tokens are had.

FastAPI takes every security scheme that an operation's dependencies name for one more alternative. Dependencies that
know better carry ``__credentials__``, and the route that hands out tokens names its scheme in ``__token_endpoint__``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

Requirement = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a dependency wants to see, as its ``__credentials__``.

    Attributes:
        schemes: The names of the security schemes, any one of which will do.
        optional: Whether none will do as well.
    """

    schemes: tuple[str, ...]
    optional: bool = False


def state_credentials(operation: dict[str, Any], wanted: Iterable[Credentials]) -> None:
    """Write into an operation of the document what its dependencies want: one scheme of each of them.

    Schemes that nobody has marked stay the alternatives that FastAPI takes them for.
    """
    optional: dict[tuple[str, ...], bool] = {}
    for each in wanted:
        optional[each.schemes] = each.optional and optional.get(each.schemes, True)
    if not optional:
        return
    written: list[Requirement] = operation.get("security", [])
    scopes = {name: listed for requirement in written for name, listed in requirement.items()}
    marked = {name for schemes in optional for name in schemes}
    choices = [
        [*({name: scopes.get(name, [])} for name in schemes), *([{}] if may_be_left_out else [])]
        for schemes, may_be_left_out in optional.items()
    ]
    operation["security"] = [
        *({name: listed for part in parts for name, listed in part.items()} for parts in product(*choices)),
        *(requirement for requirement in written if marked.isdisjoint(requirement)),
    ]


def state_token_endpoint(document: dict[str, Any], scheme: str, path: str) -> None:
    """Write into the password flow of a scheme where its tokens are had and refreshed.

    Args:
        document: The OpenAPI document.
        scheme: The name of the scheme.
        path: The path of the route; it is written relative to the page that shows the document, as FastAPI does.
    """
    described = document.get("components", {}).get("securitySchemes", {}).get(scheme, {})
    flow: dict[str, Any] | None = described.get("flows", {}).get("password")
    if flow is not None:
        flow["tokenUrl"] = flow["refreshUrl"] = path.lstrip("/")
