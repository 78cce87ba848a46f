"""What a socket speaks, as an AsyncAPI document."""

import json
from collections.abc import Collection, Sequence
from copy import deepcopy
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

if TYPE_CHECKING:
    from .router import MessageRouter

Document = dict[str, Any]

_CHANNEL: Final = "socket"
_ID: Final[Document] = {
    "description": "Names the message, so that it is answered, and handled once however often it comes.",
    "anyOf": [{"type": "string", "maxLength": 64}, {"type": "integer"}],
}
_RE: Final[Document] = {
    "description": "The `id` of the message that this one answers.",
    "anyOf": [{"type": "string", "maxLength": 64}, {"type": "integer"}],
}
_OURS: Final[Document] = {
    "Ack": {
        "description": "A message was handled, and there is nothing to say of it.",
        "type": "object",
        "properties": {"type": {"type": "string", "const": "ack"}, "re": _RE},
        "required": ["type", "re"],
    },
    "Error": {
        "description": "A message was not handled; the members are those of a problem document (RFC 9457).",
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": "error"},
            "status": {"description": "The HTTP status that says it best.", "type": "integer"},
            "title": {"description": "What is wrong in general.", "type": "string"},
            "detail": {"description": "What is wrong this time.", "type": "string"},
            "re": _RE,
            "problem": {"description": "Names the problem type.", "type": "string", "format": "uri-reference"},
            "retry_after": {"description": "Seconds after which to try again.", "type": "number"},
            "errors": {
                "description": "What in the message is not as it should be.",
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "detail": {"type": "string"},
                        "code": {"description": "The same for programs.", "type": "string"},
                        "pointer": {"description": "Where: a JSON Pointer (RFC 6901).", "type": "string"},
                    },
                    "required": ["detail", "code"],
                },
            },
        },
        "required": ["type", "status", "title"],
    },
}  # fmt: skip


def document(
    messages: "MessageRouter", *, title: str, version: str, address: str, sends: Sequence[type[BaseModel]]
) -> Document:
    """Describe a socket; `MessageRouter.asyncapi` says more."""
    routes = messages.routes()
    received = [route.reader.model for route in routes.values()]
    sent = [*(model for route in routes.values() for model in route.handler.replies), *sends]
    schemas = _Schemas(messages.discriminator, received, sent)
    operations: Document = {}
    for tag, route in routes.items():
        handler = route.handler
        replies = [*map(schemas.sent, handler.replies), *[schemas.ack] * handler.may_be_silent, schemas.error]
        operations[tag] = _operation("receive", getdoc(handler.call), [schemas.received(route.reader.model)], replies)
    for model in dict.fromkeys(sends):
        name = schemas.sent(model)
        operations[_free(f"send{name}", operations)] = _operation("send", None, [name])
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version},
        "defaultContentType": "application/json",
        "channels": {
            _CHANNEL: {
                "address": address,
                "messages": {name: _to("components", "messages", name) for name in schemas.messages},
                "bindings": {"ws": {}},
            }
        },
        "operations": operations,
        "components": {"messages": schemas.messages, "schemas": schemas.schemas},
    }


class _Schemas:
    """The messages of a document, and their schemas."""

    def __init__(self, discriminator: str, received: list[type[BaseModel]], sent: list[type[BaseModel]]) -> None:
        wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
        wanted.extend((model, "validation") for model in received)
        wanted.extend((model, "serialization") for model in sent)
        self._found, definitions = models_json_schema(
            wanted, ref_template=_schema("{model}")["$ref"], schema_generator=_Generator
        )
        self._definitions: Document = definitions.get("$defs", {})
        self.messages: Document = {}
        for model in received:
            payload = self._add(model, "validation", "id", _ID)
            if discriminator not in payload.get("required", ()):
                payload["required"] = [discriminator, *payload.get("required", ())]
        for model in sent:
            self._add(model, "serialization", "re", _RE)
        self.ack, self.error = (self._add_own(name) for name in ("Ack", "Error"))
        # What is a message only, and no part of another, stands with the message.
        written = json.dumps([self._definitions, self.messages])
        self.schemas = {
            name: schema for name, schema in self._definitions.items() if f'"{_schema(name)["$ref"]}"' in written
        }

    def received(self, model: type[BaseModel]) -> str:
        """Give the name of a message that clients send."""
        return self._name(model, "validation")

    def sent(self, model: type[BaseModel]) -> str:
        """Give the name of a message that the server sends."""
        return self._name(model, "serialization")

    def _name(self, model: type[BaseModel], mode: JsonSchemaMode) -> str:
        return str(self._found[model, mode]["$ref"]).rpartition("/")[2]

    def _add(self, model: type[BaseModel], mode: JsonSchemaMode, member: str, meaning: Document) -> Document:
        """Add a message, whose payload has a member more than the model; gives the payload."""
        name = self._name(model, mode)
        if name not in self.messages:
            payload = deepcopy(self._definitions[name])
            title, text = payload.get("title", name), payload.get("description")
            self.messages[name] = {"name": name, "title": title, **_described(text), "payload": payload}
        found: Document = self.messages[name]["payload"]
        found.setdefault("properties", {}).setdefault(member, deepcopy(meaning))
        return found

    def _add_own(self, kind: str) -> str:
        name = _free(kind, self.messages)
        self.messages[name] = {"name": name, "title": kind, "payload": deepcopy(_OURS[kind])}
        return name


class _Generator(GenerateJsonSchema):
    """Writes what AsyncAPI takes: there a discriminator is a text, and the alternatives say enough without it."""

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Write a union whose branches are told by a tag."""
        written = super().tagged_union_schema(schema)
        written.pop("discriminator", None)
        return written


def _operation(action: str, text: str | None, messages: list[str], replies: list[str] | None = None) -> Document:
    channel = _to("channels", _CHANNEL)
    found: Document = {"action": action, "channel": channel, **_described(text), "messages": _on_channel(messages)}
    if replies:
        found["reply"] = {"channel": channel, "messages": _on_channel(replies)}
    return found


def _on_channel(names: list[str]) -> list[Document]:
    return [_to("channels", _CHANNEL, "messages", name) for name in names]


def _to(*path: str) -> Document:
    return {"$ref": "/".join(("#", *path))}


def _schema(name: str) -> Document:
    return _to("components", "schemas", name)


def _described(text: str | None) -> Document:
    return {"description": text} if text else {}


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
