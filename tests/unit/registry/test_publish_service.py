import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.errors import (
    AmbiguousProduct,
    AnnotationRejected,
    NotAllowed,
    ProductNotFound,
    UnreadableFile,
)
from registry.ingestion.plan import PublishRequest
from registry.model.annotation import Annotations, ColumnAnnotation
from registry.model.principal import ANONYMOUS, OPERATOR, Principal
from registry.stores.sweep import sweep_staging

ROOT = Path(__file__).resolve().parents[3]
ROLES = (("RA", "RA"), ("DEC", "Dec"), ("Z", "z"))
CATALOGUE = PublishRequest("Cat", "redshift_catalog", ROLES)
ADA = Principal("ada")
BOB = Principal("bob")


@pytest.fixture
def file(tmp_path, small_table):
    path = tmp_path / "small one.parquet"
    pq.write_table(small_table, path)
    return path


def written(tmp_path, name="a.parquet", **columns):
    path = tmp_path / name
    pq.write_table(pa.table(columns), path)
    return path


def problems(site, file, request):
    with pytest.raises(AnnotationRejected) as caught:
        site.service.publish(OPERATOR, file, request)
    assert site.left_over() == []
    assert site.products.published() == []
    return "\n".join(caught.value.report)


def test_rows_are_those_of_the_file_with_nan_as_null(site, file, small_table):
    published = site.service.publish(OPERATOR, file, CATALOGUE)
    assert (published.internal_name, published.table_name, published.n_rows) == (
        "1_cat",
        "redshift_catalog.p1_cat",
        3,
    )
    rows = site.rows("1_cat")
    assert rows.column("c0").to_pylist() == [2**53 + 1, 2**63 - 1, None]
    assert rows.column("c3").to_pylist() == [pytest.approx(0.1), None, pytest.approx(0.3)]
    assert rows.column("c4").to_pylist() == ["a", "", None]
    assert rows.column("_row").to_pylist() == [0, 1, 2]


def test_the_users_file_is_kept_byte_by_byte(site, file):
    site.service.publish(OPERATOR, file, CATALOGUE)
    (kept,) = site.home.glob("archive/products/1_cat/v1-*/small one.parquet")
    assert kept.read_bytes() == file.read_bytes()
    version = site.products.product("1_cat").version
    assert version.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (version.size_bytes, version.file_name) == (file.stat().st_size, file.name)


def test_facts_of_columns_and_sky_are_kept(site, file):
    site.service.publish(OPERATOR, file, CATALOGUE)
    version = site.products.product("1_cat").version
    columns = site.products.columns([(1, 1)])[1]
    z = columns[3]
    assert (z.alias, z.column.field.ucd, z.file_type) == ("z", "src.redshift", "float")
    assert (z.statistics.n_null, z.statistics.n_distinct) == (1, 2)
    assert columns[0].statistics.maximum == 2**63 - 1
    assert version.coverage.startswith("10/")


def test_a_name_may_be_used_twice(site, file):
    names = [site.service.publish(OPERATOR, file, CATALOGUE).internal_name for _ in range(2)]
    assert names == ["1_cat", "2_cat"]


def test_replacing_makes_a_new_version_and_keeps_the_old_data_for_a_while(site, file, tmp_path):
    site.service.publish(OPERATOR, file, CATALOGUE)
    other = written(tmp_path, "new.parquet", RA=[1.0], DEC=[2.0], Z=[3.0])
    published = site.service.publish(OPERATOR, other, replace(CATALOGUE, replace=True))
    assert (published.internal_name, published.version, published.n_rows) == ("1_cat", 2, 1)
    assert site.rows("1_cat").num_rows == 1
    (first,) = site.home.glob("tables/t1_v1_*.duckdb")
    assert site.service.sweep().tables == ()
    swept = site.service.sweep(retention=timedelta(0))
    assert swept.tables == (first.name,)
    assert len(list(site.home.glob("archive/products/1_cat/v1-*/*.parquet"))) == 1
    assert site.rows("1_cat").num_rows == 1


def test_replacing_needs_exactly_one_product_of_the_caller(site, file):
    request = replace(CATALOGUE, replace=True)
    with pytest.raises(ProductNotFound, match="no product of yours with the name 'Cat'"):
        site.service.publish(ADA, file, request)
    site.service.publish(BOB, file, CATALOGUE)
    with pytest.raises(ProductNotFound):
        site.service.publish(ADA, file, request)
    for _ in range(2):
        site.service.publish(ADA, file, CATALOGUE)
    with pytest.raises(AmbiguousProduct, match="2_cat, 3_cat"):
        site.service.publish(ADA, file, request)
    assert site.service.publish(ADA, file, replace(CATALOGUE, replace="3_cat")).version == 2


