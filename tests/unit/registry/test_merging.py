import pyarrow as pa
import pytest

from registry.annotation.merging import merge
from registry.annotation.suggestions import Suggestion
from registry.formats.readers import FileColumn
from registry.model.annotation import Annotations, ColumnAnnotation


def column(name, **said):
    return FileColumn(name, pa.float64(), **said)


def annotated(override=False, **columns):
    return Annotations(columns, override=override)


def test_an_alias_in_any_case_gives_role_and_ucd():
    merged = merge([column("x"), column("y")], [("x", "ra"), ("y", "DEC")], Annotations())
    assert [(c.alias, c.ucd) for c in merged.columns] == [
        ("RA", "pos.eq.ra;meta.main"),
        ("Dec", "pos.eq.dec;meta.main"),
    ]
    assert merged.problems == []


def test_the_ucd_of_a_role_gives_the_role():
    merged = merge([column("x")], [("x", "POS.EQ.RA;meta.main")], Annotations())
    assert merged.columns[0].alias == "RA"


def test_a_role_that_the_file_states_is_taken():
    columns = [column("x", ucd="pos.eq.ra;meta.main", unit="degree", description="RA")]
    merged = merge(columns, [], Annotations())
    assert merged.columns[0] == ColumnAnnotation("pos.eq.ra;meta.main", "deg", "RA", "RA")
    assert "'degree' of the file is written 'deg'" in merged.warnings[0]


def test_a_ucd_that_several_columns_of_the_file_bear_gives_no_role():
    columns = [column("a", ucd="src.redshift"), column("b", ucd="src.redshift")]
    merged = merge(columns, [], Annotations())
    assert merged.role("z") is None
    assert merged.problems == []
    chosen = merge(columns, [("b", "z")], Annotations())
    assert chosen.role("z") == 1
    assert chosen.problems == []


def test_all_problems_come_together():
    columns = [column("a", ucd="phot.mag"), column("b", unit="deg"), column("c"), column("d")]
    merged = merge(
        columns,
        [("a", "RA"), ("c", "z"), ("d", "Z"), ("x", "ID"), ("b", "foo"), ("d", "src.redshift")],
        annotated(
            b=ColumnAnnotation(unit="rad"),
            c=ColumnAnnotation(unit="parsecs"),
            d=ColumnAnnotation(ucd="src.redhsift"),
            B=ColumnAnnotation(),
        ),
    )
    text = "\n".join(merged.problems)
    for expected in (
        "annotations 'B': the file has no such column; did you mean 'b'",
        "--column 'x': the file has no such column",
        "'foo' is neither an alias (ID, RA, Dec, z, z_err, z_flag, survey) nor a UCD",
        "--column d: the column is assigned twice",
        "column 'a': the file says UCD 'phot.mag', you say 'pos.eq.ra;meta.main'",
        "column 'b': the file says unit 'deg', you say 'rad'",
        "unit 'parsecs' is not a VOUnit",
        "the role z is given to 'c' and 'd'",
    ):
        assert expected in text


def test_the_same_ucd_of_a_role_for_two_columns_is_a_problem():
    merged = merge(
        [column("a"), column("b")],
        [("a", "src.redshift"), ("b", "src.redshift")],
        Annotations(),
    )
    assert "can be played by one column only" in merged.problems[0]


def test_a_wrong_ucd_of_the_user_is_a_problem_and_of_the_file_a_warning():
    merged = merge(
        [column("a", ucd="foo.bar"), column("b")],
        [],
        annotated(b=ColumnAnnotation(ucd="src.redhsift")),
    )
    assert "did you mean 'src.redshift'" in merged.problems[0]
    assert "'foo.bar'" in merged.warnings[0]
    assert merged.columns[0].ucd is None


