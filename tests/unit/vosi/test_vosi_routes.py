"""VOSI's routes: names, options, errors and headers."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from flask import Flask

from registry.model.capability import Capability, Interface
from registry.model.field import Datatype, Field, ValueType
from registry.model.principal import ANONYMOUS, Principal
from registry.model.table import Column, Schema, Storage, Table
from registry.tap_schema import with_tap_schema
from vosi.availability import Availability
from vosi.blueprint import vosi_blueprint

MODIFIED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
INSIDER = Principal("ana")


def visible(principal):
    column = Column(Field("z", ValueType(Datatype.DOUBLE)), "c0")
    names = ["p1_open", "p2_hidden"] if principal == INSIDER else ["p1_open"]
    tables = tuple(Table("other", name, (column,), Storage(name, name)) for name in names)
    return with_tap_schema([Schema("other", tables)], f"v1-{principal.user}")


@pytest.fixture
def caller():
    return {"principal": ANONYMOUS}


@pytest.fixture
def client(caller):
    app = Flask(__name__)
    capability = Capability("ivo://ivoa.net/std/TAP", (Interface("https://h.org/tap"),))
    blueprint = vosi_blueprint(
        availability=lambda: Availability(True),
        capabilities=lambda: [capability],
        capabilities_modified=lambda: MODIFIED,
        tables=visible,
        principal=lambda: caller["principal"],
    )
    app.register_blueprint(blueprint, url_prefix="/tap")
    return app.test_client()


@pytest.mark.parametrize("path", ["availability", "capabilities", "tables", "tables/other.p1_open"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_documents_are_plain_xml_with_and_without_slash(client, path, slash):
    response = client.get(f"/tap/{path}{slash}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/xml"
    ET.fromstring(response.data)


@pytest.mark.parametrize("path", ["availability", "capabilities", "tables"])
def test_head_answers_like_get_without_body(client, path):
    response = client.head(f"/tap/{path}")
    assert (response.status_code, response.data) == (200, b"")


@pytest.mark.parametrize("path", ["availability", "capabilities", "tables", "tables/other.p1_open"])
@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_other_verbs_are_refused_with_what_is_allowed(client, path, method):
    response = getattr(client, method)(f"/tap/{path}")
    assert response.status_code == 405
    allowed = {verb.strip() for verb in response.headers["Allow"].split(",")}
    assert allowed == {"GET", "HEAD", "OPTIONS"}


def test_capabilities_say_when_they_changed(client):
    first = client.get("/tap/capabilities")
    assert first.last_modified == MODIFIED
    again = client.get(
        "/tap/capabilities", headers={"If-Modified-Since": first.headers["Last-Modified"]}
    )
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("query", ["?detail=min", "?DETAIL=Min", "?only_tables=true"])
def test_the_short_list_has_no_columns(client, query):
    assert b"<column" not in client.get(f"/tap/tables{query}").data


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("tables=other.p1_open", ["other.p1_open"]),
        ("TABLES=Other.P1_Open", ["other.p1_open"]),
        ('tables="TAP_SCHEMA"."schemas"', ["TAP_SCHEMA.schemas"]),
        ("tables=other.p1_open,tap_schema.keys", ["TAP_SCHEMA.keys", "other.p1_open"]),
        ("tables=tap_schema.keys&tables=other.p1_open", ["TAP_SCHEMA.keys", "other.p1_open"]),
        ("tables=other.p1_open,,OTHER.P1_OPEN", ["other.p1_open"]),
    ],
)
@pytest.mark.parametrize("detail", ["min", "max"])
def test_tables_are_chosen_by_name(client, query, names, detail):
    root = ET.fromstring(client.get(f"/tap/tables?{query}&detail={detail}").data)
    assert sorted(table.findtext("name") for table in root.iter("table")) == names
    assert all(schema.find("table") is not None for schema in root.iter("schema"))
    assert (root.find(".//column") is not None) == (detail == "max")


@pytest.mark.parametrize("name", ["other.p9", "other.p2_hidden", "nothing", '"a,b".c'])
@pytest.mark.parametrize("also", ["", "other.p1_open,"])
def test_a_chosen_table_that_is_not_there_is_named(client, name, also):
    response = client.get("/tap/tables", query_string={"tables": also + name})
    assert response.status_code == 404
    assert response.text == f"There is no table {name}: see the list under /tables.\n"
    assert "Authorization" in response.vary


@pytest.mark.parametrize("query", ["?tables=", "?tables=%20,"])
def test_no_names_choose_all_tables(client, query):
    assert client.get(f"/tap/tables{query}").data == client.get("/tap/tables").data


@pytest.mark.parametrize("query", ["", "?detail=max", "?dummy=1"])
def test_the_long_list_has_columns(client, query):
    assert b"<column" in client.get(f"/tap/tables{query}").data


def test_another_detail_is_refused_in_words(client):
    response = client.get("/tap/tables?detail=medium")
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.text == "detail=medium is not known: give detail=min or detail=max.\n"


@pytest.mark.parametrize(
    "name", ["other.p1_open", "OTHER.P1_OPEN", '"other"."p1_open"', "%22other%22.p1_open"]
)
def test_one_table_has_its_columns_whatever_the_detail(client, name):
    response = client.get(f"/tap/tables/{name}?detail=min")
    assert response.status_code == 200
    root = ET.fromstring(response.data)
    assert root.findtext("name") == "other.p1_open"
    assert root.findtext("column/name") == "z"


@pytest.mark.parametrize("name", ["other.p9", "nothing", "a/b", "other.p2_hidden"])
def test_an_unknown_table_and_a_hidden_one_answer_alike(client, name):
    response = client.get(f"/tap/tables/{name}")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.text == f"There is no table {name}: see the list under /tables.\n"


def test_the_tables_are_those_of_the_caller(client, caller):
    assert b"p2_hidden" not in client.get("/tap/tables").data
    caller["principal"] = INSIDER
    response = client.get("/tap/tables")
    assert b"p2_hidden" in response.data
    assert "Authorization" in response.vary
    assert client.get("/tap/tables/other.p2_hidden").status_code == 200


def test_availability_is_never_kept(client):
    assert client.get("/tap/availability").cache_control.no_store


def test_flags_are_for_the_client_without_a_name_alone(client):
    named = client.get("/tap/tables", headers={"User-Agent": "TOPCAT"})
    client.environ_base.pop("HTTP_USER_AGENT")
    nameless = client.get("/tap/tables")
    assert b"esatapplus" not in named.data
    assert b"esatapplus:flags=" in nameless.data
    assert "User-Agent" in nameless.vary
    assert client.get("/tap/esatapplus.xsd").data.startswith(b"<?xml")
