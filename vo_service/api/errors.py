"""Errors of the API, each with the document that clients of the Photo-z Server know.

The tree::

    ApiError
        InvalidFields(problems)      400  {"field": ["what is wrong"]}
        InvalidCredentials           400  {"non_field_errors": ["..."]}
        NotFound                     404  {"detail": "..."}
        Refused                      403  {"detail": "..."}
        TooManyRequests              429  {"detail": "..."}, with Retry-After
        RangeNotSatisfiable          416  {"detail": "..."}, with Content-Range
        UnsupportedBody              415  {"detail": "..."}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

__all__ = [
    "ApiError",
    "InvalidCredentials",
    "InvalidFields",
    "NotFound",
    "RangeNotSatisfiable",
    "Refused",
    "TooManyRequests",
    "UnsupportedBody",
]


class ApiError(Exception):
    """Root of the errors of the API.

    Attributes
    ----------
    status
        Of the answer.
    """

    status: ClassVar[int] = 400

    @property
    def document(self) -> object:
        """What the answer holds, as JSON."""
        return {"detail": str(self)}

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer says beside."""
        return {}


class InvalidFields(ApiError):
    """Say of fields of a request what is wrong with them.

    Parameters
    ----------
    problems
        Sentences by the name of the field.
    first_only
        Whether the document has the first sentence of a field alone, as for new products.
    """

    def __init__(self, problems: Mapping[str, Sequence[str]], *, first_only: bool = False) -> None:
        self.problems = {name: list(sentences) for name, sentences in problems.items()}
        self.first_only = first_only
        super().__init__("; ".join(f"{name}: {' '.join(s)}" for name, s in self.problems.items()))

    @property
    def document(self) -> object:
        """What the answer holds, as JSON."""
        if self.first_only:
            return {name: sentences[0] for name, sentences in self.problems.items()}
        return self.problems


class InvalidCredentials(ApiError):
    """Say that a name and a password do not fit."""

    def __init__(self) -> None:
        super().__init__("Unable to log in with provided credentials.")

    @property
    def document(self) -> object:
        """What the answer holds, as JSON."""
        return {"non_field_errors": [str(self)]}


class NotFound(ApiError):
    """Say that there is no such thing, or that it is hidden from the caller (same answer)."""

    status = 404


class Refused(ApiError):
    """Say that the caller may not do this."""

    status = 403


class TooManyRequests(ApiError):
    """Say that the caller asks too often.

    Parameters
    ----------
    retry_after_s
        Seconds, whole, after which the next request is answered.
    """

    status = 429

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            f"Request was throttled. Expected available in {retry_after_s} second"
            f"{'' if retry_after_s == 1 else 's'}."
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer says beside."""
        return {"Retry-After": str(self.retry_after_s)}


class RangeNotSatisfiable(ApiError):
    """Say that a part of a file was asked for that begins behind its end.

    Parameters
    ----------
    size_bytes
        Of the whole file.
    """

    status = 416

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        super().__init__(f"The range asked for is outside of the {size_bytes} bytes of the file.")

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer says beside."""
        return {"Content-Range": f"bytes */{self.size_bytes}"}


class UnsupportedBody(ApiError):
    """Say that the body of a request is of a kind that is not read here."""

    status = 415
