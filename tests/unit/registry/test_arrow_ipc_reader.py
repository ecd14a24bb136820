import pyarrow as pa
import pytest
from pyarrow import feather
from reading import read_file

from registry.errors import UnreadableFile

TABLE = pa.table(
    {
        "id": pa.array([2**60 + 1, None, 3]),
        "survey": pa.array(["DESI", None, "DESI"]).dictionary_encode(),
        "pdf": pa.array([[1.0, None], None, []], pa.list_(pa.float32())),
        "flags": pa.array([["a"], [], None], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        "z": pa.array([0.5, float("inf"), -99.0]),
    }
)


def write(path, kind):
    if kind == "feather":
        feather.write_feather(TABLE, str(path))
        return
    make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with make(str(path), TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=2)


@pytest.mark.parametrize("kind", ["file", "stream", "feather"])
def test_files_streams_and_feather(tmp_path, kind):
    path = tmp_path / "a.bin"
    write(path, kind)
    found = read_file(path)
    assert found.format == "Arrow IPC"
    assert found.values == TABLE.to_pydict()
    assert found.types["survey"] == pa.string()


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("part", [0.2, 0.6, 0.99])
def test_what_is_cut_off_is_refused(tmp_path, kind, part):
    path = tmp_path / "a.bin"
    write(path, kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(UnreadableFile, match="damaged Arrow file"):
        read_file(path)


def test_a_stream_that_ends_between_messages(tmp_path):
    path = tmp_path / "a.bin"
    write(path, "stream")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UnreadableFile, match="the stream's end is missing"):
        read_file(path)
