"""Products made, changed and deleted with plain forms, as a browser without scripts sends them."""

from __future__ import annotations

import io

import pytest
from lxml import html
from website import CSV, ROLES, SCRIPT, Website, website


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Website:
    return website(tmp_path_factory.mktemp("website") / "home")


def path_of(response) -> str:
    assert response.status_code == 303, response.text
    return response.headers["Location"].removeprefix("http://127.0.0.1:8000")


def begun(site, client, **fields) -> str:
    """Begin a product, and give its address."""
    named = {"display_name": "From a browser", "product_type": "training_set", **fields}
    return path_of(site.send(client, "/product/new", **named)).removesuffix("/upload/2")


def add(site, client, address, content=CSV, name="t.csv", *, role="0"):
    file = (io.BytesIO(content), name)
    return site.send(client, f"{address}/file", role=role, file=file)


def errors_at(response) -> dict[str, str]:
    """Give the fields that are marked, with what is said at them."""
    assert response.status_code == 422, response.text
    tree = html.fromstring(response.text)
    marked = tree.xpath("//*[@aria-invalid='true']")
    return {
        field.get("id"): tree.get_element_by_id(field.get("aria-describedby")).text
        for field in marked
    }


def columns(client, address) -> dict[str, str]:
    """Give the number of each column by its name."""
    tree = html.fromstring(client.get(f"{address}/upload/3").text)
    rows = tree.xpath("//table[@id='columns']/tbody/tr")
    return {
        row.find("th").text.strip(): row.xpath(".//select/@name")[0].partition("-")[0]
        for row in rows
    }


def test_product_is_made_in_four_steps_and_can_be_queried(site):
    client = site.client("other")
    address = begun(site, client, description="**Mine**")
    assert path_of(add(site, client, address)) == f"{address}/upload/2"
    add(site, client, address, b"<p>read me", "about.html", role="1")
    assert path_of(site.send(client, f"{address}/read")) == f"{address}/upload/3"
    numbers = columns(client, address)
    roles = {f"{numbers[name]}-alias": role for name, role in ROLES.items()}
    assert path_of(site.send(client, f"{address}/columns", action="next", **roles)).endswith("/4")
    review = client.get(f"{address}/upload/4").text
    assert "about.html" in review
    assert path_of(site.send(client, f"{address}/publish")) == address
    name = address.removeprefix("/product/")
    asked = site.client().get(
        "/tap/sync",
        query_string={
            "LANG": "ADQL",
            "FORMAT": "csv",
            "QUERY": f"SELECT COUNT(*) FROM training_set.p{name}",
        },
    )
    assert asked.text.split()[-1] == "8"


def test_registration_left_halfway_is_found_again_and_discarded(site):
    client = site.client("insider")
    address = begun(site, client, display_name="left behind")
    page = html.fromstring(client.get("/product/new").text)
    assert f"{address}/upload/2" in page.xpath("//section[@class='drafts']//a/@href")
    assert f"{address}/upload/2" not in site.client("other").get("/product/new").text
    asked = html.fromstring(client.get(f"{address}/delete").text)
    assert "left behind" in asked.xpath("//h1")[0].text
    assert asked.xpath("//*[@data-focus]")[0].text == "Cancel"
    site.send(client, f"{address}/delete")
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"display_name": " "}, "display_name"),
        ({"display_name": "x" * 300}, "display_name"),
        ({"product_type": "nothing"}, "product_type"),
        ({"product_type": "redshift_catalog", "release": "dp1"}, "release"),
        ({"release": "dp3"}, "release"),
        ({"pz_code": "BPZ"}, "pz_code"),
        ({"release_year": "20x5"}, "release_year"),
        ({"release_year": "1"}, "release_year"),
        ({"data_url": "javascript:alert(1)"}, "data_url"),
    ],
)
def test_errors_of_the_first_step_stand_at_their_field_and_nothing_is_lost(site, fields, at):
    client = site.client("other")
    sent = {"display_name": "kept", "product_type": "training_set", "description": "kept too"}
    answer = site.send(client, "/product/new", **(sent | fields))
    assert errors_at(answer).get(at)
    assert html.fromstring(answer.text).get_element_by_id("description").text == "kept too"


@pytest.mark.parametrize(
    ("name", "content", "at"),
    [("t.fits", b"SIMPLE  = no", "file"), ("t.csv", b"", "file")],
)
def test_file_that_is_no_table_is_refused_where_it_is_chosen(site, name, content, at):
    client = site.client("owner")
    address = begun(site, client)
    answer = add(site, client, address, content, name)
    if answer.status_code == 303:
        answer = site.send(client, f"{address}/read")
    assert errors_at(answer)[at]
    assert path_of(add(site, client, address)).endswith("/upload/2")
    assert path_of(site.send(client, f"{address}/read")).endswith("/upload/3")


def test_choice_of_a_table_is_asked_for_at_its_field(site, tmp_path):
    import h5py
    import numpy as np

    with h5py.File(tmp_path / "two.hdf5", "w") as file:
        for name in ("first", "second"):
            for column in ("ra", "dec", "z"):
                file[f"{name}/{column}"] = np.arange(1, 6) / 7
    client = site.client("owner")
    address = begun(site, client)
    add(site, client, address, (tmp_path / "two.hdf5").read_bytes(), "two.hdf5")
    assert "first" in errors_at(site.send(client, f"{address}/read"))["group"]
    assert path_of(site.send(client, f"{address}/read", group="second")).endswith("/upload/3")


