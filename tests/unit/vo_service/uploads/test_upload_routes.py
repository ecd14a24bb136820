"""Uploads over HTTP: synchronous queries, and jobs that keep their files."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from votables import read_votable

from uws.model import Parameter
from vo_service.assemble import make_app, make_worker
from vo_service.tap.uploads import merge_uploads

MINE = b"obj,w\n9007199254740993,one\n9007199254740994,two\n1,three\n"
SURVEY = "redshift_catalog.p1_survey"
JOIN = f"SELECT t.w, s.id FROM TAP_UPLOAD.t AS t JOIN {SURVEY} AS s ON t.obj = s.id ORDER BY s.id"


def asked(adql, upload, files=None, **more):
    """Give the form of a query with its files."""
    uploads = [upload] if isinstance(upload, str) else upload
    values = {"LANG": "ADQL", "QUERY": adql, **more}
    pairs = [*values.items(), *(("UPLOAD", value) for value in uploads)]
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in pairs
    ]
    parts += [
        f'Content-Disposition: form-data; name="{part}"; filename="x.csv"\r\n\r\n'.encode()
        + content
        for part, content in (files or {}).items()
    ]
    body = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"
    return {"data": body, "content_type": "multipart/form-data; boundary=x"}


def post(installation, adql, upload, files=None, **more):
    return installation.client.post("/tap/sync", **asked(adql, upload, files, **more))


def csv(response):
    assert response.status_code == 200, response.text
    return response.text.split("\r\n")[1:-1]


def refused(response, status=400):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/x-votable+xml"
    answer = read_votable(response.data)
    assert answer.status == "ERROR"
    return answer.text


def test_an_upload_is_joined(installation):
    response = post(installation, JOIN, "t,param:f", {"f": MINE}, RESPONSEFORMAT="csv")
    assert csv(response) == ["one,9007199254740993", "two,9007199254740994"]


@pytest.mark.parametrize("upload", ["a,param:f;b,param:g", ["a,param:f", "b,param:g"]])
def test_several_uploads_in_both_notations(installation, upload):
    adql = "SELECT a.w, b.w AS v FROM TAP_UPLOAD.a AS a JOIN tap_upload.B AS b ON a.obj = b.obj"
    files = {"f": MINE, "g": b"obj,w\n1,x\n"}
    assert csv(post(installation, adql, upload, files, RESPONSEFORMAT="csv")) == ["three,x"]


def test_two_names_may_share_a_file(installation):
    adql = "SELECT COUNT(*) AS n FROM TAP_UPLOAD.a AS a JOIN TAP_UPLOAD.b AS b ON a.obj = b.obj"
    response = post(installation, adql, "a,param:f;b,param:f", {"f": MINE}, RESPONSEFORMAT="csv")
    assert csv(response) == ["3"]


def test_an_upload_may_be_joined_with_tap_schema(installation):
    adql = "SELECT t.w FROM TAP_UPLOAD.t AS t JOIN TAP_SCHEMA.schemas AS s ON t.w = s.schema_name"
    files = {"f": b"w,n\nTAP_SCHEMA,1\nother,2\n"}
    assert csv(post(installation, adql, "t,param:f", files, RESPONSEFORMAT="csv")) == ["TAP_SCHEMA"]


def test_an_upload_is_seen_by_its_query_alone(installation):
    post(installation, JOIN, "t,param:f", {"f": MINE})
    assert "TAP_UPLOAD" in refused(installation.ask("SELECT * FROM TAP_UPLOAD.t"))
    inside = post(
        installation,
        "SELECT COUNT(*) AS n FROM TAP_SCHEMA.tables WHERE schema_name = 'TAP_UPLOAD'",
        "t,param:f", {"f": MINE}, RESPONSEFORMAT="csv",
    )  # fmt: skip
    assert csv(inside) == ["0"]
    assert "TAP_UPLOAD" not in installation.client.get("/tap/tables").text


def test_the_same_name_means_each_querys_own_table(installation):
    for number in range(3):
        files = {"f": b"a,b\n%d,2\n" % number}
        response = post(
            installation, "SELECT a FROM TAP_UPLOAD.t", "t,param:f", files, RESPONSEFORMAT="csv"
        )
        assert csv(response) == [str(number)]


def test_a_wrong_name_in_a_query_is_answered_with_the_right_one(installation):
    text = refused(
        post(installation, "SELECT * FROM TAP_UPLOAD.stars", "star,param:f", {"f": MINE})
    )
    assert (
        'did you mean "TAP_UPLOAD.star"' in text or "TAP_UPLOAD.star" in text.partition("mean")[2]
    )


def test_maxrec_0_gives_the_columns(installation):
    response = post(installation, "SELECT * FROM TAP_UPLOAD.t", "t,param:f", {"f": MINE}, MAXREC=0)
    answer = read_votable(response.data)
    assert (answer.names, answer.rows) == (["obj", "w"], 0)


@pytest.mark.parametrize(
    ("upload", "files", "words"),
    [
        ("t,param:missing", {"f": MINE}, "no file named 'missing'"),
        ("t", {"f": MINE}, "name and source"),
        ("1t,param:f", {"f": MINE}, "letters, digits and underscores"),
        ("TAP_UPLOAD.t,param:f", {"f": MINE}, "letters, digits and underscores"),
        ("t,param:f;T,param:f", {"f": MINE}, "two tables have this name"),
        ("t,ftp://host/x", {}, "ftp: is not accepted"),
        ("t,file:///etc/passwd", {}, "file: is not accepted"),
        ("t,http://127.0.0.1/x", {}, "internal network"),
        ("t,http://localhost/x", {}, "internal network"),
        ("t,http://[::1]/x", {}, "internal network"),
        ("t,http://[::ffff:169.254.169.254]/x", {}, "internal network"),
        ("t,http://2130706433/x", {}, "internal network"),
        ("t,param:f", {"f": b"<VOTABLE><RESOURCE>"}, "upload t cannot be used"),
        ("t,param:f", {"f": b""}, "is empty"),
    ],
)
def test_uploads_that_cannot_be_used_are_refused_with_the_reason(
    installation, upload, files, words
):
    assert words in refused(post(installation, "SELECT * FROM TAP_UPLOAD.t", upload, files))


@pytest.fixture
def small(installation):
    """The same installation where uploads may have one megabyte."""
    settings = installation.settings.model_copy(
        update={"upload_max_bytes": 2**20, "upload_private_addresses": True}
    )
    return type(installation)(settings, installation.services, make_app(settings).test_client())


def test_a_file_past_the_limit_is_refused(small):
    text = refused(post(small, JOIN, "t,param:f", {"f": b"a,b\n" + b"1,2\n" * 2**18}))
    assert "upload t cannot be used: it is larger than 1048576 bytes" in text


def test_a_body_past_the_limit_is_refused_before_it_is_read(small):
    content = {"f": b"a,b\n" + b"1,2\n" * 2**20}
    assert "too large" in refused(post(small, JOIN, "t,param:f", content), 413)


def test_only_forms_with_files_may_be_large(small):
    body = b"QUERY=" + b"x" * (3 * 2**20)
    kind = "application/x-www-form-urlencoded"
    refused(small.client.post("/tap/sync", data=body, content_type=kind), 413)


class Table(BaseHTTPRequestHandler):
    """Serves one table."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(MINE)

    def log_message(self, *arguments):
        """Be quiet."""


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Table)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/mine.csv"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_upload_comes_from_an_address(small, url):
    response = small.client.get(
        "/tap/sync",
        query_string={
            "LANG": "ADQL", "QUERY": JOIN, "UPLOAD": f"t,{url}", "RESPONSEFORMAT": "csv",
        },
    )  # fmt: skip
    assert csv(response) == ["one,9007199254740993", "two,9007199254740994"]


