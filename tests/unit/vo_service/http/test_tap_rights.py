"""Every route of TAP, VOSI and UWS for every kind of caller, on both mounts."""

from __future__ import annotations

import io
import re
import time
from base64 import b64encode

import pyarrow as pa
import pyarrow.parquet
import pytest

from registry.ingestion.plan import PublishRequest
from registry.model.principal import ANONYMOUS, Principal
from uws.model import TERMINAL
from uws.service import JobRequest
from uws.store.base import JobQuery
from vo_service.assemble import assemble, make_app, make_worker, prepare
from vo_service.settings import Settings

MOUNTS = ("/tap", "/auth/tap")
CALLERS = ("anonymous", "other", "owner", "member", "coordinator", "operator")
NAMES = {
    "other": "otto",
    "owner": "ada",
    "member": "mia",
    "coordinator": "cora",
    "operator": "root",
}


class Site:
    """An installation with three products: open, for members, for a team."""

    def __init__(self, home, *, products=True, **settings):
        # Each route is asked with jobs of its own.
        settings = {"engine_threads": 1, "jobs_pending": 10_000} | settings
        self.settings = Settings(home=home / "home", **settings)
        prepare(self.settings)
        self.services = assemble(self.settings)
        self.app = make_app(self.settings)
        self.headers = {"anonymous": {}}
        accounts, credentials = self.services.people.accounts, self.services.people.credentials
        for caller, name in NAMES.items():
            accounts.add_user(
                name, coordinator=caller == "coordinator", operator=caller == "operator"
            )
            _, secret = credentials.create_token(name, "test")
            self.headers[caller] = {"Authorization": f"Bearer {secret}"}
        if products:
            self._publish(home, accounts)

    def _publish(self, home, accounts):
        accounts.add_group("team")
        accounts.add_member("team", "mia")
        # The owner must see a release to use it.
        accounts.add_member("team", "ada")
        self.services.people.releases.add("internal")
        self.services.people.releases.add("secret", groups=["team"])
        file = home / "file.parquet"
        pa.parquet.write_table(pa.table({"ra": [1.0, 2.0], "dec": [1.0, 2.0]}), file)
        for name, release in (("open", None), ("internal", "internal"), ("hidden", "secret")):
            request = PublishRequest(
                name, "object_catalog", (("ra", "RA"), ("dec", "Dec")), release=release
            )
            ada = accounts.principal_of("ada")
            self.services.data.publishing.publish(ada, file, request)
        # An owner sees a product without being in the group any more.
        accounts.remove_member("team", "ada")

    def open(self, caller, method, path, **options):
        headers = self.headers[caller] | options.pop("headers", {})
        client = self.app.test_client()
        return client.open(path, method=method, headers=headers, buffered=True, **options)

    def ask(self, caller, adql, mount="/tap"):
        form = {"LANG": "ADQL", "QUERY": adql, "FORMAT": "csv"}
        return self.open(caller, "POST", f"{mount}/sync", data=form)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.services.close()


# What each caller sees: tables `open`, `internal`, `hidden`.
SEEN = {
    "anonymous": "open",
    "other": "open internal",
    "owner": "open internal hidden",
    "member": "open internal hidden",
    "coordinator": "open internal",
    "operator": "open internal hidden",
}
TABLES = {
    "open": "object_catalog.p1_open",
    "internal": "object_catalog.p2_internal",
    "hidden": "object_catalog.p3_hidden",
}


@pytest.mark.parametrize("caller", CALLERS)
def test_the_list_of_products_shows_what_the_caller_may_see(site, caller):
    answer = site.ask(caller, "SELECT display_name FROM pz.products ORDER BY id")
    assert answer.text.split()[1:] == SEEN[caller].split()


