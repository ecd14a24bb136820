"""Datasets: pages that coordinators keep, on which each visitor sees what they may see."""

from __future__ import annotations

import pytest
from lxml import html
from website import CALLERS, SCRIPT, Website, website

from registry.model.curated_dataset import DatasetNotFound
from registry.products.datasets import DatasetService
from registry.stores.metadata.datasets import SqlDatasetStore

SEES_CLOSED = ("owner", "insider", "root")
EDITORS = ("chair", "root")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Website:
    made = website(tmp_path_factory.mktemp("datasets") / "home")
    sent = {
        "title": "Deep fields",
        "description": f"All of **them**. {SCRIPT}",
        "products": f"{made.products['closed']}\nhttps://x.example/product/"
        f"{made.products['open']}_open?tab=table\n",
        "links": "The survey https://example.org/a\nhttps://example.org/b",
    }
    answer = made.send(made.client("root"), "/dataset/new", **sent)
    assert answer.headers["Location"].endswith("/dataset/deep_fields")
    return made


def shown(site, caller: str, address: str = "/dataset/deep_fields"):
    answer = site.client(caller).get(address)
    assert answer.status_code == 200
    return html.fromstring(answer.text)


@pytest.mark.parametrize("caller", CALLERS)
def test_each_visitor_sees_the_products_that_they_may_see(site, caller):
    names = shown(site, caller).xpath("//tbody//td[1]/a/text()")
    assert names == (["closed", "open"] if caller in SEES_CLOSED else ["open"])
    count = shown(site, caller, "/datasets").xpath("//article/p[@class='note']/text()")
    assert count == (["2 products"] if caller in SEES_CLOSED else ["1 product"])


def test_texts_and_links_are_shown_and_cannot_act(site):
    tree = shown(site, "anonymous")
    assert tree.xpath("//strong/text()")[0] == "them"
    assert not tree.xpath("//script[not(@src)] | //*[@onerror]")
    links = tree.xpath("//a[@rel='noopener nofollow']")
    assert [(a.text, a.get("href")) for a in links][-2:] == [
        ("The survey", "https://example.org/a"), ("https://example.org/b", "https://example.org/b")
    ]  # fmt: skip


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("address", ["/dataset/new", "/dataset/deep_fields/edit"])
def test_coordinators_and_operators_alone_write_them(site, caller, address):
    client = site.client(caller)
    wanted = 200 if caller in EDITORS else 303 if caller == "anonymous" else 403
    assert client.get(address).status_code == wanted
    if caller not in EDITORS:
        for place in (address, "/dataset/deep_fields/delete"):
            assert site.send(client, place, title="mine").status_code == wanted
        assert shown(site, "root").xpath("//h1/text()") == ["Deep fields"]


def test_what_a_coordinator_cannot_see_stays_in_a_dataset_that_they_change(site):
    chair = site.client("chair")
    form = html.fromstring(chair.get("/dataset/deep_fields/edit").text)
    assert "closed" not in form.xpath("//textarea[@id='products']")[0].text
    wild = site.products["wild"]
    sent = {"title": "Deep fields", "products": str(wild)}
    assert site.send(chair, "/dataset/deep_fields/edit", **sent).status_code == 303
    names = shown(site, "insider").xpath("//tbody//td[1]/a/@href")
    assert [name.rsplit("/", 1)[1].split("_")[0] for name in names] == [
        str(wild), str(site.products["closed"])
    ]  # fmt: skip
    sent = {"title": "Deep fields", "description": "**x**", "links": "",
            "products": f"{site.products['closed']}_closed"}  # fmt: skip
    refused = site.send(chair, "/dataset/deep_fields/edit", **sent)
    assert refused.status_code == 422
    assert "there is no product" in refused.text.lower()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "Deep Fields"}, "title"),
        ({"title": "new"}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": "a", "description": "x" * 100_001}, "description"),
        ({"title": "b", "products": "987"}, "products"),
        ({"title": "c", "products": "\n".join(["1"] * 501)}, "products"),
        ({"title": "d", "links": "x javascript:alert(1)"}, "links"),
        ({"title": "e", "links": "https://example.org/\n" * 51}, "links"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_the_text_is_kept(site, said, field):
    answer = site.send(site.client("chair"), "/dataset/new", **said)
    assert answer.status_code == 422
    tree = html.fromstring(answer.text)
    assert tree.xpath(f"//*[@id='{field}-error']")
    assert tree.xpath("//input[@id='title']/@value") == [said["title"]]
    assert len(shown(site, "root", "/datasets").xpath("//article")) == 1


def test_products_that_are_deleted_disappear_and_a_dataset_can_be_removed(site):
    services, root = site.services, site.person("root")
    kept = DatasetService(SqlDatasetStore(services.database), services.data.products)
    site.send(site.client("chair"), "/dataset/new", title="Short ûnïcode", products="1")
    made = kept.dataset("short_ûnïcode")
    assert len(kept.products(root, made)) == 1
    products = services.data.products
    products.delete(root, 1)
    assert shown(site, "other", f"/dataset/{made.name}").xpath("//tbody") == []
    assert site.send(site.client("chair"), f"/dataset/{made.name}/delete").status_code == 303
    with pytest.raises(DatasetNotFound):
        kept.dataset(made.name)
    assert site.client().get(f"/dataset/{made.name}").status_code == 404