def test_missing_and_doubled_roles_are_told_before_publication(site):
    client = site.client("owner")
    address = begun(site, client)
    add(site, client, address)
    site.send(client, f"{address}/read")
    numbers = columns(client, address)
    nothing = {f"{number}-alias": "" for number in numbers.values()}
    said = site.send(client, f"{address}/columns/check", **nothing).text
    assert "z is still missing" in said
    twice = nothing | {f"{numbers['z']}-alias": "z", f"{numbers['ra']}-alias": "z"}
    assert "already" in site.send(client, f"{address}/columns/check", **twice).text
    assert errors_at(site.send(client, f"{address}/columns", action="next", **twice))
    answer = site.send(client, f"{address}/columns", action="next", **nothing)
    assert answer.status_code == 422
    assert "z" in html.fromstring(answer.text).xpath("//*[@role='alert']")[0].text_content()
    assert site.send(client, f"{address}/publish").status_code == 422
    site.send(client, f"{address}/columns", action="accept", **nothing)
    assert "missing" not in client.get(f"{address}/upload/3").text
    assert path_of(site.send(client, f"{address}/publish")) == address


def test_wrong_unit_and_ucd_keep_what_was_typed_and_save_nothing(site):
    client = site.client("owner")
    address = begun(site, client)
    add(site, client, address)
    site.send(client, f"{address}/read")
    number = columns(client, address)["z"]
    sent = {
        f"{number}-unit": "hourangle",
        f"{number}-ucd": "src.redshift",
        f"{number}-description": SCRIPT,
    }
    answer = site.send(client, f"{address}/columns", action="save", **sent)
    assert errors_at(answer).keys() == {f"{number}-unit"}
    assert (
        html.fromstring(answer.text).get_element_by_id(f"{number}-description").get("value")
        == SCRIPT
    )
    kept = html.fromstring(client.get(f"{address}/upload/3").text)
    assert kept.get_element_by_id(f"{number}-ucd").get("value") == ""


def test_published_product_is_changed_and_gets_a_new_version(site):
    client = site.client("owner")
    address = f"/product/{site.products['open']}_open"
    fields = {"display_name": "open", "description": "new words", "release": "dp1"}
    assert path_of(site.send(client, f"{address}/edit", **fields)) == address
    assert "new words" in site.client().get(address).text
    assert path_of(add(site, client, address, CSV + b"150.5,2,0.9\n")).endswith("/upload/2")
    assert path_of(site.send(client, f"{address}/read")).endswith("/upload/3")
    assert path_of(site.send(client, f"{address}/columns", action="next")).endswith("/upload/4")
    assert path_of(site.send(client, f"{address}/publish")) == address
    assert "9" in html.fromstring(site.client().get(f"{address}?tab=versions").text).xpath(
        "//tbody/tr[1]/td[3]/text()"
    )


STEPS = ("/edit", "/upload/2", "/upload/3", "/upload/4", "/delete")
FORMS = (
    "/edit",
    "/file",
    "/file/1/remove",
    "/read",
    "/columns",
    "/columns/check",
    "/publish",
    "/delete",
)


@pytest.mark.parametrize("caller", ["anonymous", "other", "insider", "chair", "root"])
def test_only_owner_and_operators_change_a_product(site, caller):
    client = site.client(caller)
    hidden = f"/product/{site.products['begun']}_begun"
    known = site.services.data.products.product(site.person("owner"), site.products["wild"])
    addresses = {f"/product/{known.internal_name}": 403, hidden: 404}
    for address, refusal in addresses.items():
        for end in STEPS:
            status = client.get(address + end).status_code
            assert status == {"anonymous": 303, "root": 200}.get(caller, refusal), (address, end)
        for end in FORMS if caller != "root" else ():
            file = {"file": (io.BytesIO(CSV), "x.csv")} if end == "/file" else {}
            answer = site.send(client, address + end, **file)
            assert answer.status_code == (303 if caller == "anonymous" else refusal), (address, end)
            if caller == "anonymous":
                assert "/login" in answer.headers["Location"]
    assert site.client("owner").get(hidden).status_code == 200


def test_forms_without_their_secret_change_nothing(site):
    client = site.client("owner")
    address = f"/product/{site.products['begun']}_begun"
    before = client.get(f"{address}/upload/2").text
    for end in FORMS:
        sent = (
            {"file": (io.BytesIO(CSV), "x.csv")} if end == "/file" else {"display_name": "stolen"}
        )
        assert client.post(address + end, data=sent).status_code == 403, end
    assert client.get(f"{address}/upload/2").text == before


def test_only_coordinators_make_official_products(site):
    fields = {"display_name": "ours", "product_type": "training_set", "official": "1"}
    assert site.send(site.client("other"), "/product/new", **fields).status_code == 403
    assert 'name="official"' not in site.client("other").get("/product/new").text
    assert site.send(site.client("chair"), "/product/new", **fields).status_code == 303


@pytest.mark.parametrize("step", ["/edit", "/upload/2", "/upload/3", "/upload/4", "/delete"])
def test_names_cannot_act_in_the_forms_of_their_owner(site, step):
    product = site.services.data.products.product(site.person("owner"), site.products["wild"])
    response = site.client("owner").get(f"/product/{product.internal_name}{step}")
    tree = html.fromstring(response.text)
    assert not tree.xpath("//script[not(@src)]")
    assert not tree.xpath("//*[@onerror or @onclick or @style]")
    assert SCRIPT[:25] in tree.text_content()