@pytest.mark.parametrize("caller", CALLERS)
def test_tables_are_there_for_those_who_may_see_them_alone(site, caller):
    seen = SEEN[caller].split()
    listed = site.ask(
        caller, "SELECT table_name FROM TAP_SCHEMA.tables WHERE schema_name = 'object_catalog'"
    ).text
    columns = site.ask(caller, "SELECT COUNT(*) AS n FROM TAP_SCHEMA.columns WHERE table_name "
                               "LIKE 'object_catalog.%'").text  # fmt: skip
    assert columns.split() == ["n", str(2 * len(seen))]
    for document in ("tables", "tables?detail=min", "", "examples"):
        text = site.open(caller, "GET", f"/tap/{document}").text
        hidden = [name for name, table in TABLES.items() if table.split(".")[1] in text]
        if document not in ("", "examples"):
            assert hidden == seen
        assert set(hidden) <= set(seen)
    for name, table in TABLES.items():
        assert (table in listed) == (name in seen)
        answer = site.ask(caller, f"SELECT COUNT(*) AS n FROM {table}")
        assert answer.status_code == (200 if name in seen else 400)
        one = site.open(caller, "GET", f"/tap/tables/{table}")
        assert one.status_code == (200 if name in seen else 404)


HIDDEN_IN = (
    "SELECT * FROM object_catalog.{}",
    "SELECT * FROM {}",
    "SELECT {}.ra FROM x AS a",
    "SELECT * FROM object_catalog.p1_open WHERE EXISTS (SELECT 1 FROM {})",
)


@pytest.mark.parametrize("caller", ["anonymous", "other", "coordinator"])
def test_a_hidden_table_is_answered_like_one_that_never_was(site, caller):
    hidden, never = "p3_hidden", "p3_hiddem"
    for text in HIDDEN_IN:
        answers = [site.ask(caller, text.format(name)) for name in (hidden, never)]
        assert answers[0].status_code == answers[1].status_code == 400
        assert answers[0].text == answers[1].text.replace(never, hidden)
    # No suggestion leads there.
    assert hidden not in site.ask(caller, "SELECT * FROM p3_hidde").text


def test_published_products_are_listed_by_the_same_rule(site):
    for caller, name in (("anonymous", None), *NAMES.items()):
        who = ANONYMOUS if name is None else site.services.people.accounts.principal_of(name)
        found = [p.display_name for p in site.services.data.publishing.products(who)]
        assert found == SEEN[caller].split()


def test_callers_who_see_the_same_share_one_set_and_others_do_not(site):
    tables = site.services.data.catalogue.tables
    anonymous, otto, mia = (
        tables(who) for who in (ANONYMOUS, Principal("otto"), Principal("mia", frozenset({"team"})))
    )
    assert tables(ANONYMOUS) is anonymous
    assert tables(Principal("somebody")) is otto
    assert len({anonymous.version, otto.version, mia.version}) == 3


def test_rights_change_at_once(tmp_path):
    site = Site(tmp_path)
    query = "SELECT COUNT(*) AS n FROM object_catalog.p3_hidden"
    assert site.ask("other", query).status_code == 400
    site.services.people.accounts.add_member("team", "otto")
    assert site.ask("other", query).status_code == 200
    site.services.people.accounts.remove_member("team", "otto")
    assert site.ask("other", query).status_code == 400
    site.services.people.releases.update("secret", is_public=True)
    assert site.ask("anonymous", query).status_code == 200
    site.services.people.releases.update("secret", is_public=False)
    assert site.ask("anonymous", query).status_code == 400
    site.services.close()


def test_without_anonymous_reading_visitors_see_the_schema_tables_alone(tmp_path):
    site = Site(tmp_path, anonymous_read=False, anonymous_query=True)
    assert "<name>object_catalog" not in site.open("anonymous", "GET", "/tap/tables").text
    assert "<name>object_catalog" in site.open("other", "GET", "/tap/tables").text
    assert site.ask("anonymous", "SELECT * FROM object_catalog.p1_open").status_code == 400
    assert site.ask("other", "SELECT * FROM object_catalog.p1_open").status_code == 200
    assert site.ask("anonymous", "SELECT * FROM TAP_SCHEMA.tables").status_code == 200
    site.services.close()


