from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from jobs import START, SayHandler
from schemas import validate

from uws.blueprint import uws_blueprint
from uws.errors import JobStoreUnavailable, StorageFull
from uws.limits import JobLimits
from uws.model import Phase
from uws.service import JobService
from uws.worker import Worker, WorkerSettings

URL = "https://example.org/tap/async"
UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
XLINK = "{http://www.w3.org/1999/xlink}"
LIMITS = JobLimits(
    execution_duration_default_s=60,
    execution_duration_max_s=100,
    destruction_default_s=1000,
    destruction_max_s=2000,
    stored_per_owner=5,
    stored_anonymous=5,
    wait_max_s=30,
)


class Caller:
    """Who the next requests come from."""

    owner: str | None = "ada"


@pytest.fixture
def caller():
    return Caller()


@pytest.fixture
def uploads():
    return []


@pytest.fixture
def service(store, results, clock):
    return JobService(store, results, limits=LIMITS, clock=clock)


@pytest.fixture
def client(service, caller, uploads):
    def accept(job, part, content):
        if part == "huge":
            raise StorageFull("the upload 'huge' is too large")
        uploads.append((job.job_id, job.phase, part, content.read()))

    app = Flask("test")
    app.register_blueprint(
        uws_blueprint(
            service,
            kind="say",
            jobs_url=URL,
            owner=lambda: caller.owner,
            accept_upload=accept,
            by_reference=lambda name, _: False if name.upper() == "UPLOAD" else None,
        ),
        url_prefix="/tap/async",
    )
    return app.test_client()


@pytest.fixture
def working(store, results, clock):
    settings = WorkerSettings(poll_s=0.01, watch_s=0.01)
    worker = Worker(store, results, [SayHandler()], settings=settings, clock=clock)
    worker.start()
    yield worker
    worker.stop(grace_s=0)


def redirected(response, url):
    assert response.status_code == 303, response.text
    assert response.headers["Location"] == url
    return response


def create(client, **form):
    response = client.post("/tap/async", data=form)
    assert response.status_code == 303, response.text
    location = response.headers["Location"]
    assert location.startswith(URL + "/")
    return location.removeprefix("https://example.org")


def show(client, path):
    response = client.get(path)
    assert response.status_code == 200, response.text
    assert response.content_type == "text/xml"
    return validate(response.data, "uws")


def single(client, path):
    response = client.get(path)
    assert (response.status_code, response.content_type) == (200, "text/plain; charset=utf-8")
    return response.text


def refused(response, status, *words):
    assert response.status_code == status, response.text
    assert response.content_type == "text/plain; charset=utf-8"
    for word in words:
        assert word in response.text
    return response


def finish(client, path):
    for phase in (Phase.QUEUED, Phase.EXECUTING):
        root = show(client, f"{path}?WAIT=-1&PHASE={phase}")
    return root


def test_a_job_is_made_with_whatever_was_sent(client):
    path = create(client, QUERY="DUFF QUERY", lang="OOBLECK", RUNID="mine", UPLOAD="a,param:a")
    root = show(client, path)
    assert root.findtext(f"{UWS}jobId") == path.rsplit("/", 1)[1]
    assert root.findtext(f"{UWS}phase") == "PENDING"
    assert root.findtext(f"{UWS}runId") == "mine"
    assert root.findtext(f"{UWS}ownerId") == "ada"
    sent = {p.get("id"): (p.text, p.get("byReference")) for p in root.find(f"{UWS}parameters")}
    assert sent == {
        "QUERY": ("DUFF QUERY", None),
        "lang": ("OOBLECK", None),
        "UPLOAD": ("a,param:a", "false"),
    }


def test_parameters_may_come_in_the_address_and_twice(client):
    response = client.post("/tap/async?LANG=ADQL", data={"UPLOAD": ["a,param:a", "b,param:b"]})
    path = response.headers["Location"].removeprefix("https://example.org")
    parameters = show(client, f"{path}/parameters")
    assert [(p.get("id"), p.text) for p in parameters] == [
        ("LANG", "ADQL"),
        ("UPLOAD", "a,param:a"),
        ("UPLOAD", "b,param:b"),
    ]


