"""Every setting, with its unit in its name."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from registry.model.dataset import AUTHORITY_PATTERN, DatasetIds

__all__ = ["Settings", "default_home"]

_GIB = 2**30

Rows = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Bytes = Annotated[int, Field(ge=2**20)]


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Several words: a list in the file, with commas between them in the environment."""


def default_home() -> Path:
    """Give the folder for the state of a user's own installation."""
    import platformdirs

    return Path(platformdirs.user_data_dir("pzvo", appauthor=False))


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Settings(BaseModel):
    """Everything that can be set, with its unit in its name; immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    home: Path = Field(
        default_factory=default_home, description="Folder that holds products, tables and metadata"
    )
    database_url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of the metadata database; SQLite under home by default"
    )
    tables_url: SecretStr | None = Field(
        None,
        description="SQLAlchemy URL of a PostgreSQL database that keeps and answers the published"
        " tables, as a role that may make them; by default the embedded engine does, under home",
    )
    queries_url: SecretStr | None = Field(
        None,
        description="URL of the same database as a role that may only read; by default tables_url",
    )
    positions_index: str = Field(
        "none",
        pattern="^(none|q3c|pgsphere)$",
        description="Extension of PostgreSQL that finds positions: none, q3c or pgsphere",
    )
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    public_url: str | None = Field(
        None,
        description="Base of all absolute URLs, as clients reach the service; http://host:port"
        " by default",
    )
    title: str = Field("Photo-z VO service", description="Name of the service, for people")
    publisher: str = Field("Unregistered data centre", description="Who publishes the data")
    authority: str | None = Field(
        None,
        pattern=AUTHORITY_PATTERN,
        description="IVOA authority under which this site publishes, such as org.example.photoz;"
        " with it and contact the registry at /oai can be harvested",
    )
    contact: str | None = Field(
        None, description="E-mail address for help, shown on the pages of the website"
    )
    notice: str | None = Field(
        None, description="Sentence above every page of the website, such as that this is a test"
    )
    pages_folder: Path | None = Field(
        None,
        description="Folder with pages of the site in Markdown, which replace those of the package:"
        " about, contact, help and acknowledgement, such as `about.md` or `about.pt.md`",
    )

    anonymous_read: bool = Field(
        True,
        description="Whether visitors without an account may read products that belong to no"
        " release or to a public one",
    )
    anonymous_query: bool = Field(
        default_factory=lambda known: known.get("anonymous_read", False),
        description="Whether such visitors may query, synchronously",
    )
    anonymous_upload: bool = Field(
        default_factory=lambda known: known.get("anonymous_query", False),
        description="Whether their queries may come with tables",
    )
    anonymous_jobs: bool = Field(
        default_factory=lambda known: known.get("anonymous_query", False),
        description="Whether they may run asynchronous queries",
    )
    session_duration_s: int = Field(
        12 * 3600, ge=60, description="Seconds that a browser stays logged in"
    )
    login_attempts: int = Field(
        10,
        ge=1,
        description="Wrong passwords for one account from one address after which none is looked"
        " at for a while; five times as many for one address, and when one account had ten times"
        " as many, each address has one attempt",
    )
    password_checks: int = Field(
        2,
        ge=1,
        le=64,
        description="Passwords that are looked at at once in the whole service, half of them from"
        " one address; each takes 64 MB and a processor for a twentieth of a second",
    )
    login_window_s: Seconds = Field(
        900.0, description="Seconds after which a wrong password is forgotten"
    )
    trusted_proxies: Words = Field(
        (),
        description="Addresses and networks of reverse proxies; their `X-Forwarded-For` and the"
        " headers of `proxy_user_header` are believed",
    )
    proxy_user_header: str | None = Field(
        None,
        description="Header with the name of the person whom a trusted proxy has logged in (SAML,"
        " Kerberos) at `/login/proxy`; such logins are off by default",
    )
    proxy_groups_header: str | None = Field(
        None, description="Header with that person's groups, separated by blanks, `;` or `,`"
    )
    proxy_email_header: str | None = Field(
        None, description="Header with that person's e-mail address"
    )
    proxy_display_name_header: str | None = Field(
        None, description="Header with that person's name"
    )
    oidc_issuer: str | None = Field(
        None, description="Issuer URL of an OpenID Connect provider; no such login by default"
    )
    oidc_client_id: str | None = Field(None, description="Our name at the provider")
    oidc_client_secret: SecretStr | None = Field(None, description="Our secret at the provider")
    oidc_scopes: str = Field(
        "openid profile email", description="Scopes that are asked of the provider"
    )
    oidc_name_claim: str = Field(
        "preferred_username", description="Claim that proposes the user name of a new account"
    )
    oidc_groups_claim: str = Field("groups", description="Claim that lists a person's groups")
    external_login_groups: Words = Field(
        (),
        description="Groups of which one is needed to log in through an institution; everybody"
        " whom it knows by default",
    )
    operator_groups: Words = Field(
        (), description="Groups of the institution whose members are operators"
    )
    coordinator_groups: Words = Field(
        (), description="Groups of the institution whose members are coordinators"
    )

    maxrec_default_rows: Rows = Field(1_000_000, description="Rows of a result without MAXREC")
    maxrec_hard_rows: Rows = Field(50_000_000, description="Rows of a result at most")
    query_max_characters: int = Field(200_000, ge=1000, description="Length of a query at most")
    query_max_columns: int = Field(
        4_000, ge=1, description="Columns of one SELECT, those of `*` included"
    )
    query_max_conditions: int = Field(
        500,
        ge=1,
        description="Conditions of a query, common tables written out where they are used",
    )
    query_max_keys: int = Field(100, ge=1, description="Items of one GROUP BY or ORDER BY")
    query_max_relations: int = Field(
        128, ge=1, description="Tables of a query, common tables written out where they are used"
    )
    query_max_expanded_values: int = Field(
        200_000,
        ge=100,
        description="Columns, literals, operators and functions of a query, each name of a value"
        " written out",
    )
    query_max_text_characters: int = Field(
        1_000_000, ge=1000, description="Length of a text that an expression may make"
    )
    query_max_sql_characters: int = Field(
        4_000_000,
        ge=1000,
        description="Length of a query when it is written out in the language of the engine",
    )
    sync_timeout_s: Seconds = Field(
        60.0, description="Seconds that the engine may work on a synchronous query"
    )
    send_timeout_s: Seconds = Field(
        60.0, description="Seconds after which a client that reads nothing is given up"
    )
    stream_min_bytes_per_s: int = Field(
        32_768,
        ge=1,
        description="Rate below which a client is given up while a query waits for it: what it"
        " does not take goes to a file first, within the two limits that follow",
    )
    spool_max_bytes: Bytes = Field(
        8 * _GIB,
        description="Size of the answers that wait on the disk for slow clients, per web process",
    )
    spool_max_bytes_per_visitor: Bytes = Field(
        _GIB, description="Size of those of one user, or of one address, per web process"
    )
    request_timeout_s: Seconds = Field(
        15.0,
        description="Seconds in which a request must have come, its body aside, and for which a"
        " connection is kept between requests",
    )
    body_min_bytes_per_s: int = Field(
        4096, ge=1, description="Rate below which a client that sends a body is given up"
    )
    connections_max: int = Field(
        4096,
        ge=64,
        description="Open connections per web process, within half of its open files; past them"
        " the one that has been idle the longest is closed for a new one",
    )
    connections_per_address: int = Field(
        256,
        ge=1,
        description="Open connections of one address per web process, those of trusted proxies"
        " aside; past them as above",
    )
    slot_wait_s: Seconds = Field(
        10.0, description="Seconds that a query waits for its turn before it is refused"
    )

    upload_max_bytes: Bytes = Field(
        100 * 2**20, description="Size of the tables that come with a query, as they are sent"
    )
    upload_max_memory_bytes: Bytes = Field(
        2**28, description="Memory that the values of the tables of one query may take"
    )
    upload_max_rows: Rows = Field(5_000_000, description="Rows of a table that comes with a query")
    upload_fetch_timeout_s: Seconds = Field(
        60.0, description="Seconds in which a table named by its address must have arrived"
    )
    upload_fetches: int = Field(
        16, ge=1, le=128, description="Such tables that are fetched at once in the whole service"
    )
    upload_fetches_per_visitor: int = Field(
        4, ge=1, le=128, description="Those of one user, or of one address without an account"
    )
    user_tables_max: int = Field(50, ge=0, description="Tables that a user may keep; 0 offers none")
    user_tables_max_bytes: Bytes = Field(
        2**30, description="Size of the tables that a user keeps, as values in memory"
    )
    user_tables_unused_days: int = Field(
        90, ge=0, description="Days without use after which a user's table goes; 0 keeps them"
    )
    quarantine_days: int = Field(
        30,
        ge=1,
        description="Days that files without a record are kept in `quarantine/` under home before"
        " they are removed",
    )
    upload_private_addresses: bool = Field(
        False,
        description="Whether tables are fetched from addresses of internal networks; leave it"
        " off where strangers may ask",
    )

    product_max_bytes: Bytes = Field(
        10 * _GIB, description="Size of a file that is uploaded to a product"
    )
    product_uploads_max: int = Field(
        20, ge=1, description="Uploads in pieces of one user that are under way"
    )
    product_uploads_max_bytes: Bytes = Field(
        50 * _GIB, description="Size of those when they are whole"
    )
    reading_processes: int = Field(
        4,
        ge=1,
        le=64,
        description="Files of products that are read at once in the whole service, to be"
        " registered, published or converted; as many tables of queries besides",
    )
    reading_processes_per_visitor: int = Field(
        2, ge=1, le=64, description="Those of one user, or of one address without an account"
    )
    read_timeout_s: int = Field(
        60,
        ge=1,
        description="Seconds of processor time that reading one file may take while somebody waits,"
        " with one more for each MB of a product's; and seconds without a sign of life",
    )
    converted_max_bytes: Bytes = Field(
        20 * _GIB,
        description="Size of the products in other formats that wait on the disk for their clients",
    )
    converted_max_bytes_per_visitor: Bytes = Field(
        5 * _GIB, description="Size of those of one user, or of one address without an account"
    )
    api_requests_per_minute: int = Field(
        6000, ge=0, description="Requests of one caller to API and forms, for ever; 0 sets no limit"
    )
    api_requests_burst: int = Field(
        2000, ge=1, description="Requests of one caller to API and forms at once"
    )

    async_duration_default_s: int = Field(
        600, ge=1, description="Seconds that an asynchronous query may run"
    )
    async_duration_hard_s: int = Field(
        3600, ge=1, description="Seconds that an asynchronous query may ask for"
    )
    job_retention_default_s: int = Field(
        7 * 86_400, ge=60, description="Seconds that a job and its result are kept"
    )
    job_retention_hard_s: int = Field(
        30 * 86_400, ge=60, description="Seconds that a job may ask to be kept"
    )
    jobs_per_user: int = Field(1000, ge=1, description="Jobs that a user may keep")
    jobs_anonymous: int = Field(
        10_000, ge=1, description="Jobs that all anonymous visitors together may keep"
    )
    jobs_per_address: int = Field(
        500, ge=1, description="Jobs that the anonymous visitors of one address may keep"
    )
    jobs_pending: int = Field(
        100, ge=1, description="Jobs of one user or address that may wait to be run"
    )
    job_pending_s: int = Field(
        3600, ge=60, description="Seconds after which a job that was never run goes"
    )
    job_bytes_per_user: Bytes = Field(
        20 * _GIB,
        description="Size of the results of a user's jobs, past which no new job is made",
    )
    job_bytes_per_address: Bytes = Field(
        5 * _GIB, description="Size of those of the anonymous visitors of one address"
    )

    job_upload_bytes_per_visitor: Bytes = Field(
        2 * _GIB,
        description="Size of the files that came with all jobs of one user or address; those"
        " of one job are within `upload_max_bytes`",
    )

    worker_processes: int = Field(1, ge=0, le=64, description="Processes that run jobs")
    worker_slots: int = Field(2, ge=1, le=64, description="Jobs at once per worker process")
    pipeline_slots: int = Field(
        2, ge=1, le=1000, description="Runs of pipelines at once per worker process"
    )
    pipeline_sites: Path | None = Field(
        None,
        description="Folder with a TOML file for each pipeline of which this site says where it"
        " runs and how much it may take",
    )
    web_processes: int = Field(2, ge=1, le=64, description="Web processes")
    web_threads: int = Field(
        256,
        ge=2,
        le=1024,
        description="Requests at once per web process, those that wait for a job included",
    )
    query_slots: int = Field(
        default_factory=lambda known: min(12, max(1, known.get("web_threads", 2) * 3 // 4)),
        ge=1,
        le=256,
        description="Queries at once per web process; fewer than web_threads",
    )
    query_slots_per_visitor: int = Field(
        default_factory=lambda known: max(
            1,
            min(
                known.get("query_slots", 2) // 2,
                2 * (os.cpu_count() or 2) // known.get("web_processes", 1),
            ),
        ),
        ge=1,
        le=256,
        description="Queries at once of one user, or of one address without an account, per web"
        " process; those of others do not wait for them",
    )
    engine_threads: int = Field(
        default_factory=lambda known: max(
            1, (os.cpu_count() or 2) // known.get("web_processes", 1)
        ),
        ge=1,
        le=256,
        description="Threads of the embedded engine per query",
    )
    engine_memory_bytes: Annotated[int, Field(ge=256 * 2**20)] = Field(
        default_factory=lambda: max(256 * 2**20, min(2 * _GIB, _memory_bytes() // 12)),
        description="Memory of one query: the system gives its process no more",
    )
    engine_total_memory_bytes: Annotated[int, Field(ge=256 * 2**20)] = Field(
        default_factory=lambda known: max(
            known.get("engine_memory_bytes", 0), min(3 * _GIB, _memory_bytes() // 8)
        ),
        description="Memory of all queries together; beyond it the one that uses most is ended",
    )
    engine_spares: int = Field(
        1, ge=1, le=16, description="Processes for queries that wait in each web and worker process"
    )
    engine_temporary_bytes: Bytes = Field(
        20 * _GIB, description="Disk space of one query for what does not fit into memory"
    )
    engine_attached_tables: int = Field(
        200,
        ge=1,
        description="Table files that stay open in a process for queries while nobody reads them",
    )
    publish_memory_bytes: Bytes = Field(
        default_factory=lambda: min(4 * _GIB, _memory_bytes() // 6),
        description="Memory for sorting a table while it is published",
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Log level")

    @field_validator("home", mode="before")
    @classmethod
    def _expand(cls, value: object) -> object:
        return Path(value).expanduser().absolute() if isinstance(value, str | Path) else value

    @model_validator(mode="after")
    def _spare_threads(self) -> Self:
        if self.query_slots >= self.web_threads:
            msg = (
                f"query_slots ({self.query_slots}) must be less than web_threads"
                f" ({self.web_threads}), so that slow queries leave room for other requests"
            )
            raise ValueError(msg)
        return self

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ipaddress.ip_network(each)
        return value

    @model_validator(mode="after")
    def _whole_logins(self) -> Self:
        if self.oidc_issuer is not None and not self.oidc_client_id:
            raise ValueError("oidc_client_id: the provider of oidc_issuer needs our name there")
        if self.proxy_user_header is not None and not self.trusted_proxies:
            msg = (
                "trusted_proxies: say which addresses may send proxy_user_header; anybody else"
                " could log in as anybody"
            )
            raise ValueError(msg)
        return self

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
            msg = "give an absolute URL such as https://vo.example.org/photoz"
            raise ValueError(msg)
        return value.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        # Compared letter by letter with what tokens say: nothing is taken off.
        if value is not None:
            cls._absolute(value)
        return value

    @property
    def proxy_headers(self) -> tuple[str, ...]:
        """Names of the headers by which a trusted proxy says whom it has logged in."""
        named = (
            self.proxy_user_header,
            self.proxy_groups_header,
            self.proxy_email_header,
            self.proxy_display_name_header,
        )
        return tuple(each for each in named if each is not None)

    @property
    def base_url(self) -> str:
        """Public base of all URLs, without trailing slash."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def dataset_ids(self) -> DatasetIds:
        """How products are identified in the VO."""
        return DatasetIds(self.authority)

    @property
    def metadata_url(self) -> str:
        """SQLAlchemy URL of the metadata database; it may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home / 'metadata.sqlite'}"

    @property
    def uploads_folder(self) -> Path:
        """Folder of uploads while they are read."""
        return self.home / "uploads"

    @property
    def places_folder(self) -> Path:
        """Folder of what the processes of this installation share: places and counters."""
        return self.home / "places"

    @property
    def results_folder(self) -> Path:
        """Folder of the results of jobs."""
        return self.home / "results"

    @property
    def tables_folder(self) -> Path:
        """Folder of the table files."""
        return self.home / "tables"
