"""Frames of positions and scales of times: read from files, kept by columns, never made up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.formats.readers.fits import FitsReader
from registry.formats.readers.parquet import ParquetReader
from registry.formats.readers.votable import VotableReader
from registry.formats.writers.base import ResultInfo
from registry.formats.writers.registry import writer_for
from registry.formats.writers.stream import ResultStream
from registry.ingestion.frames import column_frame
from registry.model.annotation import find_role
from registry.model.field import Datatype, Field, ValueType
from registry.model.frame import Frame, coordinate_frame, time_frame

DOUBLE = ValueType(Datatype.DOUBLE)
TIME = ValueType(Datatype.CHAR, "*", "timestamp")


@pytest.mark.parametrize(
    ("said", "frame"),
    [
        ("ICRS", "ICRS"),
        ("FK4", "eq_FK4 equinox=B1950"),
        ("fk4 B1975.0", "eq_FK4 equinox=B1975"),
        ("eq_FK5 equinox=2000.0", "eq_FK5 equinox=J2000"),
        ("eq_FK5 equinox=J2000 epoch=J2015.5", "eq_FK5 equinox=J2000 epoch=J2015.5"),
        ("Galactic", "galactic"),
        ("ecliptic", "ecl_FK5 equinox=J2000"),
        ("UTC", "UTC"),
        ("TDB refposition=barycenter", "TDB refposition=BARYCENTER"),
        ("TT timeorigin=MJD-origin", "TT timeorigin=MJD-origin"),
        ("GALACTIC_I", None),
        ("somewhere", None),
        ("ICRS of sorts", None),
        ("", None),
    ],
)
def test_frames_are_read_in_the_words_of_files_and_people(said, frame):
    found = Frame.parse(said)
    assert (None if found is None else str(found)) == frame
    assert found is None or Frame.parse(str(found)) == found


def votable(system: str, cell: str = "1") -> str:
    return (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'{system}<RESOURCE><TABLE><FIELD name="a" datatype="double" ref="s" unit="deg"'
        ' ucd="pos.eq.ra"/><FIELD name="b" datatype="double" unit="deg" ucd="pos.eq.dec"/>'
        f"<DATA><TABLEDATA><TR><TD>{cell}</TD><TD>2</TD></TR></TABLEDATA></DATA></TABLE>"
        "</RESOURCE></VOTABLE>"
    )


@pytest.mark.parametrize(
    ("element", "frame"),
    [
        ('<COOSYS ID="s" system="eq_FK4" equinox="B1950"/>', "eq_FK4 equinox=B1950"),
        ('<COOSYS ID="s" system="eq_FK4" equinox="B1950" epoch="B1980.5"/>',
         "eq_FK4 equinox=B1950 epoch=B1980.5"),
        ('<COOSYS ID="s" refframe="FK5" equinox="J2000" epoch="J2000"/>',
         "eq_FK5 equinox=J2000 epoch=J2000"),
        ('<COOSYS ID="s" system="galactic"/>', "galactic"),
        ('<COOSYS ID="s" system="supergalactic"/>', "supergalactic"),
        ('<COOSYS ID="s" system="ecl_FK5" equinox="J2000"/>', "ecl_FK5 equinox=J2000"),
        ('<COOSYS ID="s" system="made_up"/>', None),
        ('<COOSYS ID="t" system="galactic"/>', None),
        ('<TIMESYS ID="s" timescale="TDB" refposition="BARYCENTER" timeorigin="2400000.5"/>',
         "TDB refposition=BARYCENTER timeorigin=2400000.5"),
    ],
)  # fmt: skip
def test_a_votable_says_the_frame_of_a_column_by_reference(tmp_path, element, frame):
    path = tmp_path / "t.vot"
    path.write_text(votable(element))
    with VotableReader().open(path) as opened:
        assert [column.frame for column in opened.columns] == [frame, None]


def written(name: str, fields: tuple[Field, ...], columns: list[pa.Array], path: Path) -> Path:
    batch = pa.RecordBatch.from_arrays(columns, names=[field.name for field in fields])
    result = ResultStream(fields, iter([batch]), infos=(ResultInfo("a", "b"),))
    path.write_bytes(b"".join(writer_for(name).write(result)))
    return path


FIELDS = (
    Field("ra", DOUBLE, "deg", "pos.eq.ra", frame="eq_FK4 equinox=B1950"),
    Field("dec", DOUBLE, "deg", "pos.eq.dec", frame="eq_FK4 equinox=B1950"),
    Field("l", DOUBLE, "deg", "pos.galactic.lon", frame="galactic"),
    Field("t", TIME, frame="TDB refposition=BARYCENTER"),
    Field("mag", DOUBLE, "mag", "phot.mag"),
    Field("ra2", DOUBLE, "deg", "stat.error;pos.eq.ra"),
)
COLUMNS = [
    pa.array([1.0]),
    pa.array([2.0]),
    pa.array([3.0]),
    pa.array([np.datetime64("2020-01-01T00:00:00", "us")]),
    pa.array([4.0]),
    pa.array([5.0]),
]


@pytest.mark.parametrize(
    ("name", "reader"),
    [("votable/td", VotableReader()), ("votable", VotableReader()), ("parquet", ParquetReader())],
)
def test_frames_and_scales_come_back_from_what_is_written(tmp_path, name, reader):
    path = written(name, FIELDS, COLUMNS, tmp_path / "t")
    with reader.open(path) as opened:
        assert [column.frame for column in opened.columns] == [field.frame for field in FIELDS]


def test_astropy_reads_the_frames_of_a_votable(tmp_path):
    from astropy.io.votable import parse

    path = written("votable/td", FIELDS, COLUMNS, tmp_path / "t.vot")
    document = parse(path)
    systems = {c.ID: (c.system, c.equinox) for c in document.iter_coosys()}
    assert set(systems.values()) == {("eq_FK4", "B1950"), ("galactic", None)}
    assert [(t.timescale, t.refposition) for t in document.iter_timesys()] == [
        ("TDB", "BARYCENTER")
    ]
    ra = document.get_first_table().get_field_by_id_or_name("ra")
    assert systems[ra.ref] == ("eq_FK4", "B1950")


def test_a_fits_header_says_one_frame_and_scale_or_none(tmp_path):
    from astropy.io import fits

    header = fits.getheader(written("fits", FIELDS, COLUMNS, tmp_path / "t.fits"), 1)
    assert (header["RADESYS"], header["EQUINOX"]) == ("FK4", 1950.0)
    assert (header["TIMESYS"], header["TREFPOS"]) == ("TDB", "BARYCENTER")
    mixed = (*FIELDS[:1], Field("dec", DOUBLE, "deg", "pos.eq.dec"), *FIELDS[2:3])
    header = fits.getheader(written("fits", mixed, COLUMNS[:3], tmp_path / "m.fits"), 1)
    assert "RADESYS" not in header
    assert "TIMESYS" not in header


@pytest.mark.parametrize(
    ("cards", "frame"),
    [
        ({"RADESYS": "FK4"}, "eq_FK4 equinox=B1950"),
        ({"RADESYS": "FK5", "EQUINOX": 2000.0}, "eq_FK5 equinox=J2000"),
        ({"RADECSYS": "ICRS"}, "ICRS"),
        ({"EQUINOX": 1950.0}, "eq_FK4 equinox=B1950"),
        ({"EQUINOX": 2000.0}, "eq_FK5 equinox=J2000"),
        ({}, None),
    ],
)
def test_a_fits_frame_is_that_of_equatorial_positions(tmp_path, cards, frame):
    from astropy.io import fits

    hdu = fits.BinTableHDU.from_columns(
        [fits.Column(name, "D", array=[1.0]) for name in ("x", "mag")]
    )
    hdu.header.update(cards)
    hdu.writeto(tmp_path / "t.fits")
    with FitsReader().open(tmp_path / "t.fits") as opened:
        stated = opened.columns[0].stated_frame
    role = find_role("RA")
    position = Field("x", DOUBLE, "deg", "pos.eq.ra;meta.main")
    assert column_frame(stated, position) == frame
    assert column_frame(stated, position, role) == (frame or "ICRS")
    assert column_frame(stated, Field("mag", DOUBLE, "mag", "phot.mag")) is None
    assert column_frame(stated, Field("l", DOUBLE, "deg", "pos.galactic.lon")) is None


def test_moments_with_a_zone_are_utc_and_others_have_no_scale(tmp_path):
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    table = pa.table(
        {
            "zoned": pa.array([moment], pa.timestamp("us", tz="UTC")),
            "plain": pa.array([moment.replace(tzinfo=None)], pa.timestamp("us")),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    with ParquetReader().open(tmp_path / "t.parquet") as opened:
        stated = [column.stated_frame for column in opened.columns]
    assert [column_frame(said, Field("t", TIME)) for said in stated] == ["UTC", None]


def test_a_frame_of_positions_is_no_scale_of_times():
    assert column_frame("ICRS", Field("t", TIME)) is None
    assert column_frame(coordinate_frame("FK4"), Field("x", DOUBLE)) == "eq_FK4 equinox=B1950"
    assert column_frame(time_frame("TT"), Field("mjd", DOUBLE, "d", "time.epoch")) == "TT"