@pytest.mark.parametrize("name", ["PHASE", "phase"])
def test_a_job_may_run_at_once(client, name):
    assert single(client, create(client, SAY="x", **{name: "RUN"}) + "/phase") == "QUEUED"


def test_a_job_may_be_made_with_its_times(client):
    path = create(client, EXECUTIONDURATION="7", DESTRUCTION="2026-01-01T00:00:09Z")
    assert single(client, f"{path}/executionduration") == "7"
    assert single(client, f"{path}/destruction") == "2026-01-01T00:00:09Z"
    assert len(show(client, f"{path}/parameters")) == 0


def test_a_job_runs_to_its_result(client, working):
    path = create(client, SAY="hello world")
    redirected(client.post(f"{path}/phase", data={"PHASE": "RUN"}), "https://example.org" + path)
    root = finish(client, path)
    assert root.findtext(f"{UWS}phase") == "COMPLETED"
    (listed,) = show(client, f"{path}/results")
    assert listed.get(f"{XLINK}href") == f"https://example.org{path}/results/result"
    assert (listed.get("id"), listed.get("size")) == ("result", "11")
    response = client.get(f"{path}/results/result", buffered=True)
    assert response.data == b"hello world"
    assert response.content_type == listed.get("mime-type") == "text/plain; charset=utf-8"
    assert response.headers["Content-Length"] == "11"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert "Authorization" in response.headers["Vary"]


