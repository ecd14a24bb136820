"""Errors of the registry package.

The tree::

    RegistryError
        ProductNotFound
            ProductFileNotFound
            ProductContentNotFound
        AmbiguousProduct
        AnnotationRejected(report)
        ValueRefused(field, message)
            ProductRefused
            AccountRejected
            ReleaseRejected
        ProductConflict
        MandatoryColumnsMissing(names)
        UnreadableFile
            UnsupportedFile
            RegistrationFailed(message, option)
        ReadingGivenUp
        StorageFull
        MetadataUnavailable
        UploadTooLarge
        TableExists
        TableDamaged
        HomeMismatch
        NotAllowed
            LoginRequired
        CredentialsRejected
        LoginsExceeded(retry_after_s)
        HostBusy(retry_after_s)
            ShareExceeded
        AccountNotFound
            UserNotFound
            UserDeactivated
            GroupNotFound
            TokenNotFound
        ReleaseNotFound
        UserTableError
            UserTableNotFound
            UserTableExists
            UserTableRefused
            UserTableChanged
            QuotaExceeded
        FormatLimit
        UnsupportedFormat, ResultIncomplete: with the writers that raise them

None of them knows of HTTP: the service maps each class to a status and a document once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

__all__ = [
    "AccountNotFound",
    "AccountRejected",
    "AmbiguousProduct",
    "AnnotationRejected",
    "CredentialsRejected",
    "FormatLimit",
    "GroupNotFound",
    "HomeMismatch",
    "HostBusy",
    "LoginRequired",
    "LoginsExceeded",
    "MandatoryColumnsMissing",
    "MetadataUnavailable",
    "NotAllowed",
    "ProductConflict",
    "ProductContentNotFound",
    "ProductFileNotFound",
    "ProductNotFound",
    "ProductRefused",
    "QuotaExceeded",
    "ReadingGivenUp",
    "RegistrationFailed",
    "RegistryError",
    "ReleaseNotFound",
    "ReleaseRejected",
    "ShareExceeded",
    "StorageFull",
    "TableDamaged",
    "TableExists",
    "TokenNotFound",
    "UnreadableFile",
    "UnsupportedFile",
    "UploadTooLarge",
    "UserDeactivated",
    "UserNotFound",
    "UserTableChanged",
    "UserTableError",
    "UserTableExists",
    "UserTableNotFound",
    "UserTableRefused",
    "ValueRefused",
]


class RegistryError(Exception):
    """Root of every error that the registry package raises for its callers."""


class ProductNotFound(RegistryError):
    """Say that a product does not exist, or is hidden from the caller (same answer)."""

    @classmethod
    def named(cls, asked: str | int) -> Self:
        """Word the answer, alike for what is hidden and what never was."""
        return cls(f"there is no product {asked!r}")


class ProductFileNotFound(ProductNotFound):
    """Say that a product has no such file, or that it is hidden from the caller."""

    @classmethod
    def named(cls, asked: str | int) -> Self:
        """Word the answer, alike for what is hidden and what never was."""
        return cls(f"there is no file {asked!r}")


class ProductContentNotFound(ProductNotFound):
    """Say that there is no such column association, or that it is hidden from the caller."""

    @classmethod
    def named(cls, asked: str | int) -> Self:
        """Word the answer, alike for what is hidden and what never was."""
        return cls(f"there is no column association {asked!r}")


class ValueRefused(RegistryError):
    """Say that a value cannot be taken.

    Parameters
    ----------
    field
        The value that is at fault, by its name in the API.
    message
        What is wrong with it, and what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class ProductRefused(ValueRefused):
    """Say that a value of a product, or a file for it, breaks a rule."""

    @classmethod
    def group(cls, name: str) -> ProductRefused:
        """Say that a product cannot be for a group, whether or not others know of it."""
        return cls("groups", f"there is no group {name[:150]!r} that you are in")


class ProductConflict(RegistryError):
    """Say that a product is not in the state in which this can be done to it."""


