"""Files that no record names: set aside with date and reason, never removed at once.

Under the home folder, ``quarantine/<entry>/entry.json`` says what it was and why it is there, and
what was set aside lies beside it under its own name. Moving it back undoes everything.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from registry.durability import disk_errors, rename_durably, sync_file, sync_folder

__all__ = ["QUARANTINE", "Quarantine", "SetAside", "may_be_orphans"]

_LOG = logging.getLogger("pzvo.sweep")

QUARANTINE = "quarantine"
"""Folder below the home folder."""

_LABEL = "entry.json"

_ALWAYS = 2
"""Orphans of one crashed publication: its file and its table."""

_SHARE = 10
"""One in so many files may be set aside without an operator's word: a home of which more has no
record has the wrong database, or half of it is not mounted."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Something in quarantine.

    Attributes
    ----------
    name
        Of its folder inside the quarantine.
    place
        Where it was, below the home folder.
    reason
        Why it was set aside.
    moved
        When, UTC.
    size_bytes
        Of all of it.
    table
        Name of the table, where it is one of the database of the tables and not a file.
    """

    name: str
    place: str
    reason: str
    moved: datetime
    size_bytes: int
    table: str | None = None


class Quarantine:
    """Keeps what no record names until somebody has had the time to look at it.

    Parameters
    ----------
    home
        Home folder of the installation.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / QUARANTINE

    def take(self, path: Path, reason: str) -> SetAside:
        """Move a file or folder of the home here.

        Parameters
        ----------
        path
            Below the home folder, on its file system.
        reason
            For the operator.

        Raises
        ------
        StorageFull
            If the disk is full; the file stays where it is.
        OSError
            If it cannot be moved, or is gone.
        """
        entry = self._label(path.relative_to(self._home).as_posix(), reason, _size(path))
        rename_durably(path, self._folder / entry.name / path.name)
        return entry

    def take_few(self, paths: Sequence[Path], total: int, reason: str) -> int:
        """Move files or folders here, if they are so few that a crash explains them.

        Parameters
        ----------
        paths
            Without a record.
        total
            How many there are of their kind, with and without one.
        reason
            For the operator.

        Returns
        -------
        int
            How many were moved.
        """
        before = sum(1 for _ in self.entries())
        if not paths or not may_be_orphans(len(paths), total, before):
            if paths:
                _LOG.error("%d of %d stay where they are: %s", len(paths), total, reason)
            return 0
        moved = 0
        for path in paths:
            with suppress(FileNotFoundError):
                self.take(path, reason)
                moved += 1
        return moved

    def note_table(self, table: str, reason: str) -> SetAside:
        """Write down that a table of the database of the tables was set aside there."""
        return self._label(f"tables/{table}", reason, 0, table)

    def entries(self) -> Iterator[SetAside]:
        """List what is here, the oldest first; folders without a readable label count as new."""
        for folder in sorted(self._folder.glob("*")):
            try:
                said = json.loads((folder / _LABEL).read_text())
                yield SetAside(**{**said, "moved": datetime.fromisoformat(said["moved"])})
            except (OSError, ValueError, TypeError, KeyError):
                now = datetime.now(UTC)
                yield SetAside(folder.name, "?", "its label cannot be read", now, _size(folder))

    def remove(self, entry: SetAside) -> None:
        """Remove something for good."""
        shutil.rmtree(self._folder / entry.name, ignore_errors=True)

    def _label(self, place: str, reason: str, size: int, table: str | None = None) -> SetAside:
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
        entry = SetAside(name, place, reason, now, size, table)
        folder = self._folder / name
        with disk_errors():
            folder.mkdir(parents=True)
            (folder / _LABEL).write_text(
                json.dumps(asdict(entry) | {"moved": now.isoformat()}, indent=1)
            )
        sync_file(folder / _LABEL)
        sync_folder(self._folder)
        return entry


def may_be_orphans(orphans: int, total: int, before: int = 0) -> bool:
    """Tell whether so few files have no record that a crash explains it.

    Parameters
    ----------
    orphans
        Files without a record.
    total
        All files that should have one, the orphans among them.
    before
        Files that are in quarantine already.
    """
    suspicious = orphans + before
    few = orphans <= _ALWAYS and 2 * orphans < total
    return few or suspicious * _SHARE <= total + before


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                total += (Path(folder) / name).stat().st_size
    return total
