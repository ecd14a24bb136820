"""Settings of an installation: defaults, then a TOML file, then the environment.

The names of the fields are the keys of the file; in the environment they are written in upper
case behind ``PZVO_`` (``maxrec_default_rows`` is ``PZVO_MAXREC_DEFAULT_ROWS``). Two more
variables say where things are: ``PZVO_CONFIG`` names the file, ``PZVO_HOME`` the folder that
holds the state. A key that is not known is refused, wherever it comes from.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

__all__ = ["Settings", "SettingsError", "default_home", "load_settings"]

PREFIX = "PZVO_"
"""Beginning of the names of environment variables."""

_GIB = 2**30

Rows = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Bytes = Annotated[int, Field(ge=2**20)]


class SettingsError(Exception):
    """The settings cannot be used; the text names each key and says why."""


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
    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    public_url: str | None = Field(
        None,
        description="Base of all absolute URLs, as clients reach the service; http://host:port"
        " by default",
    )
    title: str = Field("Photo-z VO service", description="Name of the service, for people")
    publisher: str = Field("Unregistered data centre", description="Who publishes the data")

    maxrec_default_rows: Rows = Field(1_000_000, description="Rows of a result without MAXREC")
    maxrec_hard_rows: Rows = Field(50_000_000, description="Rows of a result at most")
    query_max_characters: int = Field(200_000, ge=1000, description="Length of a query at most")
    sync_timeout_s: Seconds = Field(
        60.0, description="Seconds that the engine may work on a synchronous query"
    )
    send_timeout_s: Seconds = Field(
        60.0, description="Seconds after which a client that reads nothing is given up"
    )
    slot_wait_s: Seconds = Field(
        10.0, description="Seconds that a query waits for its turn before it is refused"
    )

    upload_max_bytes: Bytes = Field(
        100 * 2**20, description="Size of the tables that come with a query, as they are sent"
    )
    upload_max_rows: Rows = Field(5_000_000, description="Rows of a table that comes with a query")
    upload_fetch_timeout_s: Seconds = Field(
        60.0, description="Seconds in which a table named by its address must have arrived"
    )
    upload_private_addresses: bool = Field(
        False,
        description="Whether tables are fetched from addresses of internal networks; leave it"
        " off where strangers may ask",
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

    worker_processes: int = Field(1, ge=0, le=64, description="Processes that run jobs")
    worker_slots: int = Field(2, ge=1, le=64, description="Jobs at once per worker process")
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
    engine_threads: int = Field(
        default_factory=lambda known: max(
            1, (os.cpu_count() or 2) // known.get("web_processes", 1)
        ),
        ge=1,
        le=256,
        description="Threads of the embedded engine per process",
    )
    engine_memory_bytes: Bytes = Field(
        default_factory=lambda: min(8 * _GIB, _memory_bytes() // 6),
        description="Memory of the embedded engine per process",
    )
    engine_temporary_bytes: Bytes = Field(
        20 * _GIB, description="Disk space for what does not fit into memory, per process"
    )
    engine_attached_tables: int = Field(
        200, ge=1, description="Table files that stay open in a process while nobody reads them"
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

    @property
    def base_url(self) -> str:
        """Public base of all URLs, without trailing slash."""
        return self.public_url or f"http://{self.host}:{self.port}"

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
    def results_folder(self) -> Path:
        """Folder of the results of jobs."""
        return self.home / "results"

    @property
    def tables_folder(self) -> Path:
        """Folder of the table files."""
        return self.home / "tables"


def load_settings(
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Gather the settings.

    Parameters
    ----------
    config
        TOML file; by default what ``PZVO_CONFIG`` names, if anything.
    environment
        Environment variables; those of the process by default.
    overrides
        Values that win over everything (options of the command line); None is left out.

    Raises
    ------
    SettingsError
        If the file cannot be read, a key is not known, or a value cannot be used; every
        problem is listed.
    """
    variables = dict(os.environ if environment is None else environment)
    if config is None and variables.get("PZVO_CONFIG"):
        config = Path(variables["PZVO_CONFIG"]).expanduser()
    values: dict[str, Any] = {}
    if config is not None:
        values.update(_read(config))
    for name, value in variables.items():
        if name.startswith(PREFIX) and name != "PZVO_CONFIG":
            values[name.removeprefix(PREFIX).lower()] = value
    values.update({key: value for key, value in (overrides or {}).items() if value is not None})
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from error


def _read(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {config}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {config} is not valid TOML: {error}") from error


def _explain(error: ValidationError) -> str:
    import difflib

    lines = []
    for problem in error.errors():
        if problem["type"] == "default_factory_not_called":
            # Follows from another problem, which is listed.
            continue
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, Settings.model_fields, n=1)
            advice = f"; did you mean {near[0]}?" if near else ""
            lines.append(f"{key} is not a setting{advice}")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {message}" if key else message)
    return "The settings cannot be used:\n  " + "\n  ".join(lines)