# What the settings give to visitors without an account

ASKED = [
    ("read", "GET", "/api/products/", {}),
    ("query", "POST", "{mount}/sync", {"QUERY": "SELECT * FROM TAP_SCHEMA.tables"}),
    ("query", "GET", "{mount}/sync", {"QUERY": "SELECT * FROM TAP_SCHEMA.tables"}),
    (
        "upload",
        "POST",
        "{mount}/sync",
        {"QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,http://x"},
    ),
    ("upload", "POST", "{mount}/sync", {"QUERY": "SELECT 1 FROM TAP_SCHEMA.tables", "f": "FILE"}),
    ("jobs", "POST", "{mount}/async", {"QUERY": "SELECT * FROM TAP_SCHEMA.tables"}),
    ("jobs", "GET", "{mount}/async", {}),
    ("jobs", "GET", "{mount}/async/unknown", {}),
    ("jobs", "POST", "{mount}/async/unknown/phase", {"PHASE": "RUN"}),
    ("jobs", "GET", "{mount}/async/unknown/results/result", {}),
    ("jobs upload", "POST", "{mount}/async", {"upload": "t,http://x"}),
    ("jobs upload", "POST", "{mount}/async/unknown/parameters", {"UPLOAD": "t,http://x"}),
    ("", "GET", "{mount}/capabilities", {}),
    ("", "GET", "{mount}/availability", {}),
    ("", "GET", "{mount}/tables", {}),
]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"anonymous_read": False},
        {"anonymous_read": False, "anonymous_query": True},
        {"anonymous_read": False, "anonymous_query": True, "anonymous_jobs": False},
        {"anonymous_query": False},
        {"anonymous_query": False, "anonymous_jobs": True},
        {"anonymous_upload": False},
        {"anonymous_jobs": False},
    ],
)
def test_visitors_without_an_account_may_do_what_the_settings_say(tmp_path, given):
    site = Site(tmp_path, products=False, **given)
    granted = {
        right for right in ("read", "query", "upload", "jobs")
        if getattr(site.settings, f"anonymous_{right}")
    }  # fmt: skip
    for needed, method, path, form in ASKED:
        for mount in MOUNTS if "{mount}" in path else ("",):
            for caller in ("anonymous", "other", "operator"):
                sent = {
                    name: (io.BytesIO(b"a\n1\n"), "f.csv") if value == "FILE" else value
                    for name, value in ({"LANG": "ADQL"} | form if form else {}).items()
                }
                options = {"query_string": sent} if method == "GET" else {"data": sent}
                answer = site.open(caller, method, path.format(mount=mount), **options)
                refused = caller == "anonymous" and (
                    not set(needed.split()) <= granted
                    or (
                        mount == "/auth/tap"
                        and path.rpartition("/")[2] not in ("capabilities", "availability")
                    )
                )
                assert (answer.status_code == 401) is refused, (caller, method, path, form)
                if refused:
                    assert "WWW-Authenticate" in answer.headers
    site.services.close()


def test_reading_gives_the_defaults_of_what_else_strangers_may_do():
    def rights(**given):
        made = Settings(**given)
        return [made.anonymous_query, made.anonymous_upload, made.anonymous_jobs]

    assert rights() == [True] * 3
    assert rights(anonymous_read=False) == [False] * 3
    assert rights(anonymous_read=False, anonymous_query=True) == [True] * 3
    assert rights(anonymous_query=False) == [False] * 3
    assert rights(anonymous_read=False, anonymous_jobs=True) == [False, False, True]


# Routes. `{job}` is a job of the owner; statuses in the order of CALLERS, on /tap and on
# /auth/tap, where visitors are asked for credentials everywhere but in two documents.

