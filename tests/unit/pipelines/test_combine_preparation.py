import math
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.combine_redshift_dedup.own_tables import FLAGS_TABLE, own_table
from pipelines.combine_redshift_dedup.parameters import CombineParameters
from pipelines.combine_redshift_dedup.preparation import Preparation
from pipelines.combine_redshift_dedup.reading import CatalogueInput, RawCatalogue
from pipelines.combine_redshift_dedup.translation import load_translation, parse_translation

OWN = load_translation(own_table(FLAGS_TABLE))


def prepare(columns, mapping=None, translation=OWN, is_csv=False, name="007_cat", **param):
    """Prepare a catalogue of some rows; no cut unless one is given."""
    param = {"z_flag_homogenized_value_to_cut": 0, **param}
    table = pa.table(columns)
    arrays = {name: table[name].combine_chunks() for name in table.column_names}
    preparation = Preparation(CombineParameters(**param), translation)
    source = CatalogueInput(Path("x"), name, mapping or {})
    kept = {k: v for k, v in arrays.items() if k in preparation.wanted(source)}
    raw = RawCatalogue(tuple(arrays), kept, table.num_rows, is_csv)
    return preparation.prepare(raw, source)


def prepared(columns, mapping=None, **options):
    catalogue, problems = prepare(columns, mapping, **options)
    assert problems == []
    return {name: array.to_pylist() for name, array in catalogue.columns.items()}


def survey(name, **columns):
    rows = len(next(iter(columns.values())))
    return {
        "ra": [10.0 + row for row in range(rows)],
        "dec": [0.0] * rows,
        "z": [0.5] * rows,
        "survey": [name] * rows,
        **columns,
    }


def flags(name, translation=OWN, **columns):
    found = prepared(survey(name, **columns), translation=translation)["z_flag_homogenized"]
    return [None if value is None else int(value) for value in found]


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("2dfgrs", {"z_flag": [1, 2, 3, 4, 5, 9]}, [0, 1, 3, 4, 4, None]),
        ("VVDS", {"z_flag": [0, 1, 2, 3, 4, 9, 11, 19, 213]}, [0, 1, 2, 3, 4, 2, 1, 2, 3]),
        ("VUDS", {"z_flag": [0, 1, 12, 9, 40, 2.5]}, [0, 1, 2, 2, 0, 2]),
        ("VANDELS", {"z_flag": [1, 2, 3, 4, 9, 14]}, [1, 2, 4, 4, 3, 4]),
        ("C3R2_DR3", {"z_flag": [4.0, 3.5, 3, 2]}, [4, 3, 3, None]),
        ("2MRS", {"z_err": [0, 0.0005, 0.001, 0.1, None]}, [3, 4, 3, 3, 0]),
        ("FMOS_COSMOS", {"z_flag": [-99, -1, 0, 4]}, [0, 6, 0, 4]),
        ("ELG_FIGS", {"z_flag": [None, 7]}, [3, 3]),
        ("ASTRODEEP", {"zspec_survey": ["-", "VVDS", None, "none"]}, [3, 3, 0, 0]),
        (
            "ASTRODEEP-JWST",
            {"z_flag": [0, 30, 139, 140, 399, 400, 231], "zspec": [-99, 1, 1, 1, 1, 1, None]},
            [3, 3, 3, 0, 0, 0, 0],
        ),
        (
            "3D-HST",
            {
                "z_best_s": [0, 1, 1, 2, 2, 3, 3],
                "z_spec": [0, 0.5, -1, 0, 0, 0, 0],
                "use_zgrism": [0, 0, 0, 1, 1, 0, 0],
                "flag1": [0, 0, 0, 0, 1, 0, 0],
                "flag2": [0] * 7,
                "use_phot": [0, 0, 0, 0, 0, 1, 0],
            },
            [6, 3, 0, 3, 0, 3, 0],
        ),
        (
            "DESI",
            {
                "z_flag": [4, 4, 0, 0, 0, 0, 0],
                "SPECTYPE": ["GALAXY", "QSO ", "GALAXY", "QSO", "GALAXY", "STAR", None],
                "ZCAT_PRIMARY": [True, False, True, True, False, True, True],
                "z_err": [1e-4, 1e-4, 0.001, 1e-4, 1e-4, 1e-4, 1e-4],
            },
            [1, 0, 3, 4, 0, 6, 0],
        ),
        (
            "XMM_LSS",
            {"z_flag": [1, 2, 3, 1], "Class": ["GAL", "GAL", "GAL", "STA"]},
            [3, 2, 1, 6],
        ),
        (
            "VIPERS_PDR2",
            {"z_flag": [1.2, 2.5, 9, 3, 14, 0, 4], "classFlag": [1, 1, 1, 1, 1, 1, -1]},
            [1, 3, 3, 4, 4, 0, 6],
        ),
        ("JADES", {"z_flag": ["A", "b", "C", "D", "E", "2"]}, [4, 3, 2, 1, 0, 2]),
        ("VIMOS", {"z_flag": ["LRB_A", "MR_B", "LRB_X", "MR_C", "4", None]}, [4, 3, 0, 1, 4, None]),
    ],
)
def test_flags_of_a_survey(name, columns, expected):
    assert flags(name, **columns) == expected


