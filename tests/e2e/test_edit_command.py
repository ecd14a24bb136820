"""What is said of products, changed from the command line after they were published."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import pzvo, pzvo_process

ROLES = ("--column", "ra=RA", "--column", "dec=Dec", "--column", "z=z")


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "survey.parquet"
    table = {"ra": [1.0, 2.0], "dec": [3.0, 4.0], "z": [0.1 + 0.2, 1 / 3], "flux": [1.5, 2.5]}
    pq.write_table(pa.table(table), path)
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory, survey):
    folder = tmp_path_factory.mktemp("home")
    for arguments in (
        ("publish", str(survey), "--name", "Survey", "--type", "training_set", *ROLES),
        ("user", "add", "ann"),
        ("release", "add", "dr1", "--public"),
    ):
        done = pzvo(folder, *arguments)
        assert done.returncode == 0, done.stderr
    return folder


def said(home, *arguments):
    done = pzvo(home, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(home, *arguments, run=pzvo):
    done = run(home, *arguments)
    assert done.returncode != 0, done.stdout
    return done.stderr


def columns(home, table):
    lines = said(home, "tables", table).splitlines()
    return {line.split("\t")[0]: line.split("\t") for line in lines[1:]}


def test_everything_that_is_said_changes_and_the_table_stays(home):
    said(
        home, "product", "edit", "1_survey", "--name", "Better name", "--description", "Of *it*.",
        "--release", "dr1", "--owner", "ann", "--ucd", "flux=phot.flux", "--unit", "flux=mJy",
        "--column-description", "flux=Flux = F, in the r band",
    )  # fmt: skip
    (line,) = said(home, "products").splitlines()[1:]
    cells = line.split("\t")
    assert cells[:3] == ["1_survey", "training_set", "Better name"]
    assert cells[4:7] == ["training_set.p1_survey", "ann", "dr1"]
    found = columns(home, "training_set.p1_survey")["flux"]
    assert found[4:] == ["mJy", "phot.flux", "Flux = F, in the r band"]
    shown = said(home, "product", "show", "1_survey")
    assert "description\tOf *it*." in shown
    assert "flux\tphot.flux\tmJy" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--ucd", "nothing=phot.flux"), "there is no column 'nothing'; the product has ra"),
        (("--ucd", "flux=not a ucd"), "ucd"),
        (("--unit", "flux=furlongs per day"), "unit"),
        (("--owner", "nobody"), "there is no user 'nobody'"),
        (("--release", "dr9"), "dr9"),
        (("--alias", "ra="), "RA"),
        (("--ucd", "flux"), "is not COLUMN=UCD"),
        ((), "say what changes"),
    ],
)
def test_what_cannot_be_changed_is_refused_by_the_rules_of_the_api(home, arguments, words):
    before = said(home, "product", "show", "1_survey")
    assert words in refused(home, "product", "edit", "1_survey", *arguments)
    assert said(home, "product", "show", "1_survey") == before


def test_users_and_releases_go_when_nothing_is_theirs(home):
    said(home, "product", "edit", "1_survey", "--release", "dr1", "--owner", "ann")
    assert "owns products" in refused(home, "user", "remove", "ann")
    assert "1_survey is in the release 'dr1'" in refused(home, "release", "remove", "dr1")
    said(home, "user", "add", "bob")
    said(home, "token", "create", "bob")
    said(home, "product", "edit", "1_survey", "--release", "", "--owner", "bob")
    said(home, "release", "remove", "dr1")
    said(home, "user", "remove", "ann")
    assert "ann" not in said(home, "user", "list")
    assert "dr1" not in said(home, "release", "list")
    assert "there is no user 'ann'" in refused(home, "user", "remove", "ann")


def test_same_file_twice_is_noted(home, survey):
    done = pzvo(home, "publish", str(survey), "--name", "Again", "--type", "training_set", *ROLES)
    assert done.returncode == 0, done.stderr
    assert "Note: 1_survey has the same file" in done.stderr


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_wrong_column_is_refused_with_a_command_to_copy(home, survey, more):
    error = refused(
        home, "publish", str(survey), "--name", "My name", "--type", "training_set",
        "--column", "RA=RA", "--column", "dec=Dec", "--column", "z=z", *more, run=pzvo_process,
    )  # fmt: skip
    assert "--column 'RA': the file has no such column; did you mean 'ra'" in error
    command = error.splitlines()[-1]
    assert command == " ".join((
        "pzvo publish", str(survey), "--name 'My name' --type training_set",
        "--column ra=RA --column dec=Dec --column z=z", *more,
    ))  # fmt: skip


def test_missing_roles_are_refused_with_a_command_to_copy(home, survey):
    error = refused(
        home, "publish", str(survey), "--name", "N", "--type", "redshift_catalog", run=pzvo_process
    )
    assert error.splitlines()[-1].endswith("--column ra=RA --column dec=Dec --column z=z")


def test_who_may_see_a_product_is_said_when_it_is_published_and_later(home, survey):
    said(home, "group", "add", "team")
    publish = ("publish", str(survey), "--name", "Closed", "--type", "training_set", *ROLES)
    error = refused(home, *publish, "--visibility", "groups", "--visible-to", "nobody")
    assert "there is no group 'nobody'" in error
    assert "name the groups" in refused(home, *publish, "--visibility", "groups")
    name = said(home, *publish, "--visibility", "owner").splitlines()[-1].split("\t")[0]
    assert "visibility\towner" in said(home, "product", "show", name)
    again = (*publish, "--replace", "--visibility", "release")
    assert "pzvo product edit" in refused(home, *again)
    said(home, "product", "edit", name, "--visibility", "groups", "--visible-to", "team")
    assert "visibility\tgroups team" in said(home, "product", "show", name)
    said(home, *publish, "--replace")
    assert "visibility\tgroups team" in said(home, "product", "show", name)
    assert "choose the visibility" in refused(
        home, "product", "edit", name, "--visibility", "members", "--visible-to", "team"
    )
