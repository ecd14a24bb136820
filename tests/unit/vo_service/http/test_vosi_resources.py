"""VOSI's documents over a real installation."""

import pytest
from applications import application
from schemas import validate

from vosi.availability import Availability

BASE = "https://vo.example.org/photoz"


@pytest.fixture
def client(installation):
    return installation.client


def test_vosi_documents_obey_their_schemas(client):
    validate(client.get("/tap/availability").data, "availability")
    validate(client.get("/tap/capabilities").data, "capabilities")
    for query in ("", "?detail=min", "?detail=max"):
        root = validate(client.get(f"/tap/tables{query}").data, "tables")
        assert "version" not in root.attrib


def test_capabilities_declare_what_is_there_under_one_base(client):
    root = validate(client.get("/tap/capabilities").data, "capabilities")
    declared = {
        capability.get("standardID"): capability.findtext("interface/accessURL")
        for capability in root.findall("capability")
    }
    assert declared == {
        "ivo://ivoa.net/std/VOSI#capabilities": f"{BASE}/tap/capabilities",
        "ivo://ivoa.net/std/VOSI#availability": f"{BASE}/tap/availability",
        "ivo://ivoa.net/std/VOSI#tables-1.1": f"{BASE}/tap/tables",
        "ivo://ivoa.net/std/DALI#examples": f"{BASE}/tap/examples",
        "ivo://ivoa.net/std/TAP": f"{BASE}/tap",
        "ivo://ivoa.net/std/DataLink#links-1.1": f"{BASE}/datalink/links",
        "ivo://ivoa.net/std/SIA#query-2.0": f"{BASE}/sia2/query",
    }
    for url in declared.values():
        assert client.get(url.removeprefix(BASE)).status_code == 200
    (tap,) = [c for c in root if c.get("standardID") == "ivo://ivoa.net/std/TAP"]
    kind = "{http://www.w3.org/2001/XMLSchema-instance}type"
    assert tap.get(kind) == "tr:TableAccess"
    interface = tap.find("interface")
    assert (interface.get(kind), interface.get("role"), interface.get("version")) == (
        "vs:ParamHTTP",
        "std",
        "1.1",
    )
    assert interface.find("accessURL").get("use") == "base"
    assert [v.text for v in tap.findall("language/version")] == ["2.0", "2.1"]
    limit = tap.find("outputLimit")
    assert (limit.find("default").text, limit.find("hard").text) == ("20", "30")
    assert limit.find("default").get("unit") == "row"


def test_one_table_is_found_under_its_name_in_quotes_too(client):
    plain = client.get("/tap/tables/redshift_catalog.p1_survey").data
    quoted = client.get('/tap/tables/"redshift_catalog"."p1_survey"').data
    encoded = client.get("/tap/tables/%22redshift_catalog%22.p1_survey/").data
    assert plain == quoted == encoded
    root = validate(plain, "tables")
    assert root.tag == "{http://www.ivoa.net/xml/VOSITables/v1.0}table"
    assert [c.findtext("name") for c in root.findall("column")] == [
        "id", "ra", "dec", "z", '"Mag R"', "survey", "seen", "pdf",
    ]  # fmt: skip
    assert root.findtext("nrows") == "40"


def test_an_engine_that_is_down_is_not_available(installation):
    app = application(
        installation, availability=lambda: Availability(available=False, notes=("No engine.",))
    )
    root = validate(app.test_client().get("/tap/availability").data, "availability")
    space = "{http://www.ivoa.net/xml/VOSIAvailability/v1.0}"
    assert root.findtext(f"{space}available") == "false"
    assert root.findtext(f"{space}note") == "No engine."
