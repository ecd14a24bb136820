import pickle

import h5py
import numpy as np
import pyarrow as pa
import pytest
from reading import read_file

from registry.errors import UnreadableFile, UnsupportedFile

RECORDS = np.array(
    [(1, 2.5, b"ab", [1, 2], 1), (2, np.inf, b"", [3, 4], 0)],
    dtype=[("i", ">i4"), ("f", "f8"), ("s", "S5"), ("v", "f4", 2), ("b", "?")],
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def test_one_group_of_columns(path):
    with h5py.File(path, "w") as file:
        group = file.create_group("photometry")
        group["id"] = np.array([2**60 + 1, 7])
        group["mag"] = np.array([np.nan, -99], "f4")
        group["mag"].attrs["unit"] = "mag"
        group["flag"] = np.array([True, False])
        group["name"] = np.array(["é", ""], dtype=h5py.string_dtype())
        group["pdf"] = np.arange(6.0).reshape(2, 3)
        group.create_dataset("packed", data=np.arange(2, dtype=">u2"), compression="gzip")
        group["version"] = "1.0"
    found = read_file(path)
    assert found.values["id"] == [2**60 + 1, 7]
    assert repr(found.values["mag"]) == "[nan, -99.0]"
    assert found.values["flag"] == [True, False]
    assert found.values["name"] == ["é", ""]
    assert found.values["pdf"] == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert found.types["packed"] == pa.uint16()
    assert found.columns["mag"].unit == "mag"
    assert "'/photometry/version' is one value" in found.warnings[0]


def test_several_groups_need_a_choice(path):
    with h5py.File(path, "w") as file:
        file["a/x"] = np.arange(3)
        file["b/c/x"] = np.arange(2)
    with pytest.raises(UnreadableFile, match=r"has 2 tables: /a; /b/c$"):
        read_file(path)
    assert read_file(path, group="b/c").values == {"x": [0, 1]}
    assert read_file(path, group="/a/x").values == {"x": [0, 1, 2]}
    with pytest.raises(UnreadableFile, match=r"no 'z'.*has a, b"):
        read_file(path, group="z")


def test_a_structured_dataset(path):
    with h5py.File(path, "w") as file:
        file["table"] = RECORDS
        file["table.__table_column_meta__"] = np.array([b"meta: {}"])
    found = read_file(path)
    assert found.values["i"] == [1, 2]
    assert found.values["f"] == [2.5, np.inf]
    assert found.values["s"] == ["ab", ""]
    assert found.values["v"] == [[1.0, 2.0], [3.0, 4.0]]
    assert found.values["b"] == [True, False]


def test_an_ensemble_of_densities_describes_its_grid(path):
    with h5py.File(path, "w") as file:
        file["meta/pdf_name"] = np.array([b"interp"])
        file["meta/pdf_version"] = np.array([0])
        file["meta/xvals"] = np.linspace(0, 3, 4)[None]
        file["data/yvals"] = np.ones((2, 4))
        file["ancil/zmode"] = np.array([0.5, 0.7])
    found = read_file(path)
    assert found.values["yvals"] == [[1.0] * 4] * 2
    assert found.values["zmode"] == [0.5, 0.7]
    assert found.columns["yvals"].description == (
        "yvals of a qp ensemble of kind interp; xvals: 4 values from 0 to 3 in equal steps"
    )
    assert found.columns["zmode"].description is None


def test_a_fixed_frame_of_pandas(path):
    with h5py.File(path, "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = "frame"
        group["axis0"] = np.array([b"x", b"t", b"n"])
        group["axis1"] = np.arange(2)
        group["block0_items"] = np.array([b"n", b"x"])
        group["block0_values"] = np.array([[1.0, 2.0], [3.0, 4.0]])
        group["block1_items"] = np.array([b"t"])
        group["block1_values"] = np.array([[10**9], [2 * 10**9]])
        group["block1_values"].attrs["value_type"] = "datetime64"
    found = read_file(path)
    assert list(found.columns) == ["x", "t", "n"]
    assert found.values["x"] == [2.0, 4.0]
    assert [moment.second for moment in found.values["t"]] == [1, 2]


def frame_table(path, kind):
    with h5py.File(path, "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = "frame_table"
        records = np.zeros(2, [("index", "i8"), ("values_block_0", "f8", 2), ("name", "S3")])
        records["values_block_0"] = [[1, 2], [3, 4]]
        group["table"] = records
        group["table"].attrs["values_block_0_kind"] = np.bytes_(kind)


@pytest.mark.parametrize("protocol", [0, 2])
def test_a_table_frame_of_pandas_without_opening_its_pickle(path, protocol):
    pickled = pickle.dumps(["x", "y"], protocol)
    if b"\0" in pickled:
        pickled = pickle.dumps(["x", "y"], 0)
    frame_table(path, pickled)
    found = read_file(path)
    assert found.values["x"] == [1.0, 3.0]
    assert found.values["y"] == [2.0, 4.0]


def test_a_pickle_that_runs_something_is_refused(path, tmp_path):
    marker = tmp_path / "ran"
    frame_table(path, f"cos\nsystem\n(S'touch {marker}'\ntR.".encode())
    with pytest.raises(UnsupportedFile, match="pickle that does more than list"):
        read_file(path)
    assert not marker.exists()


def objects(file, tmp_path):
    data = file.create_dataset("a", (1,), h5py.vlen_dtype("u1"))
    data[0] = np.frombuffer(pickle.dumps([1]), "u1")


def external(file, tmp_path):
    file.create_dataset("a", (20,), "u1", external=[("/etc/passwd", 0, 20)])


def linked(file, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["a"] = np.arange(3)
    file["a"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/a")


def virtual(file, tmp_path):
    layout = h5py.VirtualLayout((3,), "i8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "a", (3,))
    file.create_virtual_dataset("a", layout)


def references(file, tmp_path):
    file["x"] = np.arange(1)
    data = file.create_dataset("a", (1,), h5py.ref_dtype)
    data[0] = file["x"].ref


def opaque(file, tmp_path):
    file["a"] = np.array([b"abc"], h5py.opaque_dtype(np.dtype("V3")))


def hollow(file, tmp_path):
    file.create_dataset("a", (10**12,), "f8", chunks=(1000,))


def uneven(file, tmp_path):
    file["a"] = np.arange(3)
    file["b"] = np.arange(4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (objects, "holds objects"),
        (external, "from another file, which is never opened"),
        (linked, "a link into another file"),
        (virtual, "is virtual"),
        (references, "holds references"),
        (opaque, "holds opaque bytes"),
        (hollow, "claims 8000000 MB"),
        (uneven, "different lengths"),
    ],
)
def test_what_is_not_read_and_why(path, tmp_path, make, message):
    with h5py.File(path, "w") as file:
        make(file, tmp_path)
    with pytest.raises(UnreadableFile, match=message):
        read_file(path)


def test_soft_links_are_not_followed(path):
    with h5py.File(path, "w") as file:
        file["t/x"] = np.arange(3)
        file["t/y"] = h5py.SoftLink("/t/x")
        file["back"] = h5py.SoftLink("/")
    found = read_file(path)
    assert list(found.columns) == ["x"]
    assert any("'/t/y' is not followed" in warning for warning in found.warnings)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_file_that_is_cut_off(path, part):
    with h5py.File(path, "w") as file:
        file["a"] = np.arange(1000)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(UnreadableFile, match="damaged HDF5"):
        read_file(path)


def test_a_file_without_a_table(path):
    with h5py.File(path, "w") as file:
        file.create_group("a/b")
    with pytest.raises(UnsupportedFile, match="has no table"):
        read_file(path)
