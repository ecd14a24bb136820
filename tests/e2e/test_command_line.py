"""The command line as a person meets it: help, settings, queries, the demo."""

from __future__ import annotations

import json
import re
import resource
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from astropy.io.votable import parse_single_table
from command_line import CSV, ROOT, TABLE, cells, publish, pzvo, pzvo_process, write

from vo_service.cli import main

FORMATS = ("votable", "votable/td", "csv", "tsv", "parquet", "html")


@pytest.fixture
def home(tmp_path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """Give an installation with one product, for tests that only read."""
    folder = tmp_path_factory.mktemp("published")
    done = publish(folder / "home", write(folder, "catalogue.csv", CSV))
    assert done.returncode == 0, done.stderr
    return folder / "home"


# Help, version, completion, settings


def every_command(command: click.Command = main, path: tuple[str, ...] = ()):
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from every_command(inner, (*path, name))


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
def test_every_command_has_help(tmp_path, path):
    done = pzvo(tmp_path / "home", *path, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: {' '.join(('pzvo', *path))} ")
    assert not (tmp_path / "home").exists()


def test_every_option_and_command_is_described():
    for path in every_command():
        command = main
        for name in path:
            command = command.commands[name]
        assert command.help, path
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not (command.hidden or parameter.hidden):
                assert parameter.help, (path, parameter.name)


def test_version_is_that_of_the_project(home):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    done = pzvo_process(home, "--version")
    assert done.stdout == f"pzvo, version {project['version']}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_printed(home, shell):
    done = pzvo_process(home, environment={"_PZVO_COMPLETE": f"{shell}_source"})
    assert done.returncode == 0
    assert "_PZVO_COMPLETE" in done.stdout


def test_completion_knows_the_commands(home):
    environment = {"_PZVO_COMPLETE": "bash_complete", "COMP_WORDS": "pzvo pu", "COMP_CWORD": "1"}
    assert pzvo_process(home, environment=environment).stdout == "plain,publish\n"


def test_unknown_command_and_missing_option_are_usage_errors(home):
    done = pzvo(home, "publsh")
    assert (done.returncode, "No such command 'publsh'" in done.stderr) == (2, True)
    done = pzvo(home, "publish", "any.csv", "--type", "redshift_catalog")
    assert (done.returncode, "Missing option '--name'" in done.stderr) == (2, True)


def test_config_prints_the_home_in_force(home):
    done = pzvo(home, "config")
    assert f"home = {json.dumps(str(home))}\n" in done.stdout
    other = pzvo(home, "--home", str(home / "other"), "config")
    assert f"home = {json.dumps(str(home / 'other'))}\n" in other.stdout


def test_config_file_of_the_option_is_used(home, tmp_path):
    path = write(tmp_path, "pzvo.toml", "port = 8123\n")
    assert "port = 8123\n" in pzvo(home, "--config", str(path), "config").stdout


def test_unknown_setting_stops_every_command(home):
    for command in ("config", "tables", "serve"):
        done = pzvo(home, command, environment={"PZVO_MAXREC_ROWS": "5"})
        assert done.returncode == 1
        assert "maxrec_rows is not a setting; did you mean maxrec_hard_rows?" in done.stderr


def test_home_that_cannot_be_made_is_named(tmp_path):
    blocked = write(tmp_path, "file", "") / "home"
    done = pzvo_process(blocked, "tables")
    assert done.returncode == 1
    assert done.stderr == f"Error: cannot use {blocked / 'identity.json'}: Not a directory\n"


@pytest.mark.parametrize("url", ["nonsense", "postgresql+psycopg2://u:s3cret@127.0.0.1:1/x"])
def test_metadata_database_that_cannot_be_used_is_one_line(home, url):
    done = pzvo_process(home, "tables", environment={"PZVO_DATABASE_URL": url})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "s3cret" not in done.stderr


def test_address_in_use_is_named(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = pzvo_process(home, "serve", "--port", str(port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "--port" in done.stderr


# Listings


def test_products_and_tables_list_what_is_published(published):
    products = cells(pzvo(published, "products").stdout)
    assert products[0][:5] == ["product", "type", "name", "rows", "table"]
    assert products[1][:5] == ["1_deep_field", "redshift_catalog", "Deep field", "4", TABLE]
    tables = cells(pzvo(published, "tables").stdout)
    assert [TABLE, "4", "Deep field"] in tables
    assert "TAP_SCHEMA.columns" in [row[0] for row in tables]


def test_table_lists_its_columns(published):
    rows = cells(pzvo(published, "tables", TABLE.upper()).stdout)
    by_name = {row[0]: row for row in rows}
    assert by_name["ra"][1:6] == ["double", "", "", "deg", "pos.eq.ra;meta.main"]
    assert by_name["id"][1] == "long"
    assert '"mag.i"' in by_name
    short = pzvo(published, "tables", TABLE.split(".")[1])
    assert cells(short.stdout) == rows


def test_unknown_table_is_named(published):
    done = pzvo(published, "tables", "redshift_catalog.p9_none")
    assert done.returncode == 1
    assert "there is no table redshift_catalog.p9_none" in done.stderr


# Queries


def test_query_prints_csv_by_default(published):
    done = pzvo_process(published, "query", f"SELECT id, z FROM {TABLE} ORDER BY id")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.splitlines()[:2] == ["id,z", "9007199254740993,0.3411"]
    assert done.stdout.splitlines()[-1] == "9007199254740996,"


def test_query_is_read_from_standard_input(published):
    done = pzvo_process(published, "query", "-", input=f"SELECT COUNT(*) AS n\nFROM {TABLE}\n")
    assert done.stdout.split() == ["n", "4"]


QUERY = f'SELECT id, ra, z, "mag.i" FROM {TABLE} ORDER BY id'


def read_back(path: Path, how: str) -> list[int]:
    if how.startswith("votable"):
        return parse_single_table(path).array["id"].tolist()
    if how == "parquet":
        return pa.parquet.read_table(path)["id"].to_pylist()
    if how in ("csv", "tsv"):
        options = pa.csv.ParseOptions(delimiter="," if how == "csv" else "\t")
        return pa.csv.read_csv(path, parse_options=options)["id"].to_pylist()
    return [int(number) for number in re.findall(r"<td[^>]*>(9007\d+)<", path.read_text())]


@pytest.mark.parametrize("name", FORMATS)
def test_format_of_the_option(published, tmp_path, name):
    path = tmp_path / "result"
    done = pzvo(published, "query", QUERY, "--format", name, "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert read_back(path, name) == [9007199254740993 + i for i in range(4)]


@pytest.mark.parametrize(
    ("ending", "how"),
    [
        (".vot", "votable"),
        (".votable", "votable"),
        (".xml", "votable"),
        (".csv", "csv"),
        (".CSV", "csv"),
        ("", "csv"),
        (".tsv", "tsv"),
        (".parquet", "parquet"),
        (".html", "html"),
    ],
)
def test_format_of_the_ending(published, tmp_path, ending, how):
    path = tmp_path / f"result{ending}"
    done = pzvo(published, "query", QUERY, "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert read_back(path, how) == [9007199254740993 + i for i in range(4)]


def test_option_wins_over_the_ending(published, tmp_path):
    path = tmp_path / "result.csv"
    assert pzvo(published, "query", QUERY, "-o", str(path), "--format", "tsv").returncode == 0
    assert path.read_text().startswith("id\tra\t")


def test_unknown_format_and_ending_are_refused(published, tmp_path):
    done = pzvo(published, "query", QUERY, "--format", "xlsx")
    assert done.returncode == 1
    assert "--format 'xlsx' is not supported; use one of: votable, " in done.stderr
    done = pzvo(published, "query", QUERY, "-o", str(tmp_path / "result.xlsx"))
    assert done.returncode == 1
    assert "the ending of 'result.xlsx' says no format that can be written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_output_into_a_missing_folder(published, tmp_path):
    path = tmp_path / "none" / "result.csv"
    done = pzvo(published, "query", QUERY, "-o", str(path))
    assert done.returncode == 1
    assert done.stderr == f"Error: cannot write {path}: No such file or directory\n"


def test_failed_query_leaves_the_old_output_alone(published, tmp_path):
    path = write(tmp_path, "result.csv", "old\n")
    done = pzvo(published, "query", f"SELECT nothing FROM {TABLE}", "-o", str(path))
    assert done.returncode == 1
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_while_writing_a_result(published, tmp_path):
    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    path = tmp_path / "result.vot"
    query = "SELECT a.*, b.description AS d FROM TAP_SCHEMA.columns a, TAP_SCHEMA.columns b"
    done = pzvo_process(published, "query", query, "-o", str(path), preexec_fn=fill_up)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: cannot write {path}: ")
    assert list(tmp_path.iterdir()) == []


def test_maxrec_cuts_and_says_so(published):
    done = pzvo(published, "query", QUERY, "--maxrec", "3")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 4
    assert "the result was cut at 3 rows" in done.stderr


def test_maxrec_that_cuts_nothing_says_nothing(published):
    done = pzvo(published, "query", QUERY, "--maxrec", "4")
    assert (len(done.stdout.splitlines()), done.stderr) == (5, "")


def test_hard_limit_cuts_too(published):
    done = pzvo(published, "query", QUERY, environment={"PZVO_MAXREC_HARD_ROWS": "2"})
    assert len(done.stdout.splitlines()) == 3
    assert "the result was cut at 2 rows" in done.stderr


@pytest.mark.parametrize("value", ["abc", "-1"])
def test_bad_maxrec_is_a_usage_error(published, value):
    done = pzvo(published, "query", QUERY, "--maxrec", value)
    assert done.returncode == 2
    assert "'--maxrec'" in done.stderr


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("DUFF QUERY", 'Unexpected "DUFF"; expected SELECT (line 1, column 1)'),
        ("", "The query is empty: write SELECT ... FROM ... (line 1, column 1)"),
        (
            f"SELECT ra,\n  zerr FROM {TABLE}",
            'Unknown column "zerr" (line 2, column 3); did you mean "z_err"?',
        ),
        (
            "SELECT * FROM redshift_catalog.p1_deep_fields",
            (
                'Unknown table "redshift_catalog.p1_deep_fields" (line 1, column 15); '
                f'did you mean "{TABLE}"?'
            ),
        ),
    ],
)
def test_wrong_query_says_what_and_where(published, query, expected):
    done = pzvo(published, "query", query)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"Error: {expected}\n"


def test_query_past_its_time_limit(published):
    tables = ", ".join(f"TAP_SCHEMA.columns AS t{i}" for i in range(8))
    query = f"SELECT COUNT(*) AS n FROM {tables} WHERE t0.column_name < t7.column_name"
    done = pzvo(published, "query", query, environment={"PZVO_SYNC_TIMEOUT_S": "0.5"})
    assert done.returncode == 1
    assert "did not finish within its time limit of 0.5 s" in done.stderr


def test_closed_pipe_is_no_error(published):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m vo_service.cli tables | head -n 1"],
        cwd=ROOT, env={"PZVO_HOME": str(published), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "table\trows\tdescription\n"
    assert done.stderr == ""


# The demo


def test_demo_publishes_asks_and_is_found_again(home):
    done = pzvo_process(home, "demo", "--rows", "2000", "--no-serve", timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "z_bin\tobjects\tmean_odds"
    assert "answered in" in done.stderr
    products = pzvo(home, "products").stdout
    again = pzvo(home, "demo", "--rows", "2000", "--no-serve")
    assert again.stdout == done.stdout
    assert "is published already" in again.stderr
    assert pzvo(home, "products").stdout == products
