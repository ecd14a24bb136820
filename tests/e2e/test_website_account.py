"""The page of one's own account, and the page on which people log in."""

from __future__ import annotations

import re

import pytest
from lxml import html
from website import Website, website


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Website:
    return website(tmp_path_factory.mktemp("website") / "home")


def tokens(client) -> list[str]:
    tree = html.fromstring(client.get("/account").text)
    return tree.xpath("//td[1]/text()")


def test_token_is_shown_once_works_and_is_revoked(site):
    client = site.client("other")
    made = site.send(client, "/account/tokens", name="my notebook", days="90")
    secret = re.search(r"[0-9a-f]{40}", made.text).group()
    assert "no-store" in made.headers["Cache-Control"]
    assert tokens(client) == ["my notebook"]
    assert secret not in client.get("/account").text
    asked = {"headers": {"Authorization": f"Bearer {secret}"}}
    assert site.client().get("/api/tokens/", **asked).status_code == 200
    address = html.fromstring(client.get("/account").text).xpath("//td//form/@action")[0]
    assert site.send(client, address).status_code == 303
    assert tokens(client) == []
    assert site.client().get("/api/tokens/", **asked).status_code == 401


def test_name_of_a_token_that_cannot_be_is_said_at_its_field(site):
    client = site.client("owner")
    for name in ("", "same"):
        site.send(client, "/account/tokens", name=name)
    answer = site.send(client, "/account/tokens", name="same")
    assert answer.status_code == 422
    field = html.fromstring(answer.text).get_element_by_id("name")
    assert field.get("aria-invalid") == "true"
    assert html.fromstring(answer.text).get_element_by_id(field.get("aria-describedby")).text
    assert field.get("value") == "same"


def test_tokens_of_others_cannot_be_revoked(site):
    site.send(site.client("owner"), "/account/tokens", name="kept")
    number = site.services.people.credentials.tokens("owner")[-1].id
    assert site.send(site.client("root"), f"/account/tokens/{number}/revoke").status_code == 404
    assert "kept" in tokens(site.client("owner"))


def test_name_that_others_see_is_changed(site):
    client = site.client("insider")
    assert site.send(client, "/account", display_name="Ada <L>").status_code == 303
    assert site.services.people.accounts.user("insider").display_name == "Ada <L>"
    assert site.send(client, "/account", display_name=" ").status_code == 422


@pytest.mark.parametrize("address", ["/account/tokens", "/account"])
def test_form_of_another_site_changes_nothing_and_is_explained(site, address):
    client = site.client("other")
    refused = client.post(address, data={"name": "stolen", "display_name": "stolen"})
    assert refused.status_code == 403
    assert "Nothing was changed" in refused.text
    assert "stolen" not in client.get("/account").text


def test_visitors_are_sent_to_log_in_and_come_back(site):
    client = site.client()
    sent = client.get("/account")
    assert sent.status_code == 303
    assert sent.headers["Location"].endswith("/login?next=/account")
    page = html.fromstring(client.get("/login?next=/account").text)
    form = page.xpath("//form[.//input[@name='password']]")[0]
    fields = dict(form.form_values()) | {"username": "other", "password": "wrong"}
    refused = client.post("/login", data=fields)
    assert refused.status_code == 403
    assert html.fromstring(refused.text).xpath("//*[@role='alert']")
    inside = client.post("/login", data=fields | {"password": "other-password"})
    assert inside.status_code == 303
    assert inside.headers["Location"].endswith("/account")
    assert client.get("/account").status_code == 200


def test_wrong_password_of_somebody_logged_in_is_a_page(site):
    client = site.client("owner")
    refused = client.post("/login", data={"username": "other", "password": "wrong"})
    assert refused.status_code == 403
    assert "<h1>" in refused.text


ADMINISTRATION = {
    "/admin/users": {"name": "newcomer"},
    "/admin/users/other": {"operator": "1", "active": "1"},
    "/admin/releases": {"release": "dp9"},
    "/admin/releases/dp3": {"is_public": "1"},
}


@pytest.mark.parametrize("caller", ["anonymous", "other", "owner", "chair"])
def test_only_operators_administer(site, caller):
    client = site.client(caller)
    refusal = 303 if caller == "anonymous" else 403
    assert client.get("/admin").status_code == refusal
    for address, fields in ADMINISTRATION.items():
        assert site.send(client, address, **fields).status_code == refusal, address
    assert "newcomer" not in {user.name for user in site.services.people.accounts.users()}
    assert site.services.people.releases.policy().releases["dp3"].is_public is False
    assert not site.services.people.accounts.user("other").operator


def test_operators_add_people_and_releases_and_say_who_may_do_what(site):
    client = site.client("root")
    assert site.client("root").post("/admin/users", data={"name": "forged"}).status_code == 403
    fields = {"name": "newcomer", "password": "a long password"}
    assert site.send(client, "/admin/users", **fields).status_code == 303
    again = site.send(client, "/admin/users", **fields)
    assert again.status_code == 422
    assert html.fromstring(again.text).get_element_by_id("name").get("aria-invalid") == "true"
    assert "a long password" not in again.text
    site.send(client, "/admin/users/newcomer", active="1", coordinator="1")
    assert site.services.people.accounts.user("newcomer").coordinator
    site.send(client, "/admin/users/newcomer")
    assert not site.services.people.accounts.user("newcomer").active
    assert site.send(client, "/admin/users/root").status_code == 422
    assert site.send(client, "/admin/releases", release="dp9", groups="nobody").status_code == 422
    assert site.send(client, "/admin/releases", release="dp9", groups="insiders").status_code == 303
    site.send(client, "/admin/releases/dp9", is_public="1")
    assert site.services.people.releases.policy().releases["dp9"].is_public
