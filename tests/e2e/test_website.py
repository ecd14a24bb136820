"""The pages of the website: what each visitor sees, and what browsers are told."""

from __future__ import annotations

import re

import pytest
from lxml import html
from website import CALLERS, Website, website

TABS = ("overview", "plots", "table", "columns", "files", "provenance", "versions", "use")
SEES_CLOSED = ("owner", "insider", "root")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Website:
    return website(tmp_path_factory.mktemp("website") / "home")


def page(response):
    assert response.status_code == 200, response.text
    return html.fromstring(response.text)


def text_of(response) -> str:
    return page(response).text_content()


@pytest.mark.parametrize("caller", CALLERS)
def test_lists_and_pages_show_what_the_visitor_may_see(site, caller):
    client = site.client(caller)
    for address in ("/", "/products", "/products?q=closed", "/products?release=dp3"):
        shown = [link for link in page(client.get(address)).xpath("//a/@href") if "_closed" in link]
        assert bool(shown) == (caller in SEES_CLOSED), address
    closed = client.get(f"/product/{site.products['closed']}_closed")
    assert closed.status_code == (200 if caller in SEES_CLOSED else 404)
    begun = client.get(f"/product/{site.products['begun']}_begun")
    assert begun.status_code == (200 if caller in ("owner", "root") else 404)


@pytest.mark.parametrize("caller", CALLERS)
def test_counts_beside_a_list_count_what_the_visitor_may_see(site, caller):
    tree = page(site.client(caller).get("/products"))
    releases = {
        link.text.strip(): int(link.find("span").text)
        for link in tree.xpath("//ul[@class='facet']//a[contains(@href,'release=')]")
    }
    assert releases.get("dp1") == 2
    assert releases.get("dp3") == (1 if caller in SEES_CLOSED else None)


def test_hidden_and_unknown_products_are_answered_alike(site):
    client = site.client("other")
    hidden = client.get(f"/product/{site.products['closed']}_closed")
    unknown = client.get("/product/999_closed")
    assert hidden.status_code == unknown.status_code == 404
    pattern = r"\d+_closed"
    assert re.sub(pattern, "", hidden.text) == re.sub(pattern, "", unknown.text)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_of_a_product_is_a_page_of_its_own(site, tab):
    tree = page(site.client().get(f"/product/{site.products['open']}_open?tab={tab}"))
    chosen = tree.xpath("//nav[@class='tabs']//a[@aria-current='page']/@href")
    assert len(chosen) == 1
    assert len(tree.xpath("//h1")) == 1


def test_redshifts_are_drawn_with_a_table_of_the_same_numbers(site):
    tree = page(site.client().get(f"/product/{site.products['open']}_open"))
    figure = tree.xpath("//figure[@class='chart'][.//rect[@class='bar']]")[0]
    counts = [int(cell.text) for cell in figure.xpath(".//tbody/tr/td[3]")]
    assert sum(counts) == 8
    assert figure.xpath("./svg/@aria-label")[0]


@pytest.mark.parametrize("tab", TABS)
def test_texts_of_users_are_shown_and_cannot_act(site, tab):
    name = site.services.data.products.product(site.person("owner"), site.products["wild"])
    response = site.client().get(f"/product/{name.internal_name}?tab={tab}")
    tree = page(response)
    assert not tree.xpath("//script[not(@src)]")
    assert not tree.xpath("//*[@onerror or @onclick or @style]")
    assert not [link for link in tree.xpath("//a/@href") if link.lower().startswith("javascript")]
    assert "<script>alert(1)</script>" in tree.xpath("//h1")[0].text_content()


def test_plots_of_a_product_are_counted_for_who_may_see_it(site):
    address = f"/product/{site.products['open']}_open"
    listed = page(site.client().get(f"{address}?tab=plots")).xpath("//section[@class='plot']/@id")
    assert listed == ["plot-redshift", "plot-sky"]
    whole = page(site.client().get(f"{address}/plot/redshift"))
    counts = [int(cell.text) for cell in whole.xpath("//figure//tbody/tr/td[3]")]
    assert sum(counts) == 8
    part = site.client().get(f"{address}/plot/sky", headers={"HX-Request": "true"})
    assert "<svg" in part.text
    assert "<html" not in part.text
    closed = f"/product/{site.products['closed']}_closed/plot/redshift"
    assert site.client("other").get(closed).status_code == 404
    assert site.client("insider").get(closed).status_code == 200


def test_reports_of_users_are_framed_without_any_right(site):
    tree = page(site.client().get(f"/product/{site.products['open']}_open"))
    frame = tree.xpath("//iframe")[0]
    assert frame.get("sandbox") == ""
    policy = site.client().get(frame.get("src")).headers["Content-Security-Policy"]
    assert policy.startswith("sandbox;")


@pytest.mark.parametrize("address", ["/", "/products", "/about", "/contact", "/help"])
def test_policy_of_pages_allows_no_script_but_our_own(site, address):
    policy = site.client().get(address).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


def test_lists_are_sorted_searched_and_paged_by_their_address(site):
    client = site.client()
    names = page(client.get("/products?sort=display_name")).xpath("//tbody//td[1]/a/text()")
    assert names == sorted(names)
    assert "closed" not in names
    assert page(client.get("/products?q=open")).xpath("//tbody//td[1]/a/text()") == ["open"]
    for odd in (
        "?page=9999999999",
        "?page=-1",
        "?sort=x",
        "?scope=x",
        "?type=x",
        "?status=deleted",
    ):
        assert client.get("/products" + odd).status_code == 200


def test_number_of_a_product_leads_to_its_page(site):
    response = site.client().get(f"/product/{site.products['open']}")
    assert response.status_code == 303
    assert response.headers["Location"].endswith(f"/product/{site.products['open']}_open")


@pytest.mark.parametrize(
    ("old", "new"), [("/user_products", "/products?scope=users"), ("/pz_pipelines", "/pipelines")]
)
def test_addresses_of_the_photoz_server_still_lead_somewhere(site, old, new):
    response = site.client().get(old)
    assert response.status_code == 308
    assert response.headers["Location"].endswith(new)


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example"])
def test_choosing_a_language_leads_to_no_other_site(site, target):
    response = site.client().get("/language", query_string={"lang": "pt", "next": target})
    assert response.headers["Location"] == "http://127.0.0.1:8000/"
    assert "pzvo_language=pt" in response.headers["Set-Cookie"]


def test_closed_site_asks_visitors_to_log_in(tmp_path):
    site = website(tmp_path / "home", anonymous_read=False)
    for address in ("/products", f"/product/{site.products['open']}_open"):
        refused = site.client().get(address)
        assert refused.status_code == 303
        assert refused.headers["Location"].endswith(f"/login?next={address}")
    assert site.client().get("/about").status_code == 200
    assert "_open" in site.client("other").get("/products").text