class MandatoryColumnsMissing(RegistryError):
    """Say which roles no column of a product plays, although its type demands them.

    Parameters
    ----------
    names
        The aliases, in the order of the type's definition.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"The column(s) was not filled in: {','.join(self.names)}")


class AmbiguousProduct(RegistryError):
    """Say that a name means several products; the message lists their internal names."""


class AnnotationRejected(RegistryError):
    """Say that column annotations cannot be accepted, with every problem at once.

    Parameters
    ----------
    report
        The problems, one sentence each, in the order of the file's columns.
    renamed
        Names of columns that the file does not have, with the most similar that it has.
    assignments
        Columns that look like roles which no column plays, with the role.
    """

    def __init__(
        self,
        report: Sequence[str],
        renamed: Mapping[str, str] | None = None,
        assignments: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.report = tuple(report)
        self.renamed = dict(renamed or {})
        self.assignments = tuple(assignments)
        super().__init__("\n".join(self.report))


class UnreadableFile(RegistryError):
    """Say that a file is damaged, or is not of the format that it claims."""


class UnsupportedFile(UnreadableFile):
    """Say that a file is of a kind that no reader takes: an image, an archive, a program."""


class RegistrationFailed(UnreadableFile):
    """Say why a main file cannot be registered, and which option may help; it is Failed now."""

    def __init__(self, message: str, option: str | None = None) -> None:
        self.option = option
        super().__init__(message)


class StorageFull(RegistryError):
    """Say that the disk has no room for what was to be published; nothing of it was kept."""


class MetadataUnavailable(RegistryError):
    """Say that the metadata database cannot be reached now; it may be later."""


class UploadTooLarge(RegistryError):
    """Say that an upload passed the limit of bytes or of rows."""


class TableDamaged(RegistryError):
    """Say why the stored rows of a table cannot be read."""


class HomeMismatch(RegistryError):
    """Say that the home folder and the metadata database do not belong together."""


class TableExists(RegistryError):
    """Say that a table with this name is already published."""


class NotAllowed(RegistryError):
    """Say that the caller may not do this to an object that the caller may see."""


class LoginRequired(NotAllowed):
    """Say that nobody may do this without an account."""


class CredentialsRejected(RegistryError):
    """Say that credentials are wrong, have expired, or belong to a deactivated account."""


class LoginsExceeded(RegistryError):
    """Say that too many wrong passwords came.

    Attributes
    ----------
    retry_after_s
        Seconds after which another password is looked at.
    """

    def __init__(self, retry_after_s: int) -> None:
        minutes = -(-retry_after_s // 60)
        super().__init__(f"too many wrong passwords; try again in {minutes} min")
        self.retry_after_s = retry_after_s


class HostBusy(RegistryError):
    """Say that this host does as much of something as it can; the same may work later.

    Attributes
    ----------
    retry_after_s
        Seconds after which it is worth another try.
    """

    def __init__(self, retry_after_s: int, message: str | None = None) -> None:
        super().__init__(message or "the service is busy; try again in a moment")
        self.retry_after_s = retry_after_s


class ShareExceeded(HostBusy):
    """Say that one user or address has as much of something as one may have at once."""


class AccountNotFound(RegistryError):
    """Say that something of the accounts does not exist."""


class UserNotFound(AccountNotFound):
    """Say that there is no user of this name."""


class UserDeactivated(AccountNotFound):
    """Say that the account of a user may not be used any more."""


class GroupNotFound(AccountNotFound):
    """Say that there is no group of this name."""


class TokenNotFound(AccountNotFound):
    """Say that a user has no such token."""


class ReleaseNotFound(RegistryError):
    """Say that a data release does not exist, or is hidden from the caller (same answer)."""

    @classmethod
    def named(cls, asked: str | int) -> Self:
        """Word the answer, alike for what is hidden and what never was."""
        return cls(f"there is no release {asked!r}; an operator makes releases")


class AccountRejected(ValueRefused):
    """Say that a value of an account, group or token cannot be taken."""


class ReleaseRejected(ValueRefused):
    """Say that a value of a data release cannot be taken."""


class CatalogueRejected(RegistryError):
    """Say what keeps an object catalogue from being named by a release.

    Parameters
    ----------
    name
        Of the catalogue.
    problems
        One sentence each.
    """

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.name = name
        self.problems = tuple(problems)
        lines = "\n  ".join(("", *self.problems))
        super().__init__(f"the object catalogue {name!r} cannot be used:{lines}")


class UserTableError(RegistryError):
    """Root of what can go wrong with tables that users keep in schemas of their own."""


class UserTableNotFound(UserTableError):
    """Say that the caller has no such table."""


class UserTableExists(UserTableError):
    """Say that the caller has a table of this name."""

    @classmethod
    def named(cls, name: str) -> Self:
        """Word the answer."""
        return cls(f"you have a table {name!r} already; delete it first, or take another name")


class UserTableRefused(UserTableError):
    """Say that a name, a definition or rows cannot be taken, and what to do."""


class UserTableChanged(UserTableError):
    """Say that somebody else changed the table at the same time; nothing was done."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the table {name!r} was changed by another request; try again")


class QuotaExceeded(UserTableError):
    """Say that the caller may not keep so much."""

    @classmethod
    def of_tables(cls, limit: int) -> Self:
        """Word the answer for too many tables."""
        return cls(f"you have {limit} tables, which is the limit; delete one of them first")

    @classmethod
    def of_bytes(cls, wanted_bytes: int, other_bytes: int, limit_bytes: int) -> Self:
        """Word the answer for tables that are too large."""
        return cls(
            f"the table would take {wanted_bytes} bytes and your other tables take {other_bytes}; "
            f"{limit_bytes} is the limit: delete tables, or load fewer rows"
        )


class ReadingGivenUp(RegistryError):
    """Say that a file was not read to its end because who waited for it went away."""


class FormatLimit(RegistryError):
    """Say that a result passes what the format that was asked for can hold."""