PUBLIC = "200 200 200 200 200 200"
HIDDEN = "404 404 200 404 404 404"
ROUTES = [
    ("GET", "", PUBLIC, True),
    ("GET", "/capabilities", PUBLIC, False),
    ("GET", "/availability", PUBLIC, False),
    ("GET", "/tables", PUBLIC, True),
    ("GET", "/tables/object_catalog.p3_hidden", "404 404 200 200 404 200", True),
    ("GET", "/esatapplus.xsd", PUBLIC, False),
    ("GET", "/examples", PUBLIC, True),
    ("GET", "/sync?LANG=ADQL&QUERY=SELECT+1+AS+a+FROM+TAP_SCHEMA.schemas", PUBLIC, True),
    ("POST", "/sync?LANG=ADQL&QUERY=SELECT+1+AS+a+FROM+TAP_SCHEMA.schemas", PUBLIC, True),
    ("GET", "/async", PUBLIC, True),
    ("POST", "/async", "303 303 303 303 303 303", True),
    ("GET", "/async/{job}", HIDDEN, True),
    ("GET", "/async/{job}/error", "404 404 404 404 404 404", True),
    ("GET", "/async/{job}/results/result", "404 404 404 404 404 404", True),
    ("GET", "/async/{job}/parameters", HIDDEN, True),
    ("GET", "/async/{job}/phase", HIDDEN, True),
    ("POST", "/async/{job}/parameters?A=1", HIDDEN.replace("200", "303"), True),
    ("POST", "/async/{job}/phase?PHASE=ABORT", HIDDEN.replace("200", "303"), True),
    ("POST", "/async/{job}?RUNID=x", HIDDEN.replace("200", "403"), True),
    ("DELETE", "/async/{job}", HIDDEN.replace("200", "303"), True),
]
# Tables of one's own need an account; whose schema another one is, is nobody's business.
FOREIGN = "401 403 403 403 403 403"
ROUTES += [
    ("PUT", "/tables/object_catalog.p3_hidden", FOREIGN, True),
    ("DELETE", "/tables/object_catalog.p3_hidden", FOREIGN, True),
    ("POST", "/load/object_catalog.p3_hidden", FOREIGN, True),
    *(
        (method, path.replace("/async", "/table-update"), f"401{statuses[3:]}", True)
        for method, path, statuses, _ in ROUTES
        if path.startswith("/async")
    ),
]


def own_job(site, kind="tap"):
    return site.services.jobs.service.create(JobRequest(owner="ada", kind=kind)).job_id


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
def test_every_route_for_every_caller(site, mount, route):
    method, path, expected, asks = route
    statuses = expected.split()
    if mount == "/auth/tap" and asks:
        statuses[0] = "401"
    found = []
    jobs, kind = ("table-update",) * 2 if "table-update" in path else ("async", "tap")
    for caller in CALLERS:
        job = own_job(site, kind)
        if "RUNID" in path:
            site.open("owner", "POST", f"{mount}/{jobs}/{job}/phase?PHASE=ABORT")
        answer = site.open(caller, method, mount + path.replace("{job}", job))
        found.append(str(answer.status_code))
        expected_name = None if "availability" in path else NAMES.get(caller)
        assert answer.headers.get("X-VO-Authenticated") == expected_name
        if answer.status_code == 401:
            assert [c.split()[0] for c in answer.headers.getlist("WWW-Authenticate")] == [
                "Basic",
                "Bearer",
            ]
        if "Location" in answer.headers:
            assert f"{mount}/{jobs}" in answer.headers["Location"]
    assert found == statuses


def test_the_table_of_routes_leaves_none_out(site):
    def simple(path):
        path = re.sub(r"\?.*", "", path)
        path = re.sub(r"/\{job\}/(parameters|phase)$", "/{job}/{child}", path)
        path = re.sub(r"results/result$", "results/{id}", path)
        return re.sub(r"/(tables|load)/object.*", r"/\1/{table}", path)

    def rule(text):
        text = text.replace("<job_id>", "{job}").replace("<result_id>", "{id}")
        text = re.sub(r"<path:child>|<any\(.*?\):child>", "{child}", text)
        return text.replace("<path:table_name>", "{table}")

    for mount in MOUNTS:
        known = {(method, simple(mount + path)) for method, path, *_ in ROUTES}
        served = {
            (method, rule(each.rule).removesuffix("/") or "/")
            for each in site.app.url_map.iter_rules()
            for method in each.methods - {"HEAD", "OPTIONS"}
            if each.rule.startswith(mount)
        }
        assert served == known


