"""What has been copied: remembered, so that another run goes on where the last one ended."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from registry.durability import disk_errors, rename_durably
from vo_service.importing.errors import ImportRefused

__all__ = ["ImportJournal", "JournalEntry"]

FOLDER = "imports"
"""In the home folder of the installation."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """How far a product is.

    Attributes
    ----------
    begun
        Moment before it was made here, ISO; by it a product is found whose number was lost.
    product
        Its number here.
    done
        Whether all of it is here and published.
    updated
        When it was last changed at the source, as the source says.
    notes
        What could not be copied.
    """

    begun: str
    product: int | None = None
    done: bool = False
    updated: str = ""
    notes: tuple[str, ...] = field(default=())


class ImportJournal:
    """The products of one server that are here, or on their way.

    Parameters
    ----------
    home
        Home folder of the installation.
    url
        Root of the server's API.

    Attributes
    ----------
    folder
        Where the journal is, and parts of files that are not complete.
    """

    def __init__(self, home: Path, url: str) -> None:
        self.folder = home / FOLDER / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._url = url
        self._path = self.folder / "journal.json"
        self._entries = self._read()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other imports from the same server out.

        Raises
        ------
        ImportRefused
            If one is running.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ImportRefused("another import from this server is running") from error
            self._entries = self._read()
            yield

    def entry(self, source_id: int) -> JournalEntry | None:
        """Tell how far a product of the server is."""
        return self._entries.get(source_id)

    def products(self) -> frozenset[int]:
        """Give the numbers of the products here that come from the server."""
        found = (entry.product for entry in self._entries.values())
        return frozenset(number for number in found if number is not None)

    def note(self, source_id: int, entry: JournalEntry) -> None:
        """Remember how far a product is; when this returns, a crash forgets nothing.

        Raises
        ------
        StorageFull
            If the disk is full.
        """
        self._entries[source_id] = entry
        known = {str(number): asdict(each) for number, each in self._entries.items()}
        fresh = self._path.with_suffix(".new")
        with disk_errors(), fresh.open("w", encoding="utf-8") as file:
            json.dump({"source": self._url, "products": known}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        rename_durably(fresh, self._path)

    def _read(self) -> dict[int, JournalEntry]:
        if not self._path.exists():
            return {}
        try:
            known = json.loads(self._path.read_text("utf-8"))["products"]
            entries = {int(number): JournalEntry(**entry) for number, entry in known.items()}
        except (ValueError, KeyError, TypeError) as error:
            raise ImportRefused(
                f"the journal {self._path} is damaged; bring it back from a backup, or remove it "
                "and the products that were copied"
            ) from error
        return {n: replace(entry, notes=tuple(entry.notes)) for n, entry in entries.items()}
