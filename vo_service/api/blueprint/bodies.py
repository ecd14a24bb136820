"""Bodies of requests as typed documents, whichever way they were sent."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

from flask import request
from pydantic import BaseModel, ValidationError

from vo_service.api.errors import InvalidFields, UnsupportedBody
from vo_service.http.bodies import refuse_cut_form

__all__ = ["arguments", "parse", "read_body"]

Model = TypeVar("Model", bound=BaseModel)

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

_SENTENCES = {
    "missing": "This field is required.",
    "string_too_short": "This field may not be blank.",
    "string_unicode": "This is no valid text.",
    "bool_parsing": "Must be a valid boolean.",
    "bool_type": "Must be a valid boolean.",
    "int_parsing": "A valid integer is required.",
    "int_type": "A valid integer is required.",
    "int_from_float": "A valid integer is required.",
    "int_parsing_size": "A valid integer is required.",
    "string_type": "Not a valid string.",
    "list_type": "Give a list.",
    "dict_type": "Give an object.",
}
"""Sentences of the Photo-z Server for what may be wrong with a value."""


def arguments() -> dict[str, str]:
    """Give the query string of the request at hand; of several values with one name the last.

    Raises
    ------
    InvalidFields
        If a value has characters that no text has.
    """
    found = {name: values[-1] for name, values in request.args.lists()}
    for name, value in found.items():
        if "\x00" in value:
            raise InvalidFields({name[:80]: ["Null characters are not allowed."]})
    return found


def read_body(model: type[Model], *, first_only: bool = False) -> Model:
    """Read the body of the request at hand: JSON, or a form.

    Parameters
    ----------
    model
        What is expected.
    first_only
        Whether an error has one sentence per field.

    Raises
    ------
    InvalidFields
        If it is not what is expected.
    UnsupportedBody
        If the body is of another kind.
    """
    return parse(model, _sent(model), first_only=first_only)


def parse(model: type[Model], sent: Mapping[str, Any], *, first_only: bool = False) -> Model:
    """Make a typed document of what was sent.

    Raises
    ------
    InvalidFields
        If that cannot be.
    """
    try:
        found = model.model_validate(sent)
    except ValidationError as error:
        raise InvalidFields(_problems(error), first_only=first_only) from error
    return found


def _sent(model: type[BaseModel]) -> Mapping[str, Any]:
    kind = request.mimetype
    if kind in _FORMS:
        lists = request.form.to_dict(flat=False)
        refuse_cut_form()
        return {
            name: values if _is_list(model, name) else values[-1] for name, values in lists.items()
        }
    body = request.get_data()
    if not body.strip():
        return {}
    if kind != "application/json":
        known = ", ".join(("application/json", *_FORMS))
        raise UnsupportedBody(f"Unsupported media type {kind[:80]!r} in request; use {known}.")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidFields({"detail": ["The body is not valid JSON."]}) from error
    if not isinstance(document, dict):
        raise InvalidFields({"non_field_errors": ["Invalid data. Give an object."]})
    return document


def _is_list(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    if field is None:
        return False
    kinds = (
        get_args(field.annotation)
        if get_origin(field.annotation) in (Union, types.UnionType)
        else (field.annotation,)
    )
    return any((get_origin(kind) or kind) is list for kind in kinds)


def _problems(error: ValidationError) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_context=True):
        place = problem["loc"]
        name = str(place[0])[:80] if place else "non_field_errors"
        problems.setdefault(name, []).append(_sentence(problem))
    return problems


def _sentence(problem: Mapping[str, Any]) -> str:
    kind = str(problem["type"])
    if problem.get("input") is None and kind != "missing":
        return "This field may not be null."
    if kind == "string_too_long":
        return f"Ensure this field has no more than {problem['ctx']['max_length']} characters."
    if kind == "value_error":
        return str(problem["msg"]).removeprefix("Value error, ")
    message = str(problem["msg"])
    return _SENTENCES.get(kind, f"{message[:1].upper()}{message[1:]}.")
