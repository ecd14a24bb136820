"""Optional parts of the grammar that are not functions, and all features together."""

from __future__ import annotations

from dataclasses import dataclass

from vo_service.adql.functions.declaration import Feature

__all__ = ["CONSTRUCTS", "Construct"]


@dataclass(frozen=True, slots=True)
class Construct:
    """An optional part of the grammar.

    Attributes
    ----------
    name
        Word that TAPRegExt declares it by.
    feature
        Feature set that it belongs to.
    description
        What it does, for people.
    example
        Query over TAP_SCHEMA.
    """

    name: str
    feature: Feature
    description: str
    example: str


CONSTRUCTS = (
    Construct(
        "ILIKE",
        Feature.STRING,
        "LIKE that does not tell upper from lower case.",
        "SELECT table_name FROM TAP_SCHEMA.tables WHERE table_name ILIKE '%SCHEMA%'",
    ),
    Construct(
        "WITH",
        Feature.COMMON_TABLE,
        "Names queries that the main query uses as tables.",
        "WITH own AS (SELECT table_name FROM TAP_SCHEMA.tables) SELECT COUNT(*) FROM own",
    ),
    Construct(
        "UNION",
        Feature.SETS,
        "The rows of either query; UNION ALL keeps duplicates.",
        "SELECT schema_name FROM TAP_SCHEMA.schemas "
        "UNION SELECT schema_name FROM TAP_SCHEMA.tables",
    ),
    Construct(
        "EXCEPT",
        Feature.SETS,
        "The rows of the first query that are not in the second; EXCEPT ALL counts duplicates.",
        "SELECT schema_name FROM TAP_SCHEMA.schemas "
        "EXCEPT SELECT schema_name FROM TAP_SCHEMA.tables",
    ),
    Construct(
        "INTERSECT",
        Feature.SETS,
        "The rows that both queries have; INTERSECT ALL counts duplicates.",
        "SELECT schema_name FROM TAP_SCHEMA.schemas "
        "INTERSECT SELECT schema_name FROM TAP_SCHEMA.tables",
    ),
    Construct(
        "CAST",
        Feature.TYPE,
        "Converts a value to SMALLINT, INTEGER, BIGINT, REAL, DOUBLE PRECISION, CHAR, VARCHAR, "
        "TIMESTAMP, POINT, CIRCLE or POLYGON.",
        "SELECT TOP 1 CAST('42' AS INTEGER) FROM TAP_SCHEMA.schemas",
    ),
    Construct(
        "OFFSET",
        Feature.OFFSET,
        "Skips rows after ORDER BY and before TOP.",
        "SELECT column_name FROM TAP_SCHEMA.columns ORDER BY column_name OFFSET 1",
    ),
)
"""ADQL 2.1, sections 4.3 to 4.8."""
