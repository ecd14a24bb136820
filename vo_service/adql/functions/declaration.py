"""How a function of ADQL declares itself.

A `Function` says everything about a function that does not depend on an engine: what it is
called, which feature of the language it belongs to, which arguments it takes, and what its value
is and means. VOSI capabilities, the documentation and the engines' tests read the declarations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from vo_service.adql.errors import AdqlError, TypeMismatch, UnsupportedFeature
from vo_service.adql.typed import Expression

__all__ = ["CallSite", "Feature", "Function", "example_of"]

E = TypeVar("E", bound=AdqlError)

_SINGLE_ROW = "SELECT TOP 1 {} FROM TAP_SCHEMA.schemas"


class Feature(StrEnum):
    """Feature sets of ADQL 2.1; values are the fragments of TAPRegExt's identifiers.

    Notes
    -----
    TAPRegExt 1.0, section 2.3, and ADQL 2.1, section 4.
    """

    MANDATORY = ""
    GEOMETRY = "features-adqlgeo"
    STRING = "features-adql-string"
    COMMON_TABLE = "features-adql-common-table"
    SETS = "features-adql-sets"
    TYPE = "features-adql-type"
    CONDITIONAL = "features-adql-conditional"
    UNIT = "features-adql-unit"
    OFFSET = "features-adql-offset"
    USER_DEFINED = "features-udf"


@dataclass(slots=True)
class CallSite:
    """A call as it stands in a query, with resolved arguments.

    Attributes
    ----------
    name
        Canonical name of the function.
    arguments
        Resolved arguments as written.
    offsets
        Where each argument starts in `source`.
    offset
        Where the call starts in `source`.
    source
        Text of the query.
    distinct
        Whether DISTINCT was written.
    """

    name: str
    arguments: list[Expression]
    offsets: list[int]
    offset: int
    source: str
    distinct: bool = False

    def mismatch(self, message: str, argument: int | None = None) -> TypeMismatch:
        """Make the error of an argument that does not fit, or of the whole call."""
        return self._error(TypeMismatch, message, argument)

    def unsupported(self, message: str, argument: int | None = None) -> UnsupportedFeature:
        """Make the error of a form that is valid and not offered."""
        return self._error(UnsupportedFeature, message, argument)

    def _error(self, error: type[E], message: str, argument: int | None) -> E:
        offset = self.offset if argument is None else self.offsets[argument]
        return error.at(message, self.source, offset)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    Attributes
    ----------
    name
        Canonical name, in upper case for those of ADQL itself.
    feature
        Feature set that it belongs to.
    signatures
        Forms ``NAME(argument TYPE, ...) -> TYPE``, the preferred one first.
    description
        What it gives, for people.
    example
        Query over TAP_SCHEMA, so that it runs on every service, with one column.
    build
        Checks the arguments and makes the typed expression, a call with the canonical name or
        something simpler.
    arity
        Smallest and largest number of arguments; no largest where it is None.
    value
        Value of the example in every row, where it does not depend on data or chance; floating
        ones to 14 digits.
    aggregate
        Whether it works on groups of rows.
    rewritten
        Whether calls never reach an engine, because `build` makes other expressions of them.
    """

    name: str
    feature: Feature
    signatures: tuple[str, ...]
    description: str
    example: str
    build: Callable[[CallSite], Expression]
    arity: tuple[int, int | None]
    value: int | float | str | None = None
    aggregate: bool = False
    rewritten: bool = False

    def apply(self, site: CallSite) -> Expression:
        """Check a call and make its typed expression.

        Parameters
        ----------
        site
            The call.

        Returns
        -------
        Expression
            Value of the call, with type, unit and UCD.

        Raises
        ------
        TypeMismatch
            When number or kinds of the arguments do not fit.
        UnsupportedFeature
            When the form is valid ADQL and not offered.
        """
        least, most = self.arity
        count = len(site.arguments)
        if count < least or (most is not None and count > most):
            raise site.mismatch(f"{self.name} is called as {' or '.join(self.signatures)}")
        return self.build(site)


def example_of(expression: str) -> str:
    """Make the query that gives one value: over a table that every service has."""
    return _SINGLE_ROW.format(expression)
