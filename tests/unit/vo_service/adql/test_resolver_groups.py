"""GROUP BY, HAVING, DISTINCT and ORDER BY."""

import pytest

from tests.support.tables import resolved
from vo_service.adql import typed
from vo_service.adql.errors import AdqlError, AmbiguousColumn, UnknownColumn


@pytest.mark.parametrize(
    "text",
    [
        "SELECT survey, COUNT(*) FROM cat.objects GROUP BY survey",
        "SELECT ROUND(z, 1), AVG(mag_g) FROM cat.objects GROUP BY ROUND(z, 1)",
        "SELECT ROUND(z, 1) + 1, 'x' FROM cat.objects GROUP BY ROUND(z, 1)",
        "SELECT ROUND(z, 1) AS bin, COUNT(*) FROM cat.objects GROUP BY bin",
        "SELECT o.survey FROM cat.objects o GROUP BY survey",
        "SELECT COUNT(*) FROM cat.objects HAVING COUNT(*) > 3",
        "SELECT COUNT(*) AS n FROM cat.objects GROUP BY survey HAVING n > 3 ORDER BY survey",
        "SELECT survey FROM cat.objects GROUP BY survey ORDER BY AVG(z), COUNT(*) DESC",
        "SELECT MAX(z) - MIN(z) FROM cat.objects",
        (
            "SELECT survey FROM cat.objects o GROUP BY survey HAVING EXISTS "
            "(SELECT 1 FROM cat.spectra s WHERE s.survey = o.survey)"
        ),
    ],
)
def test_grouped_queries(text):
    resolved(text)


def test_grouping_is_by_expressions():
    query = resolved("SELECT ROUND(z, 1) AS bin, COUNT(*) FROM cat.objects GROUP BY BIN")
    assert query.body.group_by == (query.body.outputs[0].expression,)


def test_a_column_of_from_comes_before_an_output_in_group_by():
    query = resolved("SELECT COUNT(*) AS z FROM cat.objects GROUP BY z")
    assert isinstance(query.body.group_by[0], typed.ColumnValue)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SELECT survey, ra FROM cat.objects GROUP BY survey",
            (
                '"ra" has many values in a group; add it to GROUP BY, or use an aggregate such as '
                "AVG(ra) (line 1, column 16)"
            ),
        ),
        ("SELECT ra, COUNT(*) FROM cat.objects", '"ra" has many values in a group'),
        ("SELECT * FROM cat.objects GROUP BY survey", '"objectId" has many values in a group'),
        (
            "SELECT survey FROM cat.objects GROUP BY survey HAVING z > 1",
            '"z" has many values in a group',
        ),
        (
            "SELECT survey FROM cat.objects GROUP BY survey ORDER BY z",
            '"z" has many values in a group',
        ),
        (
            (
                "SELECT survey FROM cat.objects o GROUP BY survey HAVING EXISTS "
                "(SELECT 1 FROM cat.spectra s WHERE s.z = o.z)"
            ),
            '"z" has many values in a group',
        ),
        (
            "SELECT ROUND(z, 2) FROM cat.objects GROUP BY ROUND(z, 1)",
            '"z" has many values in a group',
        ),
        (
            "SELECT COUNT(*) FROM cat.objects GROUP BY 1",
            "GROUP BY takes no positions and no constants; write the expression itself",
        ),
        (
            "SELECT COUNT(*) AS n FROM cat.objects GROUP BY n",
            "GROUP BY takes no aggregates; this name stands for one",
        ),
        (
            "SELECT 1 FROM cat.objects GROUP BY COUNT(*)",
            "COUNT works on groups and cannot stand in GROUP BY",
        ),
        ("SELECT COUNT(*) FROM cat.objects GROUP BY pdf", "GROUP BY does not take arrays"),
        (
            "SELECT DISTINCT survey FROM cat.objects ORDER BY z",
            "ORDER BY of SELECT DISTINCT takes values of the SELECT list; add this one",
        ),
        ("SELECT ra FROM cat.objects ORDER BY pdf", "Arrays have no order"),
        ("SELECT footprint AS f FROM cat.objects ORDER BY f", "Regions have no order"),
    ],
)
def test_groups_and_orders_that_make_no_sense_are_refused(text, message):
    with pytest.raises(AdqlError) as caught:
        resolved(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        ("2 DESC, 1", [(1, True), (0, False)]),
        ("lat", [(1, False)]),
        ("LAT ASC", [(1, False)]),
        ("ra", [(0, False)]),
        ("dec", [(1, False)]),
        ("o.dec", [(1, False)]),
        ("'constant', ra", [(0, False)]),
    ],
)
def test_orders_by_outputs_are_positions(order, keys):
    query = resolved(f"SELECT ra, dec AS lat FROM cat.objects o ORDER BY {order}")
    assert [(key.key, key.descending) for key in query.order_by] == keys


def test_orders_by_other_values_are_expressions():
    query = resolved("SELECT ra AS x FROM cat.objects ORDER BY ABS(x), z")
    first, second = (key.key for key in query.order_by)
    assert (first.function, second.field.name) == ("ABS", "z")


def test_an_output_comes_before_a_column_of_from_in_order_by():
    query = resolved("SELECT ra AS z FROM cat.objects ORDER BY z")
    assert query.order_by[0].key == 0


@pytest.mark.parametrize("number", [0, 3])
def test_positions_out_of_range_are_refused(number):
    message = f"ORDER BY {number} is out of range; the query has 2 columns"
    with pytest.raises(UnknownColumn, match=message):
        resolved(f"SELECT ra, dec FROM cat.objects ORDER BY {number}")


def test_an_order_by_two_outputs_of_one_name_is_refused():
    with pytest.raises(AmbiguousColumn, match="means several columns of the result"):
        resolved("SELECT o.z, s.z FROM cat.objects o, cat.spectra s ORDER BY z")


def test_top_and_offset_are_kept():
    query = resolved("SELECT TOP 5 ra FROM cat.objects ORDER BY ra OFFSET 3")
    assert (query.body.top, query.offset) == (5, 3)
    assert resolved("SELECT DISTINCT ra FROM cat.objects").body.distinct
