import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from combine_runs import MARK, REMOVE, run_folder, silent

from pipelines.combine_redshift_dedup import SPECIFICATION, check, run
from pipelines.errors import ConfigurationRejected, InputsRejected, PipelineFailed, RunStopped
from pipelines.runs import RunFolder
from registry.formats.readers.opening import open_file

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
E2E = SHARED / "pipeline_cases" / "crc_e2e"

ARCSEC = 1 / 3600
ALL = {"z_flag_homogenized_value_to_cut": 0}
KEPT_RESULTS = {"remove_all": {1}, "keep_all": {1, 2}}


def survey(name, rows, flag="z_flag", **more):
    """Make a catalogue of rows of right ascension, offset in arcsec, redshift and flag."""
    ra, offset, z, flags = zip(*rows, strict=True)
    return {
        "ra": [float(value) for value in ra],
        "dec": [-30 + value * ARCSEC for value in offset],
        "z": [float(value) for value in z],
        flag: list(flags),
        "survey": [name] * len(rows),
        "label": [f"{name[-3:]}{place}" for place in range(len(rows))],
        **more,
    }


FIRST = survey(
    "2DFGRS",
    [
        (10, 0, 0.1, 4),  # alone
        (11, 0, 0.2, 5),  # better than the second's
        (12, 0, 0.3, 4),  # a hard tie
        (13, 0, 0.4, 4),  # the same redshift as the second's
        (14, 0, 0.5, 4),  # beside a star
        (15, 0, 0.6, 4),  # left end of a chain
        (15, 0.8, 0.7, 5),  # right end
    ],
)
SECOND = survey(
    "6DFGS",
    [
        (11, 0.3, 0.2, 3),
        (12, 0.3, 0.31, 4),
        (13, 0.3, 0.4004, 4),
        (14, 0.3, 0.0, 6),
        (15, 0.4, 0.6, 3),
        (20, 0, 0.1, 1),
    ],
)
MAPPING = {"id": "label", "z_flag": "z_flag"}
BOTH = [(FIRST, MAPPING), (SECOND, MAPPING)]


def made(folder, catalogues=BOTH, **options):
    output = run(run_folder(folder / "run", catalogues, **{**ALL, **options}), silent)
    return output, pq.read_table(output.main).to_pydict()


def by_id(rows, column):
    return dict(zip(rows["CRD_ID"], rows[column], strict=True))


def test_rows_of_the_same_object_are_marked(tmp_path):
    output, rows = made(tmp_path, combine_type=MARK)
    assert rows["CRD_ID"] == [f"CRD001_{n}" for n in range(1, 8)] + [
        f"CRD002_{n}" for n in range(1, 7)
    ]
    assert rows["tie_result"] == [1, 1, 2, 1, 1, 2, 2, 0, 2, 0, 3, 0, 1]
    assert by_id(rows, "compared_to") == {
        "CRD001_1": None,
        "CRD001_2": "CRD002_1",
        "CRD001_3": "CRD002_2",
        "CRD001_4": "CRD002_3",
        "CRD001_5": "CRD002_4",
        "CRD001_6": "CRD002_5",
        "CRD001_7": "CRD002_5",
        "CRD002_1": "CRD001_2",
        "CRD002_2": "CRD001_3",
        "CRD002_3": "CRD001_4",
        "CRD002_4": "CRD001_5",
        "CRD002_5": "CRD001_6, CRD001_7",
        "CRD002_6": None,
    }
    groups = by_id(rows, "group_id")
    assert groups["CRD001_2"] == groups["CRD002_1"] == 10_000_000_002
    assert groups["CRD001_6"] == groups["CRD001_7"] == groups["CRD002_5"] == 10_000_000_006
    assert groups["CRD002_4"] == 20_000_000_004
    assert by_id(rows, "n_group_members")["CRD002_5"] == 3
    nearest = by_id(rows, "nearest_separation_arcsec")
    assert nearest["CRD001_1"] is None
    assert nearest["CRD002_5"] == pytest.approx(0.4, rel=1e-5)
    assert output.n_rows == 13
    assert output.columns == tuple(rows)
    assert output.summary["counts"]["pairs"] == 6


