"""Real clients with credentials: pyvo, STILTS and curl see what their user may see."""

from __future__ import annotations

import shutil
import subprocess

import pyarrow as pa
import pyarrow.parquet
import pytest
import pyvo
import requests
from command_line import pzvo
from live import LiveService
from pyvo.auth import AuthSession

pytestmark = pytest.mark.clients

HIDDEN = "object_catalog.p2_hidden"
QUERY = f"SELECT COUNT(*) AS n FROM {HIDDEN}"


class People:
    """A served installation with a table for everybody and one for a team."""

    def __init__(self, home):
        self.home = home
        file = home / "set.parquet"
        pa.parquet.write_table(pa.table({"ra": [1.0, 2.0, 3.0], "dec": [1.0, 2.0, 3.0]}), file)
        table = ("--type", "object_catalog", "--column", "ra=RA", "--column", "dec=Dec")
        for name in ("ada", "bob"):
            self.run("user", "add", name)
        self.run("group", "add", "team")
        self.run("group", "member", "add", "team", "ada")
        self.run("release", "add", "dp1", "--group", "team")
        self.run("publish", str(file), "--name", "Open", *table)
        self.run("publish", str(file), "--name", "Hidden", "--release", "dp1", *table)
        self.tokens = {name: self.run("token", "create", name) for name in ("ada", "bob")}
        self.live = LiveService(home, {"PZVO_WEB_PROCESSES": "2"})
        self.live.start()
        self.base = self.live.url.removesuffix("/tap")

    def run(self, *arguments):
        done = pzvo(self.home, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    made = People(tmp_path_factory.mktemp("home"))
    yield made
    made.live.stop()


# pyvo


def with_password(people, name, mount):
    session = AuthSession()
    session.credentials.set_password(name, people.tokens[name])
    return pyvo.dal.TAPService(people.base + mount, session=session)


def with_token(people, name, mount):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {people.tokens[name]}"
    return pyvo.dal.TAPService(people.base + mount, session=session)


@pytest.mark.parametrize("connect", [with_password, with_token])
@pytest.mark.parametrize("mount", ["/auth/tap", "/tap"])
def test_pyvo_sees_a_restricted_table_with_a_token(people, connect, mount):
    service = connect(people, "ada", mount)
    assert HIDDEN in service.tables
    job = service.submit_job(QUERY)
    assert f"{mount}/async/" in job.url
    job.run().wait(timeout=240)
    assert job.owner == "ada"
    assert job.fetch_result().to_table()["n"][0] == 3
    job.delete()
    if connect is with_token or mount == "/auth/tap":
        # Where a password is not needed, pyvo sends none with a synchronous query.
        assert service.search(QUERY).to_table()["n"][0] == 3


@pytest.mark.parametrize("connect", [with_password, with_token])
def test_pyvo_does_not_see_what_its_user_may_not(people, connect):
    service = connect(people, "bob", "/auth/tap")
    assert "object_catalog.p1_open" in service.tables
    assert HIDDEN not in service.tables
    with pytest.raises(pyvo.dal.DALQueryError, match="Unknown table"):
        service.search(QUERY)


# STILTS sends a password only to a service that has asked for it


def tap(stilts, people, name, mount, *arguments, secret=None):
    return stilts(
        f"-Dstar.basicauth.user={name}",
        f"-Dstar.basicauth.password={secret or people.tokens[name]}",
        "tapquery",
        f"tapurl={people.base}{mount}",
        f"adql={QUERY}",
        "ofmt=csv",
        *arguments,
    )


@pytest.mark.parametrize("sync", ["true", "false"])
def test_stilts_sees_a_restricted_table_with_a_token_as_password(stilts, people, sync):
    done = tap(stilts, people, "ada", "/auth/tap", f"sync={sync}")
    assert done.stdout.split() == ["n", "3"], done.stderr


def test_stilts_does_not_see_what_its_user_may_not(stilts, people):
    done = tap(stilts, people, "bob", "/auth/tap", "sync=true")
    assert "Unknown table" in done.stderr
    wrong = tap(stilts, people, "ada", "/auth/tap", "sync=true", secret="0" * 40)
    assert "401" in wrong.stderr


def test_taplint_finds_nothing_new_behind_a_login(stilts, people):
    done = stilts(
        "-Dstar.basicauth.user=ada",
        f"-Dstar.basicauth.password={people.tokens['ada']}",
        "taplint",
        f"tapurl={people.base}/auth/tap",
        "report=EF",
        "stages=CPV CAP AVV TMV TME TMS TMC QGE QPO QAS UWS",
    )
    problems = [line for line in done.stdout.splitlines() if line.startswith(("E-", "F-"))]
    # Features of ADQL 2.1 are younger than this release of taplint.
    assert [line for line in problems if "E-CAP-KEYX" not in line] == []


# curl


def curl(*arguments):
    path = shutil.which("curl")
    if path is None:
        pytest.skip("curl is not installed")
    return subprocess.run(
        [path, "-s", *arguments], capture_output=True, text=True, timeout=240, check=True
    ).stdout


def test_curl_sends_a_token_in_three_ways(people):
    address = f"{people.base}/auth/tap/sync?LANG=ADQL&FORMAT=csv&QUERY={QUERY.replace(' ', '+')}"
    secret = people.tokens["ada"]
    for arguments in (
        ("-u", f"ada:{secret}"),
        ("-H", f"Authorization: Bearer {secret}"),
        ("-H", f"Authorization: Token {secret}"),
    ):
        assert curl(*arguments, address).split() == ["n", "3"]
    assert "Unknown table" in curl("-u", f"bob:{people.tokens['bob']}", address)
    refused = curl("-i", address)
    assert refused.startswith("HTTP/1.1 401")
    assert refused.lower().count("\nwww-authenticate:") == 2


# The same rights in every process, from the command line on


def test_what_an_operator_changes_holds_at_once_in_every_process(people):
    def statuses(name):
        session = requests.Session()
        session.headers["Authorization"] = f"Token {people.tokens[name]}"
        parameters = {"LANG": "ADQL", "QUERY": QUERY}
        url = f"{people.base}/tap/sync"
        # Several connections reach several web processes.
        return {
            requests.get(url, parameters, headers=session.headers, timeout=240).status_code
            for _ in range(8)
        }

    assert statuses("bob") == {400}
    people.run("group", "member", "add", "team", "bob")
    assert statuses("bob") == {200}
    people.run("group", "member", "remove", "team", "bob")
    assert statuses("bob") == {400}
    people.run("user", "deactivate", "bob")
    assert statuses("bob") == {401}
    assert statuses("ada") == {200}
