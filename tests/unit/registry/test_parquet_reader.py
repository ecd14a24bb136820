import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.errors import UnreadableFile
from registry.formats.readers import reader_for

VOTABLE = b"""<?xml version="1.0"?>
<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<DESCRIPTION> A catalogue. </DESCRIPTION>
<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra"><DESCRIPTION>RA</DESCRIPTION></FIELD>
</TABLE></RESOURCE></VOTABLE>"""


def opened(path):
    return reader_for(path).open(path)


def read(path, batch_rows=65_536):
    with opened(path) as table:
        return pa.Table.from_batches(table.batches(batch_rows))


def test_dictionaries_are_decoded_and_everything_else_stays(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table(
        {
            "id": pa.array([2**63 - 1, None], pa.int64()),
            "survey": pa.array(["DESI", None]).dictionary_encode(),
            "pdf": pa.array([[1.0, None], None], pa.list_(pa.float32())),
            "_healpix_29": pa.array([1, 2], pa.uint64()),
        }
    )
    pq.write_table(table, path)
    found = read(path)
    assert found.schema.field("survey").type == pa.string()
    assert found.column("survey").to_pylist() == ["DESI", None]
    assert found.drop_columns("survey").equals(table.drop_columns("survey"))


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_named_range_of_pandas_is_a_column(tmp_path, ending):
    import pandas as pd

    path = tmp_path / f"a.{ending}"
    index = pd.RangeIndex(5, 20, 5, name="objectId")
    table = pa.Table.from_pandas(pd.DataFrame({"ra": [1.0, 2.0, 3.0]}, index=index))
    assert table.column_names == ["ra"]
    if ending == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    with opened(path) as found:
        assert [column.name for column in found.columns] == ["objectId", "ra"]
        assert found.warnings == ()
    assert read(path, batch_rows=2)[0].to_pylist() == [5, 10, 15]


def test_an_index_without_a_name_is_told(tmp_path):
    import pandas as pd

    path = tmp_path / "a.parquet"
    pd.DataFrame({"ra": [1.0, 2.0]}, index=[7, 9]).to_parquet(path)
    with opened(path) as found:
        assert "an index of pandas without a name" in found.warnings[0]
    pd.DataFrame({"ra": [1.0, 2.0]}).to_parquet(path)
    with opened(path) as found:
        assert ([c.name for c in found.columns], found.warnings) == (["ra"], ())


def test_the_index_of_pandas_is_an_ordinary_column(tmp_path):
    import pandas as pd

    path = tmp_path / "a.parquet"
    pd.DataFrame({"a": [1, 2]}, index=[7, 9]).to_parquet(path)
    with opened(path) as table:
        assert [column.name for column in table.columns] == ["a", "__index_level_0__"]
        assert table.n_rows == 2


def test_batches_are_bounded_and_can_be_read_twice(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": list(range(10))}), path)
    with opened(path) as table:
        assert max(batch.num_rows for batch in table.batches(3)) == 3
        values = [v for batch in table.batches(3) for v in batch.column(0).to_pylist()]
    assert values == list(range(10))


def test_long_rows_come_in_small_batches(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({f"c{i}": [float(i)] * 3000 for i in range(3000)}), path)
    with opened(path) as table:
        assert max(batch.num_rows for batch in table.batches()) < 3000


def test_metadata_of_voparquet_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"ra": [1.0], "other": [2]})
    pq.write_table(table.replace_schema_metadata({"IVOA.VOTable-Parquet.content": VOTABLE}), path)
    with opened(path) as found:
        assert found.description == "A catalogue."
        ra, other = found.columns
    assert (ra.unit, ra.ucd, ra.description) == ("deg", "pos.eq.ra", "RA")
    assert (other.unit, other.ucd, other.description) == (None, None, None)


@pytest.mark.parametrize(
    "bad",
    [
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<VOTABLE",
        b"",
        VOTABLE.decode().encode("utf-16"),
    ],
)
def test_metadata_that_cannot_be_trusted_or_read_is_passed_over(tmp_path, bad):
    path = tmp_path / "a.parquet"
    table = pa.table({"ra": [1.0]})
    pq.write_table(table.replace_schema_metadata({"IVOA.VOTable-Parquet.content": bad}), path)
    with opened(path) as found:
        assert found.columns[0].ucd is None


def test_field_metadata_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    field = pa.field("v", pa.float64(), metadata={"unit": "km/s", "description": '"Velocity"'})
    pq.write_table(pa.table([[1.0]], schema=pa.schema([field])), path)
    with opened(path) as found:
        assert (found.columns[0].unit, found.columns[0].description) == ("km/s", "Velocity")


def test_a_file_whose_end_is_missing_is_called_cut_off(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnreadableFile, match="cut off"):
        opened(path)


@pytest.mark.parametrize("content", [b"PAR1PAR1", b"PAR1", b"PAR1" + b"x" * 50 + b"PAR1"])
def test_a_broken_footer_is_a_sentence(tmp_path, content):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="transfer it again"):
        opened(path)


def test_damage_inside_the_pages_is_found_when_they_are_read(tmp_path):
    path = tmp_path / "a.parquet"
    text = pa.table({"a": [f"value {i}" for i in range(5000)]})
    pq.write_table(text, path, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[60:2000] = bytes(1940)
    path.write_bytes(content)
    with opened(path) as table, pytest.raises(UnreadableFile, match="damaged"):
        list(table.batches())


def test_a_summary_of_other_files_names_them_and_opens_none(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "part.parquet")
    footer = pq.read_metadata(tmp_path / "part.parquet")
    footer.set_file_path("Npix=2.parquet")
    footer.write_metadata_file(tmp_path / "_metadata")
    with pytest.raises(UnreadableFile, match=r"rows are in others .'Npix=2\.parquet'"):
        opened(tmp_path / "_metadata")
