"""Who may see a product: every choice of its owner, every visitor, every route."""

from __future__ import annotations

import io
import re

import pytest
from lxml import html
from website import CALLERS, CSV, ROLES, Website, website

from registry.errors import ProductRefused
from registry.model.provenance import Provenance, ProvenanceInput
from registry.products.records import ProductDraft
from vo_service.assemble import assemble, make_app, prepare
from vo_service.settings import load_settings

EVERYBODY = frozenset(CALLERS)
MEMBERS = EVERYBODY - {"anonymous"}
SEEN_BY = {
    "quokka": ({}, EVERYBODY),
    "numbat": ({"visibility": "members"}, MEMBERS),
    "bilby": (
        {"visibility": "groups", "groups": frozenset({"insiders"})},
        {"owner", "insider", "root"},
    ),
    "dugong": ({"visibility": "owner"}, {"owner", "root"}),
    "potoroo": ({"visibility": "members", "release": "dp3"}, {"owner", "insider", "root"}),
    "wombat": ({"visibility": "groups", "groups": frozenset({"insiders"}), "official": True},
               {"owner", "insider", "root", "chair"}),
}  # fmt: skip
"""Products by name: what is said of them, and who sees them."""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Website:
    home = tmp_path_factory.mktemp("visibility") / "home"
    made = website(home, authority="example.org", contact="a@example.org")
    for name, (said, _) in SEEN_BY.items():
        made.products[name] = published(made, name, said)
    return made


def published(site: Website, name: str, said: dict) -> int:
    """Publish a product whose description and file have a word of its own."""
    products, owner = site.services.data.products, site.person("owner")
    made_by = site.person("root") if said.get("official") else owner
    draft = ProductDraft(name, "redshift_catalog" if "release" not in said else "training_set",
                         description=f"hush-{name}", **said)  # fmt: skip
    number = products.create(made_by, draft).id
    if made_by is not owner:
        products.give(made_by, number, "owner")
    products.files.add(made_by, number, 0, f"hush-{name}.csv", "text/csv", io.BytesIO(CSV))
    products.files.add(made_by, number, 2, f"hush-{name}.txt", "text/plain", io.BytesIO(b"x"))
    products.register(made_by, number)
    for content in products.contents.select(made_by, number):
        products.contents.update(made_by, content.id, {"alias": ROLES[content.column_name]})
    products.publish(made_by, number)
    return number


def address_of(site: Website, name: str, template: str) -> str:
    """Fill a template of an address with the numbers and names of a product."""
    if name not in site.facts:
        products, root = site.services.data.products, site.person("root")
        product = products.product(root, site.products[name])
        site.facts[name] = {
            "id": product.id, "name": product.internal_name, "table": product.table_name,
            "file": products.files.select(root, product.id)[-1].id,
            "content": products.contents.select(root, product.id)[0].id,
        }  # fmt: skip
    return template.format(**site.facts[name])


LISTS = (
    "/", "/products", "/products?q=o", "/products?scope=users", "/query/tables",
    "/query/words", "/api/products/?page_size=100", "/api/product-contents/?page_size=100",
    "/api/product-files/?page_size=100", "/tap/tables", "/tap/tables?detail=min", "/tap/examples",
    "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+*+FROM+pz.products",
    "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+*+FROM+pz.columns",
    "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+*+FROM+TAP_SCHEMA.tables",
    "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+*+FROM+TAP_SCHEMA.columns",
)  # fmt: skip
"""What shows many products."""

COMPLETE = {"/products", "/query/tables", "/tap/tables", "/api/products/?page_size=100", LISTS[-4]}
"""Those of them that show every product that a visitor may see."""

OF_PRODUCT = (
    "/product/{name}", "/product/{name}?tab=files", "/product/{name}?tab=provenance",
    "/product/{name}/plot/redshift", "/api/products/{id}/", "/api/products/{name}/",
    "/api/products/{id}/read_data/", "/api/products/{id}/main_file_info/",
    "/api/products/{id}/statistics/", "/api/products/{id}/versions/",
    "/api/products/{id}/provenance/", "/api/products/{id}/download/file/",
    "/api/products/{id}/data/?format=csv", "/api/products/{id}/citation/",
    "/api/products/{id}/download/main-file/file/", "/api/product-files/{file}/",
    "/api/product-files/{file}/download/", "/api/product-contents/{content}/",
    "/tap/tables/{table}", "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+*+FROM+{table}",
    "/scs/{table}?RA=150&DEC=2&SR=1", "/moc/{table}",
)  # fmt: skip
"""What shows one product, or some of it."""


