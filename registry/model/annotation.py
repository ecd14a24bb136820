"""What people say of columns: roles, UCDs, units; and what is found wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

__all__ = ["ROLES", "Annotations", "ColumnAnnotation", "Role", "RoleType", "find_role"]


class RoleType(Enum):
    """Kinds of values that a role may have."""

    NUMBER = "numbers"
    IDENTIFIER = "whole numbers or text"
    ANY = "numbers or text"


@dataclass(frozen=True, slots=True)
class Role:
    """A part that a column can play in a product.

    Attributes
    ----------
    alias
        Its name in the Photo-z Server, in the spelling that is stored.
    ucd
        The UCD that goes with it.
    meaning
        For people.
    type
        What its values may be.
    unit
        The only unit that it may have, if it must have one.
    """

    alias: str
    ucd: str
    meaning: str
    type: RoleType
    unit: str | None = None


ROLES: tuple[Role, ...] = (
    Role("ID", "meta.id;meta.main", "source identifier", RoleType.IDENTIFIER),
    Role("RA", "pos.eq.ra;meta.main", "right ascension", RoleType.NUMBER, "deg"),
    Role("Dec", "pos.eq.dec;meta.main", "declination", RoleType.NUMBER, "deg"),
    Role("z", "src.redshift", "redshift", RoleType.NUMBER),
    Role("z_err", "stat.error;src.redshift", "error of the redshift", RoleType.NUMBER),
    Role("z_flag", "stat.rank", "quality flag of the redshift", RoleType.ANY),
    Role("survey", "meta.curation", "name of the survey", RoleType.ANY),
)
"""The seven aliases with the UCDs that the `pzserver` client sends (contract, part 4.2)."""


@dataclass(frozen=True, slots=True)
class ColumnAnnotation:
    """What a person says of one column; absent means nothing is said.

    Attributes
    ----------
    ucd, unit, utype, description
        As in VOTable.
    alias
        One of the seven roles in any case, or free text.
    frame
        Frame of positions or scale of times, as `registry.model.frame` reads it.
    null
        Values that mean that there is none, as texts: ``-99``, ``N/A``.
    """

    ucd: str | None = None
    unit: str | None = None
    alias: str | None = None
    description: str | None = None
    utype: str | None = None
    frame: str | None = None
    null: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a person says of a table.

    Attributes
    ----------
    columns
        By column name as it is spelt in the file.
    description
        Of the table.
    override
        Whether this replaces what the file says differently, instead of being a conflict.
    """

    columns: Mapping[str, ColumnAnnotation] = field(default_factory=dict)
    description: str | None = None
    override: bool = False

    @property
    def nulls(self) -> dict[str, tuple[str, ...]]:
        """Values that mean that there is none, by column."""
        return {name: column.null for name, column in self.columns.items() if column.null}

    def with_nulls(self, nulls: Mapping[str, Sequence[str]]) -> Annotations:
        """Say of more columns which values mean that there is none."""
        columns = dict(self.columns)
        for name, values in nulls.items():
            before = columns.get(name, ColumnAnnotation())
            columns[name] = replace(before, null=tuple(dict.fromkeys((*before.null, *values))))
        return replace(self, columns=columns)


def find_role(text: str) -> Role | None:
    """Find a role by its alias, in any case."""
    wanted = text.strip().lower()
    return next((role for role in ROLES if role.alias.lower() == wanted), None)