def test_columns_come_in_the_order_of_the_original_without_empty_ones(tmp_path):
    _, rows = made(
        tmp_path,
        combine_type=MARK,
        insert_DP1_footprint_flag=True,
        extra_columns={"MAG": "float", "label": "str"},
    )
    assert list(rows) == [
        "CRD_ID",
        "id",
        "ra",
        "dec",
        "z",
        "z_flag",
        "survey",
        "source",
        "tie_result",
        "is_in_DP1_fields",
        "is_in_rubin_footprint",
        "compared_to",
        "z_flag_homogenized",
        "instrument_type_homogenized",
        "MAG",
        "label",
        "group_id",
        "n_group_members",
        "nearest_separation_arcsec",
    ]
    assert set(rows["MAG"]) == {None}
    assert rows["label"][:2] == ["GRS0", "GRS1"]


def test_catalogues_are_only_put_together_by_default(tmp_path):
    _, rows = made(tmp_path)
    assert len(rows["ra"]) == 13
    assert not {"tie_result", "compared_to", "group_id", "n_group_members"} & rows.keys()


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        ("remove_all", {1: 5}),
        ("keep_all", {1: 5, 2: 4}),
        ("draw_one", {1: 7}),
    ],
)
def test_duplicates_are_removed(tmp_path, option, kept):
    _, rows = made(tmp_path, combine_type=REMOVE, tie_treatment_option=option)
    values, counts = np.unique(rows["tie_result"], return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == kept
    assert len(set(rows["group_id"])) == (7 if option != "remove_all" else 5)


def test_draw_depends_on_its_seed_alone_and_is_told(tmp_path):
    rows = [(10 + place, 0, 0.1, 4) for place in range(40)]
    others = [(10 + place, 0.2, 0.9, 4) for place in range(40)]
    drawn = {}
    for seed, orders in ((0, (1, -1)), (1, (1,))):
        for order in orders:
            catalogues = [
                (survey("2DFGRS", rows[::order]), MAPPING),
                (survey("6DFGS", others), MAPPING),
            ]
            output, found = made(
                tmp_path / f"{seed}{order}",
                catalogues,
                combine_type=REMOVE,
                tie_treatment_option="draw_one",
                random_seed=seed,
            )
            assert output.summary["random_seed"] == seed
            drawn[seed, order] = found["source"]
    assert len(drawn[0, 1]) == 40
    assert len({*drawn[0, 1]}) == 2
    assert drawn[0, 1] != drawn[1, 1]


def test_rows_keep_the_order_of_inputs_and_files(tmp_path):
    _, rows = made(tmp_path, catalogues=BOTH[::-1], combine_type=MARK)
    assert rows["survey"] == ["6DFGS"] * 6 + ["2DFGRS"] * 7
    assert rows["CRD_ID"][:2] == ["CRD001_1", "CRD001_2"]


def test_match_columns_can_be_left_out(tmp_path):
    _, rows = made(tmp_path, combine_type=MARK, insert_match_columns=False)
    assert not {"n_group_members", "nearest_separation_arcsec"} & rows.keys()


def test_any_column_of_numbers_can_decide(tmp_path):
    first = FIRST | {"snr": [1.0] * 7}
    second = SECOND | {"snr": [None, 5.0, 0.5, 1.0, 2.0, 1.0]}
    _, rows = made(
        tmp_path,
        catalogues=[(first, MAPPING), (second, MAPPING)],
        combine_type=MARK,
        tiebreaking_priority=["snr"],
    )
    result = by_id(rows, "tie_result")
    assert result["CRD001_2"] == 1
    assert result["CRD002_2"] == 1
    assert result["CRD001_4"] == 1
    assert (result["CRD001_6"], result["CRD002_5"]) == (0, 1)
    assert rows["snr"][7] is None


def test_radius_and_threshold_of_the_parameters_come_before_those_of_the_file(tmp_path):
    _, rows = made(
        tmp_path, combine_type=MARK, crossmatch_radius_arcsec=0.25, insert_match_columns=False
    )
    assert "compared_to" not in rows
    _, rows = made(tmp_path / "2", combine_type=MARK, delta_z_threshold=0.05)
    assert by_id(rows, "tie_result")["CRD002_2"] == 0


def test_what_stands_for_no_value_in_an_input_is_none(tmp_path):
    folder = run_folder(tmp_path / "run", BOTH, **ALL)
    known = folder.configuration
    entry = known.inputs["specz"][0]
    entry = entry.model_copy(update={"null_values": {"z": ["0.1"]}})
    inputs = {"specz": (entry, *known.inputs["specz"][1:])}
    folder.write_configuration(known.model_copy(update={"inputs": inputs}))
    rows = pq.read_table(run(RunFolder(folder.path), silent).main).to_pydict()
    assert by_id(rows, "z")["CRD001_1"] is None
    assert by_id(rows, "z")["CRD001_2"] == 0.2
    # Said of one input, it is not so in the other.
    assert by_id(rows, "z")["CRD002_6"] == 0.1


def test_conflicts_between_surveys_are_counted(tmp_path):
    output, _ = made(tmp_path, combine_type=MARK)
    report = json.loads((output.main.parent / "report.json").read_text())
    (pair,) = report["conflicts"]["surveys"]
    assert (pair["survey_1"], pair["survey_2"]) == ("2DFGRS", "6DFGS")
    assert (pair["n_pairs"], pair["n_conflicts"], pair["n_star_pairs"]) == (5, 2, 1)
    assert pair["fraction"] == 0.4
    assert pair["max_delta_z"] == pytest.approx(0.1)
    flags = {(f["survey"], f["z_flag_homogenized"]): f for f in report["conflicts"]["flags"]}
    assert flags["2DFGRS", 4.0]["n_pairs"] == 5
    assert flags["6DFGS", 4.0]["n_conflicts"] == 1
    with (output.main.parent / "conflicts.csv").open() as handle:
        assert [row["n_conflicts"] for row in csv.DictReader(handle)] == ["2"]
    text = (output.main.parent / "report.md").read_text()
    assert "| 2DFGRS | 6DFGS | 5 | 2 | 0.4 |" in text
    assert {path.name for path in output.attachments} == {
        "report.md",
        "report.json",
        "conflicts.csv",
        "flags_translation.yaml",
    }
    assert all(path.is_file() for path in output.attachments)


def test_conflicts_have_a_threshold_of_their_own(tmp_path):
    output, _ = made(tmp_path, combine_type=MARK, conflict_delta_z=0.05)
    report = json.loads((output.main.parent / "report.json").read_text())
    assert report["conflicts"]["surveys"][0]["n_conflicts"] == 1


@pytest.mark.parametrize("name", ["csv", "fits", "hdf5", "votable", "hats"])
def test_formats_hold_the_same_rows(tmp_path, name):
    options = {"combine_type": MARK, "extra_columns": {"SN": "int"}}
    catalogues = [(FIRST | {"SN": [1, 2, None, 4, 5, 6, 7]}, MAPPING), BOTH[1]]
    _, expected = made(tmp_path, catalogues, **options)
    folder = run_folder(tmp_path / name, catalogues, output_format=name, **ALL, **options)
    output = run(folder, silent)
    kind, table = open_file(output.main)
    assert kind.lower() == name
    with table:
        columns = [column.name for column in table.columns]
        rows = pa.Table.from_batches([*table.batches()]).rename_columns(columns).to_pydict()
    order = np.argsort(rows["CRD_ID"])
    wanted = np.argsort(expected["CRD_ID"])
    for column, values in expected.items():
        found = [rows[column][place] for place in order]
        for value, other in zip(found, [values[place] for place in wanted], strict=True):
            missing = value in ("", None) or value != value  # noqa: PLR0124 - NaN in FITS
            assert value == other or (missing and other is None), column


def test_product_carries_the_meaning_of_its_columns(tmp_path):
    folder = run_folder(tmp_path / "run", BOTH, output_format="votable", **ALL)
    output = run(folder, silent)
    _, table = open_file(output.main)
    with table:
        columns = {column.name: column for column in table.columns}
    assert columns["ra"].unit == "deg"
    assert columns["ra"].ucd == "pos.eq.ra;meta.main"
    assert columns["CRD_ID"].ucd == "meta.id;meta.main"
    assert columns["z"].ucd == "src.redshift"
    assert output.columns_assoc == {
        "id": "CRD_ID",
        "ra": "ra",
        "dec": "dec",
        "z": "z",
        "z_flag": "z_flag_homogenized",
        "survey": "survey",
    }
    known = {column.name for column in SPECIFICATION.output_columns}
    assert set(output.columns) <= known


def test_inputs_may_be_text_fits_hdf5_packed_and_hats(tmp_path):
    products = []
    for name in ("csv", "fits", "hdf5", "votable", "hats"):
        folder = run_folder(tmp_path / name, BOTH, output_format=name, **ALL)
        products.append((run(folder, silent).main, {}))
    _, rows = made(tmp_path, products, combine_type=MARK)
    assert len(rows["ra"]) == 65
    assert {*rows["n_group_members"]} == {5, 10, 15}
    assert rows["id"][:2] == ["GRS0", "GRS1"]


def test_all_problems_of_all_catalogues_are_in_one_report(tmp_path):
    (tmp_path / "damaged.fits").write_bytes(b"SIMPLE  = nothing" * 10)
    catalogues = [
        (FIRST, {"z_flag": "quality"}),
        (survey("UNKNOWN", [(1, 0, 1, 1)]), MAPPING),
        (tmp_path / "damaged.fits", {}),
        BOTH[1],
        (FIRST | {"ra": [360.0] * 7}, MAPPING),
    ]
    with pytest.raises(InputsRejected) as refusal:
        run(run_folder(tmp_path / "run", catalogues, **ALL), silent)
    names = [problem.split("]")[0] for problem in refusal.value.problems]
    assert names == [f"[{n:03d}_catalogue" for n in (1, 2, 2, 3, 5)]
    with pytest.raises(InputsRejected) as other:
        check(run_folder(tmp_path / "check", catalogues, **ALL), silent)
    assert other.value.problems == refusal.value.problems
    assert not any((tmp_path / "run" / "outputs").iterdir())


def test_check_tells_the_flags_and_makes_nothing(tmp_path):
    folder = run_folder(tmp_path / "run", BOTH)
    said = check(folder, silent)
    json.dumps(said)
    assert [each["flags"] for each in said["catalogues"]] == [
        {"4": 7},
        {"0": 1, "3": 2, "4": 2, "6": 1},
    ]
    assert (said["rows"], said["rows_kept"]) == (13, 12)
    assert not any(folder.outputs.iterdir())


def test_empty_catalogue_is_left_out_and_nothing_left_is_a_failure(tmp_path):
    low = survey("6DFGS", [(1, 0, 0.1, 1)])
    folder = run_folder(tmp_path / "a", [(low, MAPPING), BOTH[0]], combine_type=MARK)
    assert pq.read_table(run(folder, silent).main)["survey"].to_pylist() == ["2DFGRS"] * 7
    with pytest.raises(PipelineFailed, match="no row of any catalogue passes the cuts"):
        run(run_folder(tmp_path / "b", [(low, MAPPING)]), silent)


def test_stars_alone_leave_nothing_to_keep(tmp_path):
    stars = survey("6DFGS", [(1, 0, 0, 6)])
    with pytest.raises(PipelineFailed, match="no row is left"):
        run(run_folder(tmp_path / "a", [(stars, MAPPING)], combine_type=REMOVE), silent)


def test_flags_file_of_the_user_is_used_and_kept(tmp_path):
    flags = (
        "crossmatch_radius_arcsec: 0.35\ntranslation_rules:\n"
        "  2DFGRS: {z_flag_translation: {default: 1}, instrument_type_translation: {default: p}}\n"
        "  6DFGS: {z_flag_translation: {default: 2}, instrument_type_translation: {default: g}}\n"
    )
    output, rows = made(tmp_path, flags=flags, combine_type=MARK)
    assert by_id(rows, "tie_result")["CRD001_2"] == 0
    assert by_id(rows, "compared_to")["CRD001_6"] is None
    assert (output.main.parent / "flags_translation.yaml").read_text() == flags


@pytest.mark.parametrize("evil", ["__import__('os').getpid() > 0", "z.__class__", "9**9**9 > z"])
def test_flags_file_that_is_a_program_is_refused_with_its_line(tmp_path, evil):
    flags = (
        "translation_rules:\n  2DFGRS:\n    z_flag_translation:\n      conditions:\n"
        f'        - expr: "{evil}"\n          value: 4\n'
    )
    with pytest.raises(ConfigurationRejected, match=r"flags.yaml, line 5: "):
        run(run_folder(tmp_path / "run", BOTH, flags=flags), silent)


def test_run_stops_when_it_is_told_to(tmp_path):
    def stop(step, fraction=None, text=None):
        if step == "crossmatch":
            raise RunStopped("told to")

    folder = run_folder(tmp_path / "run", BOTH, combine_type=MARK)
    with pytest.raises(RunStopped):
        run(folder, stop)
    assert not any(folder.outputs.iterdir())


@pytest.mark.parametrize("names", [["cat", "001_a"], ["001_a", "1_b"], ["9999999999_a", "1_b"]])
def test_internal_names_begin_with_different_numbers(tmp_path, names):
    folder = run_folder(tmp_path / "run", BOTH)
    document = yaml.safe_load(folder.configuration_file.read_text())
    for entry, name in zip(document["inputs"]["specz"], names, strict=True):
        entry["internal_name"] = name
    folder.configuration_file.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationRejected, match="internal_name"):
        run(folder, silent)