def test_rights(site, file):
    with pytest.raises(NotAllowed, match="log in"):
        site.service.publish(ANONYMOUS, file, CATALOGUE)
    with pytest.raises(NotAllowed, match="log in"):
        site.service.plan(ANONYMOUS, file, CATALOGUE)
    with pytest.raises(NotAllowed, match="official"):
        site.service.publish(ADA, file, replace(CATALOGUE, official=True))
    site.service.publish(ADA, file, CATALOGUE)
    with pytest.raises(NotAllowed, match="somebody else"):
        site.service.publish(BOB, file, replace(CATALOGUE, replace="1_cat"))
    for who, words in ((BOB, "somebody else"), (ANONYMOUS, "log in")):
        with pytest.raises(NotAllowed, match=words):
            site.service.withdraw(who, "1_cat")
    site.service.withdraw(OPERATOR, "1_cat")
    assert site.service.products(OPERATOR) == []


def test_withdrawn_data_are_swept_when_their_time_is_over(site, file):
    site.service.publish(OPERATOR, file, CATALOGUE)
    site.service.withdraw(OPERATOR, "1_cat")
    site.service.sweep()
    assert site.left_over()
    sweep_staging(site.files, site.products, site.tables, timedelta(0), timedelta(0))
    assert site.left_over() == []
    with pytest.raises(ProductNotFound):
        site.service.withdraw(OPERATOR, "1_cat")


def test_a_new_version_keeps_the_type(site, file):
    site.service.publish(OPERATOR, file, CATALOGUE)
    request = PublishRequest("Cat", "other", replace="1_cat")
    with pytest.raises(AnnotationRejected, match="keeps the type"):
        site.service.publish(OPERATOR, file, request)


def test_products_are_listed_by_type(site, file):
    site.service.publish(OPERATOR, file, CATALOGUE)
    site.service.publish(OPERATOR, file, PublishRequest("Else", "other"))
    assert [p.display_name for p in site.service.products(ANONYMOUS)] == ["Cat", "Else"]
    assert [p.display_name for p in site.service.products(OPERATOR, "other")] == ["Else"]
    with pytest.raises(AnnotationRejected, match="'foo' does not exist; the types are redshift"):
        site.service.products(OPERATOR, "foo")


def test_a_plan_writes_nothing_and_shows_suggestions(site, file):
    plan = site.service.plan(OPERATOR, file, PublishRequest("Cat", "redshift_catalog"))
    assert not plan.accepted
    assert len(plan.problems) == 3
    assert "column 'RA' looks like it: give it the alias RA" in plan.problems[0]
    assert [c.suggestion.alias for c in plan.columns] == ["ID", "RA", "Dec", "z", None]
    assert all(c.alias is None for c in plan.columns)
    assert site.left_over() == []


def test_accepted_suggestions_do_not_touch_mandatory_roles(site, file):
    request = PublishRequest("Cat", "redshift_catalog", accept_suggestions=True)
    plan = site.service.plan(OPERATOR, file, request)
    assert [c.alias for c in plan.columns] == ["ID", None, None, None, None]
    assert len(plan.problems) == 3


def test_accepted_suggestions_index_the_positions_where_none_are_demanded(site, file):
    request = PublishRequest("Set", "training_set", (("Z", "z"),), accept_suggestions=True)
    site.service.publish(OPERATOR, file, request)
    version = site.products.product("1_set").version
    assert (version.ra, version.dec) == ("c1", "c2")
    assert version.coverage is not None


def test_names_that_are_not_regular_are_shown_quoted(site, tmp_path):
    path = written(tmp_path, **{"a.b": [1], "select": [1], "plain": [1], 'q"': [1]})
    plan = site.service.plan(OPERATOR, path, PublishRequest("x", "other"))
    assert [c.adql_name for c in plan.columns] == ['"a.b"', '"select"', "plain", '"q"""']


