"""Applications over an installation whose parts misbehave."""

from __future__ import annotations

from vo_service.app import create_app
from vo_service.engines.duckdb.engine import DuckdbEngine
from vo_service.engines.duckdb.instance import DuckdbInstance
from vo_service.engines.processor import LocalProcessor
from vo_service.queries import QueryService
from vosi.availability import Availability


class Incident(Exception):
    """A fault that nothing knows of."""


def fails(*arguments):
    """Do what a faulty part of the service does."""
    raise Incident("secret text with /etc/passwd")


def application(installation, translate=None, tables=None, availability=None):
    """Make an application whose engine or tables are others."""
    services = installation.services
    engine = local_engine(installation)
    if translate is not None:
        engine = Engine(translate, engine.execute)
    get = services.data.catalogue.tables if tables is None else lambda principal: tables
    queries = QueryService(get, LocalProcessor(engine), slots=2, slot_wait_s=1)
    return application_over(installation, queries, availability)


def local_engine(installation):
    """Make an engine in this process over the tables of an installation."""
    settings = installation.settings
    return DuckdbEngine(
        lambda: DuckdbInstance(
            settings.tables_folder,
            settings.home / "temporary" / "tests",
            memory_limit_bytes=2**28,
            temporary_limit_bytes=2**28,
            threads=1,
        )
    )


def application_over(installation, queries, check=None, settings=None):
    """Make an application with other queries."""
    return create_app(
        settings or installation.settings,
        queries,
        installation.services.jobs.service,
        check or (lambda: Availability(available=True)),
        installation.services.people.authentication,
    )


class Engine:
    """An engine of two functions."""

    def __init__(self, translate, execute):
        self.translate = translate
        self.execute = execute


def ask(client, adql, **parameters):
    """Ask a query by GET."""
    return client.get("/tap/sync", query_string={"LANG": "ADQL", "QUERY": adql} | parameters)