def test_results_are_sent_in_ranges_and_not_again(client, working):
    path = create(client, SAY="0123456789", PHASE="RUN")
    finish(client, path)

    def get(method="GET", **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{path}/results/result"
        # Buffered, because a server closes what it has sent and a test does not.
        return client.open(url, method=method, headers=names, buffered=True)

    whole = get()
    part = get(Range="bytes=2-4")
    assert (part.status_code, part.data) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert part.headers["Content-Length"] == "3"
    assert get(Range="bytes=-2").data == b"89"
    assert get(Range="bytes=10-").status_code == 416
    same = get(If_None_Match=whole.headers["ETag"])
    assert (same.status_code, same.data) == (304, b"")
    stale = get(Range="bytes=2-4", If_Range='"other"')
    assert (stale.status_code, stale.data) == (200, b"0123456789")
    for ignored in ("bytes=0-1,4-5", "lines=1-2", "bytes=5-2", "bytes", "bytes=a-b"):
        assert (get(Range=ignored).status_code, ignored) == (200, ignored)
    for headers in ({}, {"Range": "bytes=0-4"}):
        head = get("HEAD", **headers)
        assert (head.status_code, head.headers["Content-Length"], head.data) == (200, "10", b"")


def test_an_error_keeps_its_message_everywhere(client, working):
    path = create(client, FAIL="Column not found: nope", PHASE="RUN")
    root = finish(client, path)
    assert root.findtext(f"{UWS}phase") == "ERROR"
    summary = root.find(f"{UWS}errorSummary")
    assert (summary.get("type"), summary.get("hasDetail")) == ("transient", "true")
    assert summary.findtext(f"{UWS}message") == "Column not found: nope"
    assert single(client, f"{path}/error") == "Column not found: nope\n"
    refused(client.get(f"{path}/results/result"), 404, "ERROR")
    assert len(show(client, f"{path}/results")) == 0


def test_the_error_document_is_the_callers(service, client, working, caller):
    path = create(client, FAIL="no", PHASE="RUN")
    finish(client, path)
    app = Flask("other")
    blueprint = uws_blueprint(
        service,
        kind="say",
        jobs_url=URL,
        owner=lambda: caller.owner,
        error_document=lambda job: (b"<VOTABLE/>", "application/x-votable+xml"),
    )
    app.register_blueprint(blueprint, url_prefix="/tap/async")
    response = app.test_client().get(f"{path}/error")
    assert (response.status_code, response.data) == (200, b"<VOTABLE/>")
    assert response.content_type == "application/x-votable+xml"


def test_a_job_without_an_error_has_none_to_show(client):
    refused(client.get(create(client) + "/error"), 404, "no error", "PENDING")


def test_single_values_are_those_of_the_document(client):
    path = create(client, SAY="x")
    root = show(client, path)
    assert single(client, f"{path}/phase") == root.findtext(f"{UWS}phase") == "PENDING"
    assert single(client, f"{path}/executionduration") == "60"
    assert root.findtext(f"{UWS}executionDuration") == "60"
    assert single(client, f"{path}/destruction") == root.findtext(f"{UWS}destruction")
    assert single(client, f"{path}/quote") == ""
    assert single(client, f"{path}/owner") == "ada"
    assert single(client, f"{path}/phase/") == "PENDING"


def test_times_are_set_and_clipped(client):
    path = create(client)
    here = "https://example.org" + path
    duration, destruction = f"{path}/executionduration", f"{path}/destruction"
    redirected(client.post(duration, data={"EXECUTIONDURATION": "7"}), here)
    assert single(client, duration) == "7"
    redirected(client.post(duration, data={"executionduration": "100000"}), here)
    assert single(client, duration) == "100"
    redirected(client.post(destruction, data={"DESTRUCTION": "2026-01-01T00:00:05.250"}), here)
    assert single(client, destruction) == "2026-01-01T00:00:05.250Z"
    redirected(client.post(destruction, data={"DESTRUCTION": "2126-01-01T00:00:00Z"}), here)
    assert single(client, destruction) == "2026-01-01T00:33:20Z"


def test_parameters_are_replaced_by_name(client):
    path = create(client, QUERY="old", LANG="ADQL")
    response = client.post(f"{path}/parameters", data={"query": "new"})
    redirected(response, "https://example.org" + path)
    parameters = show(client, f"{path}/parameters")
    assert [(p.get("id"), p.text) for p in parameters] == [("LANG", "ADQL"), ("query", "new")]


def test_parameters_may_be_sent_to_the_job_itself(client):
    path = create(client)
    response = client.post(path, data={"QUERY": "x", "RUNID": "mine", "EXECUTIONDURATION": "5"})
    assert response.status_code == 200
    root = validate(response.data, "uws")
    assert root.findtext(f"{UWS}runId") == "mine"
    assert root.findtext(f"{UWS}executionDuration") == "5"
    assert [p.text for p in root.find(f"{UWS}parameters")] == ["x"]
    assert client.post(path, data={"PHASE": "RUN"}).status_code == 200
    assert single(client, f"{path}/phase") == "QUEUED"


def test_a_job_that_was_started_cannot_be_changed(client):
    path = create(client, PHASE="RUN")
    refused(client.post(f"{path}/parameters", data={"Q": "x"}), 403, "QUEUED", "PENDING")
    refused(client.post(f"{path}/parameters", data={"f": (BytesIO(b"x"), "f")}), 403)
    refused(client.post(f"{path}/executionduration", data={"EXECUTIONDURATION": "5"}), 403)
    refused(client.post(f"{path}/phase", data={"PHASE": "RUN"}), 403, "Cannot run the job")
    refused(client.post(path, data={"QUERY": "x"}), 403)


def test_abort_stops_a_job_once(client):
    path = create(client, PHASE="RUN")
    aborted = client.post(f"{path}/phase", data={"PHASE": "ABORT"})
    redirected(aborted, "https://example.org" + path)
    assert single(client, f"{path}/phase") == "ABORTED"
    refused(client.post(f"{path}/phase", data={"PHASE": "ABORT"}), 403, "ABORTED")


@pytest.mark.parametrize("way", ["DELETE", "POST"])
def test_a_deleted_job_is_gone(client, way):
    path = create(client)
    response = (
        client.delete(path) if way == "DELETE" else client.post(path, data={"ACTION": "DELETE"})
    )
    redirected(response, URL)
    refused(client.get(path), 404)
    refused(client.delete(path), 404)


@pytest.mark.parametrize("child", ["", "/phase", "/results", "/results/result", "/error", "/x"])
def test_an_unknown_job_has_nothing(client, child):
    refused(client.get(f"/tap/async/nowhere{child}"), 404, "nowhere")


@pytest.mark.parametrize("child", ["x", "results/other", "phase/x", "results/a/b"])
def test_an_unknown_child_is_not_found(client, child):
    refused(client.get(f"{create(client)}/{child}"), 404)


def test_other_methods_are_not_allowed(client):
    assert client.delete(f"{create(client)}/phase").status_code == 405


@pytest.mark.parametrize("method", ["get", "delete", "post"])
@pytest.mark.parametrize("who", ["bob", None])
def test_jobs_of_others_look_unknown(client, caller, method, who):
    path = create(client)
    caller.owner = who
    answer = refused(getattr(client, method)(path), 404)
    caller.owner = "ada"
    client.delete(path)
    assert answer.data == client.get(path).data


def test_the_list_shows_the_callers_jobs(client, caller, clock):
    first = create(client, RUNID="one")
    clock.advance(1)
    second = create(client, PHASE="RUN")
    caller.owner = "bob"
    create(client)
    caller.owner = "ada"
    root = show(client, "/tap/async")
    assert [ref.get(f"{XLINK}href") for ref in root] == [
        f"https://example.org{path}" for path in (first, second)
    ]
    assert root[0].findtext(f"{UWS}runId") == "one"
    assert len(show(client, "/tap/async/")) == 2


def test_the_list_is_filtered(client, clock):
    names = []
    for form in ({}, {"PHASE": "RUN"}, {}):
        names.append(create(client, **form).rsplit("/", 1)[1])
        clock.advance(1)
    client.post(f"/tap/async/{names[2]}/phase", data={"PHASE": "ABORT"})

    def listed(query):
        return [names.index(ref.get("id")) for ref in show(client, f"/tap/async?{query}")]

    assert listed("PHASE=PENDING") == [0]
    assert listed("PHASE=PENDING&phase=aborted") == [0, 2]
    assert listed("PHASE=ERROR") == []
    assert listed("LAST=2") == [1, 2]
    assert listed("AFTER=2026-01-01T00:00:00Z") == [1, 2]
    assert listed("AFTER=2026-01-01T00:00:01") == [2]
    assert listed("PHASE=QUEUED&PHASE=ABORTED&LAST=1&AFTER=2026-01-01T00:00:00.000") == [2]


def test_anonymous_callers_see_an_empty_list_and_their_job(client, caller):
    caller.owner = None
    path = create(client)
    assert show(client, path).find(f"{UWS}ownerId").attrib
    assert len(show(client, "/tap/async")) == 0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/tap/async?PHASE=RUNNING", ["PHASE", "RUNNING", "EXECUTING"]),
        ("/tap/async?LAST=0", ["LAST", "0"]),
        ("/tap/async?LAST=-3", ["LAST", "-3"]),
        ("/tap/async?LAST=many", ["LAST", "many"]),
        ("/tap/async?AFTER=yesterday", ["AFTER", "yesterday"]),
        ("/tap/async?AFTER=a&AFTER=b", ["AFTER", "2 times"]),
        ("{job}?WAIT=soon", ["WAIT", "soon"]),
        ("{job}?WAIT=1&PHASE=RUN", ["PHASE", "RUN"]),
    ],
)
def test_bad_values_in_addresses_are_named(client, path, words):
    refused(client.get(path.format(job=create(client))), 400, *words)