def test_parameters_of_the_original_keep_their_defaults():
    defaults = SPECIFICATION.defaults()
    assert defaults["combine_type"] == "concatenate"
    assert defaults["tie_treatment_option"] == "remove_all"
    assert defaults["z_flag_homogenized_value_to_cut"] == 3.0
    assert defaults["insert_DP1_footprint_flag"] is False
    assert defaults["insert_rubin_footprint_flag"] is True
    assert defaults["extra_columns"] == {}
    assert SPECIFICATION.file_parameters == ("flags_translation_file",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"combine_type": "merge"},
        {"tie_treatment_option": "any"},
        {"radius": 1},
        {"extra_columns": {"a": "blob"}},
        {"row_cuts": ["__import__('os')"]},
        {"random_seed": -1},
        {"crossmatch_radius_arcsec": 0},
    ],
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SPECIFICATION.parameters(**wrong)


def same(found, expected):
    if expected == "":
        return found is None
    if isinstance(found, str):
        return found == expected
    return found is not None and float(found) == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.shared
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("case", "rows"),
    [("mark", 48), ("concat", 48), ("remove_all", 33), ("keep_all", 39), ("mark_cut3", 35)],
)
def test_end_to_end_case_of_the_original(tmp_path, case, rows, suffix):
    if not E2E.exists():
        pytest.skip("the shared data are not here")
    configuration = yaml.safe_load((E2E / f"config_{case}.yaml").read_text())
    catalogues = [
        (
            E2E / Path(entry["path"]).with_suffix(suffix),
            {k: v for k, v in entry["columns"].items() if v},
        )
        for entry in configuration["inputs"]["specz"]
    ]
    param = configuration["param"] | {"flags_translation_file": None}
    folder = run_folder(tmp_path / "run", catalogues, **param)
    found = pq.read_table(run(folder, silent).main).to_pylist()
    assert len(found) == rows
    if case in KEPT_RESULTS:
        # The original's rows are those that it has marked so.
        with (E2E / "expected_mark.csv").open() as handle:
            marked = list(csv.DictReader(handle))
        kept = [r["CRD_ID"] for r in marked if int(float(r["tie_result"])) in KEPT_RESULTS[case]]
        assert [row["CRD_ID"] for row in found] == kept
        return
    file = E2E / f"expected_{case}.csv"
    if not file.exists():
        return
    with file.open() as handle:
        expected = {row["CRD_ID"]: row for row in csv.DictReader(handle)}
    assert [row["CRD_ID"] for row in found] == list(expected)
    for row in found:
        for name, value in expected[row["CRD_ID"]].items():
            assert same(row.get(name), value), (row["CRD_ID"], name)


