"""Looks at an object catalogue before a release names it; everything that is wrong is told."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from registry.errors import CatalogueRejected, UnreadableFile
from registry.formats.readers.hats_layout import (
    HatsLayout,
    HatsPartition,
    is_hats,
    read_layout,
    read_properties,
)
from registry.healpix import HEALPIX_ORDER, healpix_index
from registry.model.object_catalogue import BAND, ObjectCatalogue, bands_of

__all__ = ["CatalogueFacts", "check_catalogue", "offers_of", "variants_of"]

_SAMPLE_ROWS = 1000

_MOST_TOLD = 5
"""Partitions that are named of each kind of fault; the others are counted."""


@dataclass(frozen=True, slots=True)
class CatalogueFacts:
    """What was found of one HATS catalogue.

    Attributes
    ----------
    path
        Below the folder of the object catalogue; empty for itself.
    rows, partitions, columns
        How many.
    orders
        Of its cells, the coarsest and the finest.
    margin_arcsec
        Width of its margin; none without. No match is lost without one: neighbouring partitions
        are read.
    """

    path: str
    rows: int
    partitions: int
    columns: int
    orders: tuple[int, int]
    margin_arcsec: float | None


def variants_of(folder: Path) -> dict[str, Path]:
    """Find the catalogues of a folder.

    Parameters
    ----------
    folder
        A HATS catalogue or collection, or a folder with catalogues below
        ``<flux|mag>/<type of flux>/<dereddening>``.

    Returns
    -------
    dict
        Folder by path below `folder`; the path is empty where `folder` itself is the catalogue.
    """
    if is_hats(folder):
        return {"": folder}
    found = {}
    for unit in ("flux", "mag"):
        for place in sorted(folder.glob(f"{unit}/*/*")):
            catalogue = next((c for c in (place / "catalog", place) if is_hats(c)), None)
            if catalogue is not None:
                found[place.relative_to(folder).as_posix()] = catalogue
    return found


def offers_of(catalogues: Sequence[ObjectCatalogue]) -> dict[str, Any]:
    """Say what pipelines can choose of object catalogues, as releases say it.

    Parameters
    ----------
    catalogues
        That were looked at.

    Returns
    -------
    dict
        ``has_mag_hats``, ``has_flux_hats``, ``fluxes`` and ``dereddening`` of a release.
    """
    paths = [p.split("/") for c in catalogues for p in variants_of(Path(c.folder)) if p]
    kinds = dict.fromkeys([*(k for c in catalogues for k in c.fluxes), *(p[1] for p in paths)])
    maps = dict.fromkeys([*(m for c in catalogues for m in c.maps), *(p[2] for p in paths)])
    convertible = any(c.fluxes for c in catalogues)
    return {
        "has_mag_hats": convertible or any(p[0] == "mag" for p in paths),
        "has_flux_hats": convertible or not paths or any(p[0] == "flux" for p in paths),
        "fluxes": tuple({"name": kind, "display_name": kind} for kind in kinds),
        "dereddening": tuple({"name": name, "display_name": name} for name in maps),
    }


def check_catalogue(catalogue: ObjectCatalogue) -> tuple[CatalogueFacts, ...]:
    """Look at every file of an object catalogue, at its footer and at some rows.

    Parameters
    ----------
    catalogue
        As it is to be registered.

    Raises
    ------
    CatalogueRejected
        With every problem at once.
    """
    problems = list(_statement_problems(catalogue))
    folder = Path(catalogue.folder)
    facts: list[CatalogueFacts] = []
    try:
        variants = variants_of(folder) if folder.is_dir() else {}
    except OSError as error:
        problems.append(f"{catalogue.folder!r} cannot be read: {error.strerror}")
        raise CatalogueRejected(catalogue.name, problems) from error
    if not folder.is_dir():
        problems.append(f"there is no folder {catalogue.folder!r} on this host; check the path")
    elif not variants:
        problems.append(
            f"{catalogue.folder!r} is neither a HATS catalogue (hats.properties and dataset/) nor "
            "has catalogues below flux/TYPE/DEREDDENING or mag/TYPE/DEREDDENING"
        )
    for path, place in variants.items():
        found, wrong = _Look(catalogue, path, place).facts()
        problems += [f"{path}: {problem}" if path else problem for problem in wrong]
        if found is not None:
            facts.append(found)
    if problems:
        raise CatalogueRejected(catalogue.name, problems)
    return tuple(facts)


def _statement_problems(catalogue: ObjectCatalogue) -> Iterator[str]:
    if not catalogue.name.strip() or not catalogue.name.isprintable():
        yield f"{catalogue.name!r} is no name of a catalogue"
    if not Path(catalogue.folder).is_absolute():
        yield f"{catalogue.folder!r} is not an absolute path"
    for kind, patterns in catalogue.fluxes.items():
        for pattern in patterns:
            if pattern.count(BAND) != 1:
                yield f"flux {kind!r}: {pattern!r} does not have {BAND} once, for the band"
    for name, path in catalogue.maps.items():
        if not Path(path).exists():
            yield f"dereddening {name!r}: there is no map {path!r}"


class _Look:
    """One HATS catalogue, as far as its files say what it is."""

    def __init__(self, catalogue: ObjectCatalogue, path: str, place: Path) -> None:
        self._catalogue = catalogue
        self._path = path
        self._place = place

    def facts(self) -> tuple[CatalogueFacts | None, list[str]]:
        try:
            layout = read_layout(self._place)
        except (UnreadableFile, OSError) as error:
            return None, [str(error)]
        problems = [*_listed(layout), *_overlapping(layout.partitions)]
        schema, rows, wrong = _footers(layout)
        problems += wrong
        if schema is not None:
            problems += self._column_problems(layout, schema)
            problems += _sample_problems(layout, schema)
        width, wrong = _margin(self._place, layout)
        problems += wrong
        orders = [partition.order for partition in layout.partitions]
        columns = 0 if schema is None else len(schema)
        facts = CatalogueFacts(
            self._path, rows, len(orders), columns, (min(orders), max(orders)), width
        )
        return facts, problems

    def _column_problems(self, layout: HatsLayout, schema: pa.Schema) -> Iterator[str]:
        for role, name in (("position", layout.ra_column), ("position", layout.dec_column)):
            if name not in schema.names:
                yield f"column {name!r}, its {role} by its properties, does not exist"
            elif not _is_number(schema.field(name).type):
                yield f"column {name!r}, its {role}, holds {schema.field(name).type}, no numbers"
        wanted = self._catalogue.id_column
        if wanted and wanted not in schema.names:
            yield f"the column with the object identifier {wanted!r} does not exist"
        for kind, patterns in self._catalogue.fluxes.items():
            if any(pattern.count(BAND) != 1 for pattern in patterns):
                continue
            fluxes, errors = (bands_of(pattern, schema.names) for pattern in patterns)
            if not fluxes:
                yield f"flux {kind!r}: no column is like {patterns[0]!r}"
            for band, name in fluxes.items():
                if band not in errors:
                    yield f"flux {kind!r}: {name!r} has no error like {patterns[1]!r}"
                for each in (name, errors.get(band)):
                    if each is not None and not _is_number(schema.field(each).type):
                        yield f"flux {kind!r}: column {each!r} holds no numbers"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _listed(layout: HatsLayout) -> Iterator[str]:
    """Compare the files with the list that the catalogue has of its partitions."""
    path = layout.folder / "partition_info.csv"
    if not path.is_file():
        return
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            listed = {(int(row["Norder"]), int(row["Npix"])) for row in csv.DictReader(handle)}
    except (OSError, ValueError, KeyError, TypeError):
        yield "partition_info.csv is damaged: it must have the columns Norder and Npix"
        return
    there = {(partition.order, partition.cell) for partition in layout.partitions}
    yield from _some("is missing, or a link: copy it", sorted(listed - there))
    yield from _some("is not in partition_info.csv", sorted(there - listed))


def _some(what: str, cells: Sequence[tuple[int, int]]) -> Iterator[str]:
    for order, cell in cells[:_MOST_TOLD]:
        yield f"partition Norder={order}/Npix={cell} {what}"
    if len(cells) > _MOST_TOLD:
        yield f"{len(cells) - _MOST_TOLD} more partitions: {what}"


def _overlapping(partitions: Sequence[HatsPartition]) -> Iterator[str]:
    reached, before = -1, None
    for partition in partitions:
        if partition.start < reached and before is not None and before.path != partition.path:
            same = (before.order, before.cell) == (partition.order, partition.cell)
            if not same:
                yield (
                    f"partition Norder={partition.order}/Npix={partition.cell} lies inside of "
                    f"Norder={before.order}/Npix={before.cell}: rows would count twice"
                )
        if partition.stop > reached:
            reached, before = partition.stop, partition


def _footers(layout: HatsLayout) -> tuple[pa.Schema | None, int, list[str]]:
    schema: pa.Schema | None = None
    rows = 0
    damaged, different = [], []
    for partition in layout.partitions:
        try:
            with pq.ParquetFile(partition.path) as file:
                rows += file.metadata.num_rows
                own = file.schema_arrow.remove_metadata()
        except (OSError, pa.ArrowException) as error:
            damaged.append((partition, str(error).partition("\n")[0]))
            continue
        schema = schema or own
        if not own.equals(schema):
            different.append((partition.order, partition.cell))
    problems = [
        f"partition Norder={p.order}/Npix={p.cell} is damaged: {reason[:200]}"
        for p, reason in damaged[:_MOST_TOLD]
    ]
    if len(damaged) > _MOST_TOLD:
        problems.append(f"{len(damaged) - _MOST_TOLD} more partitions are damaged")
    problems += _some("has other columns than the first one", different)
    if not damaged and layout.n_rows is not None and layout.n_rows != rows:
        problems.append(f"it has {rows} rows, but its properties tell of {layout.n_rows}")
    return schema, rows, problems


def _sample_problems(layout: HatsLayout, schema: pa.Schema) -> Iterator[str]:
    """Compare the first rows of the first and the last partition with where they lie."""
    ra, dec = layout.ra_column, layout.dec_column
    if not {ra, dec} <= set(schema.names):
        return
    said = layout.properties.get("hats_col_healpix", "_healpix_29")
    order = layout.properties.get("hats_col_healpix_order", str(HEALPIX_ORDER))
    indexed = said in schema.names and order == str(HEALPIX_ORDER)
    for partition in {layout.partitions[0], layout.partitions[-1]}:
        try:
            with pq.ParquetFile(partition.path) as file:
                columns = [ra, dec, said] if indexed else [ra, dec]
                rows: Any = next(file.iter_batches(_SAMPLE_ROWS, columns=columns), None)
            if rows is None:
                continue
            index = healpix_index(rows[ra], rows[dec])
        except (OSError, ValueError, pa.ArrowException):
            yield f"positions of Norder={partition.order}/Npix={partition.cell} cannot be used"
            continue
        known = index.drop_null().to_numpy(zero_copy_only=False)
        place = f"rows of Norder={partition.order}/Npix={partition.cell}"
        if np.any((known < partition.start) | (known >= partition.stop)):
            yield f"{place} lie outside of its cell by {ra!r} and {dec!r}: import it again"
        elif indexed and len(known) == len(rows) and not np.array_equal(known, rows[said]):
            yield f"{place} have another {said!r} than their positions: import it again"


def _margin(place: Path, layout: HatsLayout) -> tuple[float | None, list[str]]:
    name = layout.collection.get("default_margin") or layout.collection.get("all_margins", "")
    name = name.split(" ")[0].split(",")[0]
    if not name:
        return None, []
    folder = place / name
    files = [folder / each for each in ("hats.properties", "properties")]
    found = next((each for each in files if each.is_file()), None)
    if found is None:
        return None, [f"its margin {name!r} is missing or incomplete; transfer it again"]
    said = read_properties(found).get("hats_margin_threshold", "")
    try:
        return float(said), []
    except ValueError:
        return None, [f"its margin {name!r} does not say how wide it is (hats_margin_threshold)"]