@pytest.mark.parametrize("caller", CALLERS)
def test_a_product_is_shown_by_every_route_to_those_it_is_for_alone(site, caller):
    client = site.client(caller)
    wrong = []
    for name, (_, seen_by) in SEEN_BY.items():
        # What is shown to one who may see it is shown by each route; to the others by some.
        every = caller not in seen_by or (caller, name) == ("insider", "bilby")
        templates = OF_PRODUCT if every else OF_PRODUCT[::6]
        for address in (address_of(site, name, template) for template in templates):
            with client.get(address, buffered=True) as answer:
                if caller in seen_by:
                    right = answer.status_code == 200
                else:
                    told = f"hush-{name}".encode() in answer.data
                    right = answer.status_code in (400, 404) and not told
                wrong += [] if right else [(address, answer.status_code)]
    assert wrong == []


@pytest.mark.parametrize("address", ["/product/{}", "/product/{}/edit", "/api/products/{}/"])
def test_hidden_and_unknown_products_are_answered_alike(site, address):
    client = site.client("other")
    hidden = client.get(address.format(f"{site.products['dugong']}_dugong"))
    never = client.get(address.format("987_dugong"))
    assert hidden.status_code == never.status_code == 404
    assert re.sub(r"\d+_dugong", "", hidden.text) == re.sub(r"\d+_dugong", "", never.text)


@pytest.mark.parametrize("caller", CALLERS)
def test_lists_have_the_products_of_the_visitor_alone(site, caller):
    client = site.client(caller)
    for address in LISTS:
        text = client.get(address).text
        for name, (_, seen_by) in SEEN_BY.items():
            shown = f"{site.products[name]}_{name}" in text or f"hush-{name}" in text
            assert shown <= (caller in seen_by), (address, name)
            if address in COMPLETE:
                assert shown == (caller in seen_by), (address, name)


def test_relatives_are_drawn_for_those_alone_who_may_see_them(site):
    stores = site.services.data.outputs._stores
    numbers, names = site.products, ("bilby", "dugong", "quokka")
    facts = [address_of(site, name, "{name}") for name in names]
    made = zip(names, facts, strict=True)
    inputs = tuple(ProvenanceInput(numbers[n], name, 1, "0" * 64) for n, name in made)
    stores.provenance.save(numbers["numbat"], Provenance("combine", "1", {}, inputs))
    address = address_of(site, "numbat", "/product/{name}?tab=provenance")
    shown = {}
    for caller in ("other", "insider", "owner"):
        tree = html.fromstring(site.client(caller).get(address).text)
        shown[caller] = {a.text_content() for a in tree.xpath("//figure//a//*[name()='text']")}
    assert shown == {
        "other": {"numbat", "quokka"},
        "insider": {"numbat", "quokka", "bilby"},
        "owner": {"numbat", "quokka", "bilby", "dugong"},
    }
    backwards = address_of(site, "quokka", "/product/{name}?tab=provenance")
    assert "numbat" in site.client("other").get(backwards).text
    assert "numbat" not in site.client().get(backwards).text


def test_the_registry_tells_what_is_for_everybody_alone(site):
    for who in ("anonymous", "root"):
        text = site.client(who).get("/oai?verb=ListRecords&metadataPrefix=oai_dc").text
        for name, (_, seen_by) in SEEN_BY.items():
            assert (f"hush-{name}" in text) <= (seen_by == EVERYBODY)


def test_datalink_knows_hidden_products_no_more_than_unknown_ones(site):
    products, root = site.services.data.products, site.person("root")
    for name, (_, seen_by) in SEEN_BY.items():
        number = site.products[name]
        did = site.services.settings.dataset_ids.publisher_did(products.product(root, number))
        never = did.replace(str(number), "987")
        assert never != did
        for caller in CALLERS:
            client = site.client(caller)
            texts = [
                client.get("/datalink/links", query_string={"ID": each}).text.replace(each, "")
                for each in (did, never)
            ]
            assert (texts[0] != texts[1]) == (caller in seen_by), (name, caller)


