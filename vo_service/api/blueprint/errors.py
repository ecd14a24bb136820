"""Errors of the services as the documents of the API; what is not here is answered as anywhere."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from registry.errors import (
    AccountNotFound,
    AnnotationRejected,
    MandatoryColumnsMissing,
    ProductConflict,
    ProductNotFound,
    RegistrationFailed,
    ReleaseNotFound,
    StorageFull,
    UploadTooLarge,
    ValueRefused,
)
from registry.formats.readers.choice import FileChoiceNeeded
from registry.formats.writers.errors import UnsupportedFormat
from vo_service.api.blueprint.answers import json_error, known_error, object_answer
from vo_service.api.errors import ApiError
from vo_service.api.processes import ProcessNotFound, ProcessRefused
from vo_service.http.errors import install_errors

__all__ = ["install_api_errors"]

_SENTENCE: tuple[tuple[type[Exception], int], ...] = (
    (ReleaseNotFound, 404),
    (AccountNotFound, 404),
    (ProcessNotFound, 404),
    (ProductConflict, 409),
    (UploadTooLarge, 413),
    (StorageFull, 507),
)
"""Errors of which one sentence is said."""


def install_api_errors(blueprint: Blueprint) -> None:
    """Let errors of the views be answered."""
    install_errors(blueprint, json_error)
    blueprint.register_error_handler(ApiError, known_error)
    for kind, status in _SENTENCE:
        blueprint.register_error_handler(kind, _sentence_handler(status))
    blueprint.register_error_handler(ValueRefused, _field_error)

    @blueprint.errorhandler(ProductNotFound)
    def tell_no_product(error: ProductNotFound) -> Response:
        if type(error) is ProductNotFound:
            return json_error("No Product matches the given query.", 404)
        return json_error(_capitalised(error), 404)

    @blueprint.errorhandler(ProcessRefused)
    def refuse_process(error: ProcessRefused) -> Response:
        return object_answer({name: list(said) for name, said in error.problems.items()}, 400)

    @blueprint.errorhandler(AnnotationRejected)
    def refuse_annotation(error: AnnotationRejected) -> Response:
        return object_answer({"non_field_errors": list(error.report)}, 400)

    @blueprint.errorhandler(MandatoryColumnsMissing)
    def tell_missing_columns(error: MandatoryColumnsMissing) -> Response:
        return object_answer(str(error), 406)

    @blueprint.errorhandler(RegistrationFailed)
    def tell_failure(error: RegistrationFailed) -> Response:
        return object_answer({"error": f"{_capitalised(error)}{_choice(error.option)}"}, 400)

    @blueprint.errorhandler(FileChoiceNeeded)
    def tell_choice(error: FileChoiceNeeded) -> Response:
        return json_error(f"{_capitalised(error)}{_choice(error.option)}", 400)

    @blueprint.errorhandler(UnsupportedFormat)
    def refuse_format(error: UnsupportedFormat) -> Response:
        known = ", ".join(error.accepted)
        return object_answer({"format": [f"{error.requested[:40]!r} is none of {known}."]}, 400)


def _sentence_handler(status: int) -> Callable[[Exception], Response]:
    return lambda error: json_error(_capitalised(error), status)


def _field_error(error: ValueRefused) -> Response:
    return object_answer({error.field: [_capitalised(error)]}, 400)


def _choice(option: str | None) -> str:
    """Say how the table of a file is chosen here."""
    if option is None:
        return ""
    return (
        f"; choose with the field {option} when the file is uploaded, or with the parameter "
        f"{option} of registry/; where neither can be sent, upload a file that holds the one table"
    )


def _capitalised(error: Exception) -> str:
    message = str(error)
    return message[:1].upper() + message[1:]
