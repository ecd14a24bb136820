"""Errors of the registry package.

The tree::

    RegistryError
        ProductNotFound
        AmbiguousProduct
        AnnotationRejected(report)
        UnreadableFile
            UnsupportedFile
        StorageFull
        MetadataUnavailable
        UploadTooLarge
        TableExists
        NotAllowed
        UnsupportedFormat(requested, accepted)
        FormatLimit
        ResultIncomplete

None of them knows of HTTP: the service maps each class to a status and a document once.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AmbiguousProduct",
    "AnnotationRejected",
    "FormatLimit",
    "MetadataUnavailable",
    "NotAllowed",
    "ProductNotFound",
    "RegistryError",
    "ResultIncomplete",
    "StorageFull",
    "TableExists",
    "UnreadableFile",
    "UnsupportedFile",
    "UnsupportedFormat",
    "UploadTooLarge",
]


class RegistryError(Exception):
    """Root of every error that the registry package raises for its callers."""


class ProductNotFound(RegistryError):
    """Say that a product does not exist, or is hidden from the caller (same answer)."""


class AmbiguousProduct(RegistryError):
    """Say that a name means several products; the message lists their internal names."""


class AnnotationRejected(RegistryError):
    """Say that column annotations cannot be accepted, with every problem at once.

    Parameters
    ----------
    report
        The problems, one sentence each, in the order of the file's columns.
    """

    def __init__(self, report: Sequence[str]) -> None:
        self.report = tuple(report)
        super().__init__("\n".join(self.report))


class UnreadableFile(RegistryError):
    """Say that a file is damaged, or is not of the format that it claims."""


class UnsupportedFile(UnreadableFile):
    """Say that a file is of a kind that no reader takes: an image, an archive, a program."""


class StorageFull(RegistryError):
    """Say that the disk has no room for what was to be published; nothing of it was kept."""


class MetadataUnavailable(RegistryError):
    """Say that the metadata database cannot be reached now; it may be later."""


class UploadTooLarge(RegistryError):
    """Say that an upload passed the limit of bytes or of rows."""


class TableExists(RegistryError):
    """Say that a table with this name is already published."""


class NotAllowed(RegistryError):
    """Say that the caller may not do this to an object that the caller may see."""


class UnsupportedFormat(RegistryError):
    """Say that no writer serves the format that was asked for.

    Parameters
    ----------
    requested
        The value as the caller sent it.
    accepted
        Names that are served, the shortest of each format first.
    """

    def __init__(self, requested: str, accepted: Sequence[str]) -> None:
        self.requested = requested
        self.accepted = tuple(accepted)
        super().__init__(
            f"RESPONSEFORMAT {requested!r} is not supported; use one of: {', '.join(self.accepted)}"
        )


class FormatLimit(RegistryError):
    """Say that a result passes what the format that was asked for can hold."""


class ResultIncomplete(RegistryError):
    """Say that a result broke off in a format that has no place to tell so.

    The bytes already written are a prefix of the result: whoever sends them must cut the
    transfer (no terminating chunk), so that nobody takes the prefix for the whole.
    """