def test_jobs_are_listed_for_their_owner_alone(site):
    job = own_job(site)
    for caller in CALLERS:
        assert (job in site.open(caller, "GET", "/tap/async").text) == (caller == "owner")


def test_a_job_of_a_visitor_is_open_to_whoever_knows_its_address(site):
    made = site.open("anonymous", "POST", "/tap/async")
    path = made.headers["Location"].removeprefix(site.settings.base_url)
    for caller in CALLERS:
        assert site.open(caller, "GET", path).status_code == 200


WRONG = [
    "Bearer " + "0" * 40,
    "Token x",
    "Basic " + b64encode(b"ada:x").decode(),
    "Basic " + b64encode(b"ada").decode(),
    "Basic eDp5",
    "Basic \xff",
    "Negotiate abc",
    "x",
    "",
]


def wrong_answer(site, method, path, authorization):
    client = site.app.test_client()
    headers = {"Authorization": authorization}
    return client.open(path.replace("{job}", "a" * 32), method=method, headers=headers)


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
def test_wrong_credentials_never_become_anonymous(site, route, mount):
    method, path, *_ = route
    answer = wrong_answer(site, method, mount + path, WRONG[0])
    assert answer.status_code == (200 if "availability" in path else 401)
    assert "X-VO-Authenticated" not in answer.headers


@pytest.mark.parametrize("authorization", WRONG)
@pytest.mark.parametrize("path", ["/tap/sync", "/auth/tap/tables", "/tap/async/{job}", "/nowhere"])
def test_credentials_of_every_wrong_kind_are_refused(site, path, authorization):
    answer = wrong_answer(site, "GET", path, authorization)
    assert answer.status_code == 401
    assert "credentials are not valid here" in answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_a_token_in_the_address_is_no_credential(site):
    secret = site.headers["owner"]["Authorization"].split()[1]
    for name in ("token", "access_token", "key"):
        answer = site.open("anonymous", "GET", f"/auth/tap/tables?{name}={secret}")
        assert answer.status_code == 401


# Jobs run with the rights that their owner has when they run


def submitted(site, caller, adql):
    form = {"LANG": "ADQL", "QUERY": adql, "FORMAT": "csv", "PHASE": "RUN"}
    made = site.open(caller, "POST", "/tap/async", data=form)
    return made.headers["Location"].removeprefix(site.settings.base_url)


def wait_for_jobs(services):
    for _ in range(4000):
        jobs = services.jobs.store.list(JobQuery(everyone=True))
        if all(job.phase in TERMINAL for job in jobs):
            return
        time.sleep(0.05)
    raise AssertionError([job.phase for job in jobs])


def test_a_job_is_run_with_the_rights_of_that_moment(tmp_path):
    site = Site(tmp_path)
    accounts = site.services.people.accounts
    query = "SELECT COUNT(*) AS n FROM object_catalog.p3_hidden"
    may, lost, gone, visitor = (
        submitted(site, caller, query) for caller in ("owner", "member", "other", "anonymous")
    )
    accounts.remove_member("team", "mia")
    accounts.deactivate("otto")
    worker = make_worker(site.settings)
    worker.start()
    wait_for_jobs(site.services)
    worker.stop()
    assert site.open("owner", "GET", f"{may}/results/result").text.split() == ["n", "2"]
    assert 'Unknown table "object_catalog.p3_hidden"' in site.open("member", "GET", lost).text
    assert 'Unknown table "object_catalog.p3_hidden"' in site.open("anonymous", "GET", visitor).text
    job = site.services.jobs.store.get(gone.rsplit("/", 1)[1])
    assert job.phase == "ERROR"
    assert "'otto' is deactivated" in job.error.message
    site.services.close()
