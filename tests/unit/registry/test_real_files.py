"""The developers' real files: every one can be planned, and the surveys can be published."""

from pathlib import Path

import pytest

from registry.formats.readers import reader_for
from registry.ingestion.plan import PublishRequest
from registry.ingestion.planner import make_plan
from registry.model.principal import OPERATOR
from registry.product_types import product_type_named

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
FILES = sorted([*DATA.rglob("*.parquet"), *DATA.rglob("*.csv")])
SURVEYS = [f for f in FILES if f.parent.name == "redshift_surveys" and "test_" not in f.name]

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FILES, reason="the shared data are not beside the checkout"),
]


def name(file):
    return str(file.relative_to(DATA))


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_file_can_be_planned(file):
    kind = product_type_named("other")
    with reader_for(file).open(file) as opened:
        plan = make_plan(opened, PublishRequest(file.stem, "other"), kind, "any")
    allowed = {"the file has no rows; a published table needs at least one"}
    assert set(plan.problems) <= allowed
    assert len(plan.columns) == len(opened.columns)
    assert bool(plan.problems) == (plan.n_rows == 0)


@pytest.mark.parametrize("file", SURVEYS, ids=name)
def test_suggestions_are_enough_to_publish_a_survey(site, file):
    request = PublishRequest(file.stem, "other", accept_suggestions=True)
    published = site.service.publish(OPERATOR, file, request)
    with reader_for(file).open(file) as opened:
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