@pytest.mark.shared
def test_draw_keeps_one_row_of_each_tie_across_a_border_of_cells(tmp_path):
    if not E2E.exists():
        pytest.skip("the shared data are not here")
    configuration = yaml.safe_load((E2E / "config_mark.yaml").read_text())
    catalogues = [
        (E2E / entry["path"], {k: v for k, v in entry["columns"].items() if v})
        for entry in configuration["inputs"]["specz"]
    ]
    _, rows = made(tmp_path, catalogues, combine_type=REMOVE, tie_treatment_option="draw_one")
    # The original kept 37: both rows of the tie at site O.
    assert len(rows["CRD_ID"]) == 36
    assert len({"O1", "O2"} & {*rows["id"]}) == 1


def test_packed_text_is_read_and_nothing_of_it_is_left(tmp_path):
    lines = ["# a comment", "ra;dec;z;z_flag;survey", "10;-30;0.5;4;2dFGRS", "11;-30;NA;5;2dFGRS"]
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    folder = run_folder(tmp_path / "run", [(tmp_path / "packed.csv.gz", {})], **ALL)
    rows = pq.read_table(run(folder, silent).main).to_pydict()
    assert rows["z"] == [0.5, None]
    assert rows["survey"] == ["2DFGRS", "2DFGRS"]
    assert not any(folder.work.iterdir())


