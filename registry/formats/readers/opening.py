"""From any path to an open table: unpack, choose the reader, check the options.

This runs in the process that `sandbox` starts; only files that are trusted are opened with it
directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from registry.errors import UnreadableFile
from registry.formats.readers.base import OpenedTable
from registry.formats.readers.detection import READERS, check_path, packing_of, reader_for
from registry.formats.readers.hats import HatsTable, hats_root
from registry.formats.readers.options import (
    DEFAULT_LIMITS,
    DEFAULT_OPTIONS,
    ReadLimits,
    ReadOptions,
)
from registry.formats.readers.unpacking import Unpacking

__all__ = ["open_file", "open_place", "unpack_file"]

_MAX_LAYERS = 3
"""Archives inside of archives: ``.tar.gz`` is two, a zip around it three."""


def open_file(
    path: Path,
    options: ReadOptions = DEFAULT_OPTIONS,
    scratch: Path | None = None,
    limits: ReadLimits = DEFAULT_LIMITS,
) -> tuple[str, OpenedTable]:
    """Open a file, a packed file, or a folder of HATS.

    Parameters
    ----------
    path
        The file or folder.
    options
        Which table of the file, where it holds several.
    scratch
        Folder to unpack into; packed files are refused without one.
    limits
        Of the unpacking.

    Returns
    -------
    tuple
        Name of the format for people, and the table.

    Raises
    ------
    UnreadableFile
        If the file is damaged, or unpacks to more than it may, or an option means nothing for it.
    FileChoiceNeeded
        If it holds several tables.
    UnsupportedFile
        If it is no table.
    StorageFull
        If there is no room to unpack it.
    """
    place, packings = unpack_file(path, scratch, limits)
    return open_place(path, place, packings, options)


def unpack_file(
    path: Path, scratch: Path | None = None, limits: ReadLimits = DEFAULT_LIMITS
) -> tuple[Path, list[str]]:
    """Take a file out of what it is packed in, layer by layer.

    Parameters
    ----------
    path, scratch, limits
        See `open_file`.

    Returns
    -------
    tuple
        The table file or folder, which is `path` itself if it is not packed, and the names of
        the packings, the outermost first.

    Raises
    ------
    UnreadableFile
        If the file is damaged, ambiguous, or unpacks to more than it may.
    UnsupportedFile
        If there is no table inside.
    StorageFull
        If there is no room to unpack it.
    """
    packings: list[str] = []
    place = path
    if path.is_file():
        unpacking = Unpacking(path, scratch, limits)
        while (packing := packing_of(place)) is not None:
            if len(packings) == _MAX_LAYERS:
                raise UnreadableFile(
                    f"{path.name!r} is packed more than {_MAX_LAYERS} times; unpack it first"
                )
            place = unpacking.unpack(place, packing)
            packings.append(packing)
    return place, packings


def open_place(
    path: Path, place: Path, packings: Sequence[str], options: ReadOptions
) -> tuple[str, OpenedTable]:
    """Open what `unpack_file` found.

    Raises
    ------
    UnreadableFile
        If the file is damaged, or an option means nothing for it.
    FileChoiceNeeded
        If it holds several tables.
    UnsupportedFile
        If it is no table.
    """
    name, table = _open_plain(path, place, options)
    return " in ".join([name, *reversed(packings)]), table


def _open_plain(path: Path, place: Path, options: ReadOptions) -> tuple[str, OpenedTable]:
    check_path(place)
    root = hats_root(place) if place.is_dir() else None
    if root is not None:
        _check_options(path, "HATS", frozenset(), options)
        return "HATS", HatsTable(root)
    reader = reader_for(place)
    _check_options(path, reader.name, reader.options, options)
    return reader.name, reader.open(place, options)


def _check_options(path: Path, name: str, meaningful: frozenset[str], options: ReadOptions) -> None:
    idle = [option for option in options.given if option not in meaningful]
    if idle:
        users = [r.name for r in READERS if idle[0] in r.options]
        raise UnreadableFile(
            f"the option {idle[0]} is for {' and '.join(users)} files, but {path.name!r} is "
            f"{name}; leave it out"
        )
