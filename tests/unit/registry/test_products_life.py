"""The life of a product: drafted, registered, published, changed, deleted."""

import hashlib
import io
import zipfile
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from shelf import ADA, BOB, CARL, REDSHIFTS, Shelf, parquet

from registry.errors import (
    AnnotationRejected,
    LoginRequired,
    MandatoryColumnsMissing,
    NotAllowed,
    ProductConflict,
    ProductContentNotFound,
    ProductFileNotFound,
    ProductNotFound,
    ProductRefused,
    RegistrationFailed,
    ReleaseNotFound,
    UploadTooLarge,
)
from registry.model.principal import ANONYMOUS, OPERATOR, Principal
from registry.model.product import ProductStatus
from registry.model.product_file import FileRole
from registry.products.records import ProductDraft, ProductLimits

TEAM = Principal("tess", groups=frozenset({"team"}))


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path / "home")
    yield made
    made.close()


def rows(shelf, product):
    path = shelf.home / "tables" / product.version.table_file
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.sql(
            f'SELECT * FROM "{product.version.relation}" ORDER BY "_row"'
        ).fetchall()


def test_an_upload_becomes_a_table(shelf):
    product = shelf.draft()
    assert (product.status, product.internal_name) == (
        ProductStatus.REGISTERING,
        f"{product.id}_a_set",
    )
    file = shelf.add(product, REDSHIFTS)
    assert file.sha256 == hashlib.sha256(REDSHIFTS.encode()).hexdigest()
    assert (file.extension, file.size_bytes) == (".csv", len(REDSHIFTS))
    shelf.service.register(ADA, product.id)
    contents = shelf.service.contents.select(ADA, product.id)
    assert [c.column_name for c in contents] == ["id", "ra", "dec", "z", "name"]
    assert [c.alias for c in contents] == [None] * 5
    assert contents[3].suggestion["alias"] == "z"
    with pytest.raises(MandatoryColumnsMissing, match="RA,Dec,z") as missing:
        shelf.service.publish(ADA, product.id)
    assert missing.value.names == ("RA", "Dec", "z")
    assert shelf.tables_of(OPERATOR).isdisjoint({product.table_name})
    shelf.associate(product, ra="ra", dec="DEC", z="z")
    done = shelf.service.publish(ADA, product.id)
    assert done.status is ProductStatus.PUBLISHED
    assert done.edition == 1
    assert done.table_name in shelf.tables_of(ANONYMOUS)
    assert [row[0] for row in rows(shelf, done)] == [1, 2, 3]
    info = shelf.service.main_file_info(BOB, done.internal_name)
    assert (info.file.n_rows, info.delimiter, info.has_header) == (3, ",", True)
    assert [c.alias for c in info.contents] == [None, "RA", "Dec", "z", None]
    # Published again, nothing happens.
    assert shelf.service.publish(ADA, product.id) == done


def test_what_registration_found_is_shown(shelf):
    rng = np.random.default_rng(1)
    content = parquet(
        RA=rng.uniform(150, 151, 500), DEC=rng.uniform(2, 3, 500),
        Z=np.r_[np.nan, -99.0, rng.uniform(0, 2, 498)], flux=[np.inf] * 500,
    )  # fmt: skip
    product = shelf.draft()
    shelf.add(product, content, "t.parquet")
    shelf.service.register(ADA, product.id)
    preview = shelf.service.preview(ADA, product.id)
    assert preview.columns == ("RA", "DEC", "Z", "flux")
    assert len(preview.rows) == 100
    assert (preview.rows[0]["Z"], preview.rows[1]["Z"], preview.rows[0]["flux"]) == (
        None,
        -99.0,
        "inf",
    )
    facts = shelf.service.facts(ADA, product.id)
    assert sum(facts.histogram["counts"]) == 498
    assert facts.histogram["outside"] == 1
    assert sum(facts.footprint["counts"]) == 500
    assert "10/" in facts.coverage
    statistics = shelf.service.contents.select(ADA, product.id)[0].statistics
    assert statistics.minimum >= 150


