"""The description of the API (OpenAPI 3.1), made from the declarations of its operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from vo_service.api.models.base import Detail
from vo_service.api.operation import Access, Operation

__all__ = ["describe"]

_ERRORS = {
    400: "A field cannot be used; the document names it.",
    401: "Credentials are missing, or nobody holds them.",
    403: "The caller may not do this.",
    404: "There is no such thing, or it is hidden from the caller.",
    406: "Mandatory columns are not associated.",
    409: "This is not possible in the state in which the product is.",
    413: "The body is larger than is taken here.",
    415: "The body is of a kind that is not read here.",
    416: "The range is outside of the file.",
    429: "The caller asks too often; see Retry-After.",
    507: "The disk is full.",
}

_SECURITY = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The word Token, a space, and an access token.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The user name, and the password or an access token.",
    },
}

_Use = tuple[Any, Literal["validation", "serialization"]]
"""A model, and whether it is sent or answered."""

_References = Mapping[_Use, Any]
"""Where the schema of a model is, as it is sent or answered."""

_REFERENCE = "#/components/schemas/{model}"


def describe(
    operations: Iterable[Operation], *, title: str, version: str, server_url: str
) -> dict[str, Any]:
    """Make the description of operations.

    Parameters
    ----------
    operations
        All of the API.
    title, version
        Of the service.
    server_url
        Root of the API, without trailing slash.
    """
    declared = list(operations)
    references, definitions = _schemas(declared)
    paths: dict[str, dict[str, Any]] = {}
    for operation in declared:
        paths.setdefault(operation.template, {})[operation.method.lower()] = _operation(
            operation, references
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": server_url}],
        "paths": paths,
        "components": {"schemas": definitions, "securitySchemes": _SECURITY},
        "tags": [{"name": tag} for tag in dict.fromkeys(known.tag for known in declared)],
    }


def _schemas(
    declared: Iterable[Operation],
) -> tuple[_References, dict[str, Any]]:
    wanted: dict[_Use, None] = {(Detail, "serialization"): None}
    for operation in declared:
        if isinstance(operation.answer, type):
            wanted[operation.answer, "serialization"] = None
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
    references, document = models_json_schema(list(wanted), ref_template=_REFERENCE)
    return references, document.get("$defs", {})


def _operation(
    operation: Operation,
    references: _References,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _responses(operation, references),
        "security": _security(operation.access),
    }
    parameters = _parameters(operation)
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        schema = references[operation.body, "validation"]
        found["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema} for kind in operation.media_types},
        }
    if operation.deprecated:
        found["deprecated"] = True
    return found


def _responses(
    operation: Operation,
    references: _References,
) -> dict[str, Any]:
    answer = operation.answer
    good: dict[str, Any] = {"description": "Done."}
    if isinstance(answer, str):
        good["content"] = {answer: {}}
    elif answer is not None:
        schema = references[answer, "serialization"]
        good["content"] = {"application/json": {"schema": schema}}
    detail = {"application/json": {"schema": references[Detail, "serialization"]}}
    anything: dict[str, Any] = {"application/json": {"schema": {}}}
    statuses = sorted({*operation.errors, 401, 403, 429})
    return {str(operation.status): good} | {
        str(status): {
            "description": _ERRORS[status],
            "content": anything if status in (400, 404, 406) else detail,
        }
        for status in statuses
    }


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": kind} | ({"minimum": 0} if kind == "integer" else {"minLength": 1}),
        }
        for name, kind in operation.path_parameters
    ]
    in_query = [
        {
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": dict(parameter.schema),
        }
        for parameter in operation.query
    ]
    return in_path + in_query


def _security(access: Access) -> list[dict[str, list[str]]]:
    some: list[dict[str, list[str]]] = [{"token": []}, {"bearer": []}]
    if access is not Access.TOKEN:
        some.append({"basic": []})
    return [{}, *some] if access in (Access.PUBLIC, Access.READER) else some
