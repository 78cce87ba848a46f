"""The JSON Schema of problems, and of the responses that carry them."""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import new_class
from typing import Any, get_type_hints

from fastapi.openapi.constants import REF_PREFIX
from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from .problem import Problem
from .renderer import ProblemRenderer, encode

Schema = dict[str, Any]

_REQUEST_ID = "0af7651916cd43dd8448eb211c80319c"
_INSTANCE = "urn:uuid:0af76519-16cd-43dd-8448-eb211c80319c"
_PLAIN = "Problem"
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+(?:\n {5,}.+)*)", re.MULTILINE)
_SAMPLES: dict[str, object] = {
    "string": "string", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}, "null": None,
}  # fmt: skip


class Schemas:
    """Collects the component schemas that problems need in one document.

    Args:
        renderer: Knows the type URIs, and whether another body goes out in place of the problem document.
        existing: The component schemas that the document has already.

    Attributes:
        added: What is to be added to them.
    """

    def __init__(self, renderer: ProblemRenderer, existing: Mapping[str, Schema]) -> None:
        self.renderer = renderer
        self.added: dict[str, Schema] = {}
        self._existing = existing
        self._references: dict[object, Schema] = {}

    def reference(self, problem: type[Problem]) -> Schema:
        """Give the ``$ref`` to the schema of a problem class."""
        plain = problem.slug is None and not problem.__members__
        key: object = _PLAIN if plain else problem
        if key not in self._references:
            # Every plain problem has one schema, whatever its status.
            name = _PLAIN if plain else problem.__name__
            schema = problem_schema(Problem if plain else problem, self.renderer)
            if plain:
                schema["properties"]["status"] = {"type": "integer", "minimum": 400, "maximum": 599}
            self._references[key] = self._place(name, schema)
        return self._references[key]

    def body(self) -> Schema:
        """Give the schema of what the renderer sends in place of problem documents; empty where it does not tell."""
        if "body" not in self._references:
            schema = _type_schema(_returned(self.renderer.render))
            self._references["body"] = self._place(str(schema.get("title", "Failure")), schema) if schema else {}
        return self._references["body"]

    def _place(self, name: str, schema: Schema) -> Schema:
        """Put a schema, and the definitions that came with it, under free names."""
        text = json.dumps(schema)
        definitions: dict[str, Schema] = schema.get("$defs", {})
        renamed = {inner: self._free(inner, each) for inner, each in definitions.items()}
        for inner, outer in renamed.items():
            text = text.replace(f'"#/$defs/{inner}"', f'"{REF_PREFIX}{outer}"')
        schema = json.loads(text)
        for inner, each in schema.pop("$defs", {}).items():
            self.added[renamed[inner]] = each
        free = self._free(name, schema)
        self.added[free] = schema
        return {"$ref": REF_PREFIX + free}

    def _free(self, name: str, schema: Schema) -> str:
        number = 1
        free = name
        while {**self._existing, **self.added}.get(free, schema) != schema:
            number += 1
            free = f"{name}{number}"
        return free


@cache
def plain(status: int) -> type[Problem]:
    """Give a problem class for a bare status, without a type of its own."""
    return new_class(f"Status{status}", (Problem,), {"status": status})


def answer(problems: Sequence[type[Problem]], schemas: Schemas | None = None) -> dict[str, Any]:
    """Give the response object of problems that share a status.

    Args:
        problems: One or more.
        schemas: Collects component schemas; without it schemas stand in the response itself.
    """
    renderer = schemas.renderer if schemas else ProblemRenderer()
    described = " or ".join(dict.fromkeys(problem.title for problem in problems))
    examples = {problem.slug or f"http-{problem.status}": _shown(problem, renderer) for problem in problems}
    headers = {name: dict(header) for problem in problems for name, header in problem.__headers__.items()}
    return {
        "description": described,
        **({"headers": headers} if headers else {}),
        "content": {renderer.media_type: {"schema": _choice(problems, schemas), "examples": examples}},
    }


def _choice(problems: Sequence[type[Problem]], schemas: Schemas | None) -> Schema:
    if schemas is not None and schemas.renderer.render is not None:
        return schemas.body()
    if schemas is None:
        choices = [_inlined(problem) for problem in problems]
    else:
        choices = [schemas.reference(problem) for problem in problems]
    choices = [choice for index, choice in enumerate(choices) if choice not in choices[:index]]
    if len(choices) == 1:
        return choices[0]
    # Documents of different types never match each other's schema; those without a type of their own may.
    untyped = sum(problem.slug is None for problem in problems)
    return {"anyOf" if untyped > 1 else "oneOf": choices}


