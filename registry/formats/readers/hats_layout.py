"""How a HATS catalogue lies on the disk: its properties and its partitions; no file is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from registry.errors import UnreadableFile

__all__ = [
    "COLLECTION",
    "HatsLayout",
    "HatsPartition",
    "dataset_of",
    "hats_root",
    "is_hats",
    "read_layout",
    "read_properties",
]

COLLECTION = "collection.properties"

_CATALOGUE = ("hats.properties", "properties")
"""Names of the properties file, the current one first (HATS note 1.0, and its earlier drafts)."""

_PARTITION = re.compile(r"Norder=(\d+)/(?:Dir=\d+/)?Npix=(\d+)(?:[./].*)?")

_TABLE_TYPES = ("object", "source", "map", "timeseries", "")
"""Values of ``dataproduct_type`` whose rows are objects; margins and indexes are not."""

_MAX_DEPTH = 9
"""Folders that an archive may have around a catalogue: some keep the whole path."""

_MAX_WIDTH = 1_000
"""Folders beside each other, beyond which this is somebody's home and not a catalogue."""

_MAX_PROPERTIES_BYTES = 1_000_000

_FINEST_ORDER = 29


@dataclass(frozen=True, slots=True, order=True)
class HatsPartition:
    """One file of rows.

    Attributes
    ----------
    start, stop
        Range of the nested HEALPix index of order 29 that its cell covers; `stop` is outside.
    order, cell
        Of the cell.
    path
        Of the file.
    """

    start: int
    stop: int
    order: int
    cell: int
    path: Path


@dataclass(frozen=True, slots=True)
class HatsLayout:
    """A catalogue on the disk.

    Attributes
    ----------
    name
        Of the folder that was asked for.
    folder
        Of the main catalogue, inside of its collection.
    properties
        As the catalogue has them.
    partitions
        In the order of their cells on the sky.
    collection
        Properties of the collection; empty where there is none.
    """

    name: str
    folder: Path
    properties: dict[str, str]
    partitions: tuple[HatsPartition, ...]
    collection: dict[str, str] = field(default_factory=dict)

    @property
    def n_rows(self) -> int | None:
        """Number of rows that the properties tell of."""
        said = self.properties.get("hats_nrows", self.properties.get("total_rows", ""))
        return int(said) if said.isdecimal() else None

    @property
    def ra_column(self) -> str:
        """Column with the right ascension."""
        return self.properties.get("hats_col_ra") or self.properties.get("ra_column") or "ra"

    @property
    def dec_column(self) -> str:
        """Column with the declination."""
        return self.properties.get("hats_col_dec") or self.properties.get("dec_column") or "dec"


def hats_root(folder: Path) -> Path | None:
    """Find the outermost HATS collection or catalogue in a folder.

    Parameters
    ----------
    folder
        The folder of a collection or catalogue, or one around it.

    Returns
    -------
    Path or None
        The folder with the properties file; none if there is none, or several beside each other.
    """
    level = [folder]
    for _ in range(_MAX_DEPTH):
        found = [place for place in level if is_hats(place)]
        if found:
            return found[0] if len(found) == 1 else None
        level = [d for place in level for d in sorted(place.iterdir()) if _is_folder(d)]
        if len(level) > _MAX_WIDTH:
            return None
    return None


def is_hats(folder: Path) -> bool:
    """Tell whether a folder itself is a HATS collection or catalogue.

    Parameters
    ----------
    folder
        Any path.
    """
    if (folder / COLLECTION).is_file():
        return True
    return _properties_file(folder) is not None and dataset_of(folder).is_dir()


def read_layout(folder: Path) -> HatsLayout:
    """Find the properties and the partitions of a catalogue.

    Parameters
    ----------
    folder
        Of a collection or a catalogue.

    Raises
    ------
    UnreadableFile
        If it is incomplete, or not a catalogue of objects.
    """
    name = folder.name
    collection: dict[str, str] = {}
    if (folder / COLLECTION).is_file():
        collection = read_properties(folder / COLLECTION)
        main = collection.get("hats_primary_table_url", "")
        if main in ("", ".", "..") or Path(main).name != main:
            raise UnreadableFile(
                f"{name!r}: hats_primary_table_url in {COLLECTION} is {main!r}, not "
                "the name of a folder beside it"
            )
        folder = folder / main
    properties = _properties_file(folder)
    if properties is None or not dataset_of(folder).is_dir():
        raise UnreadableFile(
            f"{name!r} is a HATS collection whose main catalogue {folder.name!r} is "
            "missing or incomplete; transfer it again"
        )
    said = read_properties(properties)
    kind = said.get("dataproduct_type", "")
    if kind not in _TABLE_TYPES:
        raise UnreadableFile(
            f"{name!r} is a HATS {kind}, not a catalogue of objects; publish the "
            "catalogue or its collection"
        )
    return HatsLayout(name, folder, said, _partitions(name, dataset_of(folder)), collection)


def dataset_of(folder: Path) -> Path:
    """Give the folder with the partitions of a catalogue.

    Parameters
    ----------
    folder
        Of the catalogue.
    """
    # Before HATS had its name, the partitions were beside the properties.
    inner = folder / "dataset"
    return inner if inner.is_dir() or not any(folder.glob("Norder=*")) else folder


def read_properties(path: Path) -> dict[str, str]:
    """Read a properties file.

    Parameters
    ----------
    path
        Of the file.
    """
    with path.open(encoding="utf-8", errors="replace") as handle:
        text = handle.read(_MAX_PROPERTIES_BYTES)
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs if key.strip()}


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and path.name != "__MACOSX"


def _properties_file(folder: Path) -> Path | None:
    return next((folder / name for name in _CATALOGUE if (folder / name).is_file()), None)


def _partitions(name: str, dataset: Path) -> tuple[HatsPartition, ...]:
    found = []
    for path in dataset.rglob("*.parquet"):
        match = _PARTITION.fullmatch(path.relative_to(dataset).as_posix())
        if match is not None and path.is_file() and not path.is_symlink():
            order, cell = int(match[1]), int(match[2])
            if order > _FINEST_ORDER:
                raise UnreadableFile(f"{name!r} has a partition of order {order} > {_FINEST_ORDER}")
            shift = 2 * (_FINEST_ORDER - order)
            found.append(HatsPartition(cell << shift, (cell + 1) << shift, order, cell, path))
    if not found:
        raise UnreadableFile(
            f"{name!r} is a HATS catalogue without partitions "
            "(dataset/Norder=*/Dir=*/Npix=*.parquet); transfer it again"
        )
    return tuple(sorted(found))
