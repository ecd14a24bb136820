"""Tables that users keep, through pyvo as its users write it, and over restarts."""

import contextlib
import io
import threading
from contextlib import closing

import numpy as np
import pytest
import pyvo
import requests
from astropy.table import Table
from live import LiveService
from pyvo.utils.prototype import activate_features, deactivate_features

from vo_service.assemble import assemble, prepare
from vo_service.settings import load_settings

pytestmark = pytest.mark.clients

DEFINITION = b"""<?xml version="1.0" encoding="UTF-8"?>
<vosi:table xmlns:vosi="http://www.ivoa.net/xml/VOSITables/v1.0"
    xmlns:vod="http://www.ivoa.net/xml/VODataService/v1.1"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="output">
  <name>user_anna.targets</name>
  <description>What I want to look at</description>
  <column><name>id</name><dataType xsi:type="vod:VOTableType">long</dataType></column>
  <column><name>ra</name><unit>deg</unit><ucd>pos.eq.ra;meta.main</ucd>
    <dataType xsi:type="vod:VOTableType">double</dataType></column>
  <column><name>dec</name><unit>deg</unit><ucd>pos.eq.dec;meta.main</ucd>
    <dataType xsi:type="vod:VOTableType">double</dataType></column>
  <column><name>note</name>
    <dataType xsi:type="vod:VOTableType" arraysize="*">char</dataType></column>
</vosi:table>"""


