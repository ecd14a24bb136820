"""What every answer has in common: cross-origin rules, methods, statuses, caches."""

from dataclasses import replace

import pytest
from applications import application, ask, fails
from flask import redirect
from votables import read_votable

from registry.model.principal import ANONYMOUS
from registry.tap_schema import with_tap_schema

BASE = "https://vo.example.org/photoz"
QUERY = "LANG=ADQL&QUERY=SELECT+TOP+1+id+FROM+redshift_catalog.p1_survey"
SYNC = f"/tap/sync?{QUERY}"
STREAMED = "/tap/sync?LANG=ADQL&QUERY=SELECT+*+FROM+TAP_SCHEMA.columns&FORMAT=votable/td"
PAGES = [
    "/tap",
    "/tap/examples",
    "/tap/capabilities",
    "/tap/availability",
    "/tap/tables",
    "/tap/tables/TAP_SCHEMA.tables",
]


def allowed_at(path):
    """Give the methods of an address; users make and remove tables of their own."""
    more = {"/tap/sync": {"POST"}, "/tap/tables/TAP_SCHEMA.tables": {"PUT", "DELETE"}}
    return {"GET", "HEAD", "OPTIONS"} | more.get(path, set())


@pytest.fixture
def client(installation):
    return installation.client


# Cross-origin rules


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", page, 200) for page in PAGES),
        ("GET", SYNC, 200),
        ("GET", STREAMED, 200),
        ("HEAD", SYNC, 200),
        ("GET", "/", 200),
        ("GET", "/tap/sync?LANG=ADQL&QUERY=DUFF", 400),
        ("POST", "/tap/sync", 400),
        ("PUT", "/tap/sync", 405),
        ("POST", "/tap/tables", 405),
        ("GET", "/tap/tables/no.such", 404),
        ("GET", "/tap/tables?detail=x", 400),
        ("GET", "/nowhere", 404),
        ("GET", "/tap/nowhere", 404),
        ("OPTIONS", "/tap/sync", 200),
    ],
)
def test_pages_of_other_origins_may_read_every_answer(client, method, path, status):
    response = client.open(path, method=method, headers={"Origin": "https://elsewhere.org"})
    assert response.status_code == status
    assert response.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Location", "WWW-Authenticate", "Retry-After"} <= set(exposed)
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_rejected_credentials_and_failures_may_be_read_too(installation):
    app = application(installation, fails)
    response = app.test_client().get(SYNC)
    assert response.status_code == 500
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    response = app.test_client().get(SYNC, headers={"Authorization": "Basic YTpi"})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/tap/sync", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/tap/sync/", {"GET", "HEAD", "OPTIONS", "POST"}),
        *((page, allowed_at(page)) for page in PAGES),
    ],
)
def test_a_browser_may_ask_what_is_allowed(client, path, methods):
    response = client.options(
        path,
        headers={
            "Origin": "https://elsewhere.org",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert (response.status_code, response.data) == (200, b"")
    assert names(response.headers["Allow"]) == methods
    assert names(response.headers["Access-Control-Allow-Methods"]) == methods
    allowed = {name.lower() for name in names(response.headers["Access-Control-Allow-Headers"])}
    assert {"authorization", "content-type"} <= allowed
    assert int(response.headers["Access-Control-Max-Age"]) > 0


def names(value):
    return {name.strip() for name in value.split(",")}


# Methods


@pytest.mark.parametrize("path", [*PAGES, SYNC, STREAMED])
def test_head_is_get_without_its_body(client, path):
    got, asked = client.get(path), client.head(path)
    assert (asked.status_code, asked.data) == (200, b"")
    for name in ("Content-Type", "Content-Length", "Vary", "Last-Modified"):
        assert asked.headers.get(name) == got.headers.get(name), name


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ["/tap/sync", *PAGES])
def test_other_methods_are_refused_with_those_that_are_allowed(client, method, path):
    allowed = allowed_at(path)
    if method in allowed:
        assert client.open(path, method=method).status_code == 401
        return
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert names(response.headers["Allow"]) == allowed
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.text == f"{method} is not possible at {path}.\n"


# What is not there


@pytest.mark.parametrize(
    "path",
    [
        "/tap/sync/x",
        "/sync",
        "/tap/nowhere",
        "/nowhere",
        "/static/x",
        "/tap/../etc/passwd",
        "/tap/<script>alert(1)</script>",
        "/tap/%00",
        "/tap/%FF",
        "/" + "x" * 5000,
    ],
)
def test_what_is_not_there_is_one_line_of_text(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.text.startswith("There is nothing at /")
    assert response.text.count("\n") == 1
    assert len(response.text) < 300


def test_absolute_urls_come_from_the_settings_and_not_from_the_request(client):
    for page in ("/tap", "/tap/capabilities", SYNC.replace("sync?", "sync?FORMAT=votable/td&")):
        text = client.get(page, headers={"Host": "evil.org", "X-Forwarded-Host": "evil.org"}).text
        assert "evil.org" not in text
        assert f"{BASE}/tap" in text


def test_a_hidden_table_and_an_absent_one_answer_alike(installation, monkeypatch):
    """What is not in the caller's table set does not exist for them, whatever the store holds."""
    app, visible = without_the_second_table(installation)
    client = app.test_client()
    hidden = client.get(f"/tap/tables/{visible}")
    absent = client.get("/tap/tables/redshift_catalog.p9_nothing")
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace(visible, "X") == absent.text.replace(
        "redshift_catalog.p9_nothing", "X"
    )
    hidden = ask(client, f"SELECT z FROM {visible}")
    absent = ask(client, "SELECT z FROM redshift_catalog.p9_nothing")
    assert (hidden.status_code, absent.status_code) == (400, 400)
    words = [read_votable(response.data).text for response in (hidden, absent)]
    assert words[0].partition(";")[0].replace(visible, "X") == words[1].partition(";")[0].replace(
        "redshift_catalog.p9_nothing", "X"
    )


def without_the_second_table(installation):
    every = installation.services.data.catalogue.tables(ANONYMOUS)
    (schema,) = [s for s in every.schemas if s.name == "redshift_catalog"]
    shown = with_tap_schema([replace(schema, tables=schema.tables[:1])], "other")
    return application(installation, tables=shown), schema.tables[1].name


# Credentials


@pytest.mark.parametrize("credentials", ["Basic YTpi", "Bearer abc", "nonsense", ""])
@pytest.mark.parametrize("path", ["/tap", "/tap/examples", "/tap/tables", SYNC])
def test_credentials_that_nobody_holds_are_refused_with_a_challenge(client, path, credentials):
    response = client.get(path, headers={"Authorization": credentials})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith('Basic realm="')
    assert "credentials are not valid" in response.text.lower()


@pytest.mark.parametrize("mount", ["/tap", "/auth/tap"])
@pytest.mark.parametrize("document", ["capabilities", "availability"])
def test_capabilities_and_availability_never_ask_for_credentials(client, mount, document):
    assert client.get(f"{mount}/{document}").status_code == 200


def test_availability_answers_whatever_credentials_are_shown(client):
    wrong = {"Authorization": "Basic YTpi"}
    assert client.get("/tap/availability", headers=wrong).status_code == 200
    # From capabilities, clients learn whether they are logged in.
    assert client.get("/tap/capabilities", headers=wrong).status_code == 401


# Caches


@pytest.mark.parametrize(
    "path", ["/tap", "/tap/examples", "/tap/tables", "/tap/tables/no.such", SYNC, STREAMED]
)
def test_what_depends_on_the_caller_says_so(client, path):
    assert "Authorization" in client.get(path).vary


def test_a_redirect_of_the_framework_keeps_its_place(installation):
    app = application(installation)
    app.add_url_rule("/moved", view_func=lambda: redirect("/tap", 303))
    response = app.test_client().get("/moved")
    assert response.headers["Location"].endswith("/tap")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
