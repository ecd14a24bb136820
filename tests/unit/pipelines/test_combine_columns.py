import pytest

from pipelines.combine_redshift_dedup import SPECIFICATION
from pipelines.combine_redshift_dedup.mapping import PIPELINE_COLUMNS
from registry.annotation import vocabulary
from registry.model.annotation import find_role


def test_every_column_of_the_pipeline_is_described_once():
    names = [column.name for column in SPECIFICATION.output_columns]
    assert sorted(names) == sorted(PIPELINE_COLUMNS)
    assert all(column.description for column in SPECIFICATION.output_columns)


@pytest.mark.parametrize("column", SPECIFICATION.output_columns, ids=lambda column: column.name)
def test_column_has_words_of_the_vocabularies(column):
    checked = vocabulary.check_ucd(column.ucd)
    assert (checked.value, checked.problem) == (column.ucd, None)
    if column.unit is not None:
        assert vocabulary.check_unit(column.unit).problem is None
    if column.alias is not None:
        assert find_role(column.alias).ucd == column.ucd


def test_roles_are_played_by_one_column_each():
    roles = [column.alias for column in SPECIFICATION.output_columns if column.alias]
    assert sorted(roles) == sorted(["ID", "RA", "Dec", "z", "z_flag", "z_err", "survey"])
