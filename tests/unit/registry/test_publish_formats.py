"""Files of every format become tables, and what cannot leaves nothing behind."""

import zipfile

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from registry.errors import UnreadableFile
from registry.formats.readers import ReadLimits, ReadOptions
from registry.formats.readers.processes import ReadingProcesses
from registry.ingestion.plan import PublishRequest
from registry.ingestion.service import PublishService
from registry.model.principal import OPERATOR

COLUMNS = {"id": [2**60 + 1, 7], "ra": [10.5, 350.0], "dec": [-5.0, 89.0]}


def hats(folder):
    place = folder / "dataset" / "Norder=0" / "Dir=0"
    place.mkdir(parents=True)
    pq.write_table(pa.table(COLUMNS), place / "Npix=4.parquet")
    (folder / "properties").write_text("dataproduct_type=object\nhats_nrows=2\n")


def hdf5(path):
    with h5py.File(path, "w") as file:
        for group in ("a", "b"):
            for name, values in COLUMNS.items():
                file[f"{group}/{name}"] = np.array(values)


def archive(path):
    with zipfile.ZipFile(path, "w") as packed:
        rows = zip(*COLUMNS.values(), strict=True)
        text = "".join(f"{a};{b};{c}\n" for a, b, c in rows)
        packed.writestr("in/a.txt", "id;ra;dec\n" + text)


def fits(path):
    Table(COLUMNS).write(path, format="fits")


def votable(path):
    Table(COLUMNS).write(path, format="votable")


@pytest.mark.parametrize("make", [hats, hdf5, archive, fits, votable])
def test_every_format_is_published_from_the_command_to_the_table(site, tmp_path, make):
    path = tmp_path / "mine"
    make(path)
    before = sorted(tmp_path.rglob("*"))
    read = ReadOptions(group="b") if make is hdf5 else ReadOptions()
    request = PublishRequest("x", "other", accept_suggestions=True, read=read)
    plan = site.service.plan(OPERATOR, path, request)
    assert plan.accepted, plan.problems
    assert site.left_over() == []
    published = site.service.publish(OPERATOR, path, request)
    rows = site.rows(published.internal_name)
    found = {c.file_name: rows.column(f"c{i}") for i, c in enumerate(plan.columns)}
    assert {name: values.to_pylist() for name, values in found.items()} == COLUMNS
    assert published.plan.format == plan.format
    (kept,) = (site.home / "archive" / "products" / published.internal_name).glob("v1-*/mine")
    if make is hats:
        assert sorted(p.name for p in kept.rglob("*") if p.is_file()) == [
            "Npix=4.parquet",
            "properties",
        ]
        version = site.products.product(published.internal_name).version
        assert version.size_bytes == sum(p.stat().st_size for p in kept.rglob("*") if p.is_file())
    else:
        assert kept.read_bytes() == path.read_bytes()
    assert not list((site.home / "staging").iterdir())
    outside = [p for p in sorted(tmp_path.rglob("*")) if site.home not in (p, *p.parents)]
    assert outside == [p for p in before if site.home not in (p, *p.parents)]


def test_a_refused_archive_leaves_nothing(site, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("../evil.csv", "a,b\n1,2\n")
    with pytest.raises(UnreadableFile, match="points outside"):
        site.service.publish(OPERATOR, path, PublishRequest("x", "other"))
    assert site.left_over() == []
    assert not (tmp_path / "evil.csv").exists()


def test_a_folder_with_links_is_refused(site, tmp_path):
    folder = tmp_path / "cat"
    hats(folder)
    (folder / "dataset" / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(UnreadableFile, match="a link or a device inside"):
        site.service.publish(OPERATOR, folder, PublishRequest("x", "other"))
    assert site.left_over() == []


def test_the_limits_of_the_installation_hold(site, tmp_path):
    path = tmp_path / "a.parquet"
    text = pa.array(["x" * 1_000_000] * 400).dictionary_encode()
    pq.write_table(pa.table({"a": text}), path)
    limits = ReadLimits(memory_bytes=300 * 2**20)
    service = PublishService(
        site.products, site.files, site.tables, ReadingProcesses(limits=limits)
    )
    with pytest.raises(UnreadableFile, match="of memory that reading a file may take"):
        service.publish(OPERATOR, path, PublishRequest("x", "other"))
    assert site.left_over() == []


@pytest.mark.parametrize(("system", "found"), [("eq_FK4", False), ("ICRS", True)])
def test_positions_in_another_frame_are_published_and_not_found_by_position(
    site, tmp_path, system, found
):
    path = tmp_path / "a.vot"
    fields = "".join(
        f"<FIELD name='{name}' datatype='double' unit='deg' ref='s'/>" for name in ("ra", "dec")
    )
    path.write_text(
        f"<VOTABLE version='1.4'><RESOURCE><COOSYS ID='s' system='{system}'/><TABLE>{fields}"
        "<DATA><TABLEDATA><TR><TD>1</TD><TD>2</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE>"
        "</VOTABLE>"
    )
    request = PublishRequest("x", "other", (("ra", "RA"), ("dec", "Dec")))
    plan = site.service.plan(OPERATOR, path, request)
    assert plan.accepted
    assert (plan.position is not None) == found
    assert found or any("eq_FK4" in warning for warning in plan.warnings)
