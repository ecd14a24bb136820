import xml.etree.ElementTree as ET

import pytest
from flask import Flask, request
from own_tables import OwnTablesSite

from registry.errors import StorageFull
from registry.model.principal import ANONYMOUS, Principal
from registry.model.user_table import UserTableQuota
from vo_service.http.errors import install_errors
from vo_service.tap.user_tables import user_table_blueprint
from vo_service.uploads.service import UploadLimits, UploadService
from vosi.availability import Availability
from vosi.blueprint import vosi_blueprint

DEFINITION = b"""<?xml version="1.0" encoding="UTF-8"?>
<vosi:table xmlns:vosi="http://www.ivoa.net/xml/VOSITables/v1.0"
    xmlns:vod="http://www.ivoa.net/xml/VODataService/v1.1"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="output">
  <name>ignored.name</name>
  <description>Stars of mine</description>
  <column><name>id</name><description>Number</description>
    <dataType xsi:type="vod:VOTableType">long</dataType></column>
  <column><name>RAJ2000</name><unit>deg</unit><ucd>pos.eq.ra;meta.main</ucd>
    <dataType xsi:type="vod:VOTableType">double</dataType></column>
  <column><name>DEJ2000</name><unit>deg</unit><ucd>pos.eq.dec;meta.main</ucd>
    <dataType xsi:type="vod:VOTableType">double</dataType></column>
  <column><name>name</name>
    <dataType xsi:type="vod:VOTableType" arraysize="30*">char</dataType></column>
  <column><name>seen</name><dataType xsi:type="vod:VOTableType" arraysize="*"
    extendedType="timestamp">char</dataType></column>
  <column><name>mags</name>
    <dataType xsi:type="vod:VOTableType" arraysize="2">float</dataType></column>
  <column><name>n</name><dataType xsi:type="vod:TAPType">INTEGER</dataType></column>
</vosi:table>"""

VOTABLE = (
    b'<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
    b'<RESOURCE><TABLE><FIELD name="id" datatype="long"/><FIELD name="z" datatype="double"/>'
    b"%s</TABLE></RESOURCE></VOTABLE>"
)
ROWS = b"<DATA><TABLEDATA><TR><TD>1</TD><TD>0.5</TD></TR></TABLEDATA></DATA>"

LIMIT = 2**20


class Edge:
    """The routes over an installation, with the user of a header as caller."""

    def __init__(self, home, **quota):
        self.site = OwnTablesSite(home, quota=UserTableQuota(**quota))
        self.uploads = UploadService(home / "uploads", UploadLimits(LIMIT, 1000, 1.0))
        app = Flask(__name__)
        app.config["MAX_CONTENT_LENGTH"] = 1000
        install_errors(app)

        def principal():
            user = request.headers.get("X-User")
            return Principal(user) if user else ANONYMOUS

        app.register_blueprint(
            user_table_blueprint(
                self.site.service, self.uploads, principal=principal, tap_url="http://h/tap"
            ),
            url_prefix="/tap",
        )
        app.register_blueprint(
            vosi_blueprint(
                availability=lambda: Availability(available=True),
                capabilities=lambda: (),
                capabilities_modified=lambda: self.site.now,
                tables=self.site.own.tables,
                principal=principal,
            ),
            url_prefix="/tap",
        )
        self.client = app.test_client()

    def send(self, method, path, data=b"", kind="text/xml", user="anna", **options):
        headers = {"X-User": user} if user else {}
        return self.client.open(
            f"/tap/{path}", method=method, data=data, content_type=kind, headers=headers, **options
        )

    def close(self):
        self.uploads.close()
        self.site.close()


@pytest.fixture
def edge(tmp_path):
    made = Edge(tmp_path / "home")
    yield made
    made.close()


def names(answer):
    return [element.text for element in ET.fromstring(answer.data).iter("name")]


def test_a_table_is_made_from_the_document_of_one(edge):
    answer = edge.send("PUT", "tables/user_anna.stars", DEFINITION)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == "http://h/tap/tables/user_anna.stars"
    columns = ["id", "RAJ2000", "DEJ2000", "name", "seen", "mags", "n"]
    assert names(answer) == ["user_anna.stars", *columns]
    assert edge.send("GET", "tables/user_anna.stars").data == answer.data
    assert b"<description>Stars of mine</description>" in answer.data
    types = [(e.text, e.get("arraysize")) for e in ET.fromstring(answer.data).iter("dataType")]
    assert types == [
        ("long", None), ("double", None), ("double", None), ("char", "*"), ("char", "*"),
        ("float", "*"), ("int", None),
    ]  # fmt: skip


def test_rows_come_as_text(edge):
    edge.send("PUT", "tables/stars", DEFINITION)
    sent = (
        b"id\tRAJ2000\tDEJ2000\tname\tseen\tmags\tn\n"
        b"1\t10.5\t-3\t007\t2020-01-02T03:04:05\t1.5 2.5\t7\n"
        b"2\t\t\tb\t\t\t\n"
    )
    answer = edge.send("POST", "load/user_anna.stars", sent, "text/tab-separated-values")
    assert answer.status_code == 200, answer.text
    rows = edge.site.ask(Principal("anna"), "SELECT * FROM user_anna.stars ORDER BY id")
    assert rows[0]["mags"] == [1.5, 2.5]
    assert rows[0]["name"] == "007"
    assert str(rows[0]["seen"]) == "2020-01-02 03:04:05"
    assert rows[1] == dict.fromkeys(rows[1], None) | {"id": 2, "name": "b"}


