from pathlib import Path

import pytest

from pipelines.combine_redshift_dedup.own_tables import FLAGS_TABLE, own_table
from pipelines.combine_redshift_dedup.translation import load_translation, parse_translation
from pipelines.errors import ConfigurationRejected

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "redshift_surveys"


def problems(text):
    with pytest.raises(ConfigurationRejected) as refusal:
        parse_translation(text, "flags.yaml")
    return refusal.value.problems


def rule(expression):
    return (
        "translation_rules:\n  A:\n    z_flag_translation:\n      conditions:\n"
        f"        - expr: {expression!r}\n          value: 1\n"
    )


def test_own_table_has_the_surveys_and_choices_of_the_service():
    table = load_translation(own_table(FLAGS_TABLE))
    assert len(table.surveys) == 38
    assert table.tiebreaking_priority == ("z_flag_homogenized", "instrument_type_homogenized")
    assert (table.delta_z_threshold, table.crossmatch_radius_arcsec) == (0.001, 0.5)
    assert table.instrument_type_priority == {"s": 3, "g": 2, "p": 1}
    assert all(rules.z_flag and rules.instrument_type for rules in table.surveys.values())


@pytest.mark.shared
def test_own_table_and_the_users_file_agree_but_for_the_mended_fault():
    file = SHARED / FLAGS_TABLE
    if not file.exists():
        pytest.skip("the shared data are not here")
    own, users = load_translation(own_table(FLAGS_TABLE)), load_translation(file)
    assert own.surveys.keys() == users.surveys.keys()
    for survey, rules in own.surveys.items():
        other = users.surveys[survey]
        assert rules.names == other.names, survey
        for mine, theirs in (
            (rules.z_flag, other.z_flag),
            (rules.instrument_type, other.instrument_type),
        ):
            assert mine.values == theirs.values, survey
            assert mine.default == theirs.default, survey


def test_keys_that_are_left_out_have_the_values_of_the_original():
    table = parse_translation("translation_rules: {}")
    assert (table.delta_z_threshold, table.crossmatch_radius_arcsec) == (0.0, 0.75)
    assert table.crossmatch_n_neighbors == 10


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("__import__('os').system('id')", "__import__"),
        ("z.__class__", "attributes"),
        ("9**9**9", "powers"),
        ("not " * 100 + "z", "deeper"),
    ],
)
def test_dangerous_expression_is_refused_with_its_line(expression, reason):
    (problem,) = problems(rule(expression))
    assert problem.startswith("flags.yaml, line 5: ")
    assert reason in problem


def test_all_problems_come_at_once_with_their_lines():
    found = problems(
        "tie_breaking: [z]\ndelta_z_threshold: -1\ntranslation_rules:\n  A:\n"
        "    z_flag_translation: {x: 1, 1: 5}\n    instrument_type: {default: s}\n"
        "    instrument_type_translation: {default: q}\n"
    )
    assert [problem.split(":")[0] for problem in found] == [
        f"flags.yaml, line {line}" for line in (1, 2, 6, 5, 5, 7)
    ]
    assert "tie_breaking" in found[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x [1]\nb: *x\n", "line 2: aliases"),
        ("a: !!python/object/apply:os.system [id]\n", "line 1"),
        ("a: !!python/name:os.system\n", "line 1"),
        ("delta_z_threshold: 1\ndelta_z_threshold: 2\n", "line 2: 'delta_z_threshold' is given"),
        ("[" * 30 + "]" * 30, "deeper"),
        ("a: [", "line 2"),
        ("- a\n", "mapping"),
        ("? [a]\n: b\n", "one plain value"),
        ("translation_rules: []\n", "mapping"),
        ("translation_rules: {A: {z_flag_translation: {conditions: 3}}}\n", "list"),
        ("translation_rules: {A: {z_flag_translation: {conditions: [{expr: z}]}}}\n", "expr and"),
        ("tiebreaking_priority: z\n", "list of column names"),
        ("tiebreaking_priority: [z, z]\n", "twice"),
        ("save_expr_columns: 1\n", "true or false"),
        ("crossmatch_radius_arcsec: .nan\n", "number from"),
        ("crossmatch_radius_arcsec: 4000\n", "number from"),
        ("expr_column_schema: {a: blob}\n", "str, float, int, bool"),
        ("instrument_type_priority: {s: best}\n", "a type and a number"),
        ("translation_rules: {a: {}, A: {}}\n", "two blocks"),
        ("a: 2026-13-45\n", "cannot be read as a value"),
    ],
)
def test_what_is_no_flags_file_is_refused(text, reason):
    assert any(reason in problem for problem in problems(text))


def test_large_file_is_refused_before_it_is_read(tmp_path):
    file = tmp_path / "flags.yaml"
    file.write_text("#" * 1_100_000)
    with pytest.raises(ConfigurationRejected, match="larger than"):
        load_translation(file)


def test_file_that_is_missing_or_no_text_is_refused(tmp_path):
    with pytest.raises(ConfigurationRejected, match="cannot be read"):
        load_translation(tmp_path / "none.yaml")
    (tmp_path / "image.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationRejected, match="UTF-8"):
        load_translation(tmp_path / "image.yaml")
