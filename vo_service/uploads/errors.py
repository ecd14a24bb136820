"""Errors of tables that come with a query.

::

    DaliError
        UploadRejected
            UploadMissing
            UploadExceeded
            FetchFailed
"""

from __future__ import annotations

from vo_service.dali.errors import DaliError

__all__ = ["FetchFailed", "UploadExceeded", "UploadMissing", "UploadRejected"]


class UploadRejected(DaliError):
    """An uploaded table cannot be used.

    Parameters
    ----------
    name
        Of the table, under TAP_UPLOAD.
    reason
        What is wrong and what to do.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the upload {name} cannot be used: {reason}", "UPLOAD", name, reason)


class UploadMissing(UploadRejected):
    """The part of the request that UPLOAD names is not there."""


class UploadExceeded(UploadRejected):
    """An uploaded table is larger than the service takes."""


class FetchFailed(UploadRejected):
    """The table of an address cannot be fetched, or may not be."""