def test_every_problem_comes_at_once(site, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("ra,ra,dec,z,b\n400,1,95,x,1\n")
    request = PublishRequest(
        " ",
        "redshift_catalog",
        (("dec", "Dec"), ("z", "z"), ("nope", "ID")),
        Annotations({"b": ColumnAnnotation(ucd="src.redhsift", unit="parsecs")}),
        release="dp1",
    )
    report = problems(site, path, request)
    for expected in (
        "the product has no name",
        "belongs to no release",
        "occur more than once: 'ra'",
        "--column 'nope': the file has no such column",
        "did you mean 'src.redshift'",
        "unit 'parsecs' is not a VOUnit",
        "needs the role RA",
        "column 'z' cannot be z: it holds text, not numbers",
    ):
        assert expected in report


@pytest.mark.parametrize(
    ("columns", "annotations", "expected"),
    [
        ({"RA": [400.0, 1.0], "DEC": [0.0, -91.0]}, {}, "row 1: 400"),
        ({"RA": [400.0, 1.0], "DEC": [0.0, -91.0]}, {}, "row 2: -91"),
        ({"RA": ["10:23:45.1"], "DEC": [0.0]}, {}, "'10:23:45.1' is sexagesimal"),
        ({"RA": [1.0], "DEC": [0.0]}, {"RA": ColumnAnnotation(unit="h")}, "multiply hours by 15"),
        ({"RA": [1.0], "DEC": [0.0]}, {"RA": ColumnAnnotation(unit="rad")}, "180/pi"),
        ({"RA": [b"a"], "DEC": [0.0]}, {}, "column 'RA' holds binary data"),
        ({"RA": [[1.0]], "DEC": [0.0]}, {}, "it holds arrays, not numbers"),
        ({"RA": pa.array([], pa.float64()), "DEC": pa.array([], pa.float64())}, {}, "no rows"),
    ],
)
def test_positions_that_cannot_be_right_are_refused(site, tmp_path, columns, annotations, expected):
    path = written(tmp_path, **columns)
    request = PublishRequest(
        "x", "object_catalog", (("RA", "RA"), ("DEC", "Dec")), Annotations(annotations)
    )
    assert expected in problems(site, path, request)


def test_a_column_in_hours_by_its_name_is_refused_until_the_unit_is_said(site, tmp_path):
    path = written(tmp_path, ra_h=[1.0], dec=[0.0])
    request = PublishRequest("x", "object_catalog", (("ra_h", "RA"), ("dec", "Dec")))
    assert "multiply it by 15" in problems(site, path, request)
    said = Annotations({"ra_h": ColumnAnnotation(unit="deg")})
    assert site.service.plan(OPERATOR, path, replace(request, annotations=said)).accepted


def test_names_that_xml_cannot_hold_are_refused(site, tmp_path):
    path = written(tmp_path, **{"a\x01": [1], "b\nc": [2]})
    report = problems(site, path, PublishRequest("x\x00", "other"))
    assert report.count("control character") == 3


def test_names_that_clients_change_are_warned_of(site, tmp_path):
    path = written(tmp_path, **{" a": [1], "b  c": [2], "d e": [3]})
    plan = site.service.plan(OPERATOR, path, PublishRequest("x", "other"))
    assert plan.accepted
    warned = [w for w in plan.warnings if "blank" in w]
    assert [w.split("'")[1] for w in warned] == [" a", "b  c"]


def test_names_longer_than_the_metadata_hold_are_refused(site, tmp_path):
    path = written(tmp_path, a=[1])
    assert site.service.plan(OPERATOR, path, PublishRequest("x" * 255, "other")).accepted
    assert "at most 255" in problems(site, path, PublishRequest("x" * 256, "other"))


def test_an_unreadable_file_leaves_nothing(site, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UnreadableFile, match="PNG image, not a table"):
        site.service.publish(OPERATOR, path, CATALOGUE)
    assert site.left_over() == []


def test_progress_names_every_step_and_ends_at_one(site, file):
    told = []
    site.service.publish(OPERATOR, file, CATALOGUE, lambda step, done: told.append((step, done)))
    assert list(dict.fromkeys(step for step, _ in told)) == [
        "copying",
        "checking",
        "loading",
        "publishing",
    ]
    assert ("loading", 1.0) in told


def test_a_failure_after_the_files_moved_takes_them_back(site, file, monkeypatch):
    def fail(*_):
        raise RuntimeError("no")

    monkeypatch.setattr(site.files, "publish", fail)
    with pytest.raises(RuntimeError):
        site.service.publish(OPERATOR, file, CATALOGUE)
    assert site.left_over() == []
    assert site.products.published() == []
    assert site.products.unfinished() == []


def test_an_interrupt_after_the_commit_leaves_the_product_whole(site, file, monkeypatch):
    switch = site.products.switch

    def interrupted(*arguments):
        switch(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(site.products, "switch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        site.service.publish(OPERATOR, file, CATALOGUE)
    assert site.rows("1_cat").num_rows == 3
    assert list(site.home.glob("archive/products/1_cat/v1-*/small one.parquet"))


FULL_DISK = """
import resource, sys
from pathlib import Path
from registry.errors import StorageFull
from registry.ingestion.plan import PublishRequest
from registry.ingestion.service import PublishService
from registry.model.principal import OPERATOR
from registry.stores.files import FileStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.products import SqlProductStore
from vo_service.engines.duckdb.store import DuckdbTableStore
import numpy, duckdb, pyarrow.parquet
home, file, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
products = SqlProductStore(MetadataDatabase.in_folder(home))
service = PublishService(products, FileStore(home), DuckdbTableStore(home / "tables"))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    service.publish(OPERATOR, file, PublishRequest("x", "other"))
except StorageFull as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [60_000, 400_000], ids=["copy", "table"])
def test_a_full_disk_is_told_and_leaves_nothing(site, tmp_path, limit):
    values = np.random.default_rng(0).integers(0, 3, 600_000)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": values}), path, compression="zstd")
    assert 60_000 < path.stat().st_size < 300_000
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(site.home), str(path), str(limit)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("no space left on the disk of the archive"), done.stderr
    assert site.left_over() == []
    assert site.products.unfinished() == []
