"""Files of one format to files of another."""

from __future__ import annotations

import astropy.io.fits
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from click.testing import CliRunner

from registry.errors import RegistryError, UnreadableFile
from registry.formats.writers.registry import writer_for
from registry.ingestion.conversion import convert
from vo_service.cli import main


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("id,z,name\n1,0.5,a\n2,,é\n")
    return path


def test_rows_are_written_in_the_other_format(source, tmp_path) -> None:
    target = tmp_path / "out.parquet"
    told = []
    done = convert(source, target, writer_for("parquet"), progress=told.append)
    assert done.rows == 2
    assert pq.read_table(target).to_pydict() == {
        "id": [1, 2],
        "z": [0.5, None],
        "name": ["a", "é"],
    }
    assert told
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.parquet"}


def test_units_and_ucds_go_from_parquet_to_fits_and_votable(source, tmp_path) -> None:
    from registry.formats.writers.stream import ResultStream
    from registry.model.field import Datatype, Field, ValueType

    field = Field("ra", ValueType(Datatype.DOUBLE), "deg", "pos.eq.ra", None, "Right ascension")
    result = ResultStream([field], [pa.record_batch({"ra": [1.5]})])
    first = tmp_path / "first.parquet"
    first.write_bytes(b"".join(writer_for("parquet").write(result)))
    convert(first, tmp_path / "second.fits", writer_for("fits"))
    header = astropy.io.fits.getheader(tmp_path / "second.fits", 1)
    assert header["TUNIT1"] == "deg"
    assert header["TUCD1"] == "pos.eq.ra"
    assert header["TCOMM1"] == "Right ascension"
    (kept,) = convert(first, tmp_path / "third.vot", writer_for(None)).fields
    assert (kept.unit, kept.ucd) == ("deg", "pos.eq.ra")


def test_unsigned_integers_beyond_63_bits_become_text(tmp_path) -> None:
    source = tmp_path / "in.parquet"
    small, large = pa.array([1], pa.uint64()), pa.array([2**64 - 1], pa.uint64())
    pq.write_table(pa.table({"small": small, "large": large}), source)
    convert(source, tmp_path / "out.parquet", writer_for("parquet"))
    read = pq.read_table(tmp_path / "out.parquet")
    assert read.to_pydict() == {"small": [1], "large": [str(2**64 - 1)]}


def test_a_failure_leaves_the_old_file_and_nothing_else(source, tmp_path) -> None:
    source.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(RegistryError, match="PNG"):
        convert(source, target, writer_for("csv"))
    assert target.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv"}


def test_binary_columns_are_refused_by_name(tmp_path) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"blob": pa.array([b"\0"], pa.binary())}), source)
    with pytest.raises(UnreadableFile, match="'blob' holds binary data"):
        convert(source, tmp_path / "out.csv", writer_for("csv"))


def test_positions_of_another_frame_keep_it(tmp_path) -> None:
    source = tmp_path / "in.vot"
    source.write_text(
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
        '<COOSYS ID="old" system="eq_FK4"/><TABLE><FIELD name="ra" datatype="double" unit="deg"'
        ' ucd="pos.eq.ra" ref="old"/><DATA><TABLEDATA><TR><TD>1.5</TD></TR></TABLEDATA></DATA>'
        "</TABLE></RESOURCE></VOTABLE>"
    )
    convert(source, tmp_path / "out.fits", writer_for("fits"))
    header = fits.getheader(tmp_path / "out.fits", 1)
    assert (header["RADESYS"], header["EQUINOX"]) == ("FK4", 1950.0)
    convert(source, tmp_path / "out.vot", writer_for("votable/td"))
    assert 'system="eq_FK4" equinox="B1950"' in (tmp_path / "out.vot").read_text()
    convert(source, tmp_path / "out.csv", writer_for("csv"))
    assert (tmp_path / "out.csv").read_bytes() == b"ra\r\n1.5\r\n"


def test_the_command_follows_the_ending_or_the_option(source, tmp_path) -> None:
    runner = CliRunner()
    done = runner.invoke(main, ["convert", str(source), str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    assert "json, 2 rows, 3 columns" in done.stderr
    named = ["convert", str(source), str(tmp_path / "out.dat"), "--format", "votable/b"]
    assert runner.invoke(main, named).exit_code == 0
    assert b"<BINARY>" in (tmp_path / "out.dat").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.csv", "out.fits"], "nothing.csv"),
        (["in.csv", "out.xyz"], "the ending of 'out.xyz' says no format"),
        (["in.csv", "out.csv", "--format", "word"], "--format 'word' is not supported"),
        (["in.csv", "no/such/out.csv"], "there is no folder 'no/such'"),
    ],
)
def test_mistakes_are_one_line(source, tmp_path, monkeypatch, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["convert", *arguments])
    assert done.exit_code == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
