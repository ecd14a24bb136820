"""What is published outlives the metadata database: records and tables from the archive alone."""

import dataclasses
import json
import shutil

import pytest
from own_tables import content
from shelf import ADA, BOB, Shelf

from registry.errors import HomeMismatch
from registry.model.principal import OPERATOR
from registry.model.product import Product, ProductColumn, ProductVersion
from registry.model.product_file import FileRole, ProductContent, ProductFile
from registry.model.provenance import Provenance, ProvenanceInput
from registry.model.table import Storage
from registry.products.doctor import Doctor
from registry.products.rebuilding import missing_records, rebuild_records
from registry.stores.identity import Home
from registry.stores.manifests import ManifestFolder
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.dump import OWNED
from registry.stores.metadata.schema import METADATA, products
from registry.stores.metadata.selection import Visibility
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.user_tables.service import UserTableService

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=BACKENDS)
def new_url(request, tmp_path):
    """Give the address of a database that does not exist yet, or is empty, at each call."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_server").new_database
    numbers = iter(range(9))
    return lambda: f"sqlite:///{tmp_path}/metadata{next(numbers)}.sqlite"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def opened(home, url):
    with_home = MetadataDatabase(url)
    Home(home).bind(with_home)
    with_home.close()
    return Shelf(home, url=url)


def doctor_of(shelf):
    return Doctor(
        shelf.home, shelf.database, shelf.stores, shelf.tables, shelf.publishing.publisher
    )


def filled(shelf):
    """Make products in every state, with versions, files, statements and provenance."""
    first = shelf.published(description="one", pz_code=None)
    shelf.add(first, "later", "notes.txt", role=FileRole.AUXILIARY)
    shelf.service.files.replace_main(ADA, first.id, "v2.csv", None, _stream("ra,dec,z\n1,2,0.5\n"))
    shelf.service.publish(ADA, first.id)
    content = shelf.service.contents.select(ADA, first.id)[2]
    shelf.service.contents.update(ADA, content.id, {"unit": "km/s", "description": "said later"})
    second = shelf.published(name="b.csv")
    shelf.stores.provenance.save(
        second.id,
        Provenance("p", "1", {"a": 1}, (ProvenanceInput(first.id, first.internal_name, 2, "x"),)),
    )
    shelf.service.update(OPERATOR, second.id, {"official": True, "display_name": "renamed"})
    gone = shelf.published(name="c.csv")
    shelf.service.delete(ADA, gone.id)
    draft = shelf.draft()
    shelf.add(draft, "ra\n1\n", "draft.csv")


def _stream(text):
    import io

    return io.BytesIO(text.encode())


def everything(shelf):
    """Read all that the stores say of products, as the models have it, and the cells."""
    stores = shelf.stores
    found = {}
    ids = range(1, 9)
    for product in stores.drafts.products(ids).values():
        files = stores.drafts.files_of(product.id)
        columns = ()
        if product.version is not None:
            pair = (product.id, product.version.number)
            columns = stores.products.columns([pair])[product.id]
        found[product.internal_name] = (
            dataclasses.asdict(product),
            columns,
            files,
            [stores.contents.contents_of(file.id) for file in files],
            [stores.contents.facts(file.id) for file in files],
            [stores.drafts.members(file.id) for file in files],
            stores.provenance.provenance(product.id),
        )
    return found


def test_everything_comes_back_from_the_archive(home, new_url):
    shelf = opened(home, new_url())
    filled(shelf)
    before = everything(shelf)
    assert len(before) == 4
    shelf.close()
    empty = new_url()
    with pytest.raises(HomeMismatch, match="--rebuild"):
        Home(home).bind(MetadataDatabase(empty))
    done = rebuild_records(MetadataDatabase(empty), Home(home), home)
    assert (len(done.products), done.conflicts) == (4, ())
    again = opened(home, empty)
    assert everything(again) == before
    assert doctor_of(again).examine().healthy
    # Life goes on, with numbers that were never given.
    assert again.published(name="d.csv").id == 5
    assert again.stores.drafts.files(Visibility(everything=True))[-1].id == 7
    again.close()


def test_tables_come_back_from_the_archived_files(home, new_url):
    url = new_url()
    shelf = opened(home, url)
    filled(shelf)
    shelf.published(name="e.csv")
    (first, second, third) = shelf.stores.products.published()
    shelf.tables.drop(first.version.table_file)
    (home / "tables" / second.version.table_file).write_bytes(b"")
    path = home / "tables" / third.version.table_file
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = bytes(len(damaged) - 4096)
    path.write_bytes(damaged)
    doctor = doctor_of(shelf)
    assert len(doctor.examine().tables) == 3
    assert [problem for _, problem in doctor.mend_tables()] == [None, None, None]
    for product in shelf.stores.products.published():
        version = product.version
        assert shelf.tables.count(Storage(version.relation, version.table_file)) == version.n_rows
    assert doctor.examine().tables == ()
    shelf.close()


def test_a_restored_older_database_gets_what_is_newer(home, new_url, tmp_path, request):
    if "postgresql" in request.node.name:
        pytest.skip("a copy of the database is made with a file")
    url = new_url()
    shelf = opened(home, url)
    first = shelf.published()
    shelf.close()
    shutil.copy(tmp_path / "metadata0.sqlite", tmp_path / "backup.sqlite")
    shelf = opened(home, url)
    shelf.service.files.replace_main(ADA, first.id, "v2.csv", None, _stream("ra,dec,z\n1,2,0.5\n"))
    shelf.service.publish(ADA, first.id)
    shelf.published(name="newer.csv")
    before = everything(shelf)
    on_disk = shelf.on_disk()
    shelf.close()
    shutil.copy(tmp_path / "backup.sqlite", tmp_path / "metadata0.sqlite")
    shelf = opened(home, url)
    # Whatever is newer than the records stays, and is told.
    shelf.sweep()
    assert shelf.on_disk() == on_disk
    assert {f.place for f in doctor_of(shelf).examine().unrecorded} == {
        "archive/products/1_a_set/manifest.json",
        "archive/products/2_a_set/manifest.json",
    }
    wanted, _ = missing_records(shelf.database, home)
    assert len(wanted) == 2
    rebuild_records(shelf.database, Home(home), home)
    assert everything(shelf) == before
    shelf.close()


def test_an_edit_under_an_older_database_does_not_overwrite_a_newer_manifest(home, tmp_path):
    url = f"sqlite:///{tmp_path}/m.sqlite"
    shelf = opened(home, url)
    product = shelf.published()
    shelf.close()
    shutil.copy(tmp_path / "m.sqlite", tmp_path / "backup.sqlite")
    shelf = opened(home, url)
    for text in ("a", "b", "c"):
        shelf.service.update(ADA, product.id, {"description": text})
    shelf.close()
    shutil.copy(tmp_path / "backup.sqlite", tmp_path / "m.sqlite")
    shelf = opened(home, url)
    shelf.service.update(ADA, product.id, {"description": "older"})
    kept = list(home.glob("archive/products/1_a_set/manifest-r*.json"))
    assert [json.loads(p.read_text())["rows"]["products"][0]["description"] for p in kept] == ["c"]
    shelf.close()


def test_numbers_of_products_are_not_given_again_by_an_older_database(home, tmp_path):
    url = f"sqlite:///{tmp_path}/m.sqlite"
    opened(home, url).close()
    shutil.copy(tmp_path / "m.sqlite", tmp_path / "backup.sqlite")
    shelf = opened(home, url)
    names = [shelf.published().internal_name for _ in range(2)]
    shelf.close()
    shutil.copy(tmp_path / "backup.sqlite", tmp_path / "m.sqlite")
    shelf = opened(home, url)
    from registry.stores.manifest_keeper import ManifestKeeper

    ManifestKeeper(shelf.database, home).write_due()
    assert shelf.published().internal_name not in names
    shelf.close()


def test_a_crash_between_record_and_manifest_is_mended_at_the_next_start(home, new_url):
    shelf = opened(home, new_url())
    product = shelf.published()
    shelf.database.on_change = None
    shelf.service.update(ADA, product.id, {"description": "not in the manifest"})
    from registry.stores.manifest_keeper import ManifestKeeper

    assert ManifestKeeper(shelf.database, home).write_due() == 1
    (manifest,) = ManifestFolder(home).manifests()
    assert manifest.product["description"] == "not in the manifest"
    assert ManifestKeeper(shelf.database, home).write_due() == 0
    shelf.close()


def test_a_deleted_product_does_not_come_back(home, new_url):
    shelf = opened(home, new_url())
    gone = shelf.published()
    shelf.service.delete(ADA, gone.id)
    shelf.sweep()
    assert shelf.on_disk() == []
    assert len(list(home.glob("archive/products/*/manifest.json"))) == 1
    shelf.close()
    url = new_url()
    rebuild_records(MetadataDatabase(url), Home(home), home)
    shelf = opened(home, url)
    assert shelf.stores.products.published() == []
    assert shelf.published().id == gone.id + 1
    shelf.close()


def own_tables(shelf):
    store = SqlUserTableStore(shelf.database)
    return UserTableService(store, shelf.files, shelf.tables, None), store


def test_users_own_tables_come_back_as_their_owners(home, new_url):
    shelf = opened(home, new_url())
    service, store = own_tables(shelf)
    stars = {"id": [1, 2], "ra": [10.0, 350.0], "dec": [1.0, -2.0], "name": ["a", None]}
    service.create(ADA, "Stars", content(stars, ra="pos.eq.ra;meta.main"))
    service.create(ADA, "gone", content({"x": [1]}))
    service.create(BOB, "stars", content({"x": [1.5]}))
    service.remove(ADA, "gone")
    shelf.published()
    before = store.everybodys()
    columns = store.columns(table.id for table in before)
    shelf.close()
    url = new_url()
    rebuild_records(MetadataDatabase(url), Home(home), home)
    again = opened(home, url)
    assert len(doctor_of(again).examine().unrecorded) == 2
    assert {problem for _, problem in doctor_of(again).rebuild_user_tables()} == {None}
    _, store = own_tables(again)
    after = store.everybodys()
    assert [dataclasses.replace(t, id=0, last_used=t.updated) for t in after] == [
        dataclasses.replace(t, id=0, last_used=t.updated) for t in before
    ]
    assert list(store.columns(t.id for t in after).values()) == list(columns.values())
    # What is used least goes first: nothing expires because its use was forgotten.
    assert min(t.last_used for t in after) > max(t.last_used for t in before)
    assert doctor_of(again).examine().healthy
    again.close()


def test_own_tables_without_their_rows_are_told_and_not_recorded(home, new_url):
    shelf = opened(home, new_url())
    service, store = own_tables(shelf)
    service.create(ADA, "lost", content({"x": [1]}))
    service.create(ADA, "cut", content({"x": [1, 2]}))
    lost, cut = store.everybodys()
    shelf.tables.drop(lost.storage.file)
    (home / "tables" / cut.storage.file).write_bytes(b"")
    findings = doctor_of(shelf).examine().missing
    assert {finding.place for finding in findings} == {
        f"tables/{lost.storage.file}",
        f"tables/{cut.storage.file}",
    }
    shelf.published()
    shelf.close()
    url = new_url()
    rebuild_records(MetadataDatabase(url), Home(home), home)
    again = opened(home, url)
    told = dict(doctor_of(again).rebuild_user_tables())
    assert set(told) == {"lost of ada", "cut of ada"}
    assert all(told.values())
    assert own_tables(again)[1].everybodys() == ()
    again.close()


def test_a_publication_that_fails_leaves_no_manifest(home, tmp_path, new_url, monkeypatch):
    from registry.ingestion.plan import PublishRequest

    shelf = opened(home, new_url())
    path = tmp_path / "a.csv"
    path.write_text("ra,dec,z\n1,2,0.5\n")

    def fail(*_arguments):
        raise RuntimeError("in the middle")

    monkeypatch.setattr(shelf.tables, "publish", fail)
    with pytest.raises(RuntimeError):
        shelf.publishing.publish(OPERATOR, path, PublishRequest("x", "other"))
    assert list(ManifestFolder(home).manifests()) == []
    shelf.close()


@pytest.fixture(scope="module")
def said_of_a_product(tmp_path_factory):
    """Name every field that the manifest of a product says."""
    home = tmp_path_factory.mktemp("home")
    shelf = opened(home, f"sqlite:///{home}/m.sqlite")
    filled(shelf)
    shelf.close()
    (manifest,) = [m for m in ManifestFolder(home).manifests() if m.product["id"] == 2]
    said = {name for rows in manifest.rows.values() for row in rows for name in row}
    return said | {
        row["facts"] is not None and "facts" for row in manifest.rows["product_file_facts"]
    }


@pytest.mark.parametrize("model", [Product, ProductVersion, ProductColumn, ProductFile,
                                   ProductContent, Provenance, ProvenanceInput])  # fmt: skip
def test_every_field_of_the_models_is_in_the_manifest(said_of_a_product, model):
    composed = {"version", "edition", "columns", "column", "inputs", "members", "groups"}
    names = {f.name for f in dataclasses.fields(model)} - composed
    assert names - said_of_a_product == set()


def test_every_table_that_belongs_to_products_is_carried():
    names = {table.name for table in OWNED} | {products.name}
    for table in METADATA.sorted_tables:
        leads = any(key.column.table.name in names for key in table.foreign_keys)
        assert (table.name in names) or not leads
    assert "product_columns" in names
