"""What goes by itself: tables that nobody uses, and rows that were replaced or removed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from registry.errors import RegistryError
from registry.model.table import Table
from registry.stores.files import FileStore
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.stores.sweep import NO_RECORD, refusal
from registry.stores.table import TableStore
from registry.stores.user_table_manifests import UserTableManifests
from registry.user_tables.names import USER_SCHEMA_PREFIX
from registry.user_tables.service import RELATION_PREFIX

__all__ = ["SweptUserTables", "UserTableExpiry"]

_LOG = logging.getLogger("pzvo.user_tables")

_RETENTION = timedelta(minutes=15)
"""Replaced rows stay so long: from the reading of the catalogue to the opening of the file a
query takes seconds, and what is open can be removed."""

_INTERVAL_S = 900.0
"""Expiry counts in days, and replaced rows take room until they go."""

_ORPHAN_AGE = timedelta(minutes=30)
"""Files without a record are left alone while younger: their commit may be under way."""


@dataclass(frozen=True, slots=True)
class SweptUserTables:
    """What a sweep removed.

    Attributes
    ----------
    expired
        Pairs of owner and name.
    files
        Names of table files.
    quarantined
        Names of table files without a record, now in quarantine.
    refused
        Why files without a record were left where they are.
    """

    expired: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    refused: str | None = None


class UserTableExpiry:
    """Removes what nobody uses.

    Parameters
    ----------
    store, files, tables
        The stores of the installation.
    unused
        Time without a use after which a table goes; none keeps all.
    clock
        Tells the time, aware.
    """

    def __init__(
        self,
        store: SqlUserTableStore,
        files: FileStore,
        tables: TableStore,
        unused: timedelta | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._files = files
        self._tables = tables
        self._unused = unused
        self._clock = clock
        self._manifests = UserTableManifests(store, files.home)
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Sweep now and then, in a thread that does not keep the process alive."""
        self._thread = Thread(target=self._loop, name="user-tables", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the present sweep and end the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def note_use(self, tables: Iterable[Table]) -> None:
        """Write down that a query reads some tables; those of users are told by their schemas."""
        read = [t for t in tables if t.schema_name.startswith(USER_SCHEMA_PREFIX)]
        if not read:
            return
        try:
            self._store.note_use((t.storage.relation for t in read), self._clock())
        except RegistryError as error:
            # The query is what counts, and the next one is noted again.
            _LOG.warning("the use of a table was not noted: %s", error)

    def sweep(self) -> SweptUserTables:
        """Remove tables that were not used for long, and rows that were replaced or removed.

        Notes
        -----
        May run in several processes at once. What cannot be removed now, as it is still read,
        is left for the next time. What no record names is set aside, if it is little.
        """
        now = self._clock()
        if not self._store.deletions.is_steady(now):
            return SweptUserTables()
        expired = [] if self._unused is None else self._store.expire(now - self._unused, now)
        for table in expired:
            _LOG.info("table %s of %s expired", table.name, table.owner)
        retired = self._store.retired_files(now - _RETENTION)
        dropped = [name for name in sorted(retired) if self._done(name, self._tables.drop)]
        # What says that a table is gone is forgotten after what says that it was there.
        self._manifests.follow()
        self._store.forget_retired(dropped)
        aside, refused = self._set_aside(now)
        return SweptUserTables(
            tuple((table.owner, table.name) for table in expired), tuple(dropped), aside, refused
        )

    def _set_aside(self, now: datetime) -> tuple[tuple[str, ...], str | None]:
        with self._files.placing(alone=True) as alone:
            if not alone:
                return (), None
            found = [f for f in self._tables.files() if f.name.startswith(f"{RELATION_PREFIX}_")]
            known = self._store.known_files() | self._manifests.named()
            orphans = [file for file in found if file.name not in known]
            refused = refusal(self._files, len(orphans), len(found))
            if refused is not None:
                _LOG.error("%s", refused)
                return (), refused
            old = [file.name for file in orphans if now - file.modified >= _ORPHAN_AGE]
            return tuple(name for name in old if self._done(name, self._aside)), None

    def _aside(self, name: str) -> None:
        self._tables.set_aside(name, self._files.quarantine, NO_RECORD)

    def _loop(self) -> None:
        while not self._stopping.wait(_INTERVAL_S):
            try:
                self.sweep()
            except Exception:  # noqa: BLE001 - the next sweep may find the database again
                _LOG.exception("users' tables cannot be swept")

    def _done(self, name: str, action: Callable[[str], None]) -> bool:
        try:
            action(name)
        except (RegistryError, FileNotFoundError) as error:
            _LOG.warning("the table file %s stays for now: %s", name, error)
            return False
        return True
