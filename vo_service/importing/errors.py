"""Errors of copying from a Photo-z Server.

The tree::

    ImportingError
        ImportRefused
        SourceRefused
            SourceUnreachable
"""

from __future__ import annotations

__all__ = ["ImportRefused", "ImportingError", "SourceRefused", "SourceUnreachable"]


class ImportingError(Exception):
    """Products cannot be copied."""


class ImportRefused(ImportingError):
    """What was asked for cannot be done here."""


class SourceRefused(ImportingError):
    """The server answers with an error, or with what no Photo-z Server answers.

    Parameters
    ----------
    message
        What is wrong.
    status
        Of HTTP, if it was that.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class SourceUnreachable(SourceRefused):
    """The server does not answer at all; later it may."""
