"""Whose the products of a Photo-z Server become, and who may see them here."""

from __future__ import annotations

import pytest
from product_application import product_application

from registry.model.principal import OPERATOR
from vo_service.importing.documents import SourceProduct, SourceRelease, SourceType
from vo_service.importing.errors import ImportRefused
from vo_service.importing.journal import ImportJournal, JournalEntry
from vo_service.importing.plan import ImportPlanner, ImportRequest, make_owners, make_releases


class Source:
    """Lists of a server."""

    url = "http://there/api/"

    def __init__(self, products, releases=()):
        self._products = products
        self._releases = {each.id: each for each in releases}

    def types(self):
        return {1: SourceType(id=1, name="specz_catalog"), 2: SourceType(id=2, name="no such")}

    def releases(self):
        return self._releases

    def products(self):
        return self._products


def product(number=1, owner="owner", **values):
    fields = {"product_type": 1, "display_name": "a", "uploaded_by": owner, "updated_at": "u"}
    return SourceProduct(id=number, **(fields | values))


RESTRICTED = SourceRelease(id=4, name="secret", access_groups=[3, 9])
PUBLIC = SourceRelease(id=5, name="open", is_public=True, access_groups=[3])
NAMED = SourceRelease(id=6, name="named", access_groups=["insiders"])


@pytest.fixture
def here(tmp_path):
    return product_application(tmp_path / "home").services


def planned(here, source, journal=None, **request):
    journal = journal or ImportJournal(here.settings.home, source.url)
    people = here.people
    planner = ImportPlanner(
        source, people.accounts, people.releases, journal, ImportRequest(**request)
    )
    return planner.plan()


def test_types_of_older_names_are_known_and_others_refused(here):
    plan = planned(here, Source([product(), product(2, product_type=2)]))
    assert [each.action for each in plan.products] == ["copy", "refuse"]
    assert plan.products[0].product_type == "redshift_catalog"
    assert "no such" in plan.products[1].reason


def test_owners_are_matched_mapped_made_or_refused(here):
    names = ("OWNER", "maria", "João Silva", None, "operator")
    source = Source([product(number, name) for number, name in enumerate(names)])

    def owners(**request):
        return [each.owner or each.action for each in planned(here, source, **request).products]

    assert owners() == ["owner", "refuse", "refuse", "refuse", "refuse"]
    assert owners(owners={"maria": "Other"})[1] == "other"
    assert owners(other_owner="chair") == ["owner", *["chair"] * 4]
    assert owners(create_owners=True) == ["owner", "maria", "refuse", "refuse", "refuse"]
    plan = planned(here, source, create_owners=True, other_owner="chair")
    assert plan.new_owners == ("maria",)
    make_owners(here.people.accounts, plan.new_owners)
    assert here.people.accounts.user("maria").active
    with pytest.raises(ImportRefused, match="no account 'nobody'"):
        owners(other_owner="nobody")


def test_release_is_never_opened_by_the_move(here):
    products = [product(n, release=n) for n in (4, 5, 6, 7)]
    source = Source(products, [RESTRICTED, PUBLIC, NAMED])
    refused = planned(here, source)
    assert {each.action for each in refused.products} == {"refuse"}
    assert "does not show us its release" in refused.products[3].reason
    plan = planned(here, source, create_releases=True)
    assert [each.action for each in plan.products] == ["copy", "copy", "copy", "refuse"]
    said: list[str] = []
    make_releases(here.people.releases, here.people.accounts, plan.new_releases, said.append)
    made = {each.name: each for each in here.people.releases.releases(OPERATOR)}
    assert made["secret"].groups == {"release-secret"}
    assert made["open"].groups == frozenset()
    assert made["named"].groups == {"insiders"}
    assert not any(made[name].is_public for name in ("secret", "open", "named"))
    assert said == ["group 'release-secret' was made for release 'secret': add its members"]


def test_release_that_is_wider_here_is_said(here):
    source = Source([product(release=4)], [RESTRICTED])
    for name, wider in (("dp1", True), ("dp2", True), ("dp3", False)):
        plan = planned(here, source, releases={"secret": name})
        assert plan.products[0].release == name
        assert bool(plan.notes) is wider, name
    with pytest.raises(ImportRefused, match="no release 'dp9'"):
        planned(here, source, releases={"secret": "dp9"})


def test_journal_decides_between_copying_continuing_and_leaving(here):
    source = Source([product(n) for n in (1, 2, 3, 4)])
    journal = ImportJournal(here.settings.home, source.url)
    with journal.locked():
        journal.note(1, JournalEntry("2026-01-01T00:00:00", 1, done=True, updated="u"))
        journal.note(2, JournalEntry("2026-01-01T00:00:00", 2, done=True, updated="older"))
        journal.note(3, JournalEntry("2026-01-01T00:00:00", 3))
        plan = planned(here, source, journal)
    assert [each.action for each in plan.products] == ["skip", "skip", "continue", "copy"]
    assert [bool(each.reason) for each in plan.products] == [False, True, False, False]
    with pytest.raises(ImportRefused, match="no published product 77"):
        planned(here, source, products=frozenset({77}))
