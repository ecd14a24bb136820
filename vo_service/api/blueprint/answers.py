"""Answers: documents, errors, and how the API says them."""

from __future__ import annotations

import json

from flask import Response
from pydantic import BaseModel

from vo_service.api.errors import ApiError

__all__ = ["answer", "json_error", "known_error", "no_content"]

JSON_TYPE = "application/json"


def answer(document: BaseModel, status: int = 200) -> Response:
    """Answer with a document; what it holds depends on who asked."""
    body = document.model_dump_json()
    return _private(Response(body, status=status, content_type=JSON_TYPE))


def object_answer(document: object, status: int = 200) -> Response:
    """Answer with a document that has no model."""
    body = json.dumps(document, ensure_ascii=False)
    return _private(Response(body, status=status, content_type=JSON_TYPE))


def no_content() -> Response:
    """Answer that it is done."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return _private(response)


def json_error(message: str, status: int) -> Response:
    """Answer with one sentence about what went wrong."""
    return object_answer({"detail": message}, status)


def known_error(error: ApiError) -> Response:
    """Answer with the document of an error of the API."""
    response = object_answer(error.document, error.status)
    response.headers.extend(dict(error.headers))
    return response


def _private(response: Response) -> Response:
    response.vary.update(("Authorization", "Cookie"))
    response.headers["Cache-Control"] = "private, no-cache"
    return response
