"""One identity for a home folder and its metadata database: neither works with another's.

``identity.json`` in the home, in its ``archive`` and in its ``tables`` (which may be mounted from
elsewhere) holds what the row of the table ``installation`` holds. Where one of them has none yet
(an installation of an older release, or a restored copy), they are taken for each other's only if
the files that the records name are there.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from registry.durability import disk_errors, rename_anew, sync_file
from registry.errors import HomeMismatch
from registry.host.privacy import close_folder
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.installation import Belongings, SqlInstallation

__all__ = ["IDENTITY", "Home", "check_mounted"]

IDENTITY = "identity.json"
"""Name of the marks."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a home and a database say of themselves.

    Attributes
    ----------
    home
        Identity of the home, if it has one.
    holds_data
        Whether products or tables are in it.
    records
        What the database says.
    """

    home: str | None
    holds_data: bool
    records: Belongings


class Home:
    """The home folder of an installation, and what it belongs to.

    Parameters
    ----------
    folder
        The folder; made when it is first bound.
    tables_here
        Whether published tables are files of it, and not in a database of their own.
    """

    def __init__(self, folder: Path, *, tables_here: bool = True) -> None:
        self._folder = folder
        self._tables_here = tables_here

    @property
    def identity(self) -> str | None:
        """What the home says of itself.

        Raises
        ------
        HomeMismatch
            If its mark cannot be read.
        """
        return self._read(self._folder)

    @property
    def holds_data(self) -> bool:
        """Whether products or tables are in it."""
        products = (self._folder / "archive" / "products").glob("*/*")
        tables = (self._folder / "tables").glob("*.duckdb")
        return any(True for _ in products) or any(True for _ in tables)

    def bind(self, database: MetadataDatabase, *, tables_lost: bool = False) -> str:
        """Check that home and database belong together, and mark new ones with one identity.

        Parameters
        ----------
        database
            Prepared here, once it is known to be the right one.
        tables_lost
            The operator's word that the tables may all be gone.

        Raises
        ------
        HomeMismatch
            If they do not, or nobody can tell; nothing was changed.
        StorageFull
            If the disk has no room for the marks.
        """
        records = SqlInstallation(database).belongings()
        found = _Found(self.identity, self.holds_data, records)
        self._check(found, tables_lost=tables_lost)
        database.prepare()
        store = SqlInstallation(database)
        own = store.identity() or store.claim(found.home or uuid.uuid4().hex)
        if self._folder.is_dir():
            # What an older release made was open to all accounts of the host.
            close_folder(self._folder, inside=found.home is None)
        # Another process may have begun with another database in the same moment.
        kept = self._mark(self._folder, own)
        if kept != own:
            raise self._mismatch(kept, own)
        for part in self._parts():
            if self._mark(self._folder / part, own) != own:
                raise self._mismatch(self._read(self._folder / part), own)
        return own

    def adopt(self, database: MetadataDatabase) -> str:
        """Take a database for that of this home, by an operator's word.

        Returns
        -------
        str
            The identity of both.
        """
        database.prepare()
        store = SqlInstallation(database)
        identity = self.identity or store.identity() or uuid.uuid4().hex
        store.claim(identity, anew=True)
        for folder in (self._folder, *(self._folder / part for part in self._parts())):
            (folder / IDENTITY).unlink(missing_ok=True)
            self._mark(folder, identity)
        return identity

    def _parts(self) -> Iterator[str]:
        yield "archive"
        if self._tables_here:
            yield "tables"

    def _check(self, found: _Found, *, tables_lost: bool) -> None:
        records = found.records
        if found.home is not None and records.identity is not None:
            if found.home != records.identity:
                raise self._mismatch(found.home, records.identity)
            for part in self._absent(records):
                marked = self._read(self._folder / part) is not None
                if not marked and not (tables_lost and part == "tables"):
                    self._raise_absent(part)
            return
        if self._evident(records):
            return
        if found.holds_data or found.home is not None:
            raise self._mismatch(found.home, records.identity)
        if records.places:
            self._raise_absent(".")

    def _raise_absent(self, part: str) -> None:
        advice = "; --repair makes the tables again from the archive" if part == "tables" else ""
        raise HomeMismatch(
            f"the folder {str(self._folder / part)!r} holds nothing of what the metadata database "
            "names: is it mounted, and is it the right home? Nothing was changed. If its data are "
            f"lost, `pzvo doctor` says what can be done{advice}"
        )

    def _absent(self, records: Belongings) -> Iterator[str]:
        for part in self._parts():
            places = [place for place, _ in records.places if place.startswith(f"{part}/")]
            # The folder of a product stays there when its files are damaged or lost.
            depth = 3 if part == "archive" else 2
            names = ("/".join(place.split("/")[:depth]) for place in places)
            if places and not any((self._folder / name).exists() for name in names):
                yield part

    def _evident(self, records: Belongings) -> bool:
        present = 0
        for place, size in records.places:
            with suppress(OSError):
                state = (self._folder / place).stat()
                present += size is None or state.st_size == size
        return present > 0 and 2 * present >= len(records.places)

    def _mismatch(self, home: str | None, database: str | None) -> HomeMismatch:
        named = "no identity" if home is None else f"the identity {home}"
        if database is None:
            other = "the metadata database has none and knows nothing of its files"
        else:
            other = f"the metadata database has the identity {database}"
        return HomeMismatch(
            f"the home {str(self._folder)!r} has {named}, and {other}: they do not belong "
            "together, and nothing was changed. Check `home` and `database_url`. If the database "
            "is lost, name an empty one and run `pzvo doctor --rebuild`, which makes its records "
            "again from the archive; if they do belong together, say so with `pzvo doctor --adopt`"
        )

    def _read(self, folder: Path) -> str | None:
        try:
            return str(json.loads((folder / IDENTITY).read_text())["identity"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise HomeMismatch(
                f"{str(folder / IDENTITY)!r} cannot be read; bring it back from a backup, or "
                "remove it and run `pzvo doctor --adopt`"
            ) from error

    def _mark(self, folder: Path, identity: str) -> str:
        """Write the mark unless there is one; give the one that is there."""
        present = self._read(folder)
        if present is not None:
            return present
        part = folder / f".{IDENTITY}.{uuid.uuid4().hex[:8]}"
        with disk_errors():
            folder.mkdir(parents=True, exist_ok=True)
            try:
                part.write_text(json.dumps({"service": "pzvo", "identity": identity}) + "\n")
                sync_file(part)
                with suppress(FileExistsError):
                    rename_anew(part, folder / IDENTITY)
            finally:
                part.unlink(missing_ok=True)
        return self._read(folder) or identity


def check_mounted(home: Path) -> None:
    """Check, before anything is put into the archive, that it is the one of this home.

    Raises
    ------
    HomeMismatch
        If the archive is not mounted any more.
    """
    if (home / IDENTITY).exists() and not (home / "archive" / IDENTITY).exists():
        raise HomeMismatch(
            "the archive of this service is not mounted now; nothing was stored, try again later"
        )
