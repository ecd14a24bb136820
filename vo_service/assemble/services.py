"""The services of an installation in one process, made over its stores."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from registry.accounts.attempts import LoginAttempts
from registry.accounts.credentials import CredentialService
from registry.accounts.passwords import Passwords
from registry.accounts.service import AccountService
from registry.catalogue import Catalogue
from registry.errors import StorageFull
from registry.formats.readers import ReadLimits
from registry.formats.readers.processes import ReadingProcesses
from registry.host.counters import SharedCounters
from registry.host.places import Places
from registry.host.privacy import keep_private
from registry.ingestion.service import PublishService
from registry.maps.folder import MapFolder
from registry.model.principal import ANONYMOUS, OPERATOR, Principal
from registry.model.user_table import UserTableQuota
from registry.products.outputs import OutputService
from registry.products.records import ProductLimits, ProductStores
from registry.products.resumable import ResumableUploads
from registry.products.service import ProductService
from registry.releases import ReleaseService
from registry.stores.files import FileStore
from registry.stores.identity import Home
from registry.stores.manifest_keeper import ManifestKeeper
from registry.stores.metadata.accounts import SqlAccountStore
from registry.stores.metadata.credentials import SqlCredentialStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.releases import SqlReleaseStore
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.stores.table import TableStore
from registry.user_tables.parts import UserTables
from uws.limits import JobLimits
from uws.results.folder import FolderResultStore
from uws.service import JobService
from uws.store.database import JobDatabase
from uws.store.durations import SqlDurationLog
from uws.store.sql import SqlJobStore
from uws.watcher import PhaseWatcher
from vo_service.assemble.data import open_engine, prepare_engine
from vo_service.assemble.uploads import make_uploads, reading_places
from vo_service.dali.request import RequestLimits
from vo_service.engines.processor import QueryProcessor
from vo_service.http.authentication import Authentication
from vo_service.processing.assembly import Processing, ProcessingSettings
from vo_service.processing.shelf import RegistryShelf
from vo_service.queries import QueryService
from vo_service.settings import Settings
from vo_service.tap.jobs import KIND, job_request
from vo_service.tap.quotes import JobQuotes
from vo_service.tap.stored_rows import EngineRows
from vo_service.tap.uploads import Uploads

__all__ = ["Data", "Jobs", "People", "Services", "assemble", "prepare", "request_limits"]


@dataclass(frozen=True, slots=True)
class People:
    """Who asks, and what they may see.

    Attributes
    ----------
    accounts, credentials, releases
        Users and groups, how they show who they are, and to whom data are released.
    authentication
        Tells who makes a request.
    """

    accounts: AccountService
    credentials: CredentialService
    releases: ReleaseService
    authentication: Authentication

    def owner(self, name: str | None) -> Principal:
        """Give the rights that the owner of a job has now.

        Raises
        ------
        AccountNotFound, UserDeactivated
            If the owner is no user any more.
        """
        if name is None:
            return ANONYMOUS
        return OPERATOR if name == OPERATOR.user else self.accounts.principal_of(name)


@dataclass(frozen=True, slots=True)
class Data:
    """Products, their tables, and users' own tables.

    Attributes
    ----------
    processor, tables
        Compute and keep rows.
    catalogue
        Tables that a caller may query.
    publishing
        From files to tables.
    products, outputs, resumable
        What people do with products, products of pipelines, and uploads in pieces.
    user_tables
        Tables that users keep.
    maps
        Maps of published tables.
    """

    processor: QueryProcessor
    tables: TableStore
    catalogue: Catalogue
    publishing: PublishService
    products: ProductService
    outputs: OutputService
    resumable: ResumableUploads
    user_tables: UserTables
    maps: MapFolder


@dataclass(frozen=True, slots=True)
class Jobs:
    """Jobs: their table, their results, and what callers may do with them.

    Attributes
    ----------
    database, store, results
        Where they are kept.
    service
        What callers do with asynchronous queries.
    watcher
        Lets callers wait; one for all kinds of jobs.
    quotes
        When queries are over.
    """

    database: JobDatabase
    store: SqlJobStore
    results: FolderResultStore
    service: JobService
    watcher: PhaseWatcher
    quotes: JobQuotes


@dataclass(frozen=True, slots=True)
class Services:
    """The services of an installation, in one process.

    Attributes
    ----------
    settings
        Of the installation.
    database
        Metadata.
    people, data, jobs
        By what they are about.
    queries
        Answers ADQL.
    uploads
        Tables that come with queries.
    processing
        Runs pipelines.
    """

    settings: Settings
    database: MetadataDatabase
    people: People
    data: Data
    jobs: Jobs
    queries: QueryService
    uploads: Uploads
    processing: Processing

    def close(self) -> None:
        """Release everything."""
        self.uploads.service.close()
        self.data.processor.close()
        self.database.close()


def prepare(settings: Settings, *, tables_lost: bool = False) -> None:
    """Make the folders and bring the databases up to date, once per start.

    Parameters
    ----------
    settings
        Of the installation.
    tables_lost
        Go on also if the tables are all gone: they are to be made again.

    Raises
    ------
    EngineUnavailable
        If the database of the tables cannot be reached.
    MetadataUnavailable
        If that of the metadata cannot.
    HomeMismatch
        If home and metadata do not belong together; nothing was changed.
    """
    keep_private()
    home = Home(settings.home, tables_here=settings.tables_url is None)
    with contextlib.closing(MetadataDatabase(settings.metadata_url)) as database:
        home.bind(database, tables_lost=tables_lost)
        with contextlib.suppress(StorageFull):
            # On a full disk they stay due.
            ManifestKeeper(database, settings.home).write_due()
    settings.results_folder.mkdir(parents=True, exist_ok=True)
    JobDatabase(settings.metadata_url).prepare()
    prepare_engine(settings)


def assemble(settings: Settings) -> Services:
    """Build the services; nothing is opened before it is used."""
    keep_private()
    database = MetadataDatabase(settings.metadata_url)
    people = _people(settings, database)
    data = _data(settings, database, people.releases)
    queries = QueryService(
        data.user_tables.visible.tables,
        data.processor,
        used=data.user_tables.expiry.note_use,
        slots=settings.query_slots,
        slot_wait_s=settings.slot_wait_s,
        slots_per_visitor=settings.query_slots_per_visitor,
        links_url=f"{settings.base_url}/datalink/links",
    )
    jobs = _jobs(settings, queries, people.owner)
    made = data.outputs, data.products, people.owner, f"{settings.base_url}/api"
    shelf = RegistryShelf(*made, people.releases)
    processing = Processing(
        ProcessingSettings(
            settings.home,
            settings.job_retention_default_s,
            settings.job_retention_hard_s,
            settings.jobs_per_user,
            settings.pipeline_sites,
        ),
        jobs.store,
        jobs.results,
        shelf,
        people.releases.policy,
        watcher=jobs.watcher,
    )
    uploads = make_uploads(settings, jobs.results, jobs.store)
    return Services(settings, database, people, data, jobs, queries, uploads, processing)


def request_limits(settings: Settings) -> RequestLimits:
    """Give the limits of queries with uploads."""
    return RequestLimits(settings.maxrec_default_rows, settings.maxrec_hard_rows, True)


def _people(settings: Settings, database: MetadataDatabase) -> People:
    store, passwords = SqlAccountStore(database), Passwords()
    credentials = CredentialService(
        SqlCredentialStore(database),
        store,
        passwords,
        LoginAttempts(
            settings.login_attempts,
            settings.login_window_s,
            SharedCounters(settings.places_folder / "attempts"),
        ),
        Places(
            settings.places_folder / "passwords",
            "logins",
            total=settings.password_checks,
            per_visitor=max(1, settings.password_checks // 2),
            wait_s=settings.slot_wait_s,
        ),
        session_duration=timedelta(seconds=settings.session_duration_s),
    )
    return People(
        AccountService(store, passwords),
        credentials,
        ReleaseService(SqlReleaseStore(database), anonymous_read=settings.anonymous_read),
        Authentication(credentials, settings.base_url, settings.trusted_proxies),
    )


def _data(settings: Settings, database: MetadataDatabase, releases: ReleaseService) -> Data:
    chosen = open_engine(settings)
    files = FileStore(settings.home)
    stores = ProductStores.over(database, files)
    limits = ProductLimits(
        file_bytes=settings.product_max_bytes,
        arriving=settings.product_uploads_max,
        arriving_bytes=settings.product_uploads_max_bytes,
        converted_bytes=settings.converted_max_bytes,
        converted_bytes_per_visitor=settings.converted_max_bytes_per_visitor,
    )
    reading = ReadingProcesses(
        reading_places(settings, "products", "files"),
        waited=ReadLimits(cpu_s=settings.read_timeout_s, stall_s=float(settings.read_timeout_s)),
    )
    publishing = PublishService(
        stores.products, files, chosen.tables, reading, policy=releases.policy
    )
    maps = MapFolder(settings.home)
    catalogue = Catalogue(
        stores.products, releases.policy, settings.dataset_ids, settings.base_url, maps.facts
    )
    products = ProductService(stores, publishing.publisher, releases.policy, limits)
    unused_days = settings.user_tables_unused_days
    user_tables = UserTables.over(
        SqlUserTableStore(database),
        files,
        chosen.tables,
        rows=EngineRows(chosen.processor).read,
        base=catalogue.tables,
        quota=UserTableQuota(settings.user_tables_max, settings.user_tables_max_bytes),
        unused=timedelta(days=unused_days) if unused_days else None,
    )
    return Data(
        chosen.processor,
        chosen.tables,
        catalogue,
        publishing,
        products,
        OutputService(stores, publishing.publisher, releases.policy),
        ResumableUploads(settings.home, products.files, limits),
        user_tables,
        maps,
    )


def _jobs(
    settings: Settings, queries: QueryService, owner: Callable[[str | None], Principal]
) -> Jobs:
    database = JobDatabase(settings.metadata_url)
    store = SqlJobStore(database)
    results = FolderResultStore(settings.results_folder)
    # A request that waits for a job holds a thread; queries and quick requests keep theirs.
    waiters = max(1, settings.web_threads - settings.query_slots - 16)
    watcher = PhaseWatcher(store, waiters_max=waiters)
    quotes = JobQuotes(
        KIND,
        SqlDurationLog(database),
        store,
        queries=queries,
        principal=owner,
        request=lambda job: job_request(job.parameters, request_limits(settings)),
    )
    service = JobService(
        store,
        results,
        quote=lambda job: quotes(job) if job.kind == KIND else None,
        limits=JobLimits(
            execution_duration_default_s=settings.async_duration_default_s,
            execution_duration_max_s=settings.async_duration_hard_s,
            destruction_default_s=settings.job_retention_default_s,
            destruction_max_s=settings.job_retention_hard_s,
            stored_per_owner=settings.jobs_per_user,
            stored_anonymous=settings.jobs_anonymous,
            stored_per_address=settings.jobs_per_address,
            pending=settings.jobs_pending,
            bytes_per_owner=settings.job_bytes_per_user,
            bytes_per_address=settings.job_bytes_per_address,
        ),
        watcher=watcher,
    )
    return Jobs(database, store, results, service, watcher, quotes)