@pytest.mark.parametrize(
    ("frame", "shown"),
    [("ICRS", True), (None, True), ("FK5", True), ("FK4", False), ("galactic", False)],
)
def test_a_footprint_is_of_positions_on_its_map(shelf, frame, shown):
    stated = "" if frame is None else ' ref="s"'
    system = "" if frame is None else f'<COOSYS ID="s" system="{_SYSTEMS.get(frame, frame)}"/>'
    fields = "".join(
        f'<FIELD name="{name}" datatype="double" unit="deg" ucd="pos.eq.{name};meta.main"{stated}/>'
        for name in ("ra", "dec")
    )
    content = (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
        f"{system}<TABLE>{fields}<DATA><TABLEDATA><TR><TD>10</TD><TD>20</TD></TR></TABLEDATA>"
        "</DATA></TABLE></RESOURCE></VOTABLE>"
    )
    product = shelf.draft()
    shelf.add(product, content.encode(), "t.vot")
    shelf.service.register(ADA, product.id)
    facts = shelf.service.facts(ADA, product.id)
    assert (facts.footprint is not None, facts.coverage is not None) == (shown, shown)


_SYSTEMS = {"FK4": "eq_FK4", "FK5": "eq_FK5"}


def test_a_second_main_file_is_refused_and_a_repeated_name_numbered(shelf):
    product = shelf.draft()
    shelf.add(product, REDSHIFTS)
    with pytest.raises(ProductRefused, match="a main file already"):
        shelf.add(product, REDSHIFTS, "other.csv")
    shelf.add(product, "x", "notes.txt", FileRole.AUXILIARY)
    shelf.add(product, "y", "../notes.txt", FileRole.DESCRIPTION)
    shelf.add(product, "z", "notes.txt", FileRole.AUXILIARY)
    shelf.add(product, "a", "notes", FileRole.AUXILIARY)
    shelf.add(product, "b", "notes", FileRole.AUXILIARY)
    assert [f.name for f in shelf.service.files.select(ADA, product.id)] == [
        *("data.csv", "notes.txt", "notes_2.txt", "notes_3.txt", "notes", "notes_2"),
    ]
    with pytest.raises(ProductRefused, match="empty"):
        shelf.add(product, "", "empty.txt", FileRole.AUXILIARY)
    with pytest.raises(ProductRefused, match="role"):
        shelf.add(product, "x", "x.txt", 7)


def test_too_much_is_refused_while_it_comes(tmp_path):
    shelf = Shelf(tmp_path / "home", limits=ProductLimits(file_bytes=10_000))
    product = shelf.draft()

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            self.given += size
            return b"x" * size

    endless = Endless()
    with pytest.raises(UploadTooLarge, match="10000 bytes"):
        shelf.service.files.add(ADA, product.id, 0, "x.csv", None, endless)
    assert endless.given < 20_000_000
    assert shelf.on_disk() == []
    assert shelf.service.files.select(ADA, product.id) == []
    shelf.close()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\ä b.csv", "ä b.csv"),
        ("a\x00b\r\n.csv", "a_b__.csv"),
        ("\u202egpj.exe", "_gpj.exe"),
        ("x" * 300 + ".parquet", "x" * 192 + ".parquet"),
        ("é" * 200 + ".csv", "é" * 98 + ".csv"),
    ],
)
def test_names_of_files_do_no_harm(shelf, sent, kept):
    product = shelf.draft(product_type="other")
    file = shelf.add(product, "hello", sent, FileRole.AUXILIARY)
    assert file.name == kept
    (path,) = shelf.on_disk()
    assert path.startswith(f"archive/products/{product.internal_name}/files/")
    assert kept not in path


@pytest.mark.parametrize("name", ["", "..", "/", "a/..", "\x00"])
def test_names_that_are_none_are_refused(shelf, name):
    product = shelf.draft()
    with pytest.raises(ProductRefused, match="is no name"):
        shelf.add(product, "x", name)
    assert shelf.on_disk() == []


