"""The composition root: the only module that names concrete engines and stores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask

from registry.catalogue import Catalogue
from registry.ingestion.service import PublishService
from registry.model.principal import OPERATOR
from registry.stores.files import FileStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.products import SqlProductStore
from vo_service.adql.limits import DEFAULT_LIMITS
from vo_service.app import create_app
from vo_service.engines.base import EngineUnavailable
from vo_service.engines.duckdb.engine import DuckdbEngine
from vo_service.engines.duckdb.instance import DuckdbInstance
from vo_service.engines.duckdb.store import DuckdbTableStore
from vo_service.queries import QueryService
from vo_service.settings import Settings
from vosi.availability import Availability

__all__ = ["Services", "assemble", "make_app", "prepare"]


@dataclass(frozen=True, slots=True)
class Services:
    """The services of an installation, in one process.

    Attributes
    ----------
    settings
        Of the installation.
    database
        Metadata.
    catalogue
        Tables that a caller may query.
    publishing
        From files to tables.
    queries
        Answers ADQL.
    engine
        Computes rows.
    """

    settings: Settings
    database: MetadataDatabase
    catalogue: Catalogue
    publishing: PublishService
    queries: QueryService
    engine: DuckdbEngine

    def close(self) -> None:
        """Release everything."""
        self.engine.close()
        self.database.close()


def prepare(settings: Settings) -> None:
    """Make the folders and bring the metadata database up to date, once per start."""
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.tables_folder.mkdir(parents=True, exist_ok=True)
    database = MetadataDatabase(settings.metadata_url)
    database.prepare()


def assemble(settings: Settings) -> Services:
    """Build the services; nothing is opened before it is used."""
    database = MetadataDatabase(settings.metadata_url)
    products = SqlProductStore(database)
    catalogue = Catalogue(products)
    engine = DuckdbEngine(lambda: _open_instance(settings))
    publishing = PublishService(
        products,
        FileStore(settings.home),
        DuckdbTableStore(settings.tables_folder, memory_limit_bytes=settings.publish_memory_bytes),
    )
    queries = QueryService(
        catalogue.tables,
        engine,
        slots=settings.query_slots,
        slot_wait_s=settings.slot_wait_s,
        limits=DEFAULT_LIMITS,
    )
    return Services(settings, database, catalogue, publishing, queries, engine)


def _open_instance(settings: Settings) -> DuckdbInstance:
    return DuckdbInstance(
        settings.tables_folder,
        settings.home / "temporary",
        memory_limit_bytes=settings.engine_memory_bytes,
        temporary_limit_bytes=settings.engine_temporary_bytes,
        threads=settings.engine_threads,
        max_attached=settings.engine_attached_tables,
    )


def make_app(settings: Settings) -> Flask:
    """Build the web application of one process."""
    services = assemble(settings)
    started = datetime.now(UTC)

    def availability() -> Availability:
        try:
            services.catalogue.tables(OPERATOR)
            services.engine.check()
        except EngineUnavailable as error:
            return Availability(available=False, up_since=started, notes=(str(error),))
        return Availability(available=True, up_since=started)

    return create_app(settings, services.queries, availability)
