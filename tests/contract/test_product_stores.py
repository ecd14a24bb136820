"""One suite for drafts, files, columns and lists on both databases: SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from shelf import ADA, BOB, REDSHIFTS, Shelf
from sqlalchemy import insert, text

from registry.errors import ProductConflict, ProductRefused, RegistryError, TableExists
from registry.model.principal import ANONYMOUS, OPERATOR, Principal
from registry.model.product import ProductStatus
from registry.model.product_file import FileRole
from registry.products.records import ProductDraft
from registry.stores.metadata.account_schema import groups
from registry.stores.metadata.selection import ProductFilter, TextFilter

DRAFT = ProductStatus.REGISTERING

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=BACKENDS)
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'metadata.sqlite'}"
    return request.getfixturevalue("postgres_server").new_database()


@pytest.fixture
def shelf(tmp_path, url):
    made = Shelf(tmp_path / "home", url)
    yield made
    made.close()


@pytest.fixture
def many(shelf):
    """Published and unpublished products of several owners, types and releases."""
    ada = replace(ADA, groups=frozenset({"team"}))
    said = [
        (ada, "Alpha 100%", "training_set", "secret"),
        (ada, "beta_set", "training_set", "dr1"),
        (BOB, "Gamma", "other", None),
        (BOB, "Delta (draft)", "other", None),
    ]
    made = []
    for who, name, kind, release in said:
        draft = ProductDraft(name, kind, release, data_url="https://example.org/x")
        made.append(shelf.service.create(who, draft))
        if "draft" not in name:
            shelf.service.publish(who, made[-1].id)
    with shelf.database.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO users (name, display_name, first_name, last_name, email, active,"
                " coordinator, operator, created) VALUES ('bob', 'Bob', 'Robert', 'Núñez', '',"
                " true, false, false, '2026-01-01 00:00:00')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO releases (name, display_name, description, created, indexing_column,"
                " has_mag_hats, has_flux_hats, is_public) VALUES ('dr1', 'Data Release One', '',"
                " '2026-01-01 00:00:00', 'id', false, true, true)"
            )
        )
    return made


def names(shelf, who=OPERATOR, **wanted):
    filtered = ProductFilter(**({"ordering": ("id",)} | wanted))
    return [product.display_name for product in shelf.service.select(who, filtered).products]


def test_everybody_sees_what_is_theirs_to_see(shelf, many):
    all_names = ["Alpha 100%", "beta_set", "Gamma", "Delta (draft)"]
    assert names(shelf) == all_names
    assert names(shelf, ADA) == all_names[:3]
    assert names(shelf, BOB) == all_names[1:]
    assert names(shelf, ANONYMOUS) == ["beta_set", "Gamma"]
    assert names(shelf, Principal("tess", frozenset({"team"}))) == all_names[:3]
    assert names(shelf, Principal("carl", coordinator=True)) == ["beta_set", "Gamma"]
    shelf.policy = replace(shelf.policy, anonymous_read=False)
    assert names(shelf, ANONYMOUS) == []


@pytest.fixture
def chosen(shelf):
    """A product of Ada for each choice of who may see it."""
    with shelf.database.writing() as connection:
        for name in ("team", 'te"am', "TEAM"):
            connection.execute(
                insert(groups).values(
                    name=name, display_name="", description="", source="local",
                    created=datetime.now(UTC),
                )
            )  # fmt: skip
    made = {}
    for name, visibility, named in (
        ("all", "release", ()),
        ("members", "members", ()),
        ("team", "groups", ("team",)),
        ("odd", "groups", ('te"am', "TEAM")),
        ("mine", "owner", ()),
    ):
        draft = ProductDraft(
            name, "other", None, data_url="https://example.org/x", visibility=visibility,
            groups=frozenset(named),
        )  # fmt: skip
        who = replace(ADA, groups=frozenset(named))
        made[name] = shelf.service.create(who, draft).id
        shelf.service.publish(ADA, made[name])
    return made


def test_lists_show_what_is_for_the_caller(shelf, chosen):
    assert names(shelf, ANONYMOUS) == ["all"]
    assert names(shelf, BOB) == ["all", "members"]
    assert names(shelf, Principal("tess", frozenset({"team"}))) == ["all", "members", "team"]
    assert names(shelf, Principal("tim", frozenset({"TEAM", "x"}))) == ["all", "members", "odd"]
    assert names(shelf, ADA) == ["all", "members", "team", "odd", "mine"]
    assert names(shelf, exact={"visibility": "groups"}) == ["team", "odd"]
    shown = shelf.service.product(OPERATOR, chosen["odd"])
    assert shown.groups == {'te"am', "TEAM"}
    shelf.service.update(ADA, chosen["odd"], {"visibility": "members"})
    assert shelf.service.product(OPERATOR, chosen["odd"]).groups == frozenset()
    for who in (ADA, BOB, ANONYMOUS, Principal("tess", frozenset({"team"}))):
        seen = {p.id for p in shelf.service.products(who)}
        listed = shelf.service.products(OPERATOR)
        assert seen == {p.id for p in listed if shelf.policy.may_see(who, p)}


def test_a_draft_for_groups_can_be_given_up(shelf, chosen):
    product = shelf.stores.products.reserve(
        replace(shelf.service.product(OPERATOR, chosen["team"]), id=0, status=DRAFT), "x"
    )
    shelf.stores.products.abandon(product.id)
    assert product.id not in {p.id for p in shelf.service.products(OPERATOR)}


def test_lists_agree_with_the_policy_product_by_product(shelf, many):
    for who in (ADA, BOB, ANONYMOUS, OPERATOR, Principal("carl", coordinator=True)):
        seen = {p.id for p in shelf.service.products(who)}
        assert seen == {
            p.id for p in shelf.service.products(OPERATOR) if shelf.policy.may_see(who, p)
        }


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"exact": {"product_type": "other"}}, ["Gamma", "Delta (draft)"]),
        ({"exact": {"status": 1, "user": "bob"}}, ["Gamma"]),
        ({"exact": {"official_product": True}}, []),
        ({"any_of": {"display_name": ["Gamma", "beta_set"]}}, ["beta_set", "Gamma"]),
        ({"any_of": {"release": ["dr1", "secret"]}}, ["Alpha 100%", "beta_set"]),
        ({"release_isnull": True}, ["Gamma", "Delta (draft)"]),
        ({"release_isnull": False}, ["Alpha 100%", "beta_set"]),
        ({"search": "ALPHA"}, ["Alpha 100%"]),
        ({"search": "robert a"}, ["Gamma", "Delta (draft)"]),
        ({"search": "%"}, ["Alpha 100%"]),
        ({"search": "_"}, ["beta_set"]),
        ({"parts": (TextFilter("uploaded_by", ("ez",)),)}, ["Gamma", "Delta (draft)"]),
        ({"parts": (TextFilter("product_type_name", ("training", "other")),)}, []),
        (
            {"parts": (TextFilter("product_type_name", ("training", "other"), any_of=True),)},
            ["Alpha 100%", "beta_set", "Gamma", "Delta (draft)"],
        ),
        ({"parts": (TextFilter("release_name", ("release one",)),)}, ["beta_set"]),
        ({"parts": (TextFilter("product_name", ("a", "mm")),)}, ["Gamma"]),
        ({"ordering": ("-id",), "limit": 1}, ["Delta (draft)"]),
        ({"exact": {"display_name": "' OR 1=1 --"}}, []),
    ],
)  # fmt: skip
def test_filters(shelf, many, wanted, found):
    assert names(shelf, **wanted) == found


def test_pages_count_the_whole_list(shelf, many):
    page = shelf.service.select(OPERATOR, ProductFilter(ordering=("id",), offset=1, limit=2))
    assert (page.count, [p.display_name for p in page.products]) == (4, ["beta_set", "Gamma"])
    beyond = shelf.service.select(OPERATOR, ProductFilter(offset=10, limit=2))
    assert (beyond.count, beyond.products) == (4, [])
    newest = shelf.service.select(OPERATOR).products
    assert [p.id for p in newest] == sorted((p.id for p in many), reverse=True)


def test_deleted_products_are_listed_for_operators_who_ask(shelf, many):
    shelf.service.delete(BOB, many[2].id)
    assert "Gamma" not in names(shelf)
    assert names(shelf, exact={"status": int(ProductStatus.DELETED)}) == ["Gamma"]
    assert names(shelf, BOB, exact={"status": int(ProductStatus.DELETED)}) == []


def test_fields_that_do_not_exist_are_refused(shelf):
    for wanted in (
        {"exact": {"x": 1}},
        {"ordering": ("x",)},
        {"parts": (TextFilter("x", ("y",)),)},
    ):
        with pytest.raises(ValueError, match="'x'"):
            shelf.service.select(ADA, ProductFilter(**wanted))


def test_a_product_goes_all_the_way(shelf):
    product = shelf.published()
    assert product.table_name in shelf.tables_of(ANONYMOUS)
    facts = shelf.service.facts(BOB, product.id)
    assert (facts.n_rows, facts.histogram["counts"].count(1)) == (3, 3)
    contents = shelf.service.contents.select(BOB, product.id)
    before = shelf.stores.products.schema_version()
    shelf.service.contents.update(ADA, contents[0].id, {"alias": "ID"})
    assert shelf.stores.products.schema_version() == before + 1
    shelf.service.delete(ADA, product.id)
    shelf.sweep()
    assert shelf.on_disk() == []


def together(*actions):
    barrier = threading.Barrier(len(actions))

    def run(action):
        barrier.wait()
        try:
            return action()
        except RegistryError as error:
            return error

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def test_of_several_main_files_at_once_one_is_kept(shelf):
    product = shelf.draft()
    results = together(*[lambda n=n: shelf.add(product, REDSHIFTS, f"{n}.csv") for n in range(5)])
    assert sum(isinstance(r, ProductRefused) for r in results) == 4
    assert len(shelf.service.files.select(ADA, product.id)) == 1
    assert len(shelf.on_disk()) == 1


def test_many_files_at_once_are_all_kept(shelf):
    product = shelf.draft()
    together(
        *[lambda n=n: shelf.add(product, f"{n}", f"{n}.txt", FileRole.AUXILIARY) for n in range(6)]
    )
    files = shelf.service.files.select(ADA, product.id)
    assert {f.name for f in files} == {f"{n}.txt" for n in range(6)}


def test_of_several_publishers_of_one_draft_one_wins(shelf):
    product = shelf.draft()
    shelf.add(product, REDSHIFTS)
    shelf.service.register(ADA, product.id)
    shelf.associate(product, ra="RA", dec="Dec", z="z")
    results = together(*[lambda: shelf.service.publish(ADA, product.id)] * 3)
    lost = [r for r in results if isinstance(r, TableExists | ProductConflict)]
    assert len(lost) + sum(not isinstance(r, Exception) for r in results) == 3
    assert shelf.service.product(ADA, product.id).edition == 1
    shelf.sweep()
    assert len([p for p in shelf.on_disk() if p.startswith("tables")]) == 1


def test_a_product_that_is_deleted_while_a_file_comes_keeps_nothing(shelf):
    product = shelf.draft()

    class Slow:
        sent = False

        def read(self, _size=-1):
            if self.sent:
                return b""
            self.sent = True
            shelf.service.delete(ADA, product.id)
            return b"x"

    with pytest.raises(ProductConflict, match="Deleted"):
        shelf.service.files.add(ADA, product.id, 0, "a.csv", None, Slow())
    assert shelf.on_disk() == []


def test_products_of_an_older_release_get_files_and_columns(shelf, tmp_path, url):
    from alembic import command

    from registry.ingestion.plan import PublishRequest
    from registry.stores.metadata.migration import alembic_config

    path = tmp_path / "old.csv"
    path.write_text(REDSHIFTS)
    request = PublishRequest("old", "redshift_catalog", (("ra", "RA"), ("dec", "Dec"), ("z", "z")))
    done = shelf.publishing.publish(OPERATOR, path, request)
    config = alembic_config()
    with shelf.database.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    # That release gave names without a random part.
    (folder,) = shelf.home.glob("archive/products/*/v1-*")
    folder.rename(folder.with_name("v1"))
    shelf.database.prepare()
    info = shelf.service.main_file_info(BOB, done.internal_name)
    assert (info.file.name, info.file.version, info.file.n_rows) == ("old.csv", 1, 3)
    assert [c.alias for c in info.contents] == [None, "RA", "Dec", "z", None]
    assert info.contents[3].statistics.maximum == 0.5
    download = shelf.service.downloads.product(BOB, done.internal_name)
    assert len(b"".join(download.read())) == download.size_bytes
