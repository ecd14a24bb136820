"""The composition root: the only module that names concrete engines and stores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flask import Flask

from registry.catalogue import Catalogue
from registry.errors import MetadataUnavailable
from registry.ingestion.service import PublishService
from registry.model.principal import ANONYMOUS, OPERATOR, Principal
from registry.stores.files import FileStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.products import SqlProductStore
from uws.limits import JobLimits
from uws.reconciler import Reconciler
from uws.results.folder import FolderResultStore
from uws.service import JobService
from uws.store.database import JobDatabase
from uws.store.sql import SqlJobStore
from uws.watcher import PhaseWatcher
from uws.worker import Worker, WorkerSettings
from vo_service.adql.limits import DEFAULT_LIMITS
from vo_service.app import create_app
from vo_service.dali.request import RequestLimits
from vo_service.engines.base import EngineUnavailable
from vo_service.engines.duckdb.engine import DuckdbEngine
from vo_service.engines.duckdb.instance import DuckdbInstance
from vo_service.engines.duckdb.store import DuckdbTableStore
from vo_service.queries import QueryService
from vo_service.settings import Settings
from vo_service.tap.jobs import TapJobHandler, describe_job_error
from vo_service.tap.provenance import request_infos
from vo_service.tap.uploads import Uploads
from vo_service.uploads.inputs import JobInputs
from vo_service.uploads.service import UploadLimits, UploadService
from vosi.availability import Availability

__all__ = ["Services", "assemble", "make_app", "make_worker", "prepare"]


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
    job_store, results, jobs
        Asynchronous queries: their table, their results, and what callers may do with them.
    uploads
        Tables that come with queries.
    """

    settings: Settings
    database: MetadataDatabase
    catalogue: Catalogue
    publishing: PublishService
    queries: QueryService
    engine: DuckdbEngine
    job_store: SqlJobStore
    results: FolderResultStore
    jobs: JobService
    uploads: Uploads

    def close(self) -> None:
        """Release everything."""
        self.uploads.service.close()
        self.engine.close()
        self.database.close()


def prepare(settings: Settings) -> None:
    """Make the folders and bring the metadata database up to date, once per start."""
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.tables_folder.mkdir(parents=True, exist_ok=True)
    settings.results_folder.mkdir(parents=True, exist_ok=True)
    MetadataDatabase(settings.metadata_url).prepare()
    JobDatabase(settings.metadata_url).prepare()


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
        limits=replace(DEFAULT_LIMITS, characters=settings.query_max_characters),
    )
    job_database = JobDatabase(settings.metadata_url)
    job_store = SqlJobStore(job_database)
    results = FolderResultStore(settings.results_folder)
    # A request that waits for a job holds a thread; queries and quick requests keep theirs.
    waiters = max(1, settings.web_threads - settings.query_slots - 16)
    jobs = JobService(
        job_store,
        results,
        limits=JobLimits(
            execution_duration_default_s=settings.async_duration_default_s,
            execution_duration_max_s=settings.async_duration_hard_s,
            destruction_default_s=settings.job_retention_default_s,
            destruction_max_s=settings.job_retention_hard_s,
            stored_per_owner=settings.jobs_per_user,
            stored_anonymous=settings.jobs_anonymous,
        ),
        watcher=PhaseWatcher(job_store, waiters_max=waiters),
    )
    return Services(
        settings,
        database,
        catalogue,
        publishing,
        queries,
        engine,
        job_store,
        results,
        jobs,
        _uploads(settings, results),
    )


def _uploads(settings: Settings, results: FolderResultStore) -> Uploads:
    limits = UploadLimits(
        size_bytes=settings.upload_max_bytes,
        rows=settings.upload_max_rows,
        fetch_timeout_s=settings.upload_fetch_timeout_s,
        private_addresses=settings.upload_private_addresses,
        slots=max(2, settings.engine_threads),
        slot_wait_s=settings.slot_wait_s,
    )
    return Uploads(
        UploadService(settings.uploads_folder, limits),
        JobInputs(results, settings.upload_max_bytes),
    )


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
        except (EngineUnavailable, MetadataUnavailable) as error:
            return Availability(available=False, up_since=started, notes=(str(error),))
        return Availability(available=True, up_since=started)

    return create_app(settings, services.queries, services.jobs, availability, services.uploads)


def make_worker(settings: Settings) -> tuple[Worker, Reconciler]:
    """Build what a worker process runs: the jobs, and the repair of what crashes left."""
    services = assemble(settings)
    handler = TapJobHandler(
        services.queries,
        RequestLimits(settings.maxrec_default_rows, settings.maxrec_hard_rows, True),
        _owner_now,
        request_infos(settings.publisher, f"{settings.base_url}/tap"),
        uploads=services.uploads.service,
        inputs=services.uploads.inputs,
    )
    worker = Worker(
        services.job_store,
        services.results,
        [handler],
        settings=WorkerSettings(slots=settings.worker_slots),
        describe=describe_job_error,
    )
    return worker, Reconciler(services.job_store, services.results)


def _owner_now(owner: str | None) -> Principal:
    """Give the rights that the owner of a job has now."""
    return ANONYMOUS if owner is None else Principal(user=owner)
