import pytest
from jobs import ManualClock, MemoryJobStore

from uws.results.folder import FolderResultStore


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def store():
    return MemoryJobStore()


@pytest.fixture
def results(tmp_path):
    return FolderResultStore(tmp_path / "results")
