import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.options import ReadLimits, ReadOptions
from registry.formats.readers.sandbox import open_table

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def parquet(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"id": range(10), "pdf": [[0.5, None]] * 10, "s": ["é"] * 10})
    pq.write_table(table.replace_schema_metadata({}), path)
    return path


def rows(table, batch_rows=65_536):
    return [row for batch in table.batches(batch_rows) for row in batch.to_pylist()]


def test_what_the_child_reads_is_what_the_file_has(parquet, tmp_path):
    scratch = tmp_path / "scratch"
    with open_table(parquet, scratch=scratch) as table:
        assert (table.format, table.n_rows, table.description) == ("Parquet", 10, None)
        assert [column.name for column in table.columns] == ["id", "pdf", "s"]
        assert str(table.columns[0].type) == "int64"
        assert rows(table, 3) == rows(table)
        assert rows(table)[9] == {"c0": 9, "c1": [0.5, None], "c2": "é"}
    assert not scratch.exists()


def test_a_reading_may_be_left_and_begun_again(parquet):
    with open_table(parquet) as table:
        first = next(table.batches(1))
        assert first.column(0).to_pylist() == [0]
        assert len(rows(table, 1)) == 10


def test_options_reach_the_child(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a/x"] = np.arange(2)
        file["b/x"] = np.arange(3)
    with open_table(path, ReadOptions(group="b")) as table:
        assert table.n_rows == 3
    with pytest.raises(UnreadableFile, match=r"2 tables: /a; /b$"):
        open_table(path)


def test_errors_keep_their_class_and_nothing_is_left(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UnsupportedFile, match="PNG image"):
        open_table(path, scratch=tmp_path / "scratch")
    path.write_bytes(gzip.compress(b"a,b\n1,2\n3\n"))
    with pytest.raises(UnreadableFile, match="row 3"):
        open_table(path, scratch=tmp_path / "scratch")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS])
def test_a_crash_is_an_error_of_the_file(parquet, number):
    with open_table(parquet) as table:
        os.kill(table._process.pid, number)
        with pytest.raises(UnreadableFile, match=f"its reader failed .status -{int(number)}."):
            rows(table)


def test_the_memory_is_limited(tmp_path):
    path = tmp_path / "a.parquet"
    text = pa.array(["x" * 1_000_000] * 400).dictionary_encode()
    pq.write_table(pa.table({"a": text}), path)
    limits = ReadLimits(memory_bytes=300 * 2**20)
    with (
        pytest.raises(UnreadableFile, match=r"more than the 0\.293 GiB of memory"),
        open_table(path, limits=limits) as table,
    ):
        rows(table)


def test_the_processor_time_is_limited(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "123456.25,2020-01-01T00:00:00\n" * 2_000_000)
    limits = ReadLimits(cpu_s=1, cpu_s_per_mb=0)
    with pytest.raises(UnreadableFile, match="took too long"):
        open_table(path, limits=limits)


def test_a_child_that_stands_still_is_ended(parquet):
    with open_table(parquet) as table:
        table._limits = ReadLimits(stall_s=0.2)
        os.kill(table._process.pid, signal.SIGSTOP)
        with pytest.raises(UnreadableFile, match=r"gave nothing for 0\.2 s"):
            rows(table)
        assert table._process.wait(180) == -signal.SIGKILL


def test_closing_ends_the_child(parquet):
    table = open_table(parquet)
    table.close()
    assert table._process.returncode == -signal.SIGKILL


def test_no_parser_of_the_file_runs_in_this_process(parquet):
    code = (
        "import sys; from pathlib import Path\n"
        "from registry.formats.readers.sandbox import open_table\n"
        f"with open_table(Path({str(parquet)!r})) as t: list(t.batches())\n"
        "print(sorted({'h5py', 'astropy', 'xml.etree.ElementTree'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "h5py" not in done.stdout
    assert "astropy" not in done.stdout
