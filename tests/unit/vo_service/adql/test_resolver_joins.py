"""Joins: conditions, NATURAL and USING, and what a star shows of them."""

import pytest

from tests.support.tables import resolved
from vo_service.adql import typed
from vo_service.adql.errors import AmbiguousColumn, TypeMismatch, UnknownColumn
from vo_service.adql.typed import JoinKind


def join_of(text):
    (join,) = resolved(text).body.relations
    return join


def names(text):
    return [field.name for field in resolved(text).fields]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("JOIN", JoinKind.INNER),
        ("INNER JOIN", JoinKind.INNER),
        ("LEFT JOIN", JoinKind.LEFT),
        ("RIGHT OUTER JOIN", JoinKind.RIGHT),
        ("FULL OUTER JOIN", JoinKind.FULL),
    ],
)
def test_joins_keep_their_kind_and_condition(words, kind):
    join = join_of(f"SELECT ra FROM cat.objects o {words} cat.spectra s ON o.z > s.z")
    assert join.kind is kind
    assert (join.condition.left.relation, join.condition.right.relation) == (0, 1)


def test_a_cross_join_has_no_condition():
    assert join_of("SELECT ra FROM cat.objects CROSS JOIN cat.spectra").condition is None


def test_using_makes_a_condition_and_one_column():
    text = "SELECT * FROM cat.spectra JOIN cat.objects USING (objectid, SURVEY)"
    join = join_of(text)
    assert [test.operator for test in join.condition.operands] == ["=", "="]
    found = names(text)
    assert found[:5] == ["objectId", "survey", "z", "quality", "exposure"]
    assert found.count("objectId") == found.count("survey") == 1
    assert {"z", "z_2", "quality", "quality_2"} <= set(found)


def test_natural_joins_on_every_common_name():
    text = "SELECT * FROM cat.spectra NATURAL JOIN cat.objects"
    assert len(join_of(text).condition.operands) == 4
    found = names(text)
    assert found[:6] == ["objectId", "z", "quality", "survey", "exposure", "ra"]
    assert len(found) == len(set(found))


def test_natural_without_a_common_name_keeps_every_pair():
    join = join_of("SELECT ra FROM cat.objects NATURAL LEFT JOIN odd.objects AS t")
    assert (join.condition.left.value, join.condition.right.value) == (1, 1)


@pytest.mark.parametrize(("words", "relation"), [("JOIN", 0), ("LEFT JOIN", 0), ("RIGHT JOIN", 1)])
def test_the_merged_column_is_that_of_the_kept_side(words, relation):
    query = resolved(f"SELECT objectId FROM cat.objects {words} cat.spectra USING (objectId)")
    assert query.body.outputs[0].expression.relation == relation


def test_the_merged_column_of_a_full_join_is_the_first_that_has_a_value():
    query = resolved(
        "SELECT objectId, survey FROM cat.objects FULL JOIN cat.spectra USING (objectId, survey)"
    )
    first, second = (output.expression for output in query.body.outputs)
    assert (first.function, [a.relation for a in first.arguments]) == ("COALESCE", [0, 1])
    assert second.field.type.datatype == "unicodeChar"
    assert query.fields[0].name == "objectId"


def test_merged_columns_can_still_be_qualified():
    query = resolved(
        "SELECT o.objectId, s.objectId FROM cat.objects o JOIN cat.spectra s USING (objectId)"
    )
    assert [o.expression.relation for o in query.body.outputs] == [0, 1]


def test_chains_of_using_merge_once_more():
    found = names(
        "SELECT * FROM cat.objects JOIN cat.spectra USING (objectId) "
        "JOIN cat.spectra AS t USING (objectId)"
    )
    assert found[0] == "objectId"
    assert found.count("objectId") == 1
    assert "objectId_2" not in found


def test_on_sees_the_enclosing_query():
    query = resolved(
        "SELECT 1 FROM cat.objects o WHERE EXISTS (SELECT 1 FROM cat.spectra s "
        "JOIN odd.objects t ON t.id = s.objectId AND s.z < o.z)"
    )
    (join,) = query.body.where.query.body.relations
    assert join.condition.operands[1].right.relation == 0


def test_parenthesised_joins_nest():
    join = join_of(
        "SELECT 1 FROM cat.objects o JOIN (cat.spectra s JOIN odd.objects t ON s.objectId = t.id)"
        " ON o.objectId = s.objectId"
    )
    assert isinstance(join.right, typed.Join)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "SELECT 1 FROM cat.objects JOIN cat.spectra USING (ra)",
            UnknownColumn,
            'The right side of the join has no column "ra" (line 1, column 51)',
        ),
        (
            (
                "SELECT 1 FROM cat.spectra s JOIN cat.spectra t ON s.z = t.z JOIN cat.objects "
                "USING (z)"
            ),
            AmbiguousColumn,
            'The left side of the join has several columns "z"; join with ON',
        ),
        (
            "SELECT 1 FROM (SELECT survey AS ra FROM cat.spectra) q JOIN cat.objects USING (ra)",
            TypeMismatch,
            "Text and numbers do not go together",
        ),
        (
            "SELECT 1 FROM cat.objects a JOIN cat.objects b USING (pdf)",
            TypeMismatch,
            "Arrays cannot be compared",
        ),
        (
            "SELECT 1 FROM cat.objects o JOIN cat.spectra s ON COUNT(*) > 1",
            TypeMismatch,
            "COUNT works on groups and cannot stand in ON",
        ),
        (
            "SELECT 1 FROM cat.objects o, cat.spectra s JOIN odd.objects t ON t.id = o.objectId",
            Exception,
            '"o" is no table of this FROM',
        ),
    ],
)
def test_joins_that_make_no_sense_are_refused(text, error, message):
    with pytest.raises(error) as caught:
        resolved(text)
    assert message in str(caught.value)
