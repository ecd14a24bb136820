"""Credentials of every kind, sessions and their cookies, and what a foreign page can do."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from flask import jsonify

from vo_service.assemble import assemble, make_app, prepare
from vo_service.settings import Settings

PASSWORD = "correct horse battery"
BASE = "https://vo.example.org/photoz"
TLS = "ivo://ivoa.net/sso#tls-with-password"
FORM = {"username": "ada", "password": PASSWORD}


class Site:
    def __init__(self, home, **settings):
        self.settings = Settings(home=home, engine_threads=1, **{"public_url": BASE} | settings)
        prepare(self.settings)
        self.services = assemble(self.settings)
        self.services.people.accounts.add_user("ada", password=PASSWORD)
        self.services.people.accounts.add_user("bob", password=PASSWORD)
        self.token = self.services.people.credentials.create_token("ada", "test")[1]
        self.app = make_app(self.settings)
        # Each process has its own part of the services: this one is the application's.
        self.authentication = self.app.before_request_funcs[None][0].__self__
        self.app.add_url_rule("/who", "who", self._who, methods=["GET", "POST"])
        self.app.add_url_rule("/change", "change", self._change, methods=["GET"])

    def _who(self):
        who = self.authentication
        return jsonify(
            user=who.principal().user, method=who.method(), csrf=who.csrf(), address=who.address()
        )

    def _change(self):
        return jsonify(user=self.authentication.token_required().user)

    def client(self):
        # The cookie is for encrypted connections alone.
        client = self.app.test_client()
        client.environ_base["wsgi.url_scheme"] = "https"
        return client

    def logged_in(self):
        client = self.client()
        answer = client.post("/login", json=FORM)
        assert answer.status_code == 200
        return client, answer.json["csrf"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("home"), login_attempts=1000)
    yield made
    made.services.close()


def basic(name, secret):
    return {"Authorization": "Basic " + b64encode(f"{name}:{secret}".encode()).decode()}


# Headers


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "bearer", "TOKEN"])
def test_a_token_is_taken_under_both_names(site, scheme):
    answer = site.client().post("/who", headers={"Authorization": f"{scheme} {site.token}"})
    assert answer.json["user"] == "ada"
    assert answer.json["method"] == "token"
    assert answer.headers["X-VO-Authenticated"] == "ada"
    assert {"Authorization", "Cookie"} <= set(answer.vary)
    assert answer.cache_control.private


def test_a_token_or_the_password_is_taken_as_basic_password(site):
    client = site.client()
    assert client.get("/who", headers=basic("Ada", site.token)).json["method"] == "token"
    assert client.get("/who", headers=basic("ada", PASSWORD)).json["method"] == "password"


@pytest.mark.parametrize("name", ["bob", "", "adaa"])
def test_a_token_is_for_its_owner_alone(site, name):
    assert site.client().get("/who", headers=basic(name, site.token)).status_code == 401


def test_a_header_counts_more_than_a_session(site):
    client, _ = site.logged_in()
    assert client.get("/who", headers=basic("bob", PASSWORD)).json["user"] == "bob"
    assert client.get("/who", headers={"Authorization": "Bearer x"}).status_code == 401


def test_visitors_carry_no_name(site):
    answer = site.client().get("/who")
    assert answer.json["user"] is None
    assert "X-VO-Authenticated" not in answer.headers
    assert "WWW-Authenticate" not in answer.headers


def test_challenges_name_every_way_and_where_a_password_buys_a_token(site):
    found = site.client().get("/auth/tap").headers.getlist("WWW-Authenticate")
    assert found == [
        'Basic realm="pzvo", charset="UTF-8"',
        'Bearer realm="pzvo"',
        f'ivoa_bearer standard_id="{TLS}", access_url="{BASE}/login/token"',
    ]


@pytest.mark.parametrize("mount", ["/tap", "/auth/tap"])
def test_capabilities_say_that_one_can_log_in_and_whether_one_has(site, mount):
    client = site.client()
    answer = client.get(f"{mount}/capabilities")
    assert answer.status_code == 200
    assert len(answer.headers.getlist("WWW-Authenticate")) == 3
    assert "X-VO-Authenticated" not in answer.headers
    answer = client.get(f"{mount}/capabilities", headers=basic("ada", site.token))
    assert "WWW-Authenticate" not in answer.headers
    assert answer.headers["X-VO-Authenticated"] == "ada"


def test_a_password_buys_a_token_for_a_day(site):
    answer = site.client().post("/login/token", data=FORM)
    assert answer.status_code == 200
    assert answer.headers["X-VO-Authenticated"] == "ada"
    bought = answer.headers["X-VO-Bearer"]
    assert answer.cache_control.no_store
    assert "Set-Cookie" not in answer.headers
    who = site.client().get("/who", headers={"Authorization": f"Bearer {bought}"})
    assert who.json["user"] == "ada"
    token = site.services.people.credentials.tokens("ada")[-1]
    assert timedelta(hours=23) < token.expires - datetime.now(UTC) <= timedelta(hours=24)
    again = site.client().post("/login/token", data={"username": "ada", "password": site.token})
    assert again.headers["X-VO-Bearer"] == site.token
    for wrong in (FORM | {"password": "x"}, {"username": "bob", "password": site.token}, {}):
        answer = site.client().post("/login/token", data=wrong)
        assert answer.status_code == 401
        assert "X-VO-Bearer" not in answer.headers


# Sessions


def test_the_cookie_is_for_us_alone(site):
    answer = site.client().post("/login", data=FORM | {"next": "/tap"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{BASE}/tap"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("pzvo_session=")
    for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert flag in cookie
    assert "Domain" not in cookie


def test_without_encryption_the_cookie_works_all_the_same(tmp_path):
    site = Site(tmp_path, public_url="http://127.0.0.1:8000")
    cookie = site.client().post("/login", data=FORM).headers["Set-Cookie"]
    assert "Secure" not in cookie
    assert "ivoa_bearer" not in str(site.client().get("/auth/tap").headers)
    site.services.close()


def test_a_session_reads_and_changes_only_with_its_secret(site):
    client, csrf = site.logged_in()
    assert client.get("/who").json == {
        "user": "ada",
        "method": "session",
        "csrf": csrf,
        "address": "127.0.0.1",
    }
    assert client.post("/who").status_code == 403
    assert client.post("/who", headers={"X-CSRFToken": "x"}).status_code == 403
    assert client.post("/who", headers={"X-CSRFToken": csrf}).json["user"] == "ada"
    assert client.post("/who", data={"csrf_token": csrf}).json["user"] == "ada"
    assert client.post("/who", data={"csrf_token": "é"}).status_code == 403
    assert client.post(f"/who?csrf_token={csrf}").status_code == 403
    _, other_csrf = site.logged_in()
    assert client.post("/who", headers={"X-CSRFToken": other_csrf}).status_code == 403


@pytest.mark.parametrize("path", ["/tap/async", "/auth/tap/async", "/auth/tap/sync"])
def test_a_session_without_its_secret_makes_no_job_and_no_query(site, path):
    client, csrf = site.logged_in()
    form = {"LANG": "ADQL", "QUERY": "SELECT 1 AS a FROM TAP_SCHEMA.schemas"}
    assert client.post(path, data=form).status_code == 403
    assert client.post(path, data=form, headers={"X-CSRFToken": csrf}).status_code in (200, 303)


def test_a_get_that_changes_something_wants_a_token(site):
    client, csrf = site.logged_in()
    assert client.get("/change", headers={"X-CSRFToken": csrf}).status_code == 403
    assert site.client().get("/change").status_code == 401
    for headers in ({"Authorization": f"Token {site.token}"}, basic("ada", PASSWORD)):
        assert client.get("/change", headers=headers).json["user"] == "ada"


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://elsewhere.org"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_can_use_no_password_that_a_browser_remembers(site, headers):
    client = site.client()
    remembered = basic("ada", PASSWORD)
    assert client.post("/who", headers=remembered | headers).status_code == 403
    assert client.get("/change", headers=remembered | headers).status_code == 403
    # A token that a page sends by itself is the page's own.
    own = {"Authorization": f"Bearer {site.token}"}
    assert client.post("/who", headers=own | headers).status_code == 200
    assert client.post("/login", data=FORM, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
                                     {"Origin": "https://vo.example.org"}])  # fmt: skip
def test_our_own_pages_log_in(site, headers):
    assert site.client().post("/login", data=FORM, headers=headers).status_code == 303


def test_logging_out_ends_the_session_everywhere(site):
    client, csrf = site.logged_in()
    secret = client.get_cookie("pzvo_session").value
    assert client.post("/logout").status_code == 403
    answer = client.post("/logout", data={"csrf_token": csrf})
    assert answer.status_code == 303
    assert client.get_cookie("pzvo_session") is None
    stolen = site.client().get("/who", headers={"Cookie": f"pzvo_session={secret}"})
    assert stolen.json["user"] is None
    assert client.post("/logout").status_code == 303


def test_each_login_has_a_new_secret_and_ends_the_one_before(site):
    client, _ = site.logged_in()
    first = client.get_cookie("pzvo_session").value
    client.post("/login", data=FORM)
    assert client.get_cookie("pzvo_session").value != first
    assert site.services.people.credentials.session(first) is None


@pytest.mark.parametrize(
    "path",
    ["https://evil.org", "//evil.org", "/\\evil.org", "javascript:alert(1)", "/a\r\nX: y", ""],
)
def test_nobody_is_sent_to_another_site(site, path):
    answer = site.client().post("/login", data=FORM | {"next": path})
    assert answer.headers["Location"] == f"{BASE}/"


def test_the_page_can_do_nothing_but_log_in(site):
    answer = site.client().get('/login?next=/"><script>')
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.cache_control.no_store


@pytest.mark.parametrize("sent", [{"data": FORM | {"password": "wrong"}}, {"json": {"x": 1}},
                                  {"json": [1]}, {"data": {}}])  # fmt: skip
def test_a_failed_login_says_so_and_opens_nothing(site, sent):
    answer = site.client().post("/login", **sent)
    assert answer.status_code == 403
    assert "user name or the password is wrong" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert "WWW-Authenticate" not in answer.headers


# Limits


def test_many_wrong_passwords_close_the_door_for_a_while(tmp_path):
    site = Site(tmp_path, login_attempts=2, login_window_s=100, trusted_proxies=["127.0.0.0/8"])

    def wrong(address):
        headers = {"X-Forwarded-For": f"203.0.113.9, {address}"}
        return site.client().post("/login", data=FORM | {"password": "x"}, headers=headers)

    assert [wrong("192.0.2.1").status_code for _ in range(3)] == [403, 403, 429]
    answer = wrong("192.0.2.1")
    assert 0 < int(answer.headers["Retry-After"]) <= 100
    right = {"X-Forwarded-For": "192.0.2.1"} | basic("ada", PASSWORD)
    assert site.client().get("/who", headers=right).status_code == 429
    assert site.client().get("/who", headers=right | {"X-Forwarded-For": "192.0.2.2"}).json
    # A token is no password.
    token = {"X-Forwarded-For": "192.0.2.1"} | basic("ada", site.token)
    assert site.client().get("/who", headers=token).json["user"] == "ada"
    site.services.close()


def test_forwarded_addresses_of_strangers_are_not_believed(site):
    answer = site.client().get("/who", headers={"X-Forwarded-For": "192.0.2.1"})
    assert answer.json["address"] == "127.0.0.1"


# Logins that a proxy makes


PROXY = {
    "trusted_proxies": ["10.0.0.0/8", "::1"],
    "proxy_user_header": "X-Remote-User",
    "proxy_groups_header": "X-Remote-Groups",
    "proxy_email_header": "X-Remote-Email",
    "coordinator_groups": ["admins"],
}


def test_a_trusted_proxy_logs_people_in(tmp_path):
    site = Site(tmp_path, **PROXY)
    client = site.client()
    sent = {
        "x-remote-user": "eve@inst.org",
        "X-REMOTE-GROUPS": "survey;admins",
        "X-Remote-Email": "e",
    }
    proxy = {"REMOTE_ADDR": "10.1.2.3"}
    answer = client.get("/login/proxy?next=/tap", headers=sent, environ_base=proxy)
    assert answer.headers["Location"] == f"{BASE}/tap"
    assert client.get("/who").json["user"] == "eve"
    user = site.services.people.accounts.user("eve")
    assert (user.email, user.coordinator, user.operator) == ("e", True, False)
    assert site.services.people.accounts.groups_of("eve") == {"proxy:survey", "proxy:admins"}
    # Headers count nowhere else, and from nobody else.
    who = site.client().get("/who", headers=sent, environ_base=proxy)
    assert who.json["user"] is None
    assert site.client().get("/login/proxy", headers=sent).status_code == 403
    assert site.client().get("/login/proxy", environ_base=proxy).status_code == 401
    site.services.people.accounts.deactivate("eve")
    assert client.get("/login/proxy", headers=sent, environ_base=proxy).status_code == 401
    site.services.close()


def test_groups_may_be_needed_to_log_in(tmp_path):
    site = Site(tmp_path, **PROXY, external_login_groups=["survey"])
    proxy = {"REMOTE_ADDR": "10.1.2.3"}
    for groups, status in (("other", 401), ("", 401), ("other, survey", 303)):
        sent = {"X-Remote-User": "eve", "X-Remote-Groups": groups}
        answer = site.client().get("/login/proxy", headers=sent, environ_base=proxy)
        assert answer.status_code == status
    site.services.close()


@pytest.mark.parametrize("path", ["/login/proxy", "/login/oidc", "/login/oidc/callback?state=x"])
def test_logins_that_are_not_set_up_are_not_there(site, path):
    assert site.client().get(path, headers={"X-Remote-User": "ada"}).status_code == 404
