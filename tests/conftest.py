"""What all tests share: one PostgreSQL server, and an order that keeps parallel workers busy."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from migrations import remembering
from postgres import PostgresServer

import registry.stores.metadata.database
import registry.stores.metadata.migration
import uws.store.database
import uws.store.migration

# Files are given to the workers in this order. Those that start services take longest: the quick
# ones come last, so that no worker is left alone with a long file at the end.
ORDER = ("e2e", "property", "contract", "golden", "unit", "architecture")

if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    # Tests start thousands of processes, which would compile the packages each for itself: they
    # share what is compiled, in a folder that goes with the run.
    os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="pzvo-compiled-")
    atexit.register(shutil.rmtree, os.environ["PYTHONPYCACHEPREFIX"], ignore_errors=True)

# A test that asks for a folder or a database, or whose module knows of processes and sockets, is
# marked `io`: nobody has to remember the mark, and what is left runs in seconds (scripts/check).
IO_FIXTURES = frozenset({"tmp_path", "tmp_path_factory", "postgres_server"})
IO_MODULES = ("subprocess", "multiprocessing", "socket")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what leaves the process, and sort by folder; within a folder, the order stays."""
    folder = Path(__file__).parent
    for item in items:
        asked = IO_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        known = vars(getattr(item, "module", None) or object)
        if asked or any(name in known for name in IO_MODULES):
            item.add_marker(pytest.mark.io)
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(folder).parts[0]))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name binary values by their argument: those of gzip and tar hold the time of day, and workers
    must collect the same names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session", autouse=True)
def migrations_of_empty_databases():
    """Run the migrations of empty databases once in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for database, migration in (
            (registry.stores.metadata.database, registry.stores.metadata.migration),
            (uws.store.database, uws.store.migration),
        ):
            patch.setattr(database, "migrate", remembering(migration))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session):
    """Collect without the collector of garbage, which would visit what is kept again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    """Let the interpreter collect at its end what was kept."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def postgres_server():
    """Run one server for the tests of a worker; each takes databases of its own."""
    made = PostgresServer()
    try:
        made.start()
        yield made
    finally:
        made.stop()