@pytest.mark.parametrize("kind", [[1, 0, 0, 0, 0, 0], ["1", "0", "0", "0", "0.0", "galaxy"]])
def test_stars_of_cosmos_web_are_stars_whether_type_is_number_or_text(kind):
    found = flags(
        "COSMOS_Web",
        type=kind,
        z_flag=[0, 3, 0, 0, 0, 0],
        zpdf_med=[1.0, 1.0, 1.2, 1.0, 1.0, 1.0],
        zchi2=[1.0] * 6,
        nbfilt=[40, 40, 40, 29, 31, 30],
    )
    assert found == [6, 0, 1, 2, 3, 2]


def test_confidences_become_flags_where_one_is_inside():
    table = survey("ANYTHING", z_flag=[0, 0.69, 0.7, 0.9, 0.99, 1, None], type=["s"] * 7)
    found = prepared(table)
    assert found["z_flag_homogenized"] == [0, 1, 2, 3, 4, 4, None]
    assert found["instrument_type_homogenized"] == found["instrument_type"] == ["s"] * 7


def test_confidences_of_0_and_1_alone_are_translated_as_flags():
    assert flags("2DFGRS", z_flag=[0, 1]) == [None, 0]


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("PRIMUS", {"z_flag": [4, 3]}, ["g", "g"]),
        ("ELAISFBMC", {"z_flag": [1, 1], "zbest_type": ["s", None]}, ["s", "p"]),
        ("2DFGRS", {"z_flag": [4, 3], "type": ["S", " p "]}, ["s", "p"]),
        ("2DFGRS", {"z_flag": [4, 3], "type": ["s", "galaxy"]}, ["s", "s"]),
    ],
)
def test_instrument_types(name, columns, expected):
    assert prepared(survey(name, **columns))["instrument_type_homogenized"] == expected


def test_columns_are_renamed_and_those_in_the_way_are_parked():
    table = survey("2DFGRS", q=[4, 5], z_flag=[1, 1], label=[17, 18])
    translation = replace(OWN, tiebreaking_priority=("z_flag_homogenized", "z_flag__orig"))
    found = prepared(table, {"id": "label", "z_flag": "q", "z_err": "z"}, translation=translation)
    assert found["id"] == ["17", "18"]
    assert found["z_flag"] == [4, 5]
    assert found["z_err"] == [0.5, 0.5]
    assert found["z"] == [None, None]
    assert found["source"] == ["007_cat"] * 2
    assert found["CRD_ID"] == ["CRD007_1", "CRD007_2"]


