"""The publishing registry: verbs and errors of OAI-PMH, and records that obey their schemas."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from schemas import validate

from registry.model.principal import OPERATOR
from vo_service.app import tap_description
from vo_service.assemble.discovery import site_harvest
from vo_service.discovery.harvest import Harvest, HarvestedSite
from vo_service.discovery.oai import oai_blueprint
from vo_service.discovery.voresource import Record

OAI = "{http://www.openarchives.org/OAI/2.0/}"
RI = "{http://www.ivoa.net/xml/RegistryInterface/v1.0}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
PRODUCT = "ivo://org.example.photoz/redshift_catalog/p1_survey"
GET = {"verb": "GetRecord", "metadataPrefix": "ivo_vor"}
LIST = {"verb": "ListRecords", "metadataPrefix": "ivo_vor"}


@pytest.fixture(scope="module")
def ask(installation):
    """Ask the registry of the installation, with its first product made official."""
    products = installation.services.data.products
    said = {"official": True, "creators": "Doe, J.; Roe, R.", "doi": "10.5281/zenodo.1"}
    products.update(OPERATOR, 1, {**said, "licence": "CC-BY-4.0", "article": "doi:10.1000/x"})
    settings = installation.settings.model_copy(
        update={"authority": "org.example.photoz", "contact": "photoz@example.org"}
    )
    harvest = site_harvest(settings, installation.services, tap_description(settings))
    app = Flask(__name__)
    app.register_blueprint(oai_blueprint(harvest, []), url_prefix="/oai")
    client = app.test_client()

    def run(**parameters):
        answer = client.get("/oai", query_string=parameters)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/xml"
        return validate(answer.data, "oai")

    yield run
    gone = dict.fromkeys((*said, "licence", "article"))
    products.update(OPERATOR, 1, {**gone, "official": False})


def code(root):
    (error,) = root.iter(f"{OAI}error")
    return error.get("code")


def test_the_registry_identifies_itself(ask):
    root = ask(verb="Identify")
    identity = root.find(f"{OAI}Identify")
    said = {child.tag.removeprefix(OAI): child.text for child in identity}
    assert said["baseURL"] == "https://vo.example.org/photoz/oai"
    assert said["adminEmail"] == "photoz@example.org"
    assert said["granularity"] == "YYYY-MM-DDThh:mm:ssZ"
    (own,) = identity.iter(f"{RI}Resource")
    assert own.get(XSI_TYPE) == "vg:Registry"
    assert own.findtext("managedAuthority") == "org.example.photoz"
    assert own.find("capability/interface").get("role") == "std"


def test_all_records_are_valid_and_of_every_kind(ask):
    root = ask(**LIST, set="ivo_managed")
    kinds = {r.findtext("identifier"): r.get(XSI_TYPE) for r in root.iter(f"{RI}Resource")}
    assert kinds == {
        "ivo://org.example.photoz/registry": "vg:Registry",
        "ivo://org.example.photoz": "vg:Authority",
        "ivo://org.example.photoz/org": "vr:Organisation",
        "ivo://org.example.photoz/tap": "vs:CatalogService",
        PRODUCT: "vs:CatalogResource",
    }


def test_a_product_is_described_with_everything_that_makes_it_found(ask):
    root = ask(**GET, identifier=PRODUCT.replace("photoz", "PhotoZ"))
    (resource,) = root.iter(f"{RI}Resource")
    assert resource.findtext("title") == "survey"
    creators = [each.text for each in resource.findall("curation/creator/name")]
    assert creators == ["Doe, J.", "Roe, R."]
    assert resource.findtext("altIdentifier") == "doi:10.5281/zenodo.1"
    assert resource.find("rights").get("rightsURI") == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert resource.findtext("content/source") == "doi:10.1000/x"
    related = resource.find("content/relationship/relatedResource")
    assert related.get("ivo-id") == "ivo://org.example.photoz/tap"
    standards = [each.get("standardID") for each in resource.findall("capability")]
    assert standards == ["ivo://ivoa.net/std/TAP#aux", "ivo://ivoa.net/std/ConeSearch"]
    ucds = [each.text for each in resource.findall("tableset/schema/table/column/ucd")]
    assert "src.redshift" in " ".join(ucds)
    orders = re.findall(r"(\d+)/", resource.findtext("coverage/spatial"))
    assert max(map(int, orders)) == 6
    assert resource.get("created") <= resource.get("updated")


def test_the_service_has_the_capabilities_of_the_service(ask, installation):
    root = ask(**GET, identifier="ivo://org.example.photoz/tap")
    (resource,) = root.iter(f"{RI}Resource")
    own = validate(installation.client.get("/tap/capabilities").data, "capabilities")
    said = [[c.get("standardID") for c in each.iter("capability")] for each in (resource, own)]
    assert said[0] == said[1]


def test_dublin_core_is_offered(ask):
    root = ask(verb="ListRecords", metadataPrefix="oai_dc")
    titles = [e.text for e in root.iter("{http://purl.org/dc/elements/1.1/}title")]
    assert "survey" in titles


@pytest.mark.parametrize("verb", ["ListMetadataFormats", "ListSets"])
def test_lists_are_valid(ask, verb):
    assert ask(verb=verb).find(f"{OAI}{verb}") is not None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "badVerb"),
        ({"verb": "Nonsense"}, "badVerb"),
        ({"verb": ["Identify", "Identify"]}, "badVerb"),
        ({"verb": "Identify", "foo": "x"}, "badArgument"),
        ({"verb": "ListRecords"}, "badArgument"),
        (GET, "badArgument"),
        ({"verb": "GetRecord", "identifier": PRODUCT}, "badArgument"),
        ({**GET, "identifier": "not an id"}, "badArgument"),
        ({**LIST, "metadataPrefix": ["ivo_vor", "oai_dc"]}, "badArgument"),
        ({**LIST, "from": "yesterday"}, "badArgument"),
        ({**LIST, "from": "2026-02-30"}, "badArgument"),
        ({**LIST, "from": "2026-01-01", "until": "2026-01-02T00:00:00Z"}, "badArgument"),
        ({**LIST, "from": "2026-01-02", "until": "2026-01-01"}, "badArgument"),
        ({**LIST, "resumptionToken": "x"}, "badArgument"),
        ({"verb": "ListRecords", "resumptionToken": "x"}, "badResumptionToken"),
        ({"verb": "ListRecords", "resumptionToken": "ivo_vor!!!9999"}, "badResumptionToken"),
        ({"verb": "ListSets", "resumptionToken": "x"}, "badResumptionToken"),
        ({"verb": "ListRecords", "metadataPrefix": "marc"}, "cannotDisseminateFormat"),
        ({**GET, "identifier": PRODUCT, "metadataPrefix": "x"}, "cannotDisseminateFormat"),
        ({**GET, "identifier": "ivo://x/y"}, "idDoesNotExist"),
        ({"verb": "ListMetadataFormats", "identifier": "ivo://x/y"}, "idDoesNotExist"),
        ({**LIST, "until": "1999-01-01"}, "noRecordsMatch"),
        ({**LIST, "set": "other"}, "noRecordsMatch"),
    ],
)
def test_errors_have_the_codes_of_the_standard(ask, arguments, expected):
    assert code(ask(**arguments)) == expected


def test_what_is_not_official_has_no_record(ask):
    identifier = "ivo://org.example.photoz/redshift_catalog/p2_scriptalert1script"
    assert code(ask(**GET, identifier=identifier)) == "idDoesNotExist"


def test_long_lists_come_in_pieces_and_deleted_records_without_content():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    records = [
        Record(f"ivo://x/{n}", start + timedelta(seconds=n), None if n % 2 else lambda: "<x/>")
        for n in range(1203)
    ]
    site = HarvestedSite("x", "https://x.org/oai", "a@b.org", "ivo://x/0")
    harvest = Harvest(site, lambda: records)
    arguments, seen, pieces = {"verb": ["ListIdentifiers"], "metadataPrefix": ["oai_dc"]}, [], 0
    while arguments:
        root = validate(harvest.answer(arguments), "oai")
        pieces += 1
        for header in root.iter(f"{OAI}header"):
            seen.append(header.findtext(f"{OAI}identifier"))
            number = int(seen[-1].rpartition("/")[2])
            assert header.get("status") == ("deleted" if number % 2 else None)
        token = root.find(f".//{OAI}resumptionToken")
        assert token.get("completeListSize") == "1203"
        arguments = token.text and {"verb": ["ListIdentifiers"], "resumptionToken": [token.text]}
    assert pieces == 3
    assert seen == [record.identifier for record in records]
    day = {"verb": ["ListIdentifiers"], "metadataPrefix": ["oai_dc"]}
    second = ["2026-01-01T00:00:05Z"]
    one = harvest.answer({**day, "from": second, "until": second})
    assert one.count(b"<header") == 1
    assert harvest.answer({**day, "until": ["2025-12-31"]}).count(b"<header") == 0


def test_a_site_without_a_name_says_what_is_missing(installation):
    answer = installation.client.get("/oai?verb=Identify")
    assert answer.status_code == 404
    assert "authority and contact" in answer.text