@pytest.mark.parametrize(
    ("stated", "wanted", "result"),
    [
        ("pos.eq.ra", "pos.eq.ra;meta.main", "pos.eq.ra;meta.main"),
        ("src.redshift;meta.main", "src.redshift", "src.redshift;meta.main"),
    ],
)
def test_a_refinement_is_no_conflict(stated, wanted, result):
    merged = merge([column("a", ucd=stated)], [("a", wanted)], Annotations())
    assert merged.problems == []
    assert merged.columns[0].ucd == result


def test_override_lets_the_user_win():
    columns = [column("a", ucd="phot.mag", unit="deg", utype="a:b")]
    said = ColumnAnnotation("phot.flux", "nJy", None, "text", "c:d")
    merged = merge(columns, [], annotated(override=True, a=said))
    assert merged.problems == []
    assert merged.columns[0] == said


def test_free_text_as_alias_stays_a_label():
    merged = merge([column("a")], [], annotated(a=ColumnAnnotation(alias="my label")))
    assert merged.columns[0] == ColumnAnnotation(alias="my label")


def test_suggestions_fill_gaps_but_never_a_mandatory_role():
    columns = [column("RA"), column("ID"), column("mag_g"), column("mag_r", ucd="phot.flux")]
    suggestions = [
        Suggestion("", "RA", "pos.eq.ra", "deg"),
        Suggestion("", "ID", "meta.id"),
        Suggestion("", None, "phot.mag;em.opt.B", "mag"),
        Suggestion("", None, "phot.mag;em.opt.R", "mag"),
    ]
    merged = merge(columns, [], Annotations(), suggestions, mandatory=("RA",))
    assert merged.columns == [
        ColumnAnnotation(),
        ColumnAnnotation("meta.id;meta.main", alias="ID"),
        ColumnAnnotation("phot.mag;em.opt.B", "mag"),
        ColumnAnnotation("phot.flux"),
    ]


def vizier(*names_types_ucds):
    return [FileColumn(name, kind, ucd=ucd) for name, kind, ucd in names_types_ucds]


VIZIER = vizier(
    ("_RAJ2000", pa.float64(), "pos.eq.ra"),
    ("_DEJ2000", pa.float64(), "pos.eq.dec"),
    ("RAJ2000", pa.string(), "pos.eq.ra;meta.main"),
    ("DEJ2000", pa.string(), "pos.eq.dec;meta.main"),
)


@pytest.mark.parametrize("said", [[], [("_RAJ2000", "RA"), ("_DEJ2000", "Dec")]])
def test_the_main_position_of_vizier_is_the_numeric_one(said):
    merged = merge(VIZIER, said, Annotations())
    assert merged.problems == []
    assert [(c.alias, c.ucd) for c in merged.columns] == [
        ("RA", "pos.eq.ra;meta.main"),
        ("Dec", "pos.eq.dec;meta.main"),
        (None, "pos.eq.ra"),
        (None, "pos.eq.dec"),
    ]
    assert "'RAJ2000': its UCD 'pos.eq.ra;meta.main' becomes 'pos.eq.ra'" in merged.warnings[0]


def test_of_two_numeric_main_positions_the_chosen_one_stays():
    columns = vizier(
        ("a", pa.float64(), "pos.eq.ra;meta.main"), ("b", pa.float64(), "pos.eq.ra;meta.main")
    )
    merged = merge(columns, [("b", "RA")], Annotations())
    assert [c.ucd for c in merged.columns] == ["pos.eq.ra", "pos.eq.ra;meta.main"]


def test_a_sexagesimal_position_alone_is_still_refused_as_such():
    merged = merge(vizier(("ra", pa.string(), "pos.eq.ra;meta.main")), [], Annotations())
    assert merged.columns[0].alias == "RA"


def test_two_main_identifiers_are_one():
    columns = vizier(
        ("a", pa.int64(), "meta.id;meta.main"), ("b", pa.string(), "meta.id;meta.main")
    )
    merged = merge(columns, [("b", "ID")], Annotations())
    assert [c.ucd for c in merged.columns] == ["meta.id", "meta.id;meta.main"]