def test_product_of_an_earlier_run_keeps_its_identifiers_and_homogenised_columns():
    table = survey(
        "2DFGRS",
        CRD_ID=["CRD001_1", "CRD002_9"],
        id=["a", "b"],
        source=["001_x", "002_y"],
        z_flag=[1, 1],
        z_flag_homogenized=[4, 6],
        instrument_type_homogenized=["g", "P"],
        tie_result=[0, 0],
        compared_to=["CRD002_9", None],
        group_id=[1, 1],
    )
    found = prepared(table, {"id": "survey"})
    assert found["id"] == ["a", "b"]
    assert found["CRD_ID"] == ["CRD007_1", "CRD007_2"]
    assert found["z_flag_homogenized"] == [4, 6]
    assert found["instrument_type_homogenized"] == ["g", "p"]
    assert "compared_to" not in found
    assert "group_id" not in found


def test_flags_mapped_from_a_homogenised_column_are_taken_as_they_are():
    table = survey(None, z_flag_homogenized=[4.0, 0.0], instrument_type_homogenized=["s", "g"])
    found = prepared(
        table,
        {"z_flag": "z_flag_homogenized", "instrument_type": "instrument_type_homogenized"},
    )
    assert found["z_flag_homogenized"] == found["z_flag"] == [4, 0]
    assert found["instrument_type"] == ["s", "g"]


def test_texts_that_mean_nothing_are_null_and_surveys_are_upper_case():
    table = survey("2dfgrs ", z_flag=["4", " ", "None", "nan"], id=[" a", "", "NULL", "NaN"])
    found = prepared(table)
    assert found["id"] == ["a", None, None, None]
    assert found["survey"] == ["2DFGRS"] * 4
    assert found["z_flag"] == [4, None, None, None]


def test_words_for_missing_values_in_text_files_are_null():
    table = survey("2DFGRS", z_flag=[4, 4], id=["NA", "<na>"])
    assert prepared(table, is_csv=True)["id"] == [None, None]
    assert prepared(table)["id"] == ["NA", "<na>"]


def test_extra_columns_have_their_type_and_source():
    table = survey("2DFGRS", z_flag=[4, 4], MAG=["17.5", "x"], N=[1.0, None], OK=["T", "f"])
    extras = {
        "mag": {"source": "MAG", "type": "float"},
        "N": "int",
        "OK": "bool",
        "none": "str",
        "old": {"source": "z_flag", "type": "str"},
    }
    found = prepared(table, {"z_flag": "z_flag"}, extra_columns=extras)
    assert found["mag"] == [17.5, None]
    assert found["N"] == [1, None]
    assert found["OK"] == [True, False]
    assert found["none"] == [None, None]
    assert found["old"] == ["4", "4"]


def test_cut_keeps_flags_from_its_value_and_numbers_rows_before_it():
    table = survey("2DFGRS", z_flag=[1, 4, 9, 3])
    found = prepared(table, z_flag_homogenized_value_to_cut=3)
    assert found["CRD_ID"] == ["CRD007_2", "CRD007_4"]
    for none in (0, 2.5, 7, None):
        assert len(prepared(table, z_flag_homogenized_value_to_cut=none)["CRD_ID"]) == 4


def test_row_cuts_see_source_columns_and_homogenised_flags():
    table = survey("2DFGRS", z_flag=[1, 4, 4, 4], mag=[20, 20, 25, None])
    found = prepared(table, row_cuts=["mag < 22", "z_flag_homogenized >= 3"])
    assert found["CRD_ID"] == ["CRD007_2"]


def test_bad_positions_that_a_cut_removes_do_no_harm():
    table = survey("2DFGRS", z_flag=[1, 4]) | {"ra": [-99.0, 1.0]}
    assert prepared(table, z_flag_homogenized_value_to_cut=3)["ra"] == [1.0]
    _, problems = prepare(table)
    assert problems == ["ra is not a number of degrees in [0, 360) in 1 row(s): row 1: -99.0"]


