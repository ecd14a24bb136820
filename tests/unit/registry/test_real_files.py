"""The developers' real files: every one can be planned, and the surveys can be published."""

from pathlib import Path

import pytest

from registry.formats.readers.opening import open_file
from registry.ingestion.plan import PublishRequest
from registry.ingestion.planner import make_plan
from registry.model.principal import OPERATOR
from registry.product_types import product_type_named

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
ENDINGS = ("parquet", "csv", "pq", "hdf5", "txt")
FILES = sorted(file for ending in ENDINGS for file in DATA.rglob(f"*.{ending}"))
CATALOGUES = sorted(
    {
        *(file.parent for file in DATA.rglob("collection.properties")),
        *(file.parent for file in DATA.rglob("properties") if "margin" not in str(file)),
    }
)
SURVEYS = [
    *(f for f in FILES if f.parent.name == "redshift_surveys" and "test_" not in f.name),
    *(f for f in FILES if f.parent.name in ("training", "des_tiny")),
    *(f for f in CATALOGUES if (f / "collection.properties").exists()),
]

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FILES, reason="the shared data are not beside the checkout"),
]


def name(file):
    return str(file.relative_to(DATA))


@pytest.mark.parametrize("file", [*FILES, *CATALOGUES], ids=name)
def test_every_file_can_be_planned(file):
    kind = product_type_named("other")
    with open_file(file)[1] as opened:
        plan = make_plan(opened, PublishRequest(file.stem, "other"), kind, "any")
    allowed = {"the file has no rows; a published table needs at least one"}
    assert set(plan.problems) <= allowed
    assert len(plan.columns) == len(opened.columns)
    assert bool(plan.problems) == (plan.n_rows == 0)


@pytest.mark.parametrize("file", SURVEYS, ids=name)
def test_suggestions_are_enough_to_publish_a_survey(site, file):
    request = PublishRequest(file.stem, "other", accept_suggestions=True)
    published = site.service.publish(OPERATOR, file, request)
    with open_file(file)[1] as opened:
        batches = list(opened.batches())
    rows = site.rows(published.internal_name)
    assert rows.num_rows == sum(batch.num_rows for batch in batches)
    for index, column in enumerate(opened.columns):
        expected = [v for batch in batches for v in batch.column(index).to_pylist()]
        assert [none_if_nan(v) for v in expected] == rows.column(f"c{index}").to_pylist(), (
            column.name
        )


def none_if_nan(value):
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN


def test_the_compilation_of_cosmos_keeps_its_dotted_names():
    file = DATA / "training" / "cosmos_specz_compilation_for_cigale_3.00_z_3.50.txt"
    with open_file(file)[1] as opened:
        names = [column.name for column in opened.columns]
        first = next(opened.batches()).column(0)
        assert opened.n_rows == 1386
    assert len(names) == 72
    assert names[2:4] == ["cfht.megacam.u", "cfht.megacam.u_err"]
    expected = [line.split()[0] for line in file.read_text().splitlines()[1:]]
    assert [str(value) for value in first.to_pylist()] == expected


def test_hdf5_and_parquet_of_the_same_catalogue_agree():
    folder = DATA / "training" / "des_tiny"
    read = {}
    for ending in ("hdf5", "pq"):
        with open_file(folder / f"tiny_object_catalog_for_tests_des_dr2.{ending}")[1] as opened:
            batches = list(opened.batches())
            read[ending] = {
                column.name: [v for b in batches for v in b.column(i).to_pylist()]
                for i, column in enumerate(opened.columns)
            }
    assert read["hdf5"] == read["pq"]
