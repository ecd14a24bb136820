"""DataLink over a small installation, and the links that results of queries carry."""

from __future__ import annotations

import io

import pytest
from astropy.io.votable import parse

DID = "ivo://x-unregistered/tap?redshift_catalog/p1_survey"
URL = "/datalink/links"


@pytest.fixture(scope="module")
def client(installation):
    return installation.client


def rows(answer):
    assert answer.status_code == 200, answer.data
    assert answer.headers["Content-Type"] == "application/x-votable+xml;content=datalink"
    table = parse(io.BytesIO(answer.data)).get_first_table()
    names = [field.name for field in table.fields]
    listed = table.array.tolist()
    return [{k: v or "" for k, v in zip(names, row, strict=True)} for row in listed]


def test_a_product_has_its_formats_page_and_services(client):
    found = rows(client.get(URL, query_string={"ID": DID}))
    assert {row["ID"] for row in found} == {DID}
    for row in found:
        given = [row["access_url"], row["service_def"], row["error_message"]]
        assert sum(map(bool, given)) == 1
    kinds = {row["content_type"] for row in found if row["semantics"] == "#this"}
    assert {"application/fits", "text/csv", "application/vnd.apache.parquet"} <= kinds
    semantics = {row["semantics"] for row in found}
    assert {"#this", "#package", "#documentation", "#proc"} <= semantics
    assert {row["link_auth"] for row in found} == {"false"}
    assert all(row["link_authorized"] for row in found)
    for row in found:
        if row["access_url"].startswith("https://vo.example.org/photoz/api/"):
            path = row["access_url"].removeprefix("https://vo.example.org/photoz")
            with client.get(path) as answer:
                assert answer.status_code == 200, path
                if row["content_length"]:
                    assert len(answer.data) == row["content_length"]


def test_services_of_the_answer_are_described_and_work(client):
    answer = client.get(URL, query_string={"ID": DID})
    resources = {r.ID: r for r in parse(io.BytesIO(answer.data)).resources if r.type == "meta"}
    assert set(resources) == {r["service_def"] for r in rows(answer) if r["service_def"]}
    asked = {p.name: p.value for p in resources["query0"].groups[0].entries}
    found = client.get("/tap/sync", query_string=asked)
    assert found.status_code == 200
    address = {p.name: p.value for p in resources["cone0"].params}["accessURL"]
    path = address.removeprefix("https://vo.example.org/photoz")
    assert client.get(path, query_string={"RA": 0, "DEC": 0, "SR": 1}).status_code == 200


def test_all_identifiers_are_answered_in_their_order_by_get_and_post(client):
    given = ["ivo://elsewhere/x?1", DID, "nonsense", DID.upper()]
    for answer in (
        client.get(URL, query_string={"ID": given}),
        client.post(URL, data={"id": given}),
    ):
        found = rows(answer)
        assert list(dict.fromkeys(row["ID"] for row in found)) == given
        missing = [row for row in found if row["error_message"]]
        assert [row["ID"] for row in missing] == [given[0], given[2]]
        assert all(row["error_message"].startswith("NotFoundFault: ") for row in missing)


@pytest.mark.parametrize("local", ["p1_survex", "p9_survey", "p1", "p99999999999999999999_x", ""])
def test_an_identifier_that_is_almost_right_finds_nothing(client, local):
    head = DID.rpartition("/")[0]
    assert rows(client.get(URL, query_string={"ID": f"{head}/{local}"}))[0]["error_message"]


def test_without_identifiers_the_service_describes_itself(client):
    answer = client.get(URL)
    assert rows(answer) == []
    assert b"OVERFLOW" not in answer.data
    (service,) = [r for r in parse(io.BytesIO(answer.data)).resources if r.type == "meta"]
    assert {p.name: p.value for p in service.params}["accessURL"].endswith(URL)


def test_too_many_identifiers_and_few_rows_are_an_overflow(client):
    many = {"ID": [f"ivo://x/{n}" for n in range(201)]}
    answer = client.post(URL, data=many)
    assert len(rows(answer)) == 200
    assert b"OVERFLOW" in answer.data
    answer = client.get(URL, query_string={"ID": DID, "MAXREC": 2})
    assert len(rows(answer)) == 2
    assert b"OVERFLOW" in answer.data


def test_wrong_parameters_are_faults(client):
    answer = client.get(URL, query_string={"ID": DID, "RESPONSEFORMAT": "csv"})
    assert answer.status_code == 400
    assert b"UsageFault: RESPONSEFORMAT=csv" in answer.data


@pytest.mark.parametrize("form", ["votable", "votable/td", "votable/b"])
def test_results_with_publisher_dids_say_where_their_links_are(installation, form):
    query = "SELECT publisher_did AS did, id FROM pz.products WHERE id = 1"
    answer = installation.ask(query, RESPONSEFORMAT=form)
    document = parse(io.BytesIO(answer.data))
    assert document.get_first_table().array["did"].tolist() == [DID]
    (service,) = [r for r in document.resources if r.type == "meta"]
    parameter = service.groups[0].entries[0]
    assert (parameter.name, parameter.ref) == ("ID", "did")
    answer = installation.ask("SELECT id FROM pz.products", RESPONSEFORMAT=form)
    assert b"adhoc:service" not in answer.data
