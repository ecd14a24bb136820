"""Files that come with jobs: how many, how large, and whose."""

import contextlib
import io
from types import SimpleNamespace

import pytest

from registry.errors import ShareExceeded
from registry.host.client import WaitingClient, set_waiting_client
from registry.host.places import Places
from uws.errors import InvalidJobParameter, JobsExceeded
from uws.results.folder import FolderResultStore
from vo_service.dali.upload import Upload
from vo_service.uploads.errors import FetchFailed
from vo_service.uploads.inputs import InputLimits, JobInputs
from vo_service.uploads.service import UploadLimits, UploadService


def job(name):
    return SimpleNamespace(job_id=name)


@pytest.fixture
def inputs(tmp_path):
    """Keep at most 100 bytes with a job, and 150 with two jobs of one visitor."""
    results = FolderResultStore(tmp_path)
    return JobInputs(results, InputLimits(100, 150), lambda _job: ["one", "two"])


def kept(folder):
    return sorted(path.stat().st_size for path in folder.rglob("upload-*"))


def test_the_files_of_a_job_are_kept_below_at_and_not_above_the_limit(inputs, tmp_path):
    inputs.keep(job("one"), "a", io.BytesIO(b"x" * 60))
    inputs.keep(job("one"), "b", io.BytesIO(b"x" * 40))
    with pytest.raises(InvalidJobParameter, match=r"'c' cannot be kept.*100 bytes"):
        inputs.keep(job("one"), "c", io.BytesIO(b"x"))
    assert kept(tmp_path) == [40, 60]
    inputs.keep(job("one"), "b", io.BytesIO(b"y" * 39))
    inputs.keep(job("one"), "c", io.BytesIO(b"x"))
    assert kept(tmp_path) == [1, 39, 60]


def test_no_more_is_read_of_a_file_than_may_be_kept(inputs):
    content = io.BytesIO(bytes(5 * 2**20))
    with pytest.raises(InvalidJobParameter):
        inputs.keep(job("one"), "a", content)
    assert content.tell() <= 2**20


def test_the_number_of_files_is_limited(inputs, tmp_path):
    for number in range(20):
        inputs.keep(job("one"), f"f{number}", io.BytesIO(b"x"))
    with pytest.raises(InvalidJobParameter, match="20 files"):
        inputs.keep(job("one"), "more", io.BytesIO(b"x"))
    inputs.keep(job("one"), "f0", io.BytesIO(b"xy"))
    assert len(kept(tmp_path)) == 20


def test_the_files_of_all_jobs_of_a_visitor_are_limited(inputs, tmp_path):
    inputs.keep(job("one"), "a", io.BytesIO(b"x" * 100))
    inputs.keep(job("two"), "a", io.BytesIO(b"x" * 50))
    with pytest.raises(JobsExceeded, match="150 bytes"):
        inputs.keep(job("two"), "b", io.BytesIO(b"x"))
    FolderResultStore(tmp_path).delete_job("one")
    inputs.keep(job("two"), "b", io.BytesIO(b"x" * 50))


def test_fetches_of_one_visitor_are_few(tmp_path):
    fetches = Places(tmp_path / "places", "tables", total=2, per_visitor=1, wait_s=0)
    limits = UploadLimits(2**20, 100, 1.0)
    set_waiting_client(
        WaitingClient(lambda: "address 192.0.2.1", lambda _action: contextlib.nullcontext())
    )
    service = UploadService(tmp_path / "uploads", limits, fetches=fetches)
    asked = [Upload("t", "http://127.0.0.1:9/t.csv")]
    try:
        with contextlib.closing(service):
            with fetches.take("address 192.0.2.1"), pytest.raises(ShareExceeded):
                service.read(asked, lambda _part: contextlib.nullcontext())
            with pytest.raises(FetchFailed, match="internal network"):
                service.read(asked, lambda _part: contextlib.nullcontext())
    finally:
        set_waiting_client(None)
    assert fetches.running == 0
