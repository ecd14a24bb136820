"""What the header of an ECSV file says of its columns (astropy's APE 6): YAML in its comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from registry.formats.readers.base import FileColumn

__all__ = ["with_ecsv_header"]

_MAX_CHARS = 4 * 1024 * 1024


def with_ecsv_header(path: Path, columns: tuple[FileColumn, ...]) -> tuple[FileColumn, ...]:
    """Give columns the units and descriptions that the comments of their file say.

    Parameters
    ----------
    path
        A file of UTF-8 text, of any kind.
    columns
        As they are found without it; those that it does not name stay as they are.
    """
    said = {str(entry.get("name")): entry for entry in _entries(path)}
    return tuple(
        replace(
            column,
            unit=_text(said[column.name].get("unit")),
            description=_text(said[column.name].get("description")),
        )
        if column.name in said
        else column
        for column in columns
    )


def _entries(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as handle:
        if not handle.readline(80).startswith("# %ECSV"):
            return []
        import yaml

        try:
            header = yaml.safe_load("\n".join(_comments(handle.readlines(_MAX_CHARS))))
        except yaml.YAMLError:
            return []
    entries = header.get("datatype") if isinstance(header, dict) else None
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict)]


def _comments(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("#"):
            return
        yield line.removeprefix("#").removeprefix(" ").rstrip("\r\n")


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
