"""Files without a record, records without a manifest, and homes of older releases."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shelf import Shelf

from registry.model.table import Storage
from registry.products.doctor import Doctor
from registry.stores.identity import IDENTITY, Home
from registry.stores.manifest_keeper import ManifestKeeper
from registry.stores.manifests import ManifestFolder
from registry.stores.metadata.database import MetadataDatabase

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=BACKENDS)
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_server").new_database()
    return f"sqlite:///{tmp_path}/metadata.sqlite"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def doctor_of(shelf):
    return Doctor(
        shelf.home, shelf.database, shelf.stores, shelf.tables, shelf.publishing.publisher
    )


def orphan(home, place):
    path = home / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("orphan")
    for each in (path, path.parent):
        os.utime(each, (0, 0))
    return path


def entries(home):
    return sorted(home.glob("quarantine/*/entry.json"))


def test_files_without_a_record_are_set_aside_for_their_days_and_come_back(home, url):
    shelf = Shelf(home, url=url)
    Home(home).bind(shelf.database)
    shelf.published()
    shelf.published()
    left = orphan(home, "tables/t9_v1.duckdb")
    doctor = doctor_of(shelf)
    assert doctor.repair(quarantine_days=30).quarantined == ("tables/t9_v1.duckdb",)
    assert not left.exists()
    (entry,) = entries(home)
    said = json.loads(entry.read_text())
    assert (said["place"], said["reason"]) == (
        "tables/t9_v1.duckdb",
        "no record of the metadata database names it",
    )
    # Moving it back undoes everything.
    (entry.parent / "t9_v1.duckdb").rename(left)
    assert left.read_text() == "orphan"
    os.utime(left, (0, 0))
    doctor.repair(everything=True)
    # Entries stay for their days, and go when these are over.
    now = datetime.now(UTC)
    for number, age in enumerate(sorted(entries(home))):
        moved = now - timedelta(days=29 + 2 * number)
        age.write_text(json.dumps(json.loads(age.read_text()) | {"moved": moved.isoformat()}))
    assert len(entries(home)) == 2
    assert doctor.repair(quarantine_days=30).expired == ("tables/t9_v1.duckdb",)
    (kept,) = entries(home)
    assert json.loads(kept.read_text())["moved"] > (now - timedelta(days=30)).isoformat()
    assert doctor.examine().healthy
    shelf.close()


def test_much_without_a_record_stays_where_it_is(home, url):
    shelf = Shelf(home, url=url)
    Home(home).bind(shelf.database)
    shelf.published()
    places = [orphan(home, f"tables/t{number}_v1.duckdb") for number in range(5, 9)]
    swept = doctor_of(shelf).repair()
    assert (swept.quarantined, swept.expired) == ((), ())
    assert "4 of 6 files have no record" in swept.refused
    assert all(place.exists() for place in places)
    shelf.close()


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {support!r})
from shelf import ADA, Shelf
from registry.stores import manifests
from registry.stores.manifest_keeper import ManifestKeeper

shelf = Shelf(Path(sys.argv[1]), url=sys.argv[2])
ManifestKeeper(shelf.database, shelf.home).follow()
product = shelf.stores.products.published()[0]
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "before":
    manifests.ManifestFolder.write = die
else:
    manifests.rename_durably = die
shelf.service.update(ADA, product.id, {{"description": "not in the manifest"}})
"""


@pytest.mark.parametrize("moment", ["before", "in the middle"])
def test_a_process_killed_between_record_and_manifest_loses_neither(home, tmp_path, moment):
    url = f"sqlite:///{tmp_path}/metadata.sqlite"
    shelf = Shelf(home, url=url)
    Home(home).bind(shelf.database)
    ManifestKeeper(shelf.database, home).follow()
    shelf.published(description="one")
    shelf.close()
    script = KILLED.format(support=str(ROOT / "tests" / "support"))
    done = subprocess.run(
        [sys.executable, "-c", script, str(home), url, moment],
        cwd=ROOT, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    shelf = Shelf(home, url=url)
    (product,) = shelf.stores.products.published()
    assert product.description == "not in the manifest"
    (manifest,) = ManifestFolder(home).manifests()
    assert manifest.product["description"] == "one"
    doctor = doctor_of(shelf)
    assert doctor.examine().due == (product.id,)
    doctor.repair()
    (manifest,) = ManifestFolder(home).manifests()
    assert manifest.product["description"] == "not in the manifest"
    assert doctor.examine().healthy
    shelf.close()


def test_a_home_of_the_release_before_identities_is_adopted_with_everything_in_it(home):
    """The records are those that commit 872c4e6 wrote for one published file and one user."""
    archived = home / "archive" / "products" / "1_one" / "v1" / "a.csv"
    archived.parent.mkdir(parents=True)
    archived.write_text("ra,dec,z\n1,2,0.5\n")
    with sqlite3.connect(home / "metadata.sqlite") as made:
        made.executescript((ROOT / "tests" / "data" / "home_of_872c4e6.sql").read_text())
    database = MetadataDatabase.in_folder(home)
    identity = Home(home).bind(database, tables_lost=True)
    assert json.loads((home / IDENTITY).read_text())["identity"] == identity
    ManifestKeeper(database, home).write_due()
    (manifest,) = ManifestFolder(home).manifests()
    assert (manifest.identity, manifest.product["internal_name"]) == (identity, "1_one")
    database.close()
    shelf = Shelf(home)
    (product,) = shelf.stores.products.published()
    assert (product.display_name, product.owner, product.version.n_rows) == ("one", "operator", 1)
    # Its table is not here, but the file is: the doctor makes it again.
    doctor = doctor_of(shelf)
    assert dict(doctor.mend_tables()) == {"1_one": None}
    (product,) = shelf.stores.products.published()
    assert shelf.tables.count(Storage(product.version.relation, product.version.table_file)) == 1
    assert doctor.examine().healthy
    assert shelf.published().id == 2
    shelf.close()
