"""The data engine of an installation, with the store of its tables: one of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from registry.stores.table import TableStore
from vo_service.adql.limits import DEFAULT_LIMITS, Limits
from vo_service.engines.process.pool import EnginePool
from vo_service.engines.process.processor import ProcessProcessor, TranslatingProcessor
from vo_service.engines.process.program import EngineProgram
from vo_service.engines.processor import QueryProcessor
from vo_service.settings import Settings

__all__ = ["DataEngine", "open_engine", "prepare_engine"]


_OTHER_FILES = 256
"""Descriptors of a process for queries beside its table files: libraries and temporary files."""


@dataclass(frozen=True, slots=True)
class DataEngine:
    """What computes rows, and what keeps them.

    Attributes
    ----------
    processor
        Answers queries.
    tables
        Keeps published tables, where the engine finds them.
    """

    processor: QueryProcessor
    tables: TableStore


def open_engine(settings: Settings) -> DataEngine:
    """Choose the engine; nothing is opened before it is used."""
    if settings.tables_url is not None:
        return _postgres(settings, settings.tables_url.get_secret_value())
    return _duckdb(settings)


def prepare_engine(settings: Settings) -> None:
    """Make what the engine needs before its first query or table.

    Raises
    ------
    EngineUnavailable
        If the database of the tables cannot be reached or prepared.
    """
    settings.tables_folder.mkdir(parents=True, exist_ok=True)
    if settings.tables_url is None:
        return
    from sqlalchemy import make_url

    from vo_service.engines.postgres.context import Prefilter
    from vo_service.engines.postgres.installation import prepare

    owner = settings.tables_url.get_secret_value()
    reader = None
    if settings.queries_url is not None:
        reader = make_url(settings.queries_url.get_secret_value()).username
    prepare(owner, Prefilter(settings.positions_index), reader)


def _postgres(settings: Settings, owner: str) -> DataEngine:
    # The driver is an optional dependency.
    from vo_service.engines.postgres.context import Prefilter
    from vo_service.engines.postgres.engine import PostgresEngine
    from vo_service.engines.postgres.sessions import SessionSettings
    from vo_service.engines.postgres.store import PostgresTableStore

    reader = owner if settings.queries_url is None else settings.queries_url.get_secret_value()
    prefilter = Prefilter(settings.positions_index)
    session = SessionSettings(
        # A query sorts and joins in several places, each of which may use so much.
        memory_bytes=settings.engine_memory_bytes // 8,
        temporary_bytes=settings.engine_temporary_bytes,
        workers=settings.engine_threads,
        idle=settings.query_slots,
    )
    pool = _pool(settings, "vo_service.engines.postgres.program", {"prefilter": prefilter})
    return DataEngine(
        TranslatingProcessor(pool, PostgresEngine(reader, session, prefilter)),
        PostgresTableStore(owner, prefilter, settings.publish_memory_bytes),
    )


def _duckdb(settings: Settings) -> DataEngine:
    from vo_service.engines.duckdb.store import DuckdbTableStore

    options = {
        "tables_folder": settings.tables_folder,
        # The rest is for what the database does not count: texts, trees, rows on their way.
        "memory_bytes": settings.engine_memory_bytes * 2 // 3,
        "temporary_bytes": settings.engine_temporary_bytes,
        "threads": settings.engine_threads,
        "attached_tables": settings.engine_attached_tables,
    }
    pool = _pool(settings, "vo_service.engines.duckdb.program", options, (settings.tables_folder,))
    return DataEngine(
        ProcessProcessor(pool),
        DuckdbTableStore(settings.tables_folder, memory_limit_bytes=settings.publish_memory_bytes),
    )


def _pool(
    settings: Settings, module: str, options: Mapping[str, Any], readable: tuple[Path, ...] = ()
) -> EnginePool:
    program = EngineProgram(
        module,
        {**options, "limits": query_limits(settings)},
        readable,
        memory_bytes=settings.engine_memory_bytes,
        all_memory_bytes=settings.engine_total_memory_bytes,
        temporary_bytes=settings.engine_temporary_bytes,
        open_files=settings.engine_attached_tables + _OTHER_FILES,
    )
    return EnginePool(program, settings.home / "temporary", settings.engine_spares)


def query_limits(settings: Settings) -> Limits:
    """Give the limits of the size of a query."""
    return replace(
        DEFAULT_LIMITS,
        characters=settings.query_max_characters,
        columns=settings.query_max_columns,
        conditions=settings.query_max_conditions,
        keys=settings.query_max_keys,
        relations=settings.query_max_relations,
        expanded_values=settings.query_max_expanded_values,
        text_characters=settings.query_max_text_characters,
        sql_characters=settings.query_max_sql_characters,
    )