@pytest.mark.parametrize(
    ("child", "form", "words"),
    [
        ("/phase", {}, ["PHASE is missing"]),
        ("/phase", {"PHASE": "PAUSE"}, ["PAUSE", "RUN or ABORT"]),
        ("/executionduration", {"EXECUTIONDURATION": "1.5"}, ["EXECUTIONDURATION", "1.5"]),
        ("/executionduration", {"EXECUTIONDURATION": "-1"}, ["EXECUTIONDURATION", "-1"]),
        ("/executionduration", {"DURATION": "1"}, ["EXECUTIONDURATION is missing"]),
        ("/destruction", {"DESTRUCTION": "later"}, ["DESTRUCTION", "later"]),
        ("/destruction", {"DESTRUCTION": "0001-01-01T00:00:00+23:59"}, ["DESTRUCTION"]),
        ("", {"ACTION": "EXPLODE"}, ["ACTION", "EXPLODE", "DELETE"]),
        ("", {"RUNID": "x" * 65}, ["RUNID", "65", "64"]),
    ],
)
def test_bad_values_in_forms_are_named(client, child, form, words):
    path = create(client)
    before = client.get(path).data
    refused(client.post(path + child, data=form), 400, *words)
    assert client.get(path).data == before


@pytest.mark.parametrize("form", [{"PHASE": "ABORT"}, {"RUNID": "x" * 65}, {"DESTRUCTION": "x"}])
def test_a_job_that_cannot_be_made_is_not(client, form):
    refused(client.post("/tap/async", data=form), 400)
    assert len(show(client, "/tap/async")) == 0


