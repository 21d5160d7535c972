"""``/openapi.json`` (OpenAPI 3.1), made from the models that validate: it can't say anything else than they."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from ...engine.services import idempotency
from .operation import Operation
from .public import Public, public_paths
from .values import Nothing, Optional, Shape

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "with 422: what is wrong with which field",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_KEY_PARAMETER: Json = {
    "name": idempotency.HEADER,
    "in": "header",
    "description": "The same key with the same request gets the same answer, for 24 hours.",
    "schema": {"type": "string", "pattern": f"^{idempotency.PATTERN}$"},
}
_REQUEST_ID: Json = {"schema": {"type": "string"}, "description": "the caller's own, or a new one"}
_CHALLENGE: Json = {"schema": {"type": "string", "const": "Bearer"}, "required": True}
_LOCATION: Json = {"schema": {"type": "string", "format": "uri-reference"}, "required": True}
_REPLAYED: Json = {
    "schema": {"type": "string", "const": "true"},
    "description": "with an answer that was given before",
}
_BLANK: Json = {"type": "string", "maxLength": 0}
_ALWAYS = {
    "400": "this is not HTTP, or the body is not JSON",
    "401": "no API key in force",
    "403": "the key lacks the scope",
    "404": "no such row for this tenant",
    "409": "it doesn't fit how things stand, or the Idempotency-Key is in use or was used for another request",
    "414": "the address is longer than 8190 bytes",
    "422": "a field or parameter is not as it must be",
    "431": "the headers are too large",
    "503": "database or Redis is away",
}
_POSTED = {
    "413": "the body is too large",
    "415": "the body is not application/json",
}


def document(operations: Sequence[Operation], version: str, did_method: str) -> Json:
    """The document of these operations and of everything public. Takes a second."""
    schemas, references = _schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        described = _operation(operation, references)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    for public in public_paths(did_method):
        paths.setdefault(public.path, {})[public.method.lower()] = _public(public)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dxflow",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


_Mode = Literal["validation", "serialization"]
_References = Mapping[tuple[type[Shape], _Mode], Json]


def _schemas(operations: Iterable[Operation]) -> tuple[Json, _References]:
    wanted: set[tuple[type[Shape], _Mode]] = set()
    for operation in operations:
        wanted |= {
            (operation.query, "validation"),
            (operation.body, "validation"),
            (operation.answer, "serialization"),
        }
    ordered = sorted(wanted, key=lambda pair: (pair[0].__name__, pair[1]))
    found, definitions = models_json_schema(ordered, by_alias=True, ref_template=_REF)
    return definitions.get("$defs", {}), found  # type: ignore[return-value]  # pydantic says BaseModel, we gave Shapes


def _operation(operation: Operation, references: _References) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.name.partition("_")[0]],
        "security": [] if operation.scope is None else [{"key": [operation.scope]}],
        "parameters": _parameters(operation),
        "responses": _responses(operation, references[operation.answer, "serialization"]),
    }
    if operation.body is not Nothing:
        schema = references[operation.body, "validation"]
        needed = not issubclass(operation.body, Optional)
        described["requestBody"] = {"required": needed, "content": {"application/json": {"schema": schema}}}
    return described


def _parameters(operation: Operation) -> list[Json]:
    uuid = {"type": "string", "format": "uuid"}
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": uuid} for name in operation.parameters
    ]
    query = operation.query.model_json_schema(by_alias=True, ref_template=_REF)
    for name, schema in query.get("properties", {}).items():
        needed = name in query.get("required", ())
        described = schema if needed else _or_blank(schema)
        parameters.append({"name": name, "in": "query", "required": needed, "schema": described})
    return [*parameters, _KEY_PARAMETER] if operation.method == "POST" else parameters


def _or_blank(schema: Json) -> Json:
    """A query has no null; a parameter that may be left out may be left blank as well."""
    kinds = [kind for kind in schema.get("anyOf", [_without_notes(schema)]) if kind != {"type": "null"}]
    notes = {name: schema[name] for name in _NOTES if schema.get(name) is not None}
    return {"anyOf": [*kinds, _BLANK], **notes}


_NOTES = ("default", "description", "title")


def _without_notes(schema: Json) -> Json:
    return {name: value for name, value in schema.items() if name not in _NOTES}


def _responses(operation: Operation, answer: Json) -> Json:
    problems = {**_ALWAYS, **(_POSTED if operation.method == "POST" else {})}
    headers = {"X-Request-Id": _REQUEST_ID}
    if operation.status == HTTPStatus.CREATED:
        headers["Location"] = _LOCATION
    if operation.method == "POST":
        headers["Idempotency-Replayed"] = _REPLAYED
    content = {"application/json": {"schema": answer}}
    success = {"description": operation.summary, "headers": headers, "content": content}
    refusals = {status: _problem(text) for status, text in sorted(problems.items())}
    refusals["401"]["headers"] = {"WWW-Authenticate": _CHALLENGE}
    return {str(operation.status): success, **refusals}


def _public(public: Public) -> Json:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": public.schemas.get(name, {"type": "string"})}
        for name in public.parameters
    ]
    responses: Json = {}
    for status, meaning in public.answers.items():
        good = status < 400 or public.own_errors
        content: Json = {media_type: {} for media_type in public.media_types}
        responses[str(status)] = {"description": meaning, "content": content} if good else _problem(meaning)
    body: Json = {"requestBody": {"content": {"*/*": {}}}} if public.method == "POST" else {}
    return {
        **body,
        "operationId": public.name,
        "summary": public.summary,
        "tags": [public.tag],
        "security": [],
        "parameters": parameters,
        "responses": responses,
    }


def _problem(meaning: str) -> Json:
    schema = {"$ref": _REF.format(model="Problem")}
    return {"description": meaning, "content": {"application/problem+json": {"schema": schema}}}
