"""Reading the columns of an input catalogue that the pipeline needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from registry.errors import UnreadableFile
from registry.formats.readers.nulls import without_values
from registry.formats.readers.opening import open_file

__all__ = ["CatalogueInput", "RawCatalogue", "read_catalogue"]

_BATCH_ROWS = 262_144
"""Rows that are read at once: columns that nobody needs are dropped after each piece."""


@dataclass(frozen=True, slots=True)
class CatalogueInput:
    """One input catalogue.

    Attributes
    ----------
    path
        A file, or a folder with a HATS catalogue.
    internal_name
        Begins with a number and an underscore.
    columns
        Name in the file by standard name.
    null_values
        Values that mean that there is none, by name in the file.
    """

    path: Path
    internal_name: str
    columns: dict[str, str]
    null_values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def digits(self) -> str:
        """The number of `internal_name`, with its leading zeros."""
        return self.internal_name.split("_", 1)[0]

    @property
    def number(self) -> int:
        """The number of `internal_name`."""
        return int(self.digits)


@dataclass(frozen=True, slots=True)
class RawCatalogue:
    """What was read of a catalogue.

    Attributes
    ----------
    names
        All columns of the file, in its order.
    columns
        Those that were asked for and exist, whole.
    rows
        Number of rows.
    is_csv
        Whether it is a text file, whose words for missing values stand in text columns.
    """

    names: tuple[str, ...]
    columns: dict[str, pa.Array]
    rows: int
    is_csv: bool = False


def read_catalogue(
    path: Path,
    wanted: AbstractSet[str],
    scratch: Path | None,
    null_values: Mapping[str, Sequence[str]] | None = None,
) -> RawCatalogue:
    """Read some columns of a file; the caller has locked this process for it.

    Parameters
    ----------
    path
        A file of any format that is read, packed or not, or a folder of HATS.
    wanted
        Names of columns; those that the file does not have are passed over.
    scratch
        An existing folder for what has to be unpacked; packed files are refused without one.
    null_values
        Values that mean that there is none, by name in the file.

    Raises
    ------
    UnreadableFile
        If it is damaged, no table, or two columns that are wanted have the same name.
    StorageFull
        If there is no room to unpack it.
    """
    format_name, table = open_file(path, scratch=scratch)
    with table:
        names = tuple(column.name for column in table.columns)
        if getattr(table, "layout", {}).get("has_header") is False:
            names = tuple(_numbered(place, name, wanted) for place, name in enumerate(names))
        kept = [place for place, name in enumerate(names) if name in wanted]
        repeated = sorted({names[place] for place in kept if names.count(names[place]) > 1})
        if repeated:
            raise UnreadableFile(
                f"{path.name!r} has more than one column {repeated[0]!r}; rename or remove one"
            )
        pieces: list[list[pa.Array]] = [[] for _ in kept]
        nulls = null_values or {}
        rows = 0
        for batch in table.batches(_BATCH_ROWS):
            rows += batch.num_rows
            for piece, place in zip(pieces, kept, strict=True):
                piece.append(without_values(batch.column(place), nulls.get(names[place], ())))
        columns = {
            names[place]: _whole(piece, table.columns[place].type)
            for piece, place in zip(pieces, kept, strict=True)
        }
    return RawCatalogue(names, columns, rows, format_name.startswith("CSV"))


def _numbered(place: int, name: str, wanted: AbstractSet[str]) -> str:
    """Name a column of a file without a header: the original counts from ``col_0``."""
    original = f"col_{place}"
    return original if original in wanted else name


def _whole(pieces: list[pa.Array], kind: pa.DataType) -> pa.Array:
    whole = pa.chunked_array(pieces, type=kind).combine_chunks()
    # Columns of more than 2 GB of text stay in pieces in older versions of Arrow.
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