def test_a_file_that_is_no_table_fails_the_registration_and_may_be_replaced(shelf):
    product = shelf.draft()
    shelf.add(product, b"\x89PNG\r\n\x1a\n", "z.csv")
    with pytest.raises(RegistrationFailed, match=r"'z.csv' is a PNG image"):
        shelf.service.register(ADA, product.id)
    failed = shelf.service.product(ADA, product.id)
    assert failed.status is ProductStatus.FAILED
    assert "PNG" in failed.failure
    with pytest.raises(ProductConflict, match="PNG"):
        shelf.service.publish(ADA, product.id)
    shelf.service.files.replace_main(ADA, product.id, "z.csv", None, io.BytesIO(REDSHIFTS.encode()))
    again = shelf.service.register(ADA, product.id)
    assert (again.status, again.failure) == (ProductStatus.REGISTERING, None)


def test_the_reason_of_a_failure_may_quote_anything(shelf):
    product = shelf.draft(name="x")
    shelf.stores.drafts.fail(product.id, "a\x00b\udc80" * 5000)
    failed = shelf.service.product(ADA, product.id)
    assert failed.failure.startswith("a b?a b?")
    assert len(failed.failure) == 10_000


def test_a_table_without_a_header_has_numbered_columns(shelf):
    product = shelf.draft(product_type="training_set")
    shelf.add(product, "".join(REDSHIFTS.splitlines(keepends=True)[1:]))
    shelf.service.register(ADA, product.id)
    info = shelf.service.main_file_info(ADA, product.id)
    assert (info.has_header, info.file.n_rows) == (False, 3)
    assert [c.column_name for c in info.contents] == ["col1", "col2", "col3", "col4", "col5"]
    shelf.associate(product, col4="z")
    assert shelf.service.publish(ADA, product.id).version.n_rows == 3


@pytest.mark.parametrize("name", ["model.pkl", "MODEL.PICKLE"])
def test_pickles_are_kept_and_never_opened(shelf, name):
    # As text it would be a fine table.
    product = shelf.draft(product_type="training_results")
    shelf.add(product, REDSHIFTS, name)
    shelf.service.register(ADA, product.id)
    assert shelf.service.contents.select(ADA, product.id) == []
    done = shelf.service.publish(ADA, product.id)
    assert (done.status, done.version, done.edition) == (ProductStatus.PUBLISHED, None, 1)
    table = shelf.draft()
    shelf.add(table, REDSHIFTS, name)
    with pytest.raises(RegistrationFailed, match="never opened"):
        shelf.service.register(ADA, table.id)


def test_products_that_need_no_table_get_one_when_they_can(shelf):
    product = shelf.draft(product_type="photoz_estimates")
    shelf.add(product, parquet(zmode=[0.1, 0.2]), "pz.parquet")
    done = shelf.service.publish(ADA, product.id)
    assert done.version.n_rows == 2
    text = shelf.draft(product_type="other")
    shelf.add(text, b"%PDF-1.4 x", "paper.pdf")
    done = shelf.service.publish(ADA, text.id)
    assert done.version is None
    assert "a PDF document" in shelf.service.facts(BOB, done.id).warnings[0]


def test_packed_tables_are_unpacked(shelf):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("inner/t.csv", REDSHIFTS)
        archive.writestr("README.md", "hello")
    product = shelf.draft()
    shelf.add(product, sink.getvalue(), "set.zip")
    shelf.service.register(ADA, product.id)
    (file,) = shelf.service.files.select(ADA, product.id)
    assert (file.name, file.extension, file.size_bytes) == ("t.csv", ".csv", len(REDSHIFTS))
    shelf.sweep()
    assert len(shelf.on_disk()) == 1
    assert b"".join(shelf.service.downloads.main_file(ADA, product.id).read()) == REDSHIFTS.encode()


