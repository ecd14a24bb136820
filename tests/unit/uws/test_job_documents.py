from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from lxml import etree
from schemas import validate

from uws.documents import (
    iso_time,
    job_document,
    jobs_document,
    parameters_document,
    results_document,
)
from uws.model import (
    ErrorType,
    Job,
    JobError,
    JobInfo,
    JobResult,
    JobSummary,
    Parameter,
    Phase,
)

UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
XLINK = "{http://www.w3.org/1999/xlink}"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
URL = "https://example.org/tap/async/"
GOLDEN = Path(__file__).resolve().parents[3] / ".." / "shared" / "conformance" / "golden"


def at(second):
    return datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)


COMPLETED = Job(
    job_id="a1b2c3",
    kind="tap",
    owner=None,
    creation_time=at(0),
    phase=Phase.COMPLETED,
    run_id="my-run",
    start_time=at(1),
    end_time=at(2),
    execution_duration_s=600,
    destruction=datetime(2026, 1, 8, tzinfo=UTC),
    parameters=(
        Parameter("LANG", "ADQL"),
        Parameter("QUERY", "SELECT TOP 1 z_phot FROM pz.t WHERE z_phot < 1"),
        Parameter("UPLOAD", "mine,param:mine", by_reference=False),
    ),
    results=(JobResult("result", "application/x-votable+xml", 1234, "a/1/result"),),
)

FAILED = replace(
    COMPLETED,
    job_id="a1b2c4",
    phase=Phase.ERROR,
    run_id=None,
    parameters=(Parameter("QUERY", "SELECT nope FROM pz.t"),),
    results=(),
    error=JobError("Column not found: nope (line 1, column 8)"),
)


def same(document, golden):
    parser = etree.XMLParser(remove_blank_text=True)
    canonical = [
        etree.tostring(etree.fromstring(text, parser), method="c14n")
        for text in (document, (GOLDEN / golden).read_bytes())
    ]
    return canonical[0] == canonical[1]


@pytest.mark.shared
@pytest.mark.skipif(not GOLDEN.is_dir(), reason="no shared data beside the checkout")
def test_documents_are_the_golden_ones():
    summary = replace(COMPLETED.summary)
    assert same(job_document(COMPLETED, URL + "a1b2c3"), "uws_job_completed.xml")
    assert same(job_document(FAILED, URL + "a1b2c4"), "uws_job_error.xml")
    assert same(jobs_document([summary], lambda name: URL + name), "uws_jobs.xml")


@pytest.mark.parametrize("phase", sorted(Phase))
def test_a_job_in_any_phase_obeys_the_schema(phase):
    root = validate(job_document(replace(COMPLETED, phase=phase), URL + "a1b2c3"), "uws")
    assert root.get("version") == "1.1"
    assert root.findtext(f"{UWS}phase") == phase


def test_a_new_job_says_what_is_not_known():
    job = Job("a", "tap", None, at(0))
    root = validate(job_document(job, URL + "a"), "uws")
    nil = [child.tag.removeprefix(UWS) for child in root if child.get(NIL) == "true"]
    assert nil == ["ownerId", "quote", "startTime", "endTime", "destruction"]
    for absent in ("runId", "errorSummary", "jobInfo"):
        assert root.find(UWS + absent) is None
    assert root.findtext(f"{UWS}executionDuration") == "0"


def test_a_job_with_everything_obeys_the_schema():
    job = replace(
        COMPLETED,
        owner="ada",
        quote=at(9),
        attempt=2,
        error=JobError("late", ErrorType.TRANSIENT, has_detail=False),
        info=JobInfo(0.25, "reading < writing", (("parse", 0.5), ("first row", 1.25))),
        results=(JobResult("result", "text/csv;header=present", 2, "l", rows=7),),
    )
    root = validate(job_document(job, URL + "a1b2c3"), "uws")
    assert root.findtext(f"{UWS}ownerId") == "ada"
    assert root.findtext(f"{UWS}quote") == "2026-01-01T00:00:09Z"
    error = root.find(f"{UWS}errorSummary")
    assert (error.get("type"), error.get("hasDetail")) == ("transient", "false")
    assert error.findtext(f"{UWS}message") == "late"
    info = {child.tag: child.text for child in root.find(f"{UWS}jobInfo")}
    assert info == {
        "progress": "0.250",
        "text": "reading < writing",
        "attempt": "2",
        "rows": "7",
        "timing": "1.250000",
    }
    result = root.find(f"{UWS}results/{UWS}result")
    assert result.get(f"{XLINK}href") == URL + "a1b2c3/results/result"


def test_prefixes_are_those_that_clients_compare():
    text = job_document(COMPLETED, URL + "a1b2c3").decode()
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<uws:job xmlns:uws=')
    assert 'xlink:href="https://example.org/tap/async/a1b2c3/results/result"' in text
    assert '<uws:ownerId xsi:nil="true"/>' in text


@pytest.mark.parametrize("value", ["a < b & c", "quotes \" and '", "π ≤ 4", "two\nlines", "\r"])
def test_parameters_come_back_as_they_were_sent(value):
    job = replace(COMPLETED, parameters=(Parameter('na"me', value),))
    root = validate(parameters_document(job), "uws")
    (parameter,) = root
    assert (parameter.get("id"), parameter.text) == ('na"me', value)
    assert validate(job_document(job, URL), "uws").find(f".//{UWS}parameter").text == value


def test_characters_that_xml_forbids_are_left_out():
    job = replace(FAILED, parameters=(Parameter("Q", "a\x00b\ud800"),), error=JobError("no\x1b!"))
    root = validate(job_document(job, URL), "uws")
    assert root.find(f".//{UWS}parameter").text == "ab"
    assert root.find(f".//{UWS}message").text == "no!"


def test_references_are_stated_where_known():
    job = replace(COMPLETED, parameters=(Parameter("U", "http://x", by_reference=True),))
    assert validate(parameters_document(job), "uws")[0].get("byReference") == "true"


def test_results_have_absolute_addresses():
    job = replace(COMPLETED, results=(JobResult("a b", "text/plain", 1, "l"),))
    root = validate(results_document(job, URL + "a1b2c3"), "uws")
    assert root[0].get(f"{XLINK}href") == URL + "a1b2c3/results/a%20b"


def test_an_empty_list_is_a_list():
    assert len(validate(jobs_document([], str), "uws")) == 0


def test_a_list_shows_each_job():
    jobs = [
        JobSummary(f"j{n}", "tap", phase, "ada" if n else None, f"run<{n}", at(n))
        for n, phase in enumerate(sorted(Phase))
    ]
    root = validate(jobs_document(jobs, lambda name: URL + name), "uws")
    assert [ref.get("id") for ref in root] == [job.job_id for job in jobs]
    assert root[1].get(f"{XLINK}href") == URL + "j1"
    assert [child.text for child in root[1]] == [
        "ARCHIVED", "run<1", "ada", "2026-01-01T00:00:01Z",
    ]  # fmt: skip
    assert root[0].find(f"{UWS}ownerId").get(NIL) == "true"


def test_times_are_utc_with_a_z():
    zone = timezone(timedelta(hours=-3))
    assert iso_time(datetime(2026, 1, 1, 9, tzinfo=zone)) == "2026-01-01T12:00:00Z"
    assert iso_time(datetime(2026, 1, 1, 0, 0, 0, 5000, UTC)) == "2026-01-01T00:00:00.005Z"
