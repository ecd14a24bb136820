"""Products of pipelines: reserved, published with their provenance, failed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from shelf import ADA, BOB, REDSHIFTS, Shelf
from sqlalchemy import insert

from registry.errors import (
    LoginRequired,
    ProductConflict,
    ProductNotFound,
    ProductRefused,
    RegistrationFailed,
    StorageFull,
)
from registry.model.annotation import Annotations, ColumnAnnotation
from registry.model.principal import ANONYMOUS
from registry.model.product import ProductStatus, ProductVisibility
from registry.model.product_file import FileRole
from registry.model.provenance import Provenance, ProvenanceInput
from registry.products.outputs import OutputFile
from registry.products.records import ProductDraft
from registry.stores.metadata.account_schema import groups

DRAFT = ProductDraft("combined", "redshift_catalog")
MEANING = Annotations(
    {
        "ra": ColumnAnnotation(alias="RA", unit="deg"),
        "dec": ColumnAnnotation(alias="Dec"),
        "z": ColumnAnnotation(alias="z", description="combined"),
    },
    override=True,
)


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def files(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "crd.csv").write_text(REDSHIFTS)
    (run / "process.log").write_text("done")
    return [
        OutputFile(run / "crd.csv", FileRole.MAIN),
        OutputFile(run / "process.log", FileRole.AUXILIARY, "log of the run.txt", "text/plain"),
    ]


def test_outputs_are_published_with_their_provenance(shelf, files):
    given = shelf.published()
    used = shelf.outputs.input(BOB, given.id)
    assert used.path.read_text() == REDSHIFTS
    assert (used.version, used.columns["z"]) == (1, "z")
    product = shelf.outputs.reserve(BOB, "job-1", DRAFT, "combine")
    assert (product.status, product.origin) == (ProductStatus.PROCESSING, "combine")
    assert product.table_name not in shelf.tables_of(BOB)
    provenance = Provenance(
        "combine", "1.2", {"param": {"a": [1, 2.5, None]}},
        (ProvenanceInput(given.id, given.internal_name, used.version, used.sha256),),
    )  # fmt: skip
    done = shelf.outputs.publish("job-1", files, MEANING, provenance)
    assert (done.status, done.process, done.version.n_rows) == (ProductStatus.PUBLISHED, "job-1", 3)
    assert done.table_name in shelf.tables_of(ANONYMOUS)
    assert shelf.service.provenance(BOB, done.id) == provenance
    contents = {c.column_name: c for c in shelf.service.contents.select(BOB, done.id)}
    assert (contents["z"].description, contents["ra"].unit) == ("combined", "deg")
    names = [(f.role, f.name) for f in shelf.service.files.select(BOB, done.id)]
    assert names == [(FileRole.MAIN, "crd.csv"), (FileRole.AUXILIARY, "log of the run.txt")]
    # The inputs stay as they were when they are replaced.
    assert shelf.service.provenance(ADA, given.id) is None


@pytest.mark.parametrize(
    ("inputs", "official", "made"),
    [
        (("release", "release"), False, ("release", set())),
        (("release", "members"), True, ("members", set())),
        (("members", "a b"), False, ("groups", {"a", "b"})),
        (("a b", "b c"), True, ("groups", {"b"})),
        (("a", "b"), False, ("owner", set())),
        (("release", "owner"), True, ("owner", set())),
    ],
)
def test_nobody_sees_what_was_made_of_what_they_may_not_see(shelf, files, inputs, official, made):
    with shelf.database.writing() as connection:
        for name in "abc":
            connection.execute(
                insert(groups).values(
                    name=name, display_name="", description="", source="local",
                    created=datetime.now(UTC),
                )
            )  # fmt: skip
    used = []
    for chosen in inputs:
        kind = chosen if chosen in list(ProductVisibility) else "groups"
        named = frozenset(chosen.split()) if kind == "groups" else frozenset()
        given = shelf.published(who=replace(ADA, groups=named), visibility=kind, groups=named)
        used.append(ProvenanceInput(given.id, given.internal_name, 1, "0" * 64))
    draft = replace(DRAFT, official=official)
    who = replace(ADA, coordinator=official)
    shelf.outputs.reserve(who, "job", draft, "combine")
    done = shelf.outputs.publish("job", files, MEANING, Provenance("combine", "1", {}, tuple(used)))
    assert (done.visibility, set(done.groups)) == made
    assert done.official == (official and made[0] != "owner")
    shelf.service.update(who, done.id, {"visibility": "release"})
    told = shelf.service.provenance(ANONYMOUS, done.id).inputs
    assert [bool(each.internal_name) for each in told] == [each == "release" for each in inputs]
    assert all(each.internal_name for each in shelf.service.provenance(ADA, done.id).inputs)


def test_every_step_may_be_repeated(shelf, files):
    first = shelf.outputs.reserve(BOB, "job", DRAFT, "p")
    assert shelf.outputs.reserve(BOB, "job", DRAFT, "p").id == first.id
    done = shelf.outputs.publish("job", files, MEANING, Provenance("p"))
    assert shelf.outputs.publish("job", files, MEANING, Provenance("p")) == done
    assert len(shelf.service.versions(BOB, done.id)) == 1
    assert len(shelf.service.files.select(BOB, done.id)) == 2


def test_publication_goes_on_after_a_crash_between_its_steps(shelf, files, monkeypatch):
    shelf.outputs.reserve(BOB, "job", DRAFT, "p")

    def crash(*_args, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(shelf.publishing.publisher), "publish", crash)
        with pytest.raises(KeyboardInterrupt):
            shelf.outputs.publish("job", files, MEANING, Provenance("p"))
    assert shelf.outputs.product_of("job").status is ProductStatus.PROCESSING
    done = shelf.outputs.publish("job", files, MEANING, Provenance("p"))
    assert len(shelf.service.files.select(BOB, done.id)) == 2
    shelf.sweep()
    assert len([p for p in shelf.on_disk() if p.startswith("archive")]) == 2


def test_outputs_that_are_no_product_fail(shelf, files):
    files[0].path.write_bytes(b"%PDF-1.4")
    shelf.outputs.reserve(BOB, "job", DRAFT, "p")
    with pytest.raises(RegistrationFailed):
        shelf.outputs.publish("job", files, MEANING, Provenance("p"))
    product = shelf.outputs.product_of("job")
    assert product.status is ProductStatus.FAILED
    assert "PDF" in product.failure
    with pytest.raises(ProductConflict, match="PDF"):
        shelf.outputs.publish("job", files, MEANING, Provenance("p"))
    shelf.outputs.reserve(BOB, "two", DRAFT, "p")
    with pytest.raises(ProductRefused, match="one main file"):
        shelf.outputs.publish("two", files[1:], MEANING, Provenance("p"))


def test_a_job_may_fail_at_any_moment(shelf, files):
    assert shelf.outputs.fail("none", "x") is None
    shelf.outputs.reserve(BOB, "job", DRAFT, "p")
    assert shelf.outputs.fail("job", "stopped").failure == "stopped"
    assert shelf.outputs.fail("job", "again").failure == "stopped"
    shelf.outputs.reserve(BOB, "two", DRAFT, "p")
    done = shelf.outputs.publish("two", files, MEANING, Provenance("p"))
    failed = shelf.outputs.fail("two", "aborted")
    assert (failed.status, failed.failure) == (ProductStatus.FAILED, "aborted")
    assert done.table_name not in shelf.tables_of(BOB)
    shelf.service.delete(BOB, done.id)
    assert shelf.outputs.fail("two", "late").status is ProductStatus.DELETED
    with pytest.raises(ProductNotFound):
        shelf.outputs.publish("two", files, MEANING, Provenance("p"))


def test_rights_hold_for_outputs_too(shelf):
    with pytest.raises(LoginRequired):
        shelf.outputs.reserve(ANONYMOUS, "job", DRAFT, "p")
    with pytest.raises(ProductRefused):
        shelf.outputs.reserve(BOB, "job", replace(DRAFT, release="dr1"), "p")
    draft = shelf.draft()
    with pytest.raises(ProductNotFound):
        shelf.outputs.input(BOB, draft.id)
    with pytest.raises(ProductRefused, match="not published"):
        shelf.outputs.input(ADA, draft.id)


def test_while_it_is_made_nobody_else_changes_it(shelf):
    product = shelf.outputs.reserve(BOB, "job", DRAFT, "p")
    for change in (shelf.service.register, shelf.service.publish):
        with pytest.raises(ProductConflict, match="being made"):
            change(BOB, product.id)
    with pytest.raises(ProductConflict):
        shelf.add(product, REDSHIFTS, who=BOB)


def test_publication_that_broke_off_goes_on_with_the_files_that_it_has_kept(
    shelf, files, monkeypatch
):
    product = shelf.outputs.reserve(BOB, "job-1", DRAFT, "combine")
    publish = shelf.outputs._registrar.publish

    def broken(_product):
        raise StorageFull("no space left")

    monkeypatch.setattr(shelf.outputs._registrar, "publish", broken)
    with pytest.raises(StorageFull):
        shelf.outputs.publish("job-1", files, MEANING, Provenance("combine", "1.2"))
    kept = [file.stored for file in shelf.stores.drafts.files_of(product.id)]
    monkeypatch.setattr(shelf.outputs._registrar, "publish", publish)
    files[1].path.write_text("done again")
    done = shelf.outputs.publish("job-1", files, MEANING, Provenance("combine", "1.2"))
    assert done.status is ProductStatus.PUBLISHED
    now = [file.stored for file in shelf.stores.drafts.files_of(product.id)]
    assert len(now) == len(kept) == 2
    assert len(set(now) & set(kept)) == 1
