"""Names of tables and columns: what they mean, and what is said when they mean nothing."""

import pytest

from tests.support.tables import OBJECTS, SPECTRA, resolved
from vo_service.adql import typed
from vo_service.adql.errors import (
    AdqlError,
    AmbiguousColumn,
    UnknownColumn,
    UnknownFunction,
    UnknownTable,
    UnsupportedFeature,
)


def names(text):
    return [field.name for field in resolved(text).fields]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT OBJECTID FROM cat.objects",
        "SELECT objectid FROM CAT.Objects",
        'SELECT "objectId" FROM "cat"."objects"',
        "SELECT objects.objectid FROM cat.objects",
        "SELECT cat.objects.objectid FROM cat.objects",
        "SELECT o.objectid FROM cat.objects AS o",
        "SELECT O.objectid FROM cat.objects o",
        'SELECT "o".objectid FROM cat.objects O',
        'SELECT "O".objectid FROM cat.objects "O"',
        'SELECT O.objectid FROM cat.objects "O"',
    ],
)
def test_a_plain_column_is_called_as_its_table_spells_it(text):
    assert names(text) == ["objectId"]


def test_a_table_is_found_by_its_bare_name_where_one_schema_has_it():
    query = resolved("SELECT exposure FROM spectra")
    assert query.tables == (SPECTRA,)


def test_a_reserved_word_in_double_quotes_is_a_column():
    assert names('SELECT TAP_SCHEMA.columns."size" FROM TAP_SCHEMA.columns') == ["size"]


def test_columns_that_differ_in_case_are_told_apart_by_delimiters():
    query = resolved('SELECT "z", "Z" FROM odd.awkward')
    assert [o.expression.physical for o in query.body.outputs] == ["c0", "c1"]


def test_a_column_value_has_the_number_of_its_relation_and_its_physical_name():
    (output,) = resolved("SELECT b.ra FROM cat.spectra a, cat.objects b").body.outputs
    assert output.expression == typed.ColumnValue(1, "c1", OBJECTS.columns[1].field)