def test_a_hats_catalogue_is_kept_as_a_folder(shelf):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("cat/hats.properties", "dataproduct_type=object\nhats_nrows=2\n")
        archive.writestr(
            "cat/dataset/Norder=0/Dir=0/Npix=5.parquet", parquet(ra=[1.0, 2.0], dec=[3.0, 4.0])
        )
    product = shelf.draft(product_type="object_catalog")
    shelf.add(product, sink.getvalue(), "cat.zip")
    shelf.service.register(ADA, product.id)
    (file,) = shelf.service.files.select(ADA, product.id)
    assert (file.name, file.is_directory, file.n_rows) == ("cat", True, 2)
    shelf.associate(product, ra="RA", dec="Dec")
    shelf.service.publish(ADA, product.id)
    download = shelf.service.downloads.main_file(BOB, product.id)
    assert download.name == "cat.zip"
    with zipfile.ZipFile(io.BytesIO(b"".join(download.read()))) as archive:
        assert archive.testzip() is None
        assert "hats.properties" in archive.namelist()


def test_associations_of_columns_of_the_same_name_survive_another_reading(shelf):
    product = shelf.draft()
    shelf.add(product, REDSHIFTS)
    shelf.service.register(ADA, product.id)
    shelf.associate(product, ra="RA", z="z")
    shelf.service.files.replace_main(
        ADA, product.id, "new.csv", None, io.BytesIO(b"z,ra,extra\n0.5,1,2\n")
    )
    shelf.service.register(ADA, product.id)
    found = {c.column_name: c.alias for c in shelf.service.contents.select(ADA, product.id)}
    assert found == {"z": "z", "ra": "RA", "extra": None}


def test_statements_on_columns_are_checked(shelf):
    product = shelf.draft()
    shelf.add(product, REDSHIFTS)
    shelf.service.register(ADA, product.id)
    contents = {c.column_name: c for c in shelf.service.contents.select(ADA, product.id)}
    update = shelf.service.contents.update
    assert update(ADA, contents["z"].id, {"ucd": "src.redshift", "alias": "Z"}).alias == "z"
    free = update(ADA, contents["z"].id, {"alias": "my column"})
    assert (free.alias, free.ucd) == ("my column", None)
    cleared = update(ADA, contents["z"].id, {"ucd": "", "alias": ""})
    assert (cleared.alias, cleared.ucd) == (None, None)
    with pytest.raises(ProductRefused, match=r"UCD 'no\.such'"):
        update(ADA, contents["z"].id, {"ucd": "no.such"})
    with pytest.raises(ProductRefused, match="not numbers"):
        update(ADA, contents["name"].id, {"alias": "z"})
    with pytest.raises(ProductRefused, match="cannot be changed"):
        update(ADA, contents["z"].id, {"column_name": "x"})
    with pytest.raises(ProductContentNotFound):
        update(BOB, contents["z"].id, {"alias": "z"})
    with pytest.raises(ProductContentNotFound):
        shelf.service.contents.content(ADA, 999)


def test_published_columns_are_annotated_anew_for_queries(shelf):
    product = shelf.published()
    contents = {c.column_name: c for c in shelf.service.contents.select(ADA, product.id)}
    update = shelf.service.contents.update
    update(ADA, contents["id"].id, {"alias": "ID", "unit": "m", "description": "name of it"})
    (table,) = [t for t in shelf.catalogue.tables(BOB) if t.name == product.table_name]
    field = table.columns[0].field
    assert (field.ucd, field.unit, field.description) == ("meta.id;meta.main", "m", "name of it")
    with pytest.raises(ProductConflict, match="new version"):
        update(ADA, contents["ra"].id, {"alias": ""})
    with pytest.raises(MandatoryColumnsMissing, match="z"):
        update(ADA, contents["z"].id, {"alias": ""})
    with pytest.raises(NotAllowed):
        update(BOB, contents["id"].id, {"alias": "ID"})


