"""A home works with its own metadata database alone."""

import shutil

import pytest
from shelf import Shelf

from registry.errors import HomeMismatch
from registry.stores.identity import IDENTITY, Home
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.installation import SqlInstallation


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def database_in(folder):
    return MetadataDatabase.in_folder(folder)


def files_of(home):
    return sorted(
        (path.relative_to(home).as_posix(), path.stat().st_size)
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith("metadata.sqlite")
    )


def filled(home, bound=True):
    """Make an installation with a product and give its database, closed."""
    if bound:
        Home(home).bind(database_in(home))
    shelf = Shelf(home)
    shelf.published()
    shelf.close()
    return database_in(home)


def unbound(database):
    """Make it one of the release before identities."""
    from alembic import command

    from registry.stores.metadata.migration import alembic_config

    config = alembic_config()
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
    database.close()


def test_a_new_home_and_a_new_database_get_one_identity(home):
    database = database_in(home)
    identity = Home(home).bind(database)
    assert SqlInstallation(database).identity() == identity == Home(home).identity
    assert Home(home).bind(database) == identity
    assert {p.parent.name for p in home.rglob(IDENTITY)} == {"home", "archive", "tables"}


def test_an_empty_database_is_refused_and_nothing_is_touched(home, tmp_path):
    filled(home)
    before = files_of(home)
    other = MetadataDatabase(f"sqlite:///{tmp_path}/typo.sqlite")
    with pytest.raises(HomeMismatch) as refusal:
        Home(home).bind(other)
    assert Home(home).identity in str(refusal.value)
    assert "database_url" in str(refusal.value)
    assert "pzvo doctor --rebuild" in str(refusal.value)
    assert files_of(home) == before
    assert not (tmp_path / "typo.sqlite").exists()


def test_the_database_of_another_home_is_refused_with_both_identities(home, tmp_path):
    filled(home)
    other = filled(tmp_path / "other")
    with pytest.raises(HomeMismatch) as refusal:
        Home(home).bind(other)
    for name in (Home(home).identity, Home(tmp_path / "other").identity):
        assert name in str(refusal.value)


def test_a_second_service_cannot_take_a_home_with_another_database(home, tmp_path):
    Home(home).bind(database_in(home))
    with pytest.raises(HomeMismatch):
        Home(home).bind(MetadataDatabase(f"sqlite:///{tmp_path}/second.sqlite"))


def test_an_installation_of_an_older_release_is_adopted(home):
    database = filled(home, bound=False)
    unbound(database)
    identity = Home(home).bind(database)
    assert SqlInstallation(database).identity() == identity


def test_an_empty_database_is_refused_on_a_home_of_an_older_release(home, tmp_path):
    unbound(filled(home, bound=False))
    with pytest.raises(HomeMismatch, match="no identity"):
        Home(home).bind(MetadataDatabase(f"sqlite:///{tmp_path}/typo.sqlite"))


def test_a_foreign_database_of_an_older_release_is_refused(home, tmp_path):
    filled(home)
    shelf = Shelf(tmp_path / "other")
    shelf.published(name="other.csv")
    shelf.published(name="third.csv")
    shelf.close()
    other = database_in(tmp_path / "other")
    unbound(other)
    with pytest.raises(HomeMismatch):
        Home(home).bind(other)


def test_a_restored_database_of_an_older_release_is_taken_back(home, tmp_path):
    database = filled(home)
    identity = Home(home).identity
    unbound(database)
    assert Home(home).bind(database) == identity


@pytest.mark.parametrize("part", ["archive", "tables"])
def test_a_folder_that_is_not_mounted_is_told(home, tmp_path, part):
    database = filled(home)
    shutil.move(home / part, tmp_path / "elsewhere")
    (home / part).mkdir()
    with pytest.raises(HomeMismatch, match=f"{part}.*is it mounted"):
        Home(home).bind(database)
    assert list((home / part).iterdir()) == []
    (home / part).rmdir()
    shutil.move(tmp_path / "elsewhere", home / part)
    Home(home).bind(database)


def test_an_unmounted_home_is_told(home, tmp_path):
    database = MetadataDatabase(f"sqlite:///{tmp_path}/metadata.sqlite")
    Home(home).bind(database)
    shelf = Shelf(home, url=f"sqlite:///{tmp_path}/metadata.sqlite")
    shelf.published()
    shelf.close()
    shutil.move(home, tmp_path / "elsewhere")
    with pytest.raises(HomeMismatch, match="is it mounted"):
        Home(home).bind(database)


def test_an_operator_may_say_that_they_belong_together(home, tmp_path):
    filled(home)
    other = filled(tmp_path / "other")
    identity = Home(home).identity
    assert Home(home).adopt(other) == identity
    assert Home(home).bind(other) == identity