def test_the_tables_of_a_query_are_listed_once_from_everywhere():
    query = resolved(
        "WITH w AS (SELECT objectId FROM cat.spectra) "
        "SELECT objectId FROM cat.objects WHERE objectId IN (SELECT objectId FROM w) "
        "OR EXISTS (SELECT 1 FROM cat.objects) OR n_obs IN (SELECT id FROM odd.objects)"
    )
    assert [table.name for table in query.tables] == ["cat.spectra", "cat.objects", "odd.objects"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "SELECT exposur FROM cat.spectra",
            UnknownColumn,
            'Unknown column "exposur" (line 1, column 8); did you mean "exposure"?',
        ),
        (
            "SELECT ra,\n  nothing_like_it FROM cat.objects",
            UnknownColumn,
            'Unknown column "nothing_like_it" (line 2, column 3)',
        ),
        (
            "SELECT o.exposure FROM cat.objects o",
            UnknownColumn,
            'Unknown column "exposure" in "o" (line 1, column 8); did you mean "exposure_s"?',
        ),
        (
            'SELECT "RA" FROM cat.objects',
            UnknownColumn,
            'Unknown column "RA" (line 1, column 8); did you mean "ra"?',
        ),
        (
            'SELECT ra FROM cat.objects WHERE survey = "COSMOS"',
            UnknownColumn,
            (
                'Unknown column "COSMOS"; text is written in single quotes: '
                "'COSMOS' (line 1, column 43)"
            ),
        ),
        (
            "SELECT ra AS lon FROM cat.objects WHERE lon > 3",
            UnknownColumn,
            (
                '"lon" names a value of the SELECT list, which cannot be used here; repeat its '
                "expression (line 1, column 41)"
            ),
        ),
        (
            "SELECT z FROM cat.objects AS o, cat.spectra",
            AmbiguousColumn,
            'Ambiguous column "z" (line 1, column 8); did you mean "o.z" or "cat.spectra.z"?',
        ),
        (
            "SELECT z FROM odd.awkward",
            AmbiguousColumn,
            'Ambiguous column "z" (line 1, column 8); did you mean "z" or "Z"?',
        ),
        (
            "SELECT flux FROM odd.awkward",
            UnknownColumn,
            'Unknown column "flux" (line 1, column 8); did you mean "flux.g"?',
        ),
        (
            "SELECT ra FROM objects",
            UnknownTable,
            (
                'Several schemas have a table "objects" (line 1, column 16); did you mean '
                '"cat.objects" or "odd.objects"?'
            ),
        ),
        (
            "SELECT ra FROM cat.objcts",
            UnknownTable,
            'Unknown table "cat.objcts" (line 1, column 16); did you mean "cat.objects"',
        ),
        (
            "SELECT ra FROM kat.spectra",
            UnknownTable,
            'Unknown table "kat.spectra" (line 1, column 16); did you mean "cat.spectra"?',
        ),
        (
            "SELECT ra FROM spektra",
            UnknownTable,
            'Unknown table "spektra" (line 1, column 16); did you mean "cat.spectra"?',
        ),
        (
            'SELECT ra FROM "cat"."OBJECTS"',
            UnknownTable,
            'Unknown table "cat.OBJECTS" (line 1, column 16); did you mean "cat.objects"',
        ),
        (
            "SELECT ra FROM qqqqq",
            UnknownTable,
            'Unknown table "qqqqq"; TAP_SCHEMA.tables lists what is there (line 1, column 16)',
        ),
        (
            "SELECT objekts.ra FROM cat.objects AS objects",
            UnknownTable,
            '"objekts" is no table of this FROM (line 1, column 8); did you mean "objects"?',
        ),
        (
            "SELECT cat.objects.ra FROM cat.objects AS o",
            UnknownTable,
            '"cat.objects" is no table of this FROM (line 1, column 8)',
        ),
        (
            'SELECT "aTable".* FROM cat.objects AS aTable',
            UnknownTable,
            '"aTable" is no table of this FROM (line 1, column 8)',
        ),
        (
            "SELECT ra FROM vo.cat.objects",
            UnsupportedFeature,
            'This service has no catalogs; write "cat.objects" (line 1, column 16)',
        ),
        (
            "SELECT vo.cat.objects.ra FROM cat.objects",
            UnsupportedFeature,
            'This service has no catalogs; write "cat.objects" (line 1, column 8)',
        ),
        (
            "SELECT 1 FROM cat.objects a, cat.spectra A",
            AmbiguousColumn,
            'Several tables of this FROM are called "A"; give them different aliases',
        ),
        (
            "SELECT CEIL(ra) FROM cat.objects",
            UnknownFunction,
            'Unknown function "CEIL" (line 1, column 8); did you mean "CEILING"?',
        ),
        (
            "SELECT zzzzz(ra) FROM cat.objects",
            UnknownFunction,
            'Unknown function "zzzzz" (line 1, column 8)',
        ),
    ],
)
def test_a_name_that_means_nothing_is_reported_with_place_and_advice(text, error, message):
    with pytest.raises(AdqlError) as caught:
        resolved(text)
    assert type(caught.value) is error
    assert str(caught.value).startswith(message)


def test_a_correlated_query_sees_the_columns_around_it():
    query = resolved(
        "SELECT o.ra FROM cat.objects o WHERE NOT EXISTS "
        "(SELECT 1 FROM cat.spectra s WHERE s.objectId = o.objectId AND exposure > dec)"
    )
    exists = query.body.where
    assert isinstance(exists, typed.Exists)
    assert exists.negated
    first, second = exists.query.body.where.operands
    assert (first.left.relation, first.right.relation) == (1, 0)
    assert (second.left.relation, second.right.relation) == (1, 0)


def test_the_inner_column_hides_the_outer_one():
    query = resolved("SELECT ra FROM cat.objects WHERE z IN (SELECT z FROM cat.spectra)")
    assert query.body.where.query.body.outputs[0].expression.relation == 1


def test_a_derived_table_does_not_see_its_neighbours():
    with pytest.raises(UnknownTable):
        resolved("SELECT 1 FROM cat.objects o, (SELECT z FROM cat.spectra s WHERE s.z = o.z) AS q")


def test_columns_of_a_derived_table_are_numbered():
    query = resolved("SELECT q.b, q.a FROM (SELECT ra AS a, dec AS b FROM cat.objects) AS q")
    assert [o.expression.physical for o in query.body.outputs] == ["c1", "c0"]
    assert names("SELECT * FROM (SELECT ra AS Foo FROM cat.objects) q") == ["Foo"]


@pytest.mark.parametrize("reference", ["foo", "FOO", '"foo"', '"Foo"'])
def test_an_alias_without_quotes_is_found_in_any_case(reference):
    assert names(f"SELECT {reference} FROM (SELECT ra AS Foo FROM cat.objects) q") == ["Foo"]


def test_a_delimited_alias_keeps_its_case():
    with pytest.raises(UnknownColumn):
        resolved('SELECT "foo" FROM (SELECT ra AS "Foo" FROM cat.objects) q')