def test_a_new_version_takes_the_place_of_the_old_one_which_stays(shelf):
    product = shelf.published()
    shelf.service.files.replace_main(
        ADA, product.id, "second.csv", None, io.BytesIO(b"ra,dec,z\n1,2,0.5\n")
    )
    # Until it is published nobody else notices.
    assert [f.name for f in shelf.service.files.select(BOB, product.id)] == ["data.csv"]
    assert len(shelf.service.contents.select(BOB, product.id)) == 5
    assert rows(shelf, shelf.service.product(BOB, product.id))[0][0] == 1
    shelf.service.register(ADA, product.id)
    assert len(shelf.service.contents.select(ADA, product.id)) == 3
    done = shelf.service.publish(ADA, product.id)
    assert (done.edition, done.version.n_rows) == (2, 1)
    assert [f.name for f in shelf.service.files.select(BOB, product.id)] == ["second.csv"]
    versions = shelf.service.versions(BOB, product.id)
    assert [(f.version, f.name) for f in versions] == [(1, "data.csv"), (2, "second.csv")]
    old = shelf.service.downloads.main_file(BOB, product.id, version=1)
    assert b"".join(old.read()) == REDSHIFTS.encode()
    with pytest.raises(ProductFileNotFound):
        shelf.service.downloads.main_file(BOB, product.id, version=3)
    with pytest.raises(ProductConflict, match="stays"):
        shelf.service.files.remove(ADA, versions[0].id)
    shelf.sweep()
    assert b"".join(old.read()) == REDSHIFTS.encode()


def test_a_product_of_metadata_alone(shelf):
    product = shelf.draft(product_type="photoz_estimates", data_url="https://example.org/big")
    done = shelf.service.publish(ADA, product.id)
    assert (done.status, done.edition, done.data_url) == (
        ProductStatus.PUBLISHED, None, "https://example.org/big",
    )  # fmt: skip
    with pytest.raises(ProductFileNotFound):
        shelf.service.main_file_info(ADA, product.id)
    for description in (None, " "):
        empty = shelf.draft(product_type="other", description=description)
        with pytest.raises(ProductRefused, match="description that says how to get them"):
            shelf.service.publish(ADA, empty.id)
    told = shelf.draft(product_type="other", description="Ask ada@example.org for the disk.")
    assert shelf.service.publish(ADA, told.id).status is ProductStatus.PUBLISHED
    catalogue = shelf.draft(description="Ask for the disk.")
    with pytest.raises(MandatoryColumnsMissing):
        shelf.service.publish(ADA, catalogue.id)


def test_deletion_hides_at_once_and_frees_the_disk_later(shelf):
    product = shelf.published()
    shelf.add(product, "x", "notes.txt", FileRole.AUXILIARY)
    with pytest.raises(NotAllowed):
        shelf.service.delete(BOB, product.id)
    shelf.service.delete(ADA, product.id)
    with pytest.raises(ProductNotFound):
        shelf.service.product(ADA, product.id)
    assert shelf.service.products(ADA) == []
    assert product.table_name not in shelf.tables_of(ADA)
    for who in (ADA, OPERATOR):
        assert shelf.service.files.select(who) == []
        assert shelf.service.contents.select(who, product.id) == []
    assert shelf.on_disk() != []
    shelf.sweep()
    assert shelf.on_disk() == []
    assert shelf.service.product(OPERATOR, product.id).status is ProductStatus.DELETED
    draft = shelf.draft()
    shelf.add(draft, REDSHIFTS)
    shelf.service.delete(ADA, draft.id)
    with pytest.raises(ProductNotFound):
        shelf.add(draft, REDSHIFTS)


def test_removed_files_go_with_the_sweep(shelf):
    product = shelf.draft()
    file = shelf.add(product, REDSHIFTS)
    download = shelf.service.downloads.main_file(ADA, product.id)
    shelf.service.files.remove(ADA, file.id)
    assert b"".join(download.read()) == REDSHIFTS.encode()
    shelf.sweep()
    assert shelf.on_disk() == []
    with pytest.raises(ProductFileNotFound, match="removed"):
        list(download.read())
    with pytest.raises(ProductFileNotFound):
        shelf.service.files.file(ADA, file.id)


def test_values_of_products_are_checked(shelf):
    def refused(field, **said):
        with pytest.raises(ProductRefused) as caught:
            shelf.draft(**said)
        assert caught.value.field == field

    refused("display_name", name="  ")
    refused("display_name", name="a\nb")
    refused("display_name", name="x" * 256)
    refused("product_type", product_type="none")
    refused("release", release="dr1")
    refused("pz_code", product_type="training_set", pz_code="bpz")
    refused("data_url", data_url="javascript:alert(1)")
    refused("release_year", release_year=5)
    with pytest.raises(LoginRequired):
        shelf.draft(ANONYMOUS)
    with pytest.raises(NotAllowed):
        shelf.draft(official=True)
    with pytest.raises(ReleaseNotFound):
        shelf.draft(product_type="other", release="secret")
    assert shelf.service.products(OPERATOR) == []
    assert shelf.draft(CARL, official=True).official


