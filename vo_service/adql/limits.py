"""Limits on the size of a query, so that no text can exhaust the service that reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest query that is read; passing one raises `QueryTooComplex`.

    Attributes
    ----------
    characters
        Length of the text. The default holds a list of some 10,000 source identifiers.
    tokens
        Words, names, numbers and symbols. One token makes three nodes of the tree at most, so
        this bounds memory and the time of every later pass.
    depth
        Parentheses, function calls and sub-queries inside each other. The parser uses at most 5
        Python frames a level (10 for a sub-query), a pass over the tree fewer: the defaults stay
        under half of Python's own limit of 1000 frames.
    subqueries
        Sub-queries inside each other, counted in `depth` as well.
    tables
        Tables and joined tables in the whole query. Chains of joins nest in the tree, one level
        a join.
    in_items
        Values in one IN list.
    columns
        Columns of one SELECT, those of ``*`` included.
    conditions
        Comparisons and other predicates in the whole query, those of a common table counted
        wherever it is used: planners compare each with each.
    keys
        Items of one GROUP BY or ORDER BY.
    relations
        Tables after each common table is written out where it is used, as planners do: fifteen
        that join the one before with itself are 32,768.
    expanded_values
        Columns, literals, operators and functions after each name of a value is written out.
    text_characters
        Length of a text that an expression may make, by `vo_service.adql.bounds`.
    sql_characters
        Length of the query in the language of the engine.
    """

    characters: int = 200_000
    tokens: int = 50_000
    depth: int = 64
    subqueries: int = 16
    tables: int = 64
    in_items: int = 10_000
    columns: int = 4_000
    conditions: int = 500
    keys: int = 100
    relations: int = 128
    expanded_values: int = 200_000
    text_characters: int = 1_000_000
    sql_characters: int = 4_000_000


DEFAULT_LIMITS = Limits()
"""Limits of a public service; the reasons stand at `Limits`."""