# Jobs


@pytest.fixture
def run(small):
    """Start what a worker does."""
    worker = make_worker(small.settings)
    yield worker.start
    worker.stop()


def result(small, run, job):
    """Wait for a job; give its phase and the rows of its result, or its error."""
    run()
    document = small.client.get(f"{job}?WAIT=30&PHASE=QUEUED").text
    for _ in range(60):
        phase = small.client.get(f"{job}/phase").text.strip()
        if phase in ("COMPLETED", "ERROR"):
            break
        document = small.client.get(f"{job}?WAIT=1").text
    if phase == "ERROR":
        return phase, read_votable(small.client.get(f"{job}/error").data).text
    assert document
    with small.client.get(f"{job}/results/result") as response:
        return phase, csv(response)


def created(small, form):
    response = small.client.post("/tap/async", **form)
    assert response.status_code == 303, response.text
    return re.sub(r"^https://vo\.example\.org/photoz", "", response.headers["Location"])


def stored(small, job):
    folder = small.settings.results_folder
    return [p for p in folder.rglob("upload-*") if job.rpartition("/")[2] in str(p)]


def test_a_job_keeps_its_file_until_it_is_deleted(small, run):
    job = created(small, asked(JOIN, "t,param:f", {"f": MINE}, PHASE="RUN", RESPONSEFORMAT="csv"))
    assert result(small, run, job) == (
        "COMPLETED",
        ["one,9007199254740993", "two,9007199254740994"],
    )
    assert len(stored(small, job)) == 1
    document = small.client.get(job).text
    assert "t,param:f" in document
    assert "byReference" not in document
    assert "three" not in document
    assert small.client.delete(job).status_code == 303
    assert stored(small, job) == []


def test_a_file_may_come_after_the_job_was_made(small, run):
    job = created(small, asked(JOIN, "t,param:f", RESPONSEFORMAT="csv"))
    form = asked(JOIN, "t,param:my file.csv", {"my file.csv": MINE})
    assert small.client.post(f"{job}/parameters", **form).status_code == 303
    assert small.client.post(f"{job}/phase", data={"PHASE": "RUN"}).status_code == 303
    assert result(small, run, job)[0] == "COMPLETED"