@pytest.mark.parametrize("name", ["hdf5", "hats"])
def test_run_needs_its_folder_alone(tmp_path, name):
    (tmp_path / "packed.csv.gz").write_bytes(
        gzip.compress(b"ra,dec,z,z_flag,survey\n1,2,3,4,VVDS\n")
    )
    catalogues = [*BOTH, (tmp_path / "packed.csv.gz", {})]
    folder = run_folder(tmp_path / "run", catalogues, output_format=name, combine_type=MARK)
    command = [sys.executable, "-P", "-m", "pipelines", "run", str(folder.path), "--confined"]
    done = subprocess.run(
        command,
        env={
            "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
            "TMPDIR": str(folder.work),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + folder.log_file.read_text()
    (product,) = folder.outputs.glob("crd.*")
    _, table = open_file(product)
    with table:
        assert sum(batch.num_rows for batch in table.batches()) == 13


def test_number_of_readers_changes_nothing(tmp_path, monkeypatch):
    products = []
    for readers in (1, 4):
        monkeypatch.setattr("pipelines.combine_redshift_dedup.execution._READERS", readers)
        output, rows = made(tmp_path / str(readers), BOTH * 3, combine_type=MARK)
        products.append((rows, output.summary))
    assert products[0] == products[1]


@pytest.mark.parametrize(("stem", "start"), [("col", 1), ("col_", 0)])
def test_columns_without_a_header_are_named_as_here_or_as_in_the_original(tmp_path, stem, start):
    (tmp_path / "bare.csv").write_text("10.5,-30.25,0.5,4,2dfgrs\n11.5,-31.25,0.75,3,2dfgrs\n")
    names = ("ra", "dec", "z", "z_flag", "survey")
    mapping = {name: f"{stem}{start + place}" for place, name in enumerate(names)}
    folder = run_folder(tmp_path / "run", [(tmp_path / "bare.csv", mapping)], **ALL)
    rows = pq.read_table(run(folder, silent).main).to_pydict()
    assert (rows["ra"], rows["z"]) == ([10.5, 11.5], [0.5, 0.75])
    assert rows["z_flag_homogenized"] == [4, 3]
