"""The data engine of an installation, with the store of its tables: one of each."""

from __future__ import annotations

from dataclasses import dataclass

from registry.stores.table import TableStore
from vo_service.engines.base import Engine
from vo_service.settings import Settings

__all__ = ["DataEngine", "open_engine", "prepare_engine"]


@dataclass(frozen=True, slots=True)
class DataEngine:
    """What computes rows, and what keeps them.

    Attributes
    ----------
    engine
        Answers queries.
    tables
        Keeps published tables, where the engine finds them.
    """

    engine: Engine
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
        memory_bytes=max(2**20, settings.engine_memory_bytes // settings.query_slots),
        temporary_bytes=settings.engine_temporary_bytes,
        workers=settings.engine_threads,
        idle=settings.query_slots,
    )
    return DataEngine(
        PostgresEngine(reader, session, prefilter),
        PostgresTableStore(owner, prefilter, settings.publish_memory_bytes),
    )


def _duckdb(settings: Settings) -> DataEngine:
    from vo_service.engines.duckdb.engine import DuckdbEngine
    from vo_service.engines.duckdb.instance import DuckdbInstance
    from vo_service.engines.duckdb.store import DuckdbTableStore

    def open_instance() -> DuckdbInstance:
        return DuckdbInstance(
            settings.tables_folder,
            settings.home / "temporary",
            memory_limit_bytes=settings.engine_memory_bytes,
            temporary_limit_bytes=settings.engine_temporary_bytes,
            threads=settings.engine_threads,
            max_attached=settings.engine_attached_tables,
        )

    return DataEngine(
        DuckdbEngine(open_instance),
        DuckdbTableStore(settings.tables_folder, memory_limit_bytes=settings.publish_memory_bytes),
    )
