"""The doctor explains every byte, finds what is too much and what is missing."""

import os

import pytest
from shelf import ADA, REDSHIFTS, Shelf

from registry.model.product_file import FileRole
from registry.products.doctor import Doctor


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def doctor(shelf):
    return Doctor(
        shelf.home, shelf.database, shelf.stores, shelf.tables, shelf.publishing.publisher
    )


TELLING = ("metadata", "manifests of products")


def kinds(diagnosis):
    return {usage.kind: usage.files for usage in diagnosis.usage if usage.kind not in TELLING}


def test_everything_has_its_reason(shelf, doctor):
    import io

    product = shelf.published()
    shelf.add(product, "x", "notes.txt", FileRole.AUXILIARY)
    shelf.service.files.replace_main(
        ADA, product.id, "b.csv", None, io.BytesIO(b"ra,dec,z\n1,2,3\n")
    )
    waiting = doctor.examine()
    assert waiting.healthy
    assert kinds(waiting)["main files that wait for publication"] == 1
    shelf.service.publish(ADA, product.id)
    gone = shelf.published(name="gone.csv")
    shelf.service.delete(ADA, gone.id)
    shelf.add(shelf.draft(), REDSHIFTS)
    with shelf.files.staging() as staging:
        (staging.path / "work").write_text("x")
        diagnosis = doctor.examine()
    assert diagnosis.healthy
    assert kinds(diagnosis) == {
        "tables of published products": 1,
        "tables of replaced or deleted products, kept for a day": 2,
        "main files of published products": 1,
        "older versions of main files": 1,
        "descriptions and auxiliary files": 1,
        "files of deleted products, kept for a day": 1,
        "files of products that are not published": 1,
        "publications under way": 2,
    }
    total = sum(usage.size_bytes for usage in diagnosis.usage if usage.kind not in TELLING)
    assert total == 1 + sum((shelf.home / place).stat().st_size for place in shelf.on_disk())


def test_orphans_are_found_and_removed_when_they_are_old(shelf, doctor):
    shelf.published()
    places = [
        "archive/products/9_x/files/abc.csv",
        "archive/products/9_x/v1/t.csv",
        "tables/t9_v1.duckdb",
        "staging/dead/file",
    ]
    for place in places:
        path = shelf.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("orphan")
    (shelf.home / "staging/dead.lock").touch()
    found = sorted(finding.place for finding in doctor.examine().orphans)
    assert found == sorted([*places, "staging/dead.lock"])
    doctor.repair()
    left = [finding.place for finding in doctor.examine().orphans]
    assert left == [place for place in sorted(places) if not place.startswith("staging")]
    for place in left:
        os.utime(shelf.home / place, (0, 0))
        os.utime((shelf.home / place).parent, (0, 0))
    swept = doctor.repair()
    assert "3 of 5 files have no record" in swept.refused
    assert [finding.place for finding in doctor.examine().orphans] == left
    swept = doctor.repair(everything=True)
    assert sorted(swept.quarantined) == [
        "archive/products/9_x/files/abc.csv",
        "archive/products/9_x/v1",
        "tables/t9_v1.duckdb",
    ]
    assert doctor.examine().healthy
    assert {path.name for path in shelf.home.glob("quarantine/*/*")} == {
        "entry.json", "abc.csv", "v1", "t9_v1.duckdb"
    }  # fmt: skip


def test_missing_and_changed_files_are_told(shelf, doctor):
    product = shelf.published()
    other = shelf.published(name="other.csv")
    for path in shelf.home.glob(f"archive/products/{product.internal_name}/files/*"):
        path.unlink()
    for path in shelf.home.glob(f"archive/products/{other.internal_name}/files/*"):
        path.write_text("cut")
    (shelf.home / "tables" / product.version.table_file).unlink()
    diagnosis = doctor.examine()
    reasons = " ".join(finding.reason for finding in diagnosis.missing)
    assert "'data.csv' of '1_a_set' is not there" in reasons
    assert "has 3 bytes" in reasons
    (finding,) = diagnosis.tables
    assert finding.reason == "the table of '1_a_set' is damaged: it is not there"