def test_values_can_be_changed_by_those_who_may(shelf):
    product = shelf.published(product_type="training_set")
    update = shelf.service.update
    changed = update(ADA, product.id, {"description": "*new*", "display_name": "Other name"})
    assert (changed.description, changed.display_name) == ("*new*", "Other name")
    assert changed.internal_name == product.internal_name
    assert product.table_name in shelf.tables_of(BOB)
    with pytest.raises(ReleaseNotFound):
        update(ADA, product.id, {"release": "secret"})
    ada_in_team = replace(ADA, groups=frozenset({"team"}))
    update(ada_in_team, product.id, {"release": "secret"})
    assert product.table_name not in shelf.tables_of(BOB)
    assert product.table_name in shelf.tables_of(TEAM)
    with pytest.raises(ProductNotFound):
        update(BOB, product.id, {"description": "x"})
    with pytest.raises(NotAllowed):
        update(TEAM, product.id, {"description": "x"})
    with pytest.raises(NotAllowed):
        update(ada_in_team, product.id, {"official": True})
    for field, value in [
        ("status", 1),
        ("product_type", "other"),
        ("display_name", 5),
        ("owner", "b"),
    ]:
        with pytest.raises(ProductRefused):
            update(ADA, product.id, {field: value})


def test_bad_positions_are_told_at_publication_and_the_product_waits(shelf):
    product = shelf.draft()
    shelf.add(product, "ra,dec,z\n1,200,0.5\n")
    shelf.service.register(ADA, product.id)
    shelf.associate(product, ra="RA", dec="Dec", z="z")
    with pytest.raises(AnnotationRejected, match="1 of 1 rows"):
        shelf.service.publish(ADA, product.id)
    assert shelf.service.product(ADA, product.id).status is ProductStatus.REGISTERING
    assert [p for p in shelf.on_disk() if not p.startswith("archive")] == []


def test_products_from_the_command_line_have_files_and_columns_too(shelf, tmp_path):
    from registry.ingestion.plan import PublishRequest

    path = tmp_path / "c d.csv"
    path.write_text(REDSHIFTS)
    request = PublishRequest("cli", "redshift_catalog", (("ra", "RA"), ("dec", "Dec"), ("z", "z")))
    done = shelf.publishing.publish(OPERATOR, path, request)
    info = shelf.service.main_file_info(ANONYMOUS, done.internal_name)
    assert (info.file.name, info.file.n_rows, info.has_header) == ("c d.csv", 3, True)
    assert [c.alias for c in info.contents] == [None, "RA", "Dec", "z", None]
    assert len(shelf.service.preview(ANONYMOUS, done.internal_name).rows) == 3
    download = shelf.service.downloads.main_file(ANONYMOUS, done.internal_name)
    assert b"".join(download.read(3, 10)) == REDSHIFTS.encode()[3:10]


def test_pending_products_are_remembered(shelf):
    assert shelf.service.pending(ADA) is None
    first, _ = shelf.draft(), shelf.draft()
    assert shelf.service.pending(ADA).id == first.id
    assert shelf.service.pending(BOB) is None
    assert shelf.service.pending(ANONYMOUS) is None


def test_drafts_are_seen_by_their_makers_alone(shelf):
    product = shelf.draft()
    file = shelf.add(product, REDSHIFTS)
    for other in (BOB, CARL, ANONYMOUS):
        with pytest.raises(ProductNotFound):
            shelf.service.product(other, product.id)
        with pytest.raises(ProductFileNotFound):
            shelf.service.files.file(other, file.id)
        assert shelf.service.files.select(other) == []
        assert shelf.service.contents.select(other) == []
    assert shelf.service.create(CARL, ProductDraft("o", "other", official=True)).official