def test_uploads_that_come_later_add_tables(small, run):
    adql = "SELECT a.w, b.w AS v FROM TAP_UPLOAD.a AS a JOIN TAP_UPLOAD.b AS b ON a.obj = b.obj"
    job = created(small, asked(adql, "a,param:a", {"a": MINE}, RESPONSEFORMAT="csv"))
    for child in ("/parameters", ""):
        later = asked(adql, "b,param:b", {"b": b"obj,w\n1,%s\n" % (child.encode() or b"last")})
        assert small.client.post(f"{job}{child}", **later).status_code in (200, 303)
    document = small.client.get(f"{job}/parameters").text
    assert document.count(">a,param:a<") == document.count(">b,param:b<") == 1
    assert document.count('id="QUERY"') == 1
    small.client.post(f"{job}/phase", data={"PHASE": "RUN"})
    assert result(small, run, job) == ("COMPLETED", ["three,last"])


def test_a_later_file_does_not_take_the_place_of_another_tables(small, run):
    adql = "SELECT COUNT(*) AS n FROM TAP_UPLOAD.a"
    job = created(small, asked(adql, "a,param:file", {"file": MINE}, RESPONSEFORMAT="csv"))
    other = small.client.post(
        f"{job}/parameters", **asked(adql, "b,param:file", {"file": b"x,y\n1,2\n"})
    )
    assert other.status_code == 400
    assert "'file' already holds the table a" in other.text
    again = asked(adql, "A,param:file", {"file": b"obj,w\n1,x\n"})
    assert small.client.post(f"{job}/parameters", **again).status_code == 303
    small.client.post(f"{job}/phase", data={"PHASE": "RUN"})
    assert result(small, run, job) == ("COMPLETED", ["1"])


@pytest.mark.parametrize(
    ("present", "sent", "merged"),
    [
        (["a,param:a"], ["b,param:b"], ["a,param:a", "b,param:b"]),
        (["a,param:a"], ["A,param:x"], ["A,param:x"]),
        (["a,param:a;b,http://h/b"], ["a,param:x"], ["b,http://h/b", "a,param:x"]),
        (["a,param:a;b,param:b"], ["c,param:c;b,param:x"], ["a,param:a", "c,param:c;b,param:x"]),
        (["no table"], ["a,param:a"], ["a,param:a"]),
        (["a,param:a"], ["no table"], ["a,param:a", "no table"]),
        (["a,param:a", "b,param:b"], [], ["a,param:a", "b,param:b"]),
    ],
)
def test_uploads_accumulate_by_the_names_of_their_tables(present, sent, merged):
    before = (Parameter("upload", present[0]), *(Parameter("UPLOAD", v) for v in present[1:]))
    query = Parameter("QUERY", "old")
    newer = [Parameter("UPLOAD", value) for value in sent]
    found = merge_uploads((query, *before), [*newer, Parameter("query", "new")])
    assert [each.value for each in found if each.name.upper() == "UPLOAD"] == merged
    assert [each for each in found if each.name.upper() != "UPLOAD"] == [Parameter("query", "new")]
    references = {each.value: each.by_reference for each in found}
    assert references.get("b,http://h/b", True)


def test_a_job_fetches_its_address_when_it_runs(small, run, url):
    job = created(small, asked(JOIN, f"t,{url}", PHASE="RUN", RESPONSEFORMAT="csv"))
    assert 'byReference="true"' in small.client.get(job).text
    assert result(small, run, job)[0] == "COMPLETED"


@pytest.mark.parametrize(
    ("upload", "files", "words"),
    [
        ("t,param:g", {"f": MINE}, "no file named 'g'"),
        ("t,param:f", {"f": b"<VOTABLE>"}, "upload t cannot be used"),
    ],
)
def test_a_job_tells_what_is_wrong_with_its_upload(small, run, upload, files, words):
    job = created(small, asked(JOIN, upload, files, PHASE="RUN"))
    phase, text = result(small, run, job)
    assert phase == "ERROR"
    assert words in text


def test_a_job_whose_file_is_too_large_is_not_made(small):
    form = asked(JOIN, "t,param:f", {"f": b"1" * (2**20 + 1)}, PHASE="RUN")
    response = small.client.post("/tap/async", **form)
    assert response.status_code == 400
    assert "larger than 1048576 bytes" in response.text


def test_the_files_of_jobs_are_apart(small):
    inputs = small.services.uploads.inputs
    job = created(small, asked(JOIN, "t,param:f", {"f": MINE}))
    with inputs.open(job.rpartition("/")[2], "f") as file:
        assert file.content.read() == MINE
    with inputs.open("0" * 32, "f") as file:
        assert file is None


# Capabilities


def test_the_capabilities_name_the_methods_and_the_limit(installation):
    text = installation.client.get("/tap/capabilities").text
    for method in ("inline", "http", "https"):
        assert f'ivo-id="ivo://ivoa.net/std/TAPRegExt#upload-{method}"' in text
    assert re.search(r"<uploadLimit>\s*<default unit=\"byte\">104857600</default>", text)
    assert '<hard unit="byte">104857600</hard>' in text
