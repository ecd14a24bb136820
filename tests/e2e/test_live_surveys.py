"""Samples of real surveys through a served installation, combined in one job."""

import json
import zipfile
from pathlib import Path

import pytest
from live_pipelines import pipeline_service

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "redshift_surveys"

pytestmark = [
    pytest.mark.clients,
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here"),
]


def roles(*columns, survey="survey_name", error=None):
    found = dict(zip(columns, ("ID", "RA", "Dec", "z", "z_flag"), strict=False))
    found |= {survey: "survey", error: "z_err"}
    return {name: role for name, role in found.items() if name}


NORTH = roles("ELAIS", "RAdeg", "DEdeg", "zbest", "zbest_quality")
SOUTH = roles("XMMES1", "RAdeg", "DEdeg", "zfinal", "zfinal_quality")
SITCOM = roles(None, "RA", "DEC", "redshift", "quality", survey="source")
SURVEYS = {
    "2dfgrs_final_release_random_sample.parquet": roles(
        "name", "ra_j2000_deg", "dec_j2000_deg", "z", "quality"
    ),
    "2dflens_final_release_random_sample.parquet": roles("unique_id", "RA", "Dec", "z", "qual"),
    "2mrs_v240_random_sample.parquet": roles("TMID", "RA", "DEC", "redshift", error="redshift_err"),
    "3dhst_v4.1.5_random_sample.parquet": roles("phot_id", "ra", "dec", "z_best"),
    "6dfgs_dr3_random_sample.parquet": roles("SPECID", "RA_deg", "DEC_deg", "Z", "QUALITY"),
    "astrodeep-gs43_random_sample.parquet": roles("ID", "RA", "DEC", "z_best"),
    "astrodeep_jwst_random_sample.parquet": roles("ID", "RA", "DEC", "redshift", "flag"),
    "desi_dr1_in_lsst_dp1_fields_random_sample.parquet": roles(
        "TARGETID", "TARGET_RA", "TARGET_DEC", "Z", "ZWARN", error="ZERR"
    ),
    "elaisfbmc.parquet": NORTH,
    "elaiss1oid.parquet": SOUTH,
    "pipeline_generated_sample.parquet": roles(
        None, "ra", "dec", "z", "z_flag", survey="survey", error="z_err"
    ),
    "primus_dr1_random_sample.parquet": roles("OBJNAME", "RA", "DEC", "Z", "ZQUALITY"),
    "vlt_vimos_v2.0.1_random_sample.parquet": roles(
        "ID_VIMOS", "RAJ2000_WFI", "DEJ2000_WFI", "SPEC_Z", "campaign_qf"
    ),
    "vuds_dr1_random_sample.parquet": roles("vuds_ident", "alpha", "delta", "z_spec", "zflags"),
    "z_cat_CANDELS_clean_sitcomtn-154_random_sample.parquet": SITCOM,
    "z_cat_NED_clean_sitcomtn-154_random_sample.parquet": SITCOM,
    "elaisfbmc_collection": NORTH,
    "elaiss1oid_collection": SOUTH,
}
WRONG = {
    "test_homogenized_columns_out_of_range.parquet": "Invalid values in user-provided",
    "test_survey_col_missing.parquet": "All values in 'z_flag_homogenized' are NaN",
    "test_survey_not_supported.parquet": "surveys: ['NOT_SUPPORTED']",
    "test_survey_supported_but_wrong_flags.parquet": "All values in 'z_flag_homogenized' are NaN",
}
KNOWN = {name: role for role, name in [("ID", "id"), ("RA", "ra"), ("Dec", "dec"), ("z", "z"),
                                       ("z_flag", "z_flag"), ("survey", "survey")]}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    found = pipeline_service(tmp_path_factory.mktemp("home"))
    yield found
    found.stop()


def packed(folder: Path, place: Path) -> Path:
    archive = place / f"{folder.name}.zip"
    with zipfile.ZipFile(archive, "w") as package:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                package.write(path, path.relative_to(folder.parent))
    return archive


def test_all_surveys_are_one_table_after_one_job(service, tmp_path):
    inputs = []
    for name, mapping in SURVEYS.items():
        path = SHARED / name
        file = packed(path, tmp_path) if path.is_dir() else path
        inputs.append(service.publish(name.partition("_random")[0], file, mapping))
    options = {"combine_type": "concatenate_and_mark_duplicates"}
    url = service.submit(*inputs, z_flag_homogenized_value_to_cut=0, **options)
    job = service.until(url)
    assert job.phase == "COMPLETED", job.error
    # The numbers that docs/reference/combine-redshift-catalogs.md explains.
    counts = json.loads(service.result(url, "report"))["summary"]["counts"]
    assert counts["rows_of_product"] == 22_178
    assert counts["pairs"] == 5_325
    assert counts["tie_result"] == {"0": 5_048, "1": 16_453, "2": 169, "3": 508}
    made = json.loads(service.result(url, "product"))
    assert service.rows(made["table"]) == 22_178


def test_inputs_that_must_fail_are_in_one_report(service):
    inputs = [service.publish(name, SHARED / name, KNOWN) for name in WRONG]
    job = service.until(service.submit(*inputs))
    assert job.phase == "ERROR"
    for number, reason in zip(inputs, WRONG.values(), strict=True):
        lines = [line for line in job.error.splitlines() if f"[{number}_" in line]
        assert any(reason in line for line in lines), job.error