@pytest.mark.parametrize("ra", [360.0, -0.1, math.inf, math.nan, None])
def test_right_ascension_is_of_one_turn(ra):
    table = survey("2DFGRS", z_flag=[4]) | {"ra": pa.array([ra], pa.float64())}
    (problem,) = prepare(table)[1]
    assert problem.startswith("ra is not")


@pytest.mark.parametrize("dec", [90.01, -91.0, math.nan])
def test_declination_is_between_the_poles(dec):
    (problem,) = prepare(survey("2DFGRS", z_flag=[4]) | {"dec": [dec]})[1]
    assert problem.startswith("dec is not")


def test_redshifts_are_not_judged():
    table = survey("2DFGRS", z_flag=[4, 4, 4]) | {"z": [-99.0, math.nan, 1e6]}
    assert prepared(table)["z"] == [-99.0, None, 1e6]


def test_everything_wrong_with_a_catalogue_is_said_at_once():
    table = survey("NOWHERE", z_flag=["A", "4"], z_err=["x", "y"]) | {"ra": [400.0, 1.0]}
    _, problems = prepare(table, extra_columns={"MAG": "float"}, row_cuts=["nothing > 1"])
    found = "\n".join(problems)
    for part in (
        "column 'z_flag' cannot be read as numbers: 1 cell(s) are none, for example ['A']",
        "column 'z_err' cannot be read as numbers: 2 cell(s)",
        "Missing YAML translation for 'z_flag' in surveys: ['NOWHERE']",
        "Missing YAML translation for 'instrument_type'",
        "row_cuts: 'nothing > 1' names columns that do not exist: 'nothing'",
        "ra is not a number of degrees in [0, 360) in 1 row(s): row 1: 400.0",
    ):
        assert part in found


def test_mapped_columns_that_do_not_exist_are_named_with_similar_ones():
    table = survey("2DFGRS", redshift=[1.0], QUAL=[4])
    catalogue, problems = prepare(table, {"z": "redshft", "z_flag": "qual"})
    assert catalogue is None
    assert problems == [
        "column 'redshft', mapped to 'z', does not exist in the file; similar ones are 'redshift'",
        "column 'qual', mapped to 'z_flag', does not exist in the file; similar ones are 'QUAL'",
    ]


def test_positions_must_exist():
    _, problems = prepare({"z": [1.0], "alpha": [1.0]})
    assert [problem.split(",")[0] for problem in problems] == [
        "there is no column 'ra'",
        "there is no column 'dec'",
    ]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"z_flag_homogenized": [5, 7]}, "Invalid values in user-provided 'z_flag_homogenized'"),
        (
            {"z_flag": [4, 4], "instrument_type_homogenized": ["star", "s"]},
            "Invalid values in user-provided 'instrument_type_homogenized'",
        ),
        ({"z_flag": [8, 9]}, "All values in 'z_flag_homogenized' are NaN"),
    ],
)
def test_values_that_are_no_flags_are_refused(columns, reason):
    assert any(reason in problem for problem in prepare(survey("2DFGRS", **columns))[1])


def test_missing_flags_are_no_error_where_they_decide_nothing():
    translation = replace(OWN, tiebreaking_priority=("z",))
    found = prepared(survey(None, z_flag=[8, 9]), translation=translation)
    assert found["z_flag_homogenized"] == [None, None]


def test_rule_over_a_column_that_is_missing_fails_only_where_its_survey_has_rows():
    assert flags("2DFGRS", z_flag=[4]) == [4]
    _, problems = prepare(survey("DESI", z_flag=[4], CLASS=["x"]))
    assert all("names column" in problem for problem in problems)
    assert any("line " in p and "'SPECTYPE'" in p and "'DESI'" in p for p in problems)


