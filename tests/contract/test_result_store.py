"""What every store of results must do."""

import errno
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from uws.errors import ResultNotFound, StorageFull
from uws.results.folder import FolderResultStore

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def results(folder):
    return FolderResultStore(folder)


def write(results, content=b"x,y\n1,2\n", job="0a1b", attempt=1, name="result"):
    with results.stage(job, attempt, name) as sink:
        sink.write(content)
    return sink


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_result_is_read_as_it_was_written(results):
    sink = write(results, b"first ")
    with results.open(sink.location).content as content:
        assert content.read() == b"first "


def test_a_stored_result_tells_its_size_time_and_tag(results):
    begin = datetime.now(UTC) - timedelta(seconds=5)
    one, two = write(results, name="one"), write(results, name="two")
    stored, other = results.open(one.location), results.open(two.location)
    stored.content.close()
    other.content.close()
    assert one.size_bytes == stored.size_bytes == 8
    assert begin < stored.modified < datetime.now(UTC) + timedelta(seconds=5)
    assert stored.etag != other.etag
    assert '"' not in stored.etag


def test_an_empty_result_is_a_result(results):
    stored = results.open(write(results, b"").location)
    assert stored.content.read() == b""
    stored.content.close()


def test_nothing_is_visible_before_the_end(results, folder):
    with results.stage("0a1b", 1, "result") as sink:
        sink.write(b"half")
        sink.flush()
        with pytest.raises(ResultNotFound):
            results.open(sink.location)
    results.open(sink.location).content.close()


def test_nothing_is_left_of_a_result_that_failed(results, folder):
    def fail():
        with results.stage("0a1b", 1, "result") as sink:
            sink.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with pytest.raises(ResultNotFound):
        results.open("0a1b/1/result")
    assert files(folder) == []


def test_attempts_do_not_meet(results):
    with results.stage("0a1b", 1, "result") as late:
        late.write(b"late")
        early = write(results, b"early", attempt=2)
    with results.open(early.location).content as content:
        assert content.read() == b"early"
    results.discard_attempt("0a1b", 1)
    with pytest.raises(ResultNotFound):
        results.open(late.location)
    results.open(early.location).content.close()


def test_a_discarded_attempt_cannot_be_finished(results, folder):
    def discard_and_finish():
        with results.stage("0a1b", 1, "result") as sink:
            sink.write(b"late")
            results.discard_attempt("0a1b", 1)

    with pytest.raises(FileNotFoundError):
        discard_and_finish()
    assert files(folder) == []


def test_deleting_a_job_takes_everything_of_it_alone(results):
    mine, input_file = write(results), write(results, attempt=0, name="upload-t1")
    other = write(results, job="0a1c")
    results.delete_job("0a1b")
    results.delete_job("0a1b")
    results.discard_attempt("0a1b", 1)
    for gone in (mine, input_file):
        with pytest.raises(ResultNotFound):
            results.open(gone.location)
    results.open(other.location).content.close()
    assert [job for job, _ in results.jobs()] == ["0a1c"]


def test_a_result_that_is_being_read_can_be_deleted(results):
    stored = results.open(write(results, b"still here").location)
    results.delete_job("0a1b")
    with stored.content as content:
        assert content.read() == b"still here"


def test_jobs_are_listed_with_the_time_of_their_last_change(results):
    assert list(results.jobs()) == []
    write(results)
    ((job, modified),) = results.jobs()
    assert job == "0a1b"
    assert abs(modified - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "é", "a b", "x" * 200, "r.part"])
def test_names_are_plain(results, name):
    with pytest.raises(ValueError, match="name"):
        results.stage("0a1b", 1, name)


@pytest.mark.parametrize("job", ["", "..", "a/b", "../../etc"])
def test_jobs_cannot_lead_elsewhere(results, job):
    with pytest.raises(ValueError, match="cannot name"):
        results.stage(job, 1, "result")


@pytest.mark.parametrize(
    "location",
    ["", "a", "a/1", "../1/result", "0a1b/../result", "0a1b/1/..", "0a1b/1/result.part", "0a1b/1/"],
)
def test_other_locations_are_not_found(results, location):
    write(results)
    with pytest.raises(ResultNotFound):
        results.open(location)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_leaves_nothing(results, folder, monkeypatch, number):
    def full(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="no space left"):
        write(results)
    assert files(folder) == []


def test_other_trouble_of_the_disk_is_not_hidden(results, monkeypatch):
    def broken(_descriptor):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="broken"):
        write(results)


_WRITER = """
import os, sys
from pathlib import Path
from uws.results.folder import FolderResultStore
with FolderResultStore(Path(sys.argv[1])).stage("0a1b", 1, "result") as sink:
    sink.write(b"x" * 1_000_000)
    print("written", flush=True)
    sys.stdin.read()
"""


def test_a_writer_that_is_killed_leaves_no_result(results, folder):
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout.readline() == b"written\n"
    writer.kill()
    writer.communicate(timeout=240)
    with pytest.raises(ResultNotFound):
        results.open("0a1b/1/result")
    results.discard_attempt("0a1b", 1)
    assert files(folder) == []


_LIMITED = """
import resource, signal, sys
from pathlib import Path
from uws.errors import StorageFull
from uws.results.folder import FolderResultStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with FolderResultStore(Path(sys.argv[1])).stage("0a1b", 1, "result") as sink:
        for _ in range(100):
            sink.write(b"x" * 10_000)
except StorageFull as error:
    print(error)
"""


def test_a_file_the_system_refuses_to_grow_is_a_full_disk(results, folder):
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    assert "no space left" in done.stdout
    assert files(folder) == []