def test_too_many_jobs_are_refused_for_a_while(client):
    for _ in range(5):
        create(client)
    response = refused(client.post("/tap/async"), 429, "5 jobs")
    assert int(response.headers["Retry-After"]) > 0


def test_waiting_is_answered_when_the_phase_has_changed(client, working):
    path = create(client, SAY="x", PHASE="RUN")
    assert finish(client, path).findtext(f"{UWS}phase") == "COMPLETED"
    assert show(client, f"{path}?WAIT=-1").findtext(f"{UWS}phase") == "COMPLETED"
    pending = create(client)
    assert show(client, f"{pending}?WAIT=-1&PHASE=QUEUED").findtext(f"{UWS}phase") == "PENDING"
    assert show(client, f"{pending}?WAIT=0").findtext(f"{UWS}phase") == "PENDING"


def test_files_are_received_before_the_job_may_run(client, uploads):
    form = {"UPLOAD": "t1,param:t1", "PHASE": "RUN", "t1": (BytesIO(b"<VOTABLE/>"), "t1.xml")}
    path = create(client, **form)
    job_id = path.rsplit("/", 1)[1]
    assert uploads == [(job_id, Phase.PENDING, "t1", b"<VOTABLE/>")]
    assert single(client, f"{path}/phase") == "QUEUED"
    assert [p.text for p in show(client, f"{path}/parameters")] == ["t1,param:t1"]


def test_files_may_be_added_to_a_pending_job(client, uploads):
    path = create(client)
    form = {"UPLOAD": "t2,param:t2", "t2": (BytesIO(b"x"), "t2.xml")}
    redirected(client.post(f"{path}/parameters", data=form), "https://example.org" + path)
    assert [upload[2:] for upload in uploads] == [("t2", b"x")]


def test_a_job_whose_file_is_refused_is_not_made(client):
    response = client.post("/tap/async", data={"huge": (BytesIO(b"x"), "huge")})
    refused(response, 507, "'huge' is too large")
    assert len(show(client, "/tap/async")) == 0


def test_files_are_refused_where_no_job_takes_them(service, caller):
    app = Flask("other")
    blueprint = uws_blueprint(service, kind="say", jobs_url=URL, owner=lambda: caller.owner)
    app.register_blueprint(blueprint, url_prefix="/tap/async")
    response = app.test_client().post("/tap/async", data={"f": (BytesIO(b"x"), "f")})
    refused(response, 400, "take no files")


def test_trouble_with_the_table_asks_to_come_back(client, store):
    store.trouble = JobStoreUnavailable("the job table is locked")
    response = refused(client.get("/tap/async"), 503, "locked")
    assert int(response.headers["Retry-After"]) > 0


def test_quotes_are_shown_where_known(store, results, clock, caller):
    later = START + timedelta(seconds=90)
    service = JobService(store, results, limits=LIMITS, clock=clock, quote=lambda _: later)
    app = Flask("other")
    blueprint = uws_blueprint(service, kind="say", jobs_url=URL, owner=lambda: caller.owner)
    app.register_blueprint(blueprint, url_prefix="/tap/async")
    client = app.test_client()
    path = create(client)
    assert single(client, f"{path}/quote") == "2026-01-01T00:01:30Z"
    assert show(client, path).findtext(f"{UWS}quote") == "2026-01-01T00:01:30Z"