def test_rule_over_a_column_that_was_renamed_says_so():
    table = survey("ASTRODEEP-JWST", z_flag=[4], zspec=[1.0])
    _, problems = prepare(table, {"z": "zspec"})
    assert any("'zspec', which is mapped to 'z'" in problem for problem in problems)


def test_priority_may_be_any_column_of_numbers():
    translation = replace(OWN, tiebreaking_priority=("snr",))
    table = survey("2DFGRS", z_flag=[4, 4], snr=["1.5", None])
    assert prepared(table, translation=translation)["snr"] == [1.5, None]
    _, problems = prepare(survey("2DFGRS", z_flag=[4]), translation=translation)
    assert "'snr' of tiebreaking_priority does not exist" in problems[0]
    _, problems = prepare(survey("2DFGRS", z_flag=[4], snr=["high"]), translation=translation)
    assert "not of numbers: 1 cell(s), for example ['high']" in problems[0]


def test_rules_of_a_user_with_values_for_instruments_and_several_surveys():
    rules = parse_translation(
        "translation_rules:\n"
        "  one: {z_flag_translation: {default: 2, 7: null, conditions: [{expr: 'z > 1', value: 4},"
        " {expr: 'z > 2', value: null}]}, instrument_type_translation: {GRISM: g, default: p}}\n"
        "  two: {z_flag_translation: {1: 1}, instrument_type_translation: {default: s}}\n"
    )
    table = {
        "ra": [1.0] * 6,
        "dec": [1.0] * 6,
        "z": [0.5, 1.5, 2.5, 0.5, 0.5, 0.5],
        "z_flag": [1, 7, 1, 7, 1, 1],
        "survey": ["One", "ONE", "one", "one", "two", None],
        "instrument_type": ["Grism", "x", None, "x", "x", "x"],
    }
    found = prepared(table, translation=rules)
    assert found["z_flag_homogenized"] == [2, 4, None, None, 1, None]
    assert found["instrument_type_homogenized"] == ["g", "p", "p", "p", "s", None]


def test_expression_columns_are_kept_where_the_flags_file_says_so():
    translation = replace(OWN, save_expr_columns=True)
    found = prepared(survey("2DFGRS", z_flag=[4], classFlag=[3]), translation=translation)
    assert found["classFlag"] == [3]


STRANGE = {
    "bytes": pa.array([b"\xff\xfe", None], pa.binary()),
    "lists": pa.array([[1.0], None], pa.list_(pa.float64())),
    "structures": pa.array([{"a": 1}, None]),
    "times": pa.array([0, None], pa.timestamp("us")),
    "durations": pa.array([0, None], pa.duration("s")),
    "truth": pa.array([True, None]),
    "unsigned": pa.array([2**64 - 1, None], pa.uint64()),
    "small": pa.array([1, None], pa.int8()),
    "single": pa.array([0.5, None], pa.float32()),
    "half": pa.array([0.5, None], pa.float16()),
    "infinite": pa.array([float("inf"), float("-inf")]),
    "nothing": pa.nulls(2),
    "words": pa.array(["\x00", "\u00e9" * 1000]),
    "long words": pa.array(["a", None], pa.large_string()),
}


