"""One locked-down DuckDB per process, with table files attached on demand.

Settings come first, then external access is closed except for the folder of table files, and at
last the configuration is locked, so that no statement can open it again. Each file is attached
read-only at its first use; the least recently used ones are let go beyond a number of them.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

import duckdb

from vo_service.engines.base import EngineUnavailable
from vo_service.engines.context import quoted
from vo_service.engines.duckdb.arrow_functions import register
from vo_service.engines.duckdb.printer import database_name

__all__ = ["DuckdbInstance"]


class DuckdbInstance:
    """The embedded database of a process.

    Parameters
    ----------
    tables_folder
        Folder of the table files.
    temporary_folder
        Folder for what does not fit into memory; made if absent.
    memory_limit_bytes, temporary_limit_bytes
        Limits over all queries of the process.
    threads
        Threads over all queries of the process.
    max_attached
        Table files that stay attached while nobody reads them.
    """

    def __init__(
        self,
        tables_folder: Path,
        temporary_folder: Path,
        *,
        memory_limit_bytes: int,
        temporary_limit_bytes: int,
        threads: int,
        max_attached: int = 200,
    ) -> None:
        self._folder = tables_folder
        self._max_attached = max_attached
        self._lock = threading.Lock()
        self._readers: OrderedDict[str, int] = OrderedDict()
        temporary_folder.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(":memory:")
        # The driver complains of functions that outlive it at the end of the process.
        weakref.finalize(self, self._connection.close)
        register(self._connection)
        for name, value in (
            ("temp_directory", str(temporary_folder)),
            ("max_temp_directory_size", f"{temporary_limit_bytes}B"),
            ("memory_limit", f"{memory_limit_bytes}B"),
            ("threads", threads),
            ("error_on_division_by_zero", False),
            ("preserve_insertion_order", True),
            ("max_expression_depth", 1000),
            ("autoload_known_extensions", False),
            ("autoinstall_known_extensions", False),
            ("allow_community_extensions", False),
            ("allow_persistent_secrets", False),
            ("python_enable_replacements", False),
            ("allowed_directories", [str(tables_folder)]),
            ("enable_external_access", False),
            ("lock_configuration", True),
        ):
            self._connection.execute(f"SET GLOBAL {name} = $1", [value])

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Open a connection for one query; the caller closes it."""
        with self._lock:
            return self._connection.cursor()

    def acquire(self, files: Iterable[str]) -> None:
        """Attach table files and keep them attached until `release`.

        Raises
        ------
        EngineUnavailable
            If a file cannot be opened.
        """
        acquired: list[str] = []
        with self._lock:
            for file in files:
                if file not in self._readers:
                    try:
                        self._attach(file)
                    except duckdb.Error as error:
                        self._release(acquired)
                        msg = "a table file cannot be opened now; try again later"
                        raise EngineUnavailable(msg) from error
                self._readers[file] = self._readers.get(file, 0) + 1
                self._readers.move_to_end(file)
                acquired.append(file)

    def release(self, files: Iterable[str]) -> None:
        """Let table files go that were acquired."""
        with self._lock:
            self._release(files)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def _attach(self, file: str) -> None:
        path = str(self._folder / file).replace("'", "''")
        self._connection.execute(f"ATTACH '{path}' AS {quoted(database_name(file))} (READ_ONLY)")

    def _release(self, files: Iterable[str]) -> None:
        for file in files:
            self._readers[file] -= 1
        idle = [file for file, readers in self._readers.items() if readers == 0]
        for file in idle[: max(0, len(self._readers) - self._max_attached)]:
            self._connection.execute(f"DETACH {quoted(database_name(file))}")
            del self._readers[file]