@pytest.mark.parametrize("kind", ["application/x-votable+xml", "text/xml", "application/xml"])
@pytest.mark.parametrize("rows", [b"", ROWS])
def test_a_table_is_made_from_a_votable_with_or_without_rows(edge, kind, rows):
    answer = edge.send("PUT", "tables/t", VOTABLE % rows, kind)
    assert answer.status_code == 201, answer.text
    found = edge.site.ask(Principal("anna"), "SELECT * FROM t")
    assert found == ([{"id": 1, "z": 0.5}] if rows else [])


def test_rows_come_as_a_votable_or_fits_too(edge, tmp_path):
    from astropy.table import Table

    edge.send("PUT", "tables/t", VOTABLE % b"", "application/x-votable+xml")
    answer = edge.send("POST", "load/t", VOTABLE % ROWS, "application/x-votable+xml")
    assert answer.status_code == 200, answer.text
    path = tmp_path / "t.fits"
    Table({"id": [2], "z": [1.5]}).write(path)
    answer = edge.send("POST", "load/t", path.read_bytes(), "application/fits")
    assert answer.status_code == 200, answer.text
    rows = edge.site.ask(Principal("anna"), "SELECT * FROM t ORDER BY id")
    assert rows == [{"id": 1, "z": 0.5}, {"id": 2, "z": 1.5}]


def test_a_table_is_deleted(edge):
    edge.send("PUT", "tables/t", VOTABLE % b"", "application/x-votable+xml")
    assert edge.send("DELETE", "tables/user_anna.t").status_code == 200
    assert edge.send("GET", "tables/user_anna.t").status_code == 404
    assert edge.send("DELETE", "tables/user_anna.t").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "tables"), ("POST", "load"), ("DELETE", "tables")]
)
def test_visitors_and_strangers_are_refused(edge, method, path):
    edge.send("PUT", "tables/t", VOTABLE % b"", "application/x-votable+xml")
    body = (VOTABLE % ROWS, "application/x-votable+xml")
    assert edge.send(method, f"{path}/user_anna.t", *body, user=None).status_code == 401
    refused = edge.send(method, f"{path}/user_anna.t", *body, user="bob")
    assert refused.status_code == 403
    assert "user_bob" in refused.text
    assert refused.mimetype == "text/plain"
    assert edge.send("GET", "tables/user_anna.t", user="bob").status_code == 404


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"<a", "text/xml", "is not XML"),
        (b"<a/>", "text/xml", "no element table"),
        (b"<table/>", "text/xml", "no columns"),
        (b"<s><table/><table/></s>", "text/xml", "2 tables"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><table/>', "text/xml", "DTD"),
        (b"<table><column/></table>", "text/xml", "definition has no name"),
        (
            b"<table><column><name>a</name><dataType>blob</dataType></column></table>",
            "text/xml",
            "dataType 'blob'",
        ),
        (b"", "text/xml", "is not XML"),
        (b"", "application/x-votable+xml", "it is empty"),
        (b"<VOTABLE", "application/x-votable+xml", "cannot be used"),
        (b"\x89PNG\r\n\x1a\n0000", "text/csv", "cannot be used"),
    ],
)
def test_what_is_no_definition_is_refused(edge, body, kind, text):
    answer = edge.send("PUT", "tables/t", body, kind)
    assert answer.status_code == 400
    assert text in answer.text
    assert edge.send("GET", "tables/user_anna.t").status_code == 404


def test_a_name_that_is_taken_is_a_conflict(edge):
    edge.send("PUT", "tables/t", DEFINITION)
    assert edge.send("PUT", "tables/T", DEFINITION).status_code == 409


def test_a_file_that_is_too_large_is_refused_while_it_is_read(edge):
    edge.send("PUT", "tables/t", VOTABLE % b"", "application/x-votable+xml")
    large = b"id,z\n" + b"1,2\n" * LIMIT
    answer = edge.send("POST", "load/t", large, "text/csv")
    assert (answer.status_code, answer.mimetype) == (413, "text/plain")
    assert str(LIMIT) in answer.text
    chunks = {"wsgi.input": Endless(), "wsgi.input_terminated": True}
    answer = edge.send("POST", "load/t", None, "text/csv", environ_overrides=chunks)
    assert answer.status_code == 413
    assert edge.site.service.table(Principal("anna"), "t").nrows == 0


class Endless:
    """A body in chunks that goes on until it has ten times the limit."""

    taken = 0

    def read(self, size=-1):
        size = LIMIT if size < 0 else min(size, LIMIT)
        self.taken += size
        return b"1,2\n" * (size // 4) if self.taken < 10 * LIMIT else b""


def test_a_quota_that_is_used_up_says_so(tmp_path):
    edge = Edge(tmp_path / "home", tables=1, size_bytes=20)
    assert (
        edge.send("PUT", "tables/t", VOTABLE % ROWS, "application/x-votable+xml").status_code == 201
    )
    for method, path in (("PUT", "tables/u"), ("POST", "load/t")):
        answer = edge.send(method, path, VOTABLE % ROWS, "application/x-votable+xml")
        assert answer.status_code == 507
        assert "limit" in answer.text
    edge.close()


def test_a_full_disk_says_so(edge, monkeypatch):
    def full(*arguments, **options):
        raise StorageFull("no space left")

    monkeypatch.setattr(edge.site.tables, "stage", full)
    answer = edge.send("PUT", "tables/t", VOTABLE % ROWS, "application/x-votable+xml")
    assert (answer.status_code, answer.text) == (507, "No space left\n")


def test_other_methods_of_the_same_addresses_stay(edge):
    assert edge.send("GET", "tables").status_code == 200
    assert edge.send("POST", "tables/user_anna.t").status_code == 405
    assert edge.send("GET", "load/t").status_code == 405
