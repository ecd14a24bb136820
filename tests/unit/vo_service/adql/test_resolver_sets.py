"""Set operations and WITH."""

import pytest

from tests.support.tables import OBJECTS, resolved
from vo_service.adql import typed
from vo_service.adql.errors import AdqlError, UnknownTable


def test_set_operations_nest_to_the_left():
    query = resolved(
        "SELECT ra FROM cat.objects UNION ALL SELECT dec FROM cat.objects "
        "EXCEPT SELECT z FROM cat.objects"
    )
    assert (query.body.kind, query.body.every) == (typed.SetKind.EXCEPT, False)
    assert (query.body.left.body.kind, query.body.left.body.every) == (typed.SetKind.UNION, True)


@pytest.mark.parametrize(
    ("left", "right", "datatype"),
    [
        ("quality", "n_obs", "int"),
        ("n_obs", "mag_g", "double"),
        ("mag_g", "ra", "double"),
        ("survey", "comment", "unicodeChar"),
        ("quality", "NULL", "short"),
        ("NULL", "ra", "double"),
    ],
)
def test_columns_take_the_type_that_holds_both_sides(left, right, datatype):
    query = resolved(f"SELECT {left} AS x FROM cat.objects UNION SELECT {right} FROM cat.objects")
    (field,) = query.fields
    assert (field.name, field.type.datatype) == ("x", datatype)


@pytest.mark.parametrize(
    ("query", "arraysize"),
    [
        ("SELECT code FROM cat.objects UNION SELECT 'longer' FROM cat.objects", "6*"),
        ("SELECT 'ab' FROM cat.objects EXCEPT SELECT code FROM cat.objects", "4*"),
        ("SELECT code FROM cat.objects INTERSECT SELECT code FROM cat.objects", "4"),
        ("SELECT code FROM cat.objects UNION SELECT 'µ' FROM cat.objects", "4*"),
        ("SELECT code FROM cat.objects UNION SELECT survey FROM cat.objects", "*"),
        ("SELECT x.c FROM (SELECT code AS c FROM cat.objects) AS x", "4"),
        ("SELECT b.code FROM cat.objects AS a JOIN cat.objects AS b ON a.z = b.z", "4"),
        ("WITH w AS (SELECT MAX(code) AS m FROM cat.objects) SELECT m FROM w", "4"),
        ("SELECT code || '/' || code AS c FROM cat.objects", "9*"),
    ],
)
def test_the_length_of_text_stays_with_it(query, arraysize):
    assert resolved(query).fields[0].type.arraysize == arraysize


def test_columns_keep_what_both_sides_agree_on():
    query = resolved("SELECT ra FROM cat.objects UNION SELECT dec FROM cat.objects")
    field = query.fields[0]
    assert (field.unit, field.ucd, field.utype, field.description) == ("deg", None, None, None)
    query = resolved("SELECT ra FROM cat.objects UNION SELECT mag_g FROM cat.objects")
    assert query.fields[0].unit is None


def test_null_on_one_side_takes_the_meaning_of_the_other():
    query = resolved("SELECT NULL AS x FROM cat.objects UNION SELECT ra FROM cat.objects")
    assert query.fields[0] == OBJECTS.columns[1].field.renamed("x")


def test_a_set_operation_is_ordered_by_its_columns():
    query = resolved(
        "SELECT ra AS x FROM cat.objects UNION SELECT dec FROM cat.objects ORDER BY X DESC OFFSET 2"
    )
    assert query.order_by == (typed.OrderKey(0, descending=True),)
    assert query.offset == 2


def test_a_set_operation_ordered_by_an_expression_becomes_a_table():
    query = resolved(
        "SELECT ra AS x FROM cat.objects UNION SELECT dec FROM cat.objects ORDER BY ABS(x)"
    )
    (relation,) = query.body.relations
    assert isinstance(relation.query.body, typed.SetOperation)
    assert query.order_by[0].key.arguments[0].relation == relation.number
    assert query.fields[0].name == "x"


def test_a_query_in_parentheses_is_ordered_again_after_its_own_top():
    query = resolved("(SELECT TOP 5 ra FROM cat.objects ORDER BY dec) ORDER BY ra OFFSET 1")
    (relation,) = query.body.relations
    assert relation.query.body.top == 5
    assert (query.body.top, query.offset, query.order_by[0].key) == (None, 1, 0)
    assert query.fields[0] == OBJECTS.columns[1].field


def test_common_tables_are_named_by_number_and_can_use_earlier_ones():
    query = resolved(
        "WITH a AS (SELECT ra, dec FROM cat.objects), b (x) AS (SELECT ra FROM a) "
        "SELECT x, A.dec FROM b, a"
    )
    assert [common.name for common in query.with_] == ["w0", "w1"]
    assert query.with_[1].query.body.relations[0].name == "w0"
    assert [field.name for field in query.fields] == ["x", "dec"]


def test_a_common_table_hides_a_table_of_the_same_name():
    query = resolved("WITH spectra AS (SELECT ra FROM cat.objects) SELECT ra FROM spectra")
    assert [table.name for table in query.tables] == ["cat.objects"]


def test_a_common_table_is_seen_in_sub_queries():
    resolved(
        "WITH a AS (SELECT ra FROM cat.objects) SELECT 1 FROM a WHERE ra IN (SELECT ra FROM a)"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SELECT ra, dec FROM cat.objects UNION SELECT z FROM cat.objects",
            "UNION combines queries with as many columns; these give 2 and 1 (line 1, column 39)",
        ),
        (
            "SELECT ra FROM cat.objects INTERSECT SELECT survey FROM cat.objects",
            "INTERSECT cannot put numbers and text into one column (column 1); convert one with",
        ),
        (
            "SELECT ra FROM cat.objects UNION SELECT dec FROM cat.objects ORDER BY dec",
            'Unknown column "dec"',
        ),
        (
            "SELECT ra FROM cat.objects UNION SELECT dec FROM cat.objects ORDER BY 2",
            "ORDER BY 2 is out of range; the query has 1 column",
        ),
        (
            "WITH a (x, y) AS (SELECT ra FROM cat.objects) SELECT x FROM a",
            '"a" names 2 columns; its query gives 1 (line 1, column 9)',
        ),
        (
            (
                "WITH a AS (SELECT ra FROM cat.objects), A AS (SELECT ra FROM cat.objects) "
                "SELECT ra FROM a"
            ),
            'WITH has two tables "A"; give them different names',
        ),
        (
            'WITH "MyFoo" AS (SELECT ra FROM cat.objects) SELECT * FROM "myfoo"',
            'Unknown table "myfoo" (line 1, column 60); did you mean "MyFoo"?',
        ),
    ],
)
def test_set_operations_and_common_tables_that_make_no_sense_are_refused(text, message):
    with pytest.raises(AdqlError) as caught:
        resolved(text)
    assert message in str(caught.value)


def test_a_common_table_does_not_see_itself():
    with pytest.raises(UnknownTable):
        resolved("WITH a AS (SELECT ra FROM a) SELECT ra FROM a")