@pytest.fixture(scope="module")
def own_service(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    live = LiveService(home, {"PZVO_USER_TABLES_MAX": "3", "PZVO_UPLOAD_MAX_BYTES": str(2**21)})
    live.start()
    yield live
    if live.process.poll() is None:
        live.stop()


@pytest.fixture(scope="module")
def tokens(own_service):
    settings = load_settings(environment={}, overrides={"home": own_service.home})
    prepare(settings)
    with closing(assemble(settings)) as services:
        made = {}
        for name in ("anna", "bob"):
            services.people.accounts.add_user(name)
            made[name] = services.people.credentials.create_token(name, "test")[1]
    return made


@pytest.fixture(scope="module", autouse=True)
def prototype():
    activate_features("cadc-tb-upload")
    yield
    deactivate_features("cadc-tb-upload")


def tap_of(service, token):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    return pyvo.dal.TAPService(service.url, session=session)


@pytest.fixture
def anna(own_service, tokens):
    yield tap_of(own_service, tokens["anna"])
    # The service may have been started anew.
    tap = tap_of(own_service, tokens["anna"])
    rows = tap.search("SELECT table_name FROM TAP_SCHEMA.tables WHERE schema_name = 'user_anna'")
    for name in rows["table_name"]:
        tap.remove_table(str(name))


def numbers(found, name):
    return [int(value) for value in found[name]]


def test_a_table_lives_its_life(own_service, anna, tokens):
    anna.create_table("user_anna.targets", io.BytesIO(DEFINITION))
    tsv = b"id\tra\tdec\tnote\n1\t10.5\t-3\tbright\n2\t350.25\t80\t\n"
    anna.load_table("user_anna.targets", io.BytesIO(tsv))
    anna.load_table("user_anna.targets", io.BytesIO(b"note,id\nno place,3\n"), format="csv")
    fits = io.BytesIO()
    Table({"id": np.array([4]), "ra": [10.5001], "dec": [-3.0]}).write(fits, format="fits")
    anna.load_table("user_anna.targets", io.BytesIO(fits.getvalue()), format="FITSTable")
    found = anna.search("SELECT * FROM user_anna.targets ORDER BY id")
    assert numbers(found, "id") == [1, 2, 3, 4]
    assert list(found["note"]) == ["bright", "", "no place", ""]
    found = anna.search(
        "SELECT a.id AS one, b.id AS other FROM user_anna.targets AS a JOIN user_anna.targets AS b"
        " ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.01 WHERE a.id < b.id"
    )
    assert (numbers(found, "one"), numbers(found, "other")) == ([1], [4])
    anna.create_index("user_anna.targets", "id", unique=True)
    with pytest.raises(requests.HTTPError, match="400"):
        anna.load_table("user_anna.targets", io.BytesIO(b"id\n1\n"), format="csv")
    assert "user_anna.targets" in anna.tables
    own_service.stop()
    own_service.start()
    again = tap_of(own_service, tokens["anna"])
    job = again.submit_job("SELECT COUNT(*) AS n FROM user_anna.targets")
    job.run().wait(timeout=240)
    assert int(job.fetch_result()["n"][0]) == 4
    job.delete()
    again.remove_table("user_anna.targets")
    with pytest.raises(pyvo.dal.DALQueryError, match="targets"):
        again.search("SELECT * FROM user_anna.targets")


def test_an_upload_meets_a_table_of_ones_own(anna):
    anna.create_table("user_anna.targets", io.BytesIO(DEFINITION))
    anna.load_table("user_anna.targets", io.BytesIO(b"id\tra\tdec\n1\t10.5\t-3\n2\t20\t3\n"))
    found = anna.search(
        "SELECT t.id FROM user_anna.targets AS t JOIN TAP_UPLOAD.mine AS m"
        " ON DISTANCE(t.ra, t.dec, m.ra, m.dec) < 0.001",
        uploads={"mine": Table({"ra": [20.0], "dec": [3.0]})},
    )
    assert numbers(found, "id") == [2]


def test_a_table_is_made_of_a_votable(anna):
    sent = io.BytesIO()
    Table({"id": [1, 2], "x": [0.5, 1.5]}).write(sent, format="votable")
    anna.create_table("own", io.BytesIO(sent.getvalue()), format="VOTable")
    assert numbers(anna.search("SELECT id FROM own ORDER BY id"), "id") == [1, 2]


def test_an_index_that_cannot_be_fails_with_its_reason(anna):
    anna.create_table("user_anna.targets", io.BytesIO(DEFINITION))
    with pytest.raises(pyvo.dal.DALQueryError, match="no column 'nothing'"):
        anna.create_index("user_anna.targets", "nothing")


def test_nobody_else_sees_or_changes_it(own_service, anna, tokens):
    anna.create_table("user_anna.targets", io.BytesIO(DEFINITION))
    bob = tap_of(own_service, tokens["bob"])
    stranger = pyvo.dal.TAPService(own_service.url)
    for tap in (bob, stranger):
        assert "user_anna.targets" not in tap.tables
        with pytest.raises(pyvo.dal.DALQueryError):
            tap.search("SELECT * FROM user_anna.targets")
    for tap, status in ((bob, "403"), (stranger, "401")):
        for act in (
            lambda tap=tap: tap.create_table("user_anna.other", io.BytesIO(DEFINITION)),
            lambda tap=tap: tap.load_table("user_anna.targets", io.BytesIO(b"id\n1\n")),
            lambda tap=tap: tap.remove_table("user_anna.targets"),
        ):
            with pytest.raises(requests.HTTPError, match=status):
                act()
    with pytest.raises(RuntimeError, match="401"):
        stranger.create_index("user_anna.targets", "id")
    with pytest.raises(pyvo.dal.DALQueryError, match="not yours"):
        bob.create_index("user_anna.targets", "id")


def test_a_file_that_is_too_large_is_refused_with_its_reason(own_service, anna, tokens):
    anna.create_table("user_anna.targets", io.BytesIO(DEFINITION))
    headers = {"Authorization": f"Bearer {tokens['anna']}", "Content-Type": "text/csv"}

    def chunks():
        yield b"id\n"
        for _ in range(100):
            yield b"12345\n" * 10_000

    for body in (chunks(), b"".join(chunks())):
        url = f"{own_service.url}/load/user_anna.targets"
        answer = requests.post(url, data=body, headers=headers, timeout=240)
        assert answer.status_code == 413
        assert str(2**21) in answer.text
    assert int(anna.search("SELECT COUNT(*) AS n FROM user_anna.targets")["n"][0]) == 0


def test_the_limit_of_tables_is_kept(anna):
    for number in range(3):
        anna.create_table(f"user_anna.t{number}", io.BytesIO(DEFINITION))
    with pytest.raises(requests.HTTPError, match="507"):
        anna.create_table("user_anna.t3", io.BytesIO(DEFINITION))


def test_loads_survive_the_death_of_the_service_whole_or_not_at_all(own_service, anna, tokens):
    anna.create_table("user_anna.targets", io.BytesIO(DEFINITION))
    headers = {"Authorization": f"Bearer {tokens['anna']}", "Content-Type": "text/csv"}
    rows = b"id\n" + b"1\n" * 10
    acknowledged = attempted = 0
    for kill in range(3):
        stopping = threading.Timer(0.4 + 0.3 * kill, own_service.process.kill)
        stopping.start()
        with contextlib.suppress(requests.ConnectionError):
            while True:
                attempted += 1
                url = f"{own_service.url}/load/user_anna.targets"
                answer = requests.post(url, data=rows, headers=headers, timeout=240)
                assert answer.status_code == 200, answer.text
                acknowledged += 1
        stopping.join()
        own_service.process.wait(180)
        own_service.start()
        tap = tap_of(own_service, tokens["anna"])
        found = tap.search("SELECT COUNT(*) AS n, SUM(id) AS total FROM user_anna.targets")
        number = int(found["n"][0])
        assert number % 10 == 0
        assert acknowledged <= number // 10 <= attempted
        listed = tap.search(
            "SELECT nrows FROM TAP_SCHEMA.tables WHERE table_name = 'user_anna.targets'"
        )
        assert int(listed["nrows"][0]) == number
    assert acknowledged > 0
