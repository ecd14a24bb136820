"""Pages of pipelines and of jobs: forms from specifications, and who sees and stops what."""

from __future__ import annotations

import io

import pytest
from lxml import html
from website import CALLERS, CSV, ROLES, Website, website

from registry.products.records import ProductDraft

PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Website:
    made = website(tmp_path_factory.mktemp("jobs") / "home")
    for name in ("first", "second", "hidden"):
        made.products[name] = catalogue(made, name, publish=name != "hidden")
    return made


def catalogue(site: Website, name: str, publish: bool) -> int:
    products, owner = site.services.data.products, site.person("owner")
    product = products.create(owner, ProductDraft(name, "redshift_catalog"))
    products.files.add(owner, product.id, 0, "t.csv", "text/csv", io.BytesIO(CSV))
    products.register(owner, product.id)
    for content in products.contents.select(owner, product.id):
        products.contents.update(owner, content.id, {"alias": ROLES[content.column_name]})
    if publish:
        products.publish(owner, product.id)
    return product.id


def post(site: Website, path: str, caller: str, **form):
    client = site.client(caller)
    token = {} if caller == "anonymous" else {"csrf_token": client.csrf}
    return client.post(path, data={**token, **form})


def filled(site: Website, **more):
    return {"NAME": "Mine", "input.specz": str(site.products["first"]), "z_max": "0.5"} | more


@pytest.mark.parametrize("name", ["combine_redshift_dedup", "hello_world"])
def test_every_pipeline_has_a_form_of_its_parameters(site, name):
    client = site.client("other")
    listed = html.fromstring(client.get("/pipelines", headers=PAGE).text)
    assert f"/pipelines/{name}" in listed.xpath("//main//a/@href")
    described = client.get(f"/pipelines/{name}").json
    tree = html.fromstring(client.get(f"/pipelines/{name}", headers=PAGE).text)
    fields = set(tree.xpath("//form[@id='pipeline']//*[@id]/@name"))
    for parameter in described["parameters"]:
        schema = described["schema"]["properties"].get(parameter["name"], {})
        if schema and not schema.get("when") and not schema.get("without_effect"):
            assert parameter["name"] in fields


def test_programs_get_what_they_always_got(site):
    assert site.client().get("/pipelines").is_json
    assert site.client().get("/pipelines/hello_world").is_json


@pytest.mark.parametrize("caller", CALLERS)
def test_inputs_are_published_ones_that_the_visitor_may_see(site, caller):
    text = site.client(caller).get("/pipelines/hello_world", headers=PAGE).text
    assert ("_first" in text) == (caller != "anonymous")
    assert "_hidden" not in text


def test_choices_survive_searching_and_other_choices(site):
    first, second = str(site.products["first"]), str(site.products["second"])
    path = "/pipelines/combine_redshift_dedup/form"
    chosen = {"NAME": "Both <b>", "input.specz": first, "find.specz": "second"}
    tree = html.fromstring(post(site, path, "other", **chosen, add=f"specz:{second}").text)
    assert tree.xpath("//input[@name='input.specz']/@value") == [first, second]
    assert tree.xpath("//input[@id='NAME']/@value") == ["Both <b>"]
    assert not tree.xpath("//*[@id='tie_treatment_option']")
    other = "concatenate_and_remove_duplicates"
    tree = html.fromstring(
        post(site, path, "other", **chosen, remove=f"specz:{first}", combine_type=other).text
    )
    assert not tree.xpath("//input[@name='input.specz']")
    assert tree.xpath("//*[@id='tie_treatment_option']")
    # A box that was not shown is as it was in the beginning.
    assert tree.xpath("//input[@id='insert_match_columns']/@checked")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"NAME": ""}, "NAME"),
        ({"z_max": "much"}, "z_max"),
        ({"z_min": "-7"}, "z_min"),
        ({"input.specz": ""}, "inputs"),
        ({"input.specz": "999"}, "inputs"),
    ],
)
@pytest.mark.parametrize("end", ["run", "report"])
def test_what_is_wrong_stands_beside_its_field(site, change, field, end):
    response = post(site, f"/pipelines/hello_world/{end}", "other", **filled(site, **change))
    assert response.status_code == 422
    tree = html.fromstring(response.text)
    assert tree.xpath(f"//*[@id='{field}-error']/text()")
    assert tree.xpath("//input[@id='NAME']/@value") == [filled(site, **change)["NAME"]]


def test_a_report_says_what_would_come_of_it(site):
    response = post(site, "/pipelines/hello_world/report", "other", **filled(site))
    assert response.status_code == 200, response.text
    assert html.fromstring(response.text).xpath("//section[@id='report']//dd")


def test_a_job_is_its_owners_alone(site):
    made = post(site, "/pipelines/hello_world/run", "other", **filled(site))
    assert made.status_code == 303, made.text
    path = made.headers["Location"].removeprefix("http://127.0.0.1:8000")
    for caller in CALLERS:
        sees = caller in ("other", "root")
        assert site.client(caller).get(path).status_code == (200 if sees else 404), caller
        log = site.client(caller).get(f"{path}/log").status_code
        assert log == (200 if sees else 404), caller
        if not sees:
            for action in ("abort", "delete", "repeat"):
                assert post(site, f"{path}/{action}", caller).status_code == 404
    assert path in site.client("other").get("/jobs").text
    assert path not in site.client("owner").get("/jobs").text
    again = site.client("other").get(
        "/pipelines/hello_world", query_string={"again": path.split("/")[-1]}, headers=PAGE
    )
    assert html.fromstring(again.text).xpath("//input[@id='z_max']/@value") == ["0.5"]
    assert site.client("other").post(f"{path}/abort").status_code == 403
    assert post(site, f"{path}/abort", "other").status_code == 303
    assert "stopped" in site.client("other").get(path).text
    assert post(site, f"{path}/delete", "other").status_code == 303
    assert site.client("other").get(path).status_code == 404


def test_a_query_becomes_a_job_once_it_can_be_run(site):
    name = f"training_set.p{site.products['open']}_open"
    wrong = post(site, "/query/job", "other", QUERY=f"SELECT nosuch FROM {name}")
    assert wrong.status_code == 400
    assert "nosuch" in html.fromstring(wrong.text).xpath("//textarea")[0].text
    made = post(site, "/query/job", "other", QUERY=f"SELECT z FROM {name}", RESPONSEFORMAT="csv")
    path = made.headers["Location"].removeprefix("http://127.0.0.1:8000")
    for caller in CALLERS:
        expected = 200 if caller == "other" else 404
        assert site.client(caller).get(path).status_code == expected
    repeated = post(site, f"{path}/repeat", "other")
    assert repeated.status_code == 303
    assert repeated.headers["Location"] != made.headers["Location"]


def test_a_visitors_job_is_known_by_its_address(site):
    name = f"training_set.p{site.products['open']}_open"
    made = post(site, "/query/job", "anonymous", QUERY=f"SELECT z FROM {name}")
    path = made.headers["Location"].removeprefix("http://127.0.0.1:8000")
    assert site.client().get(path).status_code == 200
    assert "Keep the address" in site.client().get(path).text
    assert site.client().get("/jobs").status_code == 303


@pytest.mark.parametrize("path", ["form", "report", "run"])
def test_forms_need_an_account_and_the_secret_of_the_session(site, path):
    address = f"/pipelines/hello_world/{path}"
    assert site.client().post(address, data=filled(site)).status_code == 303
    assert site.client("other").post(address, data=filled(site)).status_code == 403
    assert post(site, f"/pipelines/nothing/{path}", "other").status_code == 404
