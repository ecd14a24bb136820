"""What an engine process of the embedded engine runs."""

from __future__ import annotations

from pathlib import Path

from vo_service.adql.limits import Limits
from vo_service.engines.duckdb.engine import DuckdbEngine
from vo_service.engines.duckdb.instance import DuckdbInstance
from vo_service.engines.processor import LocalProcessor

__all__ = ["open_processor"]


def open_processor(
    scratch: Path,
    *,
    tables_folder: Path,
    limits: Limits,
    memory_bytes: int,
    temporary_bytes: int,
    threads: int,
    attached_tables: int,
) -> LocalProcessor:
    """Open the database, before the first query.

    Parameters
    ----------
    scratch
        Folder for what does not fit into memory.
    tables_folder
        Folder of the table files.
    limits
        Of the size of a query.
    memory_bytes, temporary_bytes
        That the database may use.
    threads
        Of the database.
    attached_tables
        Files that stay open.
    """
    instance = DuckdbInstance(
        tables_folder,
        scratch,
        memory_limit_bytes=memory_bytes,
        temporary_limit_bytes=temporary_bytes,
        threads=threads,
        max_attached=attached_tables,
    )
    engine = DuckdbEngine(lambda: instance)
    engine.check()
    return LocalProcessor(engine, limits)
