"""Logging in at an OpenID provider that runs on this machine, with groups opened to a release."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet
import pytest
import requests
from command_line import pzvo
from live import LiveService

PEOPLE = {
    "ada@inst": {"preferred_username": "Ada", "name": "Ada L.", "email": "ada@inst.org",
                 "groups": ["survey", "staff"]},
    "bob@inst": {"preferred_username": "bob", "groups": ["staff", "admins"]},
    "eve@inst": {"preferred_username": "eve", "groups": []},
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


@pytest.fixture(scope="module")
def provider():
    """Run the mock provider with three people."""
    port = free_port()
    people = [
        f"--user-claims={json.dumps({'sub': name, **claims})}" for name, claims in PEOPLE.items()
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "-n", "true", *people],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(4000):
        try:
            requests.get(f"{url}/.well-known/openid-configuration", timeout=240)
            break
        except requests.ConnectionError:
            assert process.poll() is None
            time.sleep(0.05)
    yield url
    process.terminate()
    process.wait(180)


@pytest.fixture(scope="module")
def live(provider, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    file = home / "set.parquet"
    pa.parquet.write_table(pa.table({"ra": [1.0, 2.0], "dec": [1.0, 2.0]}), file)
    for arguments in (
        ("group", "add", "oidc:survey"),
        ("release", "add", "dp1", "--group", "oidc:survey"),
        ("publish", str(file), "--name", "Hidden", "--type", "object_catalog", "--release", "dp1",
         "--column", "ra=RA", "--column", "dec=Dec"),
    ):  # fmt: skip
        done = pzvo(home, *arguments)
        assert done.returncode == 0, done.stderr
    service = LiveService(
        home,
        {
            "PZVO_WEB_PROCESSES": "2",
            "PZVO_OIDC_ISSUER": provider,
            "PZVO_OIDC_CLIENT_ID": "photoz",
            "PZVO_OIDC_CLIENT_SECRET": "a secret",
            "PZVO_EXTERNAL_LOGIN_GROUPS": "staff, survey",
            "PZVO_COORDINATOR_GROUPS": "admins",
        },
    )
    service.start()
    yield service
    service.stop()


def begin(live) -> tuple[requests.Session, str]:
    """Come to the provider's page with a browser of one's own."""
    browser = requests.Session()
    base = live.url.removesuffix("/tap")
    answer = browser.get(f"{base}/login/oidc?next=/tap", allow_redirects=False, timeout=240)
    assert answer.status_code == 303
    return browser, answer.headers["Location"]


def agree(browser, address, person) -> str:
    """Log in at the provider; give the address to which it sends back."""
    answer = browser.post(address, data={"sub": person}, allow_redirects=False, timeout=240)
    assert answer.status_code in (302, 303), answer.text
    return answer.headers["Location"]


def log_in(live, person) -> tuple[requests.Session, requests.Response]:
    browser, address = begin(live)
    back = agree(browser, address, person)
    return browser, browser.get(back, allow_redirects=False, timeout=240)


def ask(live, browser) -> requests.Response:
    query = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": "SELECT COUNT(*) AS n "
             "FROM object_catalog.p1_hidden"}  # fmt: skip
    return browser.get(f"{live.url}/sync", params=query, timeout=240)


def test_the_request_is_bound_to_the_browser_and_has_every_protection(live, provider):
    browser, address = begin(live)
    sent = {key: value[0] for key, value in parse_qs(urlsplit(address).query).items()}
    assert address.startswith(provider)
    assert sent["response_type"] == "code"
    assert sent["code_challenge_method"] == "S256"
    assert len(sent["code_challenge"]) == 43
    assert len(sent["nonce"]) >= 32
    assert sent["redirect_uri"] == live.url.removesuffix("/tap") + "/login/oidc/callback"
    assert "openid" in sent["scope"].split()
    assert browser.cookies["pzvo_login"] == sent["state"]


def test_members_of_the_groups_of_a_release_see_it_and_others_do_not(live):
    ada, answer = log_in(live, "ada@inst")
    assert answer.status_code == 303
    assert answer.headers["Location"] == live.url
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    counted = ask(live, ada)
    assert counted.headers["X-VO-Authenticated"] == "ada"
    assert counted.text.split() == ["n", "2"]
    bob, answer = log_in(live, "bob@inst")
    assert answer.status_code == 303
    refused = ask(live, bob)
    assert (refused.status_code, refused.headers["X-VO-Authenticated"]) == (400, "bob")
    assert "p1_hidden" not in bob.get(f"{live.url}/tables", timeout=240).text
    shown = pzvo(live.home, "user", "list").stdout
    assert "ada\tAda L.\tada@inst.org\tmember\tyes" in shown
    assert "bob\tbob\t\tcoordinator\tyes" in shown
    groups = pzvo(live.home, "group", "list").stdout
    assert "oidc:survey\toidc:survey\tlocal\tada" in groups
    assert "oidc:staff\toidc:staff\toidc\tada, bob" in groups


def test_who_is_in_none_of_the_groups_stays_out(live):
    browser, answer = log_in(live, "eve@inst")
    assert answer.status_code == 401
    assert "none of the groups" in answer.text
    assert "pzvo_session" not in browser.cookies
    assert "eve" not in pzvo(live.home, "user", "list").stdout


def test_an_answer_is_good_once_and_in_its_own_browser(live):
    browser, address = begin(live)
    back = agree(browser, address, "ada@inst")
    stranger, _ = begin(live)
    for other in (requests.Session(), stranger):
        answer = other.get(back, allow_redirects=False, timeout=240)
        assert answer.status_code == 401
        assert "not begun in this browser" in answer.text
    assert browser.get(back, allow_redirects=False, timeout=240).status_code == 303
    state = parse_qs(urlsplit(back).query)["state"][0]
    again = requests.get(
        back, headers={"Cookie": f"pzvo_login={state}"}, allow_redirects=False, timeout=240
    )
    assert again.status_code == 401


def test_a_code_that_the_provider_did_not_give_is_refused(live):
    browser, address = begin(live)
    state = parse_qs(urlsplit(address).query)["state"][0]
    base = live.url.removesuffix("/tap")
    for query in ("code=invented", "error=access_denied", ""):
        browser, address = begin(live)
        state = parse_qs(urlsplit(address).query)["state"][0]
        answer = browser.get(f"{base}/login/oidc/callback?state={state}&{query}", timeout=240)
        assert answer.status_code == 401
        assert "pzvo_session" not in browser.cookies


def test_a_code_of_another_login_is_refused(live):
    """PKCE and the nonce: a code is worth nothing to whoever did not begin the login."""
    ada, address = begin(live)
    stolen = parse_qs(urlsplit(agree(ada, address, "ada@inst")).query)["code"][0]
    thief, address = begin(live)
    state = parse_qs(urlsplit(address).query)["state"][0]
    base = live.url.removesuffix("/tap")
    query = f"state={state}&code={stolen}"
    answer = thief.get(f"{base}/login/oidc/callback?{query}", timeout=240)
    assert answer.status_code == 401


def test_a_provider_that_is_gone_is_said_in_a_sentence(tmp_path):
    service = LiveService(
        tmp_path,
        {"PZVO_OIDC_ISSUER": f"http://127.0.0.1:{free_port()}", "PZVO_OIDC_CLIENT_ID": "photoz"},
    )
    service.start()
    try:
        answer = requests.get(f"{service.url.removesuffix('/tap')}/login/oidc", timeout=240)
        assert answer.status_code == 502
        assert "does not answer" in answer.text
        page = requests.get(f"{service.url.removesuffix('/tap')}/login", timeout=240)
        assert "Log in with your institution" in page.text
    finally:
        service.stop()
