"""The reference redshifts: all columns of the file, and which of them say where and how far."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines.errors import InputsRejected
from pipelines.runs import RunInput
from pipelines.training_set_maker.columns import Words, missing_column, words_of
from pipelines.training_set_maker.matching import Doubles, Places, doubles
from registry.errors import UnreadableFile
from registry.formats.readers.nulls import NulledTable
from registry.formats.readers.opening import open_file

__all__ = ["Redshifts", "read_redshifts"]

_LOG = logging.getLogger("pipelines.training_set_maker")

_BATCH_ROWS = 262_144

_FORMATS = ("parquet", "csv", "fits", "hdf5", "votable", "hats")

_HIDDEN = ("_healpix_29",)
"""Index of a partitioned file, which says nothing of a redshift."""


@dataclass(frozen=True, slots=True)
class Redshifts:
    """Redshifts with positions.

    Attributes
    ----------
    table
        All columns, in file order; rows without a position are left out.
    words
        What is known of the columns.
    roles
        Column by standard name: ``ra``, ``dec``, ``z``, ``id`` ...
    ra, dec, z
        Degrees, ICRS, right ascension from 0 to 360; redshifts, NaN where there is none.
    without_position
        Rows that were left out.
    format
        Of the file, as formats of outputs are called.
    """

    table: pa.Table
    words: Mapping[str, Words]
    roles: Mapping[str, str]
    ra: Doubles
    dec: Doubles
    z: Doubles
    without_position: int
    format: str

    @property
    def rows(self) -> Places:
        """Their numbers."""
        return np.arange(self.table.num_rows)


def read_redshifts(given: RunInput, scratch: Path) -> Redshifts:
    """Read the redshifts.

    Parameters
    ----------
    given
        The input.
    scratch
        An existing folder for what has to be unpacked.

    Raises
    ------
    InputsRejected
        With every column that is missing or holds something else.
    StorageFull
        If there is no room to unpack it.
    """
    try:
        found, table = open_file(given.path, scratch=scratch)
        with table:
            names = [column.name for column in table.columns]
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise UnreadableFile(
                    f"it has more than one column {repeated[0]!r}; rename or remove one"
                )
            words = {column.name: words_of(column, given.words) for column in table.columns}
            opened = NulledTable(table, given.null_values)
            schema = pa.schema([(column.name, column.type) for column in table.columns])
            batches = [
                pa.RecordBatch.from_arrays(batch.columns, schema=schema)
                for batch in opened.batches(_BATCH_ROWS)
            ]
            whole = pa.Table.from_batches(batches, schema).combine_chunks()
    except (UnreadableFile, OSError) as error:
        raise InputsRejected([f"[{given.internal_name}] {error}"]) from error
    whole = whole.drop_columns([name for name in _HIDDEN if name in whole.column_names])
    problems = [f"[{given.internal_name}] {p}" for p in _problems(whole, given.columns)]
    if problems:
        raise InputsRejected(problems)
    return _located(whole, words, given, _format(found))


def _problems(table: pa.Table, roles: Mapping[str, str]) -> Iterator[str]:
    for role, name in roles.items():
        if name not in table.column_names:
            yield missing_column(name, role, table.column_names)
            continue
        kind = table.schema.field(name).type
        number = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)
        if role in ("ra", "dec", "z") and not number:
            hint = "; positions are decimal degrees" if role != "z" else ""
            yield f"column {name!r}, mapped to {role!r}, holds {kind}, no numbers{hint}"
        elif role in ("ra", "dec"):
            low, high = (-180, 360) if role == "ra" else (-90, 90)
            values = doubles(table[name])
            outside = np.flatnonzero((values < low) | (values > high))
            if len(outside):
                examples = [float(value) for value in values[outside[:5]]]
                yield (
                    f"column {name!r}, mapped to {role!r}, has {len(outside)} value(s) outside of "
                    f"[{low}, {high}] degrees, for example {examples}"
                )


def _located(
    table: pa.Table, words: Mapping[str, Words], given: RunInput, format_name: str
) -> Redshifts:
    roles = given.columns
    ra, dec, z = (doubles(table[roles[role]]) for role in ("ra", "dec", "z"))
    known = np.isfinite(ra) & np.isfinite(dec)
    lost = int(len(known) - known.sum())
    if lost:
        _LOG.warning("[%s] %d rows have no position and are left out", given.internal_name, lost)
        table, ra, dec, z = table.filter(pa.array(known)), ra[known], dec[known], z[known]
    if not table.num_rows:
        raise InputsRejected([f"[{given.internal_name}] no row has a position"])
    return Redshifts(table, words, dict(roles), ra % 360, dec, z, lost, format_name)


def _format(found: str) -> str:
    word = found.split(" ", maxsplit=1)[0].lower()
    return word if word in _FORMATS else "parquet"
