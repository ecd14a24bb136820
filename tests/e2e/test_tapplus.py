"""astroquery's TapPlus on a live service: tables, both kinds of query, uploads, errors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import requests
from astropy.table import Table

pytestmark = pytest.mark.clients

SURVEY = "redshift_catalog.p1_test_survey"
IDS = f'SELECT TOP 5 OBJID, z, "survey name" FROM {SURVEY} ORDER BY OBJID'
FIRST = [2**53 + 1 + i for i in range(5)]


@pytest.fixture(autouse=True)
def quiet():
    # Imports of old names, and connections that the client leaves to the collector.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def tap(service, quiet):
    core = pytest.importorskip("astroquery.utils.tap.core")
    return core.TapPlus(url=service.url)


def test_tables_are_listed_with_their_columns(tap):
    tables = {table.name: table for table in tap.load_tables()}
    assert {SURVEY, "TAP_SCHEMA.tables"} <= {
        name.removeprefix("TAP_SCHEMA.") and name for name in tables
    }
    columns = {column.name: column for column in tables[SURVEY].columns}
    assert list(columns)[:4] == ["OBJID", "RA", "DEC", "z"]
    assert (columns["RA"].unit, columns["z"].ucd) == ("deg", "src.redshift")
    assert columns["RA"].flag == "indexed"


def test_one_table_is_described(tap):
    for name, columns in (
        (SURVEY, ["OBJID", "RA", "DEC", "z"]),
        ("tap_schema.schemas", ["schema_name", "utype", "description", "schema_index"]),
    ):
        table = tap.load_table(name)
        assert table.get_qualified_name().lower().endswith(name)
        assert [column.name for column in table.columns][:4] == columns
    with pytest.raises(requests.HTTPError, match=r"There is no table other\.p9"):
        tap.load_table("other.p9")


def test_asynchronous_jobs_run_and_are_fetched(tap):
    job = tap.launch_job_async(IDS)
    assert job.get_phase() == "COMPLETED"
    assert job.get_results()["OBJID"].tolist() == FIRST


def test_jobs_in_the_background_are_waited_for(tap):
    job = tap.launch_job_async(IDS, background=True)
    found = job.get_results()
    assert found["OBJID"].tolist() == FIRST
    assert job.is_finished()


@pytest.mark.parametrize("launch", ["launch_job", "launch_job_async"])
def test_uploads_join_published_tables(tap, tmp_path, launch):
    path = tmp_path / "mine.vot"
    mine = Table({"id": np.array(FIRST[:3]), "label": ["a", "b", "c"]})
    mine.write(path, format="votable")
    query = (
        f"SELECT m.label, s.OBJID FROM TAP_UPLOAD.mine AS m JOIN {SURVEY} AS s "
        "ON s.OBJID = m.id ORDER BY m.label"
    )
    job = getattr(tap, launch)(query, upload_resource=str(path), upload_table_name="mine")
    found = job.get_results()
    assert found["OBJID"].tolist() == FIRST[:3]
    assert [str(label) for label in found["label"]] == ["a", "b", "c"]


def test_errors_are_shown_with_their_text(tap):
    with pytest.raises(requests.HTTPError, match='Unknown column "OBJIDD"'):
        tap.launch_job(f"SELECT OBJIDD FROM {SURVEY}")
    with pytest.raises(requests.HTTPError, match='Unknown column "OBJIDD"'):
        tap.launch_job_async(f"SELECT OBJIDD FROM {SURVEY}").get_results()