def problem_schema(problem: type[Problem], renderer: ProblemRenderer | None = None) -> Schema:
    """Give the JSON Schema of a problem class's document, as it goes out; definitions under ``$defs``."""
    members = {name: _member_schema(kind) for name, kind in _kinds(problem).items()}
    definitions = {name: each for member in members.values() for name, each in member.pop("$defs", {}).items()}
    kind: Schema = {"type": "string", "format": "uri-reference"}
    if renderer is not None:
        kind["const"] = renderer.type_uri(problem.slug)
    schema: Schema = {
        "title": problem.__name__,
        "type": "object",
        "properties": {
            "type": kind,
            "title": {"type": "string", "examples": [problem.title]},
            "status": {"type": "integer", "const": problem.status},
            "detail": {"type": "string"},
            "instance": {"type": "string", "format": "uri-reference"},
            "request_id": {"type": "string"},
            **{wire_name(problem, name): member for name, member in members.items()},
        },
        "required": [
            *("type", "title", "status", "instance"),
            *(wire_name(problem, name) for name in members if not hasattr(problem, name)),
        ],
    }
    description, notes = described(problem)
    if description:
        schema["description"] = description
    for name in members.keys() & notes.keys():
        members[name].setdefault("description", notes[name])
    if definitions:
        schema["$defs"] = definitions
    return schema


def wire_name(problem: type[Problem], member: str) -> str:
    """Give the name under which a member goes out."""
    return problem.__wire_names__.get(member, member)


def described(problem: type[Problem]) -> tuple[str, dict[str, str]]:
    """Read a problem class's own docstring: what it says of the problem, and of each member under ``Attributes:``."""
    text = inspect.cleandoc(problem.__doc__ or "") if problem.slug is not None else ""
    said, _, rest = text.partition("Attributes:\n")
    paragraphs = [" ".join(paragraph.split()) for paragraph in said.split("\n\n") if paragraph.strip()]
    attributes = rest.partition("\n\n")[0]
    members = {found[1]: " ".join(found[2].split()) for found in _ATTRIBUTE.finditer(attributes)}
    return "\n\n".join(paragraphs), members


def _inlined(problem: type[Problem]) -> Schema:
    schema = problem_schema(problem)
    # A reference into the schema itself would be read as one into the document around it.
    if schema.pop("$defs", None):
        for name, member in schema["properties"].items():
            if '"$ref"' in json.dumps(member):
                schema["properties"][name] = {}
    return schema


def _kinds(problem: type[Problem]) -> dict[str, Any]:
    kinds = dict(problem.__members__)
    if any(isinstance(kind, str) for kind in kinds.values()):
        try:
            hints = get_type_hints(problem, include_extras=True)
        except NameError:
            hints = {}
        kinds = {name: hints.get(name, Any) for name in kinds}
    return kinds


def _member_schema(kind: Any) -> Schema:
    # As an item of a list, since a model by itself would be written out where it stands.
    schema = _type_schema(list[kind])
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {**schema.get("items", {}), **definitions}


def _type_schema(kind: Any) -> Schema:
    try:
        return TypeAdapter(kind).json_schema(mode="serialization")
    except PydanticUserError:
        return {}


def _returned(function: Any) -> Any:
    try:
        return get_type_hints(function, include_extras=True).get("return", Any)
    except (NameError, TypeError):
        return Any


def _shown(problem: type[Problem], renderer: ProblemRenderer) -> dict[str, Any]:
    document = example(problem, renderer)
    value = document if renderer.render is None else renderer.render(document)
    return {"summary": problem.title, "value": json.loads(encode(value))}


def example(problem: type[Problem], renderer: ProblemRenderer) -> dict[str, Any]:
    """Make up a document of a problem class."""
    document: dict[str, Any] = {
        "type": renderer.type_uri(problem.slug),
        "title": problem.title,
        "status": problem.status,
        "instance": _INSTANCE,
        "request_id": _REQUEST_ID,
    }
    for name, kind in _kinds(problem).items():
        if not hasattr(problem, name):
            schema = _member_schema(kind)
            document[wire_name(problem, name)] = _sample(schema, schema.get("$defs", {}))
    return document


def _sample(schema: Schema, definitions: Mapping[str, Schema]) -> object:
    """Make up a value that fits a schema well enough to be shown."""
    if "$ref" in schema:
        return _sample(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    given = [schema["const"]] if "const" in schema else schema.get("examples") or schema.get("enum")
    if given:
        return given[0]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _sample(choices[0], definitions)
    if "properties" in schema:
        return {name: _sample(schema["properties"][name], definitions) for name in schema.get("required", ())}
    return _SAMPLES.get(str(schema.get("type")))