def walked(site: Website):
    """Give the address of every page and document that is read, with each product in its place."""
    number = {"step": "2", "edition": "0", "key": "redshift", "job_id": "abc", "result_id": "x"}
    for rule in site.app.url_map.iter_rules():
        # What shows one product is tried above; a mount below /auth asks for a password.
        if "GET" not in (rule.methods or ()) or rule.rule.startswith(("/auth", "/api/schema")):
            continue
        path = re.sub(r"<any\(([^,)]+)[^>]*>", r"\1", rule.rule)
        if path.startswith("/api/products/<key>"):
            path = path.replace("<key>", "{id}")
        if path.startswith("/product/<name>"):
            path = path.replace("<name>", "{name}")
        path = re.sub(r"<(?:path:)?table_name>", "{table}", path)
        path = re.sub(r"<(?:int:)?(file|content)_id>", r"{\1}", path)
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: number.get(m[1], "1"), path)
        if "{" not in path:
            yield None, path
            continue
        yield "dugong", address_of(site, "dugong", path)


@pytest.mark.parametrize("caller", ["anonymous", "chair"])
def test_no_page_or_document_tells_of_what_is_hidden(site, caller):
    hidden = {name: n for name, n in site.products.items()
              if name in SEEN_BY and caller not in SEEN_BY[name][1]}  # fmt: skip
    addresses = list(walked(site))
    assert len(addresses) > 80
    told, client = [], site.client(caller)
    for asked, address in addresses:
        with client.get(address, buffered=True) as answer:
            words = [f"hush-{name}" for name in hidden]
            words += [f"{n}_{name}" for name, n in hidden.items() if name != asked]
            told += [(address, word) for word in words if word.encode() in answer.data]
            if asked in hidden and answer.status_code == 200:
                told.append((address, answer.status_code))
    assert [each for each in told if "statistics" not in each[0] or each[1] != 200] == []


FORMS = (
    "/product/{name}/edit", "/product/{name}/delete", "/product/{name}/columns",
    "/product/{name}/publish", "/product/{name}/read", "/product/{name}/file",
    "/product/{name}/columns/check", "/product/{name}/file/{file}/remove",
)  # fmt: skip
"""Forms by which a product is changed."""


@pytest.mark.parametrize("caller", ["anonymous", "other", "insider", "chair"])
def test_forms_are_for_owners_and_operators_alone(site, caller):
    client, products = site.client(caller), site.services.data.products
    for template in FORMS:
        for name in ("quokka", "bilby", "dugong"):
            sent = {"display_name": "taken"}
            if template.endswith("/file"):
                sent["file"] = (io.BytesIO(CSV), "taken.csv")
            answer = site.send(client, address_of(site, name, template), **sent)
            seen = caller in SEEN_BY[name][1]
            wanted = 303 if caller == "anonymous" else 403 if seen else 404
            assert answer.status_code == wanted, (name, template)
            assert f"hush-{name}" not in answer.text
            product = products.product(site.person("root"), site.products[name])
            assert product.display_name == name


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x"])
def test_a_body_that_is_no_form_is_refused_by_a_page(site, content_type):
    address = address_of(site, "quokka", "/product/{name}/file")
    answer = site.client("owner").post(address, data=b"--y", content_type=content_type)
    assert answer.status_code in (400, 415)
    assert "<h1>" in answer.text


def test_forms_count_with_the_requests_of_the_api(tmp_path):
    home = {"home": tmp_path / "home", "api_requests_per_minute": 6, "api_requests_burst": 3}
    settings = load_settings(environment={}, overrides=home)
    prepare(settings)
    site = Website(make_app(settings), assemble(settings), {})
    for name in ("other", "owner"):
        site.services.people.accounts.add_user(name)
    client = site.client("other")
    assert client.get("/api/products/").status_code == 200
    for _ in range(2):
        assert site.send(client, "/markdown", description="x").status_code == 200
    for refused in (site.send(client, "/markdown", description="x"), client.get("/api/products/")):
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
    # Pages are still read, and others still send.
    assert client.get("/products").status_code == 200
    assert site.send(site.client("owner"), "/markdown", description="x").status_code == 200
    site.services.close()


def test_the_form_of_every_route_that_changes_a_product_is_tried(site):
    rules = {
        re.sub(r"<[^>]*file_id>", "{file}", rule.rule.replace("<name>", "{name}"))
        for rule in site.app.url_map.iter_rules()
        if rule.rule.startswith("/product/<name>/") and "POST" in (rule.methods or ())
    }
    assert rules == set(FORMS)


