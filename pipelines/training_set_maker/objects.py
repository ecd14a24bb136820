"""The object catalogue: which one it is, its columns, and the parts in which it is worked on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from pipelines.errors import InputsRejected
from pipelines.runs import RunInput
from pipelines.training_set_maker.columns import Words, missing_column, words_of
from pipelines.training_set_maker.parameters import TrainingSetParameters
from registry.errors import UnreadableFile
from registry.formats.readers.base import FileColumn
from registry.formats.readers.hats_layout import HatsLayout, read_layout
from registry.formats.readers.nulls import NulledTable
from registry.formats.readers.opening import open_file
from registry.formats.readers.parquet import ParquetTable
from registry.healpix import HEALPIX_ORDER
from registry.object_catalogues import variants_of

__all__ = ["INDEX", "ObjectSource", "find_objects"]

INDEX = "_healpix_29"

_PARTITION_COLUMNS = ("Norder", "Dir", "Npix")

_BATCH_ROWS = 262_144

_IDS = ("id", "objectId", "object_id", "ID")
"""Names of identifiers where nobody says which column it is."""


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """An object catalogue.

    Attributes
    ----------
    name
        For people.
    path
        Of the file, or of the HATS catalogue.
    layout
        Of a HATS catalogue; none of a file.
    variant
        Path of a catalogue in the folder of a release (``mag/auto/sfd``); empty for others.
    schema, words
        Of its columns.
    ra_column, dec_column, id_column
        Columns; `id_column` is none where there is no identifier.
    index_column
        Column with the nested HEALPix index of order 29; none where there is none.
    given
        The input.
    """

    name: str
    path: Path
    layout: HatsLayout | None
    variant: str
    schema: pa.Schema
    words: Mapping[str, Words]
    ra_column: str
    dec_column: str
    id_column: str | None
    index_column: str | None
    given: RunInput

    @property
    def names(self) -> list[str]:
        """Names of the columns that are of the objects, not of the partitions."""
        schema = self.schema
        return [
            name
            for name in schema.names
            if name != INDEX
            and not (name in _PARTITION_COLUMNS and pa.types.is_integer(schema.field(name).type))
        ]

    def batches(self, scratch: Path) -> Iterator[pa.RecordBatch]:
        """Read a catalogue that is a file, some rows at once.

        Parameters
        ----------
        scratch
            An existing folder for what has to be unpacked.
        """
        _, table = open_file(self.path, scratch=scratch)
        with table:
            for batch in NulledTable(table, self.given.null_values).batches(_BATCH_ROWS):
                yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)


def find_objects(given: RunInput, parameters: TrainingSetParameters, scratch: Path) -> ObjectSource:
    """Find the object catalogue of a run.

    Parameters
    ----------
    given
        The input: a file, a HATS catalogue, or the folder of a release.
    parameters
        Of the run.
    scratch
        An existing folder for what has to be unpacked.

    Raises
    ------
    InputsRejected
        With everything that is wrong.
    """
    name = given.internal_name
    try:
        variants = variants_of(given.path) if given.path.is_dir() else {}
        if not variants:
            return _of_file(given, scratch)
        unit = "mag" if parameters.convert_flux_to_mag else "flux"
        wanted = f"{unit}/{parameters.flux_type}/{parameters.dereddening}"
        variant = "" if "" in variants else wanted
        if variant not in variants:
            raise InputsRejected(
                [
                    (
                        f"[{name}] it has no catalogue {wanted!r} (convert_flux_to_mag, "
                        f"flux_type, dereddening); it has {', '.join(variants)}"
                    )
                ]
            )
        return _of_hats(given, variant, variants[variant])
    except (UnreadableFile, OSError) as error:
        raise InputsRejected([f"[{name}] {error}"]) from error


def _of_hats(given: RunInput, variant: str, folder: Path) -> ObjectSource:
    layout = read_layout(folder)
    with ParquetTable(layout.partitions[0].path) as table:
        columns = table.columns
    schema = pa.schema([(column.name, column.type) for column in columns])
    said = layout.properties
    index = said.get("hats_col_healpix", INDEX)
    order = said.get("hats_col_healpix_order", str(HEALPIX_ORDER))
    usable = index in schema.names and schema.field(index).type == pa.int64()
    position = (
        given.columns.get("ra", layout.ra_column),
        given.columns.get("dec", layout.dec_column),
    )
    found = _source(given, layout.folder, columns, position)
    known = index if usable and order == str(HEALPIX_ORDER) else None
    return replace(found, layout=layout, variant=variant, index_column=known)


def _of_file(given: RunInput, scratch: Path) -> ObjectSource:
    _, table = open_file(given.path, scratch=scratch)
    with table:
        columns = table.columns
    position = given.columns.get("ra", "ra"), given.columns.get("dec", "dec")
    return _source(given, given.path, columns, position)


def _source(
    given: RunInput,
    path: Path,
    columns: tuple[FileColumn, ...],
    position: tuple[str, str],
) -> ObjectSource:
    names = [column.name for column in columns]
    schema = pa.schema([(column.name, column.type) for column in columns])
    identifier = given.columns.get("id")
    if identifier is None:
        identifier = next((name for name in _IDS if name in names), None)
    wanted = {"ra": position[0], "dec": position[1]} | ({"id": identifier} if identifier else {})
    problems = [
        missing_column(name, role, names) for role, name in wanted.items() if name not in names
    ]
    problems += [
        f"it has more than one column {name!r}; rename or remove one"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    for name in position:
        with suppress(KeyError):
            kind = schema.field(name).type
            if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
                problems.append(f"column {name!r}, a position, holds {kind}, no numbers")
    if problems:
        raise InputsRejected([f"[{given.internal_name}] {problem}" for problem in problems])
    words = {column.name: words_of(column, given.words) for column in columns}
    return ObjectSource(
        given.internal_name, path, None, "", schema, words, *position, identifier, None, given
    )