@pytest.mark.parametrize("array", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize(
    "column",
    ["id", "ra", "dec", "z", "z_flag", "z_err", "survey", "instrument_type", "type",
     "z_flag_homogenized", "instrument_type_homogenized", "SPECTYPE", "ZCAT_PRIMARY", "snr"],
)  # fmt: skip
def test_columns_of_any_type_are_used_or_refused_with_a_reason(column, array):
    table = survey("DESI", z_flag=[4, 0], SPECTYPE=["STAR", "x"], ZCAT_PRIMARY=[True, True])
    table = {name: pa.array(values) for name, values in table.items()} | {column: array}
    catalogue, problems = prepare(
        table,
        translation=replace(OWN, tiebreaking_priority=("snr",) if column == "snr" else ()),
        extra_columns={
            f"{column}_{kind}": {"source": column, "type": kind}
            for kind in ("str", "float", "int", "bool")
        },
        row_cuts=["z_flag_homogenized >= 0 or z_flag_homogenized < 0 or not np.isfinite(z_flag)"],
    )
    assert (catalogue is None) == bool(problems)
    assert all(len(problem) < 3000 for problem in problems)


def test_instrument_types_that_need_no_translation_serve_where_there_is_none():
    table = survey("ANYTHING", z_flag_homogenized=[4, 3], kind=["S", "g"])
    found = prepared(table, {"instrument_type": "kind"})
    assert found["instrument_type_homogenized"] == ["s", "g"]
    # A survey with rules is translated, as ever.
    table = survey("2DFGRS", z_flag_homogenized=[4, 3], kind=["p", "g"])
    assert prepared(table, {"instrument_type": "kind"})["instrument_type_homogenized"] == ["s", "s"]


def test_identifiers_mapped_as_survey_make_no_endless_message():
    rows = 30_000
    table = {
        "ra": [10.0] * rows,
        "dec": [0.0] * rows,
        "z": [0.5] * rows,
        "z_flag": [4] * rows,
        "survey": [f"object {row}" for row in range(rows)],
    }
    problems = prepare(table)[1]
    assert len(problems) == 2
    assert all("and 29980 more" in problem and len(problem) < 800 for problem in problems)
    table["z_flag_homogenized"] = [4] * rows
    table["type"] = ["s"] * rows
    surveys = prepare(table)[0].summary.surveys
    assert len(surveys) == 101
    assert surveys["others"] == rows - 100


def test_sexagesimal_positions_are_refused_with_what_is_expected():
    table = survey("2DFGRS", z_flag=[4]) | {"ra": ["10:20:30.5"]}
    problems = "\n".join(prepare(table)[1])
    assert "for example ['10:20:30.5']; positions are decimal degrees" in problems


def test_odd_values_are_remarked_and_are_no_error():
    table = survey("2DFGRS", z_flag=[4, 9] + [4] * 58) | {
        "ra": [row * 0.35 for row in range(60)],
        "z": [-99.0, None] + [0.5] * 58,
        "survey": ["2DFGRS"] * 59 + [None],
    }
    remarks = "\n".join(prepare(table)[0].summary.remarks)
    for part in (
        "hours instead of degrees",
        "outside of -0.01 to 15 in 1 row(s) that take part, for example [-99.0]",
        "z is missing in 1 row(s)",
        "1 row(s) have no survey",
        "1 row(s) have a z_flag that no rule",
    ):
        assert part in remarks
    assert prepare(survey("2DFGRS", z_flag=[4, 5]))[0].summary.remarks == ()


def test_extra_column_with_the_name_of_the_pipelines_own_is_refused():
    parameters = CombineParameters(extra_columns={"tie_result": "int", "mag": "float"})
    (problem,) = Preparation(parameters, OWN).problems()
    assert "'tie_result'" in problem


def test_catalogue_without_rows_is_empty_and_no_error():
    catalogue, problems = prepare(
        {name: pa.array([], pa.float64()) for name in ("ra", "dec", "z", "z_flag")}
    )
    assert problems == []
    assert catalogue.rows == 0


def test_summary_tells_which_flags_a_file_gets():
    catalogue, _ = prepare(survey("2DFGRS", z_flag=[1, 4, 5, 9]), z_flag_homogenized_value_to_cut=3)
    summary = catalogue.summary
    assert (summary.rows, summary.rows_kept) == (4, 2)
    assert summary.surveys == {"2DFGRS": 4}
    assert summary.flags == {"0": 1, "4": 2, "null": 1}
    assert summary.types == {"s": 4}
    assert (summary.flags_from, summary.types_from) == ("translation", "translation")