def test_who_sees_a_product_is_chosen_in_the_form_and_at_once(site):
    owner, name = site.client("owner"), f"{site.products['open']}_open"
    form = owner.get(f"/product/{name}/edit").text
    assert 'name="group:insiders"' in form
    for choice, seen in (
        ({"visibility": "owner"}, set()),
        ({"visibility": "groups", "group:insiders": "1"}, {"insider"}),
        ({"visibility": "members"}, {"insider", "other"}),
        ({"visibility": "release"}, {"insider", "other", "anonymous"}),
    ):
        sent = {"display_name": "open", "release": "dp1", **choice}
        assert site.send(owner, f"/product/{name}/edit", **sent).status_code == 303
        for caller in ("anonymous", "other", "insider"):
            query = f"SELECT * FROM training_set.p{name}"
            rows = site.client(caller).get(
                "/tap/sync", query_string={"LANG": "ADQL", "QUERY": query}
            )
            assert (rows.status_code == 200) == (caller in seen), choice
            page = site.client(caller).get(f"/product/{name}")
            assert (page.status_code == 200) == (caller in seen), choice


@pytest.mark.parametrize(
    ("caller", "said", "field"),
    [
        ("owner", {"visibility": "groups"}, "groups"),
        ("owner", {"visibility": "groups", "groups": ["nobody"]}, "groups"),
        ("other", {"visibility": "groups", "groups": ["insiders"]}, "groups"),
        ("owner", {"visibility": "members", "groups": ["insiders"]}, "groups"),
        ("owner", {"visibility": "everybody"}, "visibility"),
        ("chair", {"visibility": "owner", "official_product": True}, "visibility"),
        ("root", {"visibility": "groups", "groups": ["nobody"]}, "groups"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(site, caller, said, field):
    client = site.client(caller)
    sent = {"display_name": "x", "product_type": 1, **said}
    answer = client.post("/api/products/", json=sent, headers={"X-CSRFToken": client.csrf})
    assert answer.status_code == 400, answer.text
    assert field in answer.text


def test_groups_are_named_to_those_alone_who_may_change_the_product(site):
    for caller, seen in (("insider", []), ("owner", ["insiders"]), ("root", ["insiders"])):
        answer = site.client(caller).get(f"/api/products/{site.products['bilby']}/").json
        assert (answer["visibility"], answer["groups"]) == ("groups", seen)


def test_lists_are_filtered_by_who_may_see(site):
    found = site.client("owner").get("/api/products/?visibility=owner").json["results"]
    assert [each["display_name"] for each in found] == ["dugong"]
    wrong = site.client().get("/api/products/?visibility=x")
    assert wrong.status_code == 400


def test_clients_that_know_nothing_of_it_leave_it_as_it_is(site):
    client = site.client("owner")
    sent = {"display_name": "dugong", "product_type": 1}
    number = site.products["dugong"]
    before = client.get(f"/api/products/{number}/").json
    sent["product_type"] = before["product_type"]
    answer = client.put(f"/api/products/{number}/", json=sent, headers={"X-CSRFToken": client.csrf})
    assert answer.json["visibility"] == "owner"
    products, owner = site.services.data.products, site.person("owner")
    products.update(owner, number, {"description": "hush-dugong"})


def test_an_official_product_cannot_become_its_owners_alone(site):
    products, chair = site.services.data.products, site.person("chair")
    with pytest.raises(ProductRefused, match="owner alone"):
        products.update(chair, site.products["wombat"], {"visibility": "owner"})
    with pytest.raises(ProductRefused, match="owner alone"):
        products.update(site.person("root"), site.products["dugong"], {"official": True})


def test_a_group_that_goes_closes_what_was_for_it(site):
    accounts, products = site.services.people.accounts, site.services.data.products
    accounts.add_group("short")
    accounts.add_member("short", "other")
    root = site.person("root")
    products.update(root, site.products["open"], {"visibility": "groups",
                                                  "groups": frozenset({"short"})})  # fmt: skip
    address = f"/product/{site.products['open']}_open"
    assert site.client("other").get(address).status_code == 200
    accounts.remove_group("short")
    accounts.add_group("short")
    accounts.add_member("short", "other")
    assert site.client("other").get(address).status_code == 404
    accounts.remove_group("short")
    products.update(root, site.products["open"], {"visibility": "release"})
