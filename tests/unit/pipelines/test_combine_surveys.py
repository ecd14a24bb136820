"""Samples of real surveys, combined in one run."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from combine_runs import MARK, run_folder, silent

from pipelines.combine_redshift_dedup import check, run
from pipelines.errors import InputsRejected

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "redshift_surveys"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here"),
]


def columns(identifier, ra, dec, z, **more):
    found = {"ra": ra, "dec": dec, "z": z, "survey": "survey_name", **more}
    return found if identifier is None else {"id": identifier, **found}


ELAIS_N = columns("ELAIS", "RAdeg", "DEdeg", "zbest", z_flag="zbest_quality")
ELAIS_S = columns("XMMES1", "RAdeg", "DEdeg", "zfinal", z_flag="zfinal_quality")
SITCOM = columns(None, "RA", "DEC", "redshift", z_flag="quality", survey="source")
SURVEYS = {
    "2dfgrs_final_release_random_sample.parquet": columns(
        "name", "ra_j2000_deg", "dec_j2000_deg", "z", z_flag="quality"
    ),
    "2dflens_final_release_random_sample.parquet": columns(
        "unique_id", "RA", "Dec", "z", z_flag="qual"
    ),
    "2mrs_v240_random_sample.parquet": columns(
        "TMID", "RA", "DEC", "redshift", z_err="redshift_err"
    ),
    "3dhst_v4.1.5_random_sample.parquet": columns("phot_id", "ra", "dec", "z_best"),
    "6dfgs_dr3_random_sample.parquet": columns(
        "SPECID", "RA_deg", "DEC_deg", "Z", z_flag="QUALITY"
    ),
    "astrodeep-gs43_random_sample.parquet": columns("ID", "RA", "DEC", "z_best"),
    "astrodeep_jwst_random_sample.parquet": columns("ID", "RA", "DEC", "redshift", z_flag="flag"),
    "desi_dr1_in_lsst_dp1_fields_random_sample.parquet": columns(
        "TARGETID", "TARGET_RA", "TARGET_DEC", "Z", z_err="ZERR", z_flag="ZWARN"
    ),
    "elaisfbmc.parquet": ELAIS_N,
    "elaiss1oid.parquet": ELAIS_S,
    "pipeline_generated_sample.parquet": columns(
        None, "ra", "dec", "z", z_flag="z_flag", z_err="z_err", survey="survey"
    ),
    "primus_dr1_random_sample.parquet": columns("OBJNAME", "RA", "DEC", "Z", z_flag="ZQUALITY"),
    "vlt_vimos_v2.0.1_random_sample.parquet": columns(
        "ID_VIMOS", "RAJ2000_WFI", "DEJ2000_WFI", "SPEC_Z", z_flag="campaign_qf"
    ),
    "vuds_dr1_random_sample.parquet": columns(
        "vuds_ident", "alpha", "delta", "z_spec", z_flag="zflags"
    ),
    "z_cat_CANDELS_clean_sitcomtn-154_random_sample.parquet": SITCOM,
    "z_cat_NED_clean_sitcomtn-154_random_sample.parquet": SITCOM,
    "elaisfbmc_collection": ELAIS_N,
    "elaiss1oid_collection": ELAIS_S,
}
WRONG = {
    "test_homogenized_columns_out_of_range.parquet": "Invalid values in user-provided",
    "test_survey_col_missing.parquet": "All values in 'z_flag_homogenized' are NaN",
    "test_survey_not_supported.parquet": "surveys: ['NOT_SUPPORTED']",
    "test_survey_supported_but_wrong_flags.parquet": "All values in 'z_flag_homogenized' are NaN",
}


@pytest.fixture(scope="module")
def combined(tmp_path_factory):
    catalogues = [(SHARED / name, mapping) for name, mapping in SURVEYS.items()]
    folder = tmp_path_factory.mktemp("surveys") / "run"
    return run(
        run_folder(folder, catalogues, combine_type=MARK, z_flag_homogenized_value_to_cut=0), silent
    )


def test_all_surveys_are_combined_in_one_run(combined):
    counts = combined.summary["counts"]
    assert counts["rows_combined"] == counts["rows_of_product"] == combined.n_rows == 22_178
    assert counts["pairs"] == 5_325
    assert counts["tie_result"] == {"0": 5_048, "1": 16_453, "2": 169, "3": 508}
    stars = sum(each["flags"].get("6", 0) for each in combined.summary["catalogues"])
    assert stars == 508


def test_rows_that_are_there_twice_are_of_one_object(combined):
    rows = pq.read_table(combined.main).to_pylist()
    # Both ELAIS catalogues are there as a file and as HATS with the same rows.
    twins = {}
    for row in rows:
        if row["survey"].startswith("ELAIS") and row["tie_result"] != 3:
            twins.setdefault((row["survey"], row["ra"], row["dec"], row["z"]), []).append(row)
    assert len(twins) > 4_000
    for members in twins.values():
        assert len({member["group_id"] for member in members}) == 1
        assert sum(member["tie_result"] for member in members) <= 2
        assert [member["source"][:3] for member in members[: len(members) // 2]] == [
            members[0]["source"][:3]
        ] * (len(members) // 2)


def test_earlier_product_keeps_its_flags(combined):
    summary = combined.summary["catalogues"][10]
    assert (summary["flags_from"], summary["types_from"]) == ("column", "column")
    assert len(summary["surveys"]) == 18


def test_inputs_that_must_fail_are_all_reported_at_once(tmp_path):
    known = {"id": "id", "ra": "ra", "dec": "dec", "z": "z"}
    catalogues = []
    for name in WRONG:
        present = pq.read_schema(SHARED / name).names
        more = {column: column for column in ("z_flag", "survey") if column in present}
        catalogues.append((SHARED / name, known | more))
    with pytest.raises(InputsRejected) as refusal:
        check(run_folder(tmp_path / "run", catalogues), silent)
    for number, reason in enumerate(WRONG.values(), start=1):
        assert any(
            problem.startswith(f"[{number:03d}_catalogue] ") and reason in problem
            for problem in refusal.value.problems
        )
