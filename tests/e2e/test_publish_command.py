"""Publishing from the command line: what is done, what is refused, and with which words."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from command_line import (
    CSV,
    ROLES,
    ROOT,
    TABLE,
    cells,
    left_behind,
    publish,
    pzvo,
    pzvo_process,
    refused,
    write,
)


@pytest.fixture
def home(tmp_path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def catalogue(tmp_path) -> Path:
    return write(tmp_path, "catalogue.csv", CSV)


# Publishing


def test_publish_prints_name_table_and_rows(home, catalogue):
    done = publish(home, catalogue, run=pzvo_process)
    assert done.returncode == 0, done.stderr
    assert cells(done.stdout) == [["product", "table", "rows"], ["1_deep_field", TABLE, "4"]]


def test_dry_run_shows_every_column_and_writes_nothing(home, catalogue):
    done = publish(home, catalogue, *ROLES, "--dry-run")
    assert done.returncode == 0, done.stderr
    rows = cells(done.stdout)[1:]
    assert [row[0] for row in rows[1:]] == CSV.split("\n", 1)[0].split(",")
    plan = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert plan["ra"]["role"] == "RA"
    assert plan["ra"]["suggestion"] == ""
    assert plan["z_err"]["suggestion"] == "z_err, stat.error;src.redshift"
    assert plan["mag.i"]["in queries"] == '"mag.i"'
    assert "nothing was written" in done.stderr
    assert len(cells(pzvo(home, "products").stdout)) == 1
    assert left_behind(home) == []


def test_dry_run_tells_all_problems_at_once(home, tmp_path):
    bad = write(tmp_path, "bad.csv", "ra,dec,z,m,m\n-1,2,0.1,1,2\n400,91,0.2,1,2\n")
    done = publish(
        home, bad, "--column", "ra=RA", "--column", "dec=Dec",
        "--column", "redshift=z", "--column", "m=phot.mga", "--dry-run",
    )  # fmt: skip
    assert done.returncode == 1
    for part in (
        "this cannot be published yet:\n",
        "column names occur more than once: 'm'",
        "--column 'redshift': the file has no such column",
        "unknown word 'phot.mga'; did you mean 'phot.mag'?",
        "needs the role z (redshift, UCD src.redshift), which no column has",
    ):
        assert part in done.stderr
    assert left_behind(home) == []


def test_values_of_all_columns_are_checked_at_once(home, tmp_path):
    bad = write(tmp_path, "bad.csv", "id,ra,dec,z\n1,-1,2,0.1\n2,400,91,0.2\n")
    done = publish(home, bad, *ROLES, "--dry-run")
    assert done.returncode == 1
    for part in ("2 of 2 rows are not (row 1: -1; row 2: 400)", "1 of 2 rows are not (row 2: 91)"):
        assert part in done.stderr


def test_suggestions_are_taken_only_when_asked(home, catalogue):
    assert publish(home, catalogue).stderr.startswith(
        "Note: a UCD is suggested and not set for z_err, quality;"
    )
    columns = {r[0]: r[5] for r in cells(pzvo(home, "tables", TABLE).stdout)}
    assert columns["z_err"] == ""
    done = publish(home, catalogue, *ROLES, "--accept-suggestions")
    assert done.returncode == 0
    assert "not set for" not in done.stderr
    table = cells(done.stdout)[1][1]
    columns = {r[0]: (r[4], r[5]) for r in cells(pzvo(home, "tables", table).stdout)}
    assert columns["z_err"] == ("", "stat.error;src.redshift")
    assert columns["quality"] == ("", "stat.rank")


def test_suggestions_never_fill_a_mandatory_role(home, catalogue):
    message = refused(home, catalogue, "--accept-suggestions")
    assert "needs the role RA" in message
    assert "--column ra=RA" in message


def test_annotation_file_is_used(home, catalogue, tmp_path):
    annotations = write(
        tmp_path,
        "deep.yaml",
        """\
description: A deep field
columns:
  id: {alias: ID}
  ra: {alias: RA, unit: deg}
  dec: {alias: Dec}
  z: {alias: z, description: Best redshift}
  mag.i: {ucd: phot.mag;em.opt.I, unit: mag, utype: "pz:mag"}
""",
    )
    done = publish(home, catalogue, "--annotations", str(annotations))
    assert done.returncode == 0, done.stderr
    columns = {r[0]: r for r in cells(pzvo(home, "tables", TABLE).stdout)}
    assert columns["z"][6] == "Best redshift"
    assert columns['"mag.i"'][4:6] == ["mag", "phot.mag;em.opt.I"]
    assert [TABLE, "4", "A deep field"] in cells(pzvo(home, "tables").stdout)


def test_name_used_twice_is_told_apart_by_the_number(home, catalogue):
    assert publish(home, catalogue).returncode == 0
    again = publish(home, catalogue)
    assert cells(again.stdout)[1][:2] == ["2_deep_field", "redshift_catalog.p2_deep_field"]
    message = refused(home, catalogue, *ROLES, "--replace")
    assert "2 products have the name 'Deep field': 1_deep_field, 2_deep_field" in message
    done = publish(home, catalogue, *ROLES, "--replace", "--product", "2_deep_field")
    assert done.returncode == 0


def test_replace_gives_the_same_table_new_rows(home, catalogue, tmp_path):
    assert publish(home, catalogue).returncode == 0
    shorter = write(tmp_path, "second.csv", "".join(CSV.splitlines(keepends=True)[:3]))
    done = publish(home, shorter, *ROLES, "--replace")
    assert cells(done.stdout)[1] == ["1_deep_field", TABLE, "2"]
    count = pzvo(home, "query", f"SELECT COUNT(*) AS n FROM {TABLE}")
    assert count.stdout.split() == ["n", "2"]


def test_replace_that_fails_leaves_the_old_version(home, catalogue, tmp_path):
    assert publish(home, catalogue).returncode == 0
    bad = write(tmp_path, "bad.csv", CSV.replace("150.1012", "650.1012"))
    assert "650.1012" in refused(home, bad, *ROLES, "--replace")
    assert pzvo(home, "query", f"SELECT COUNT(*) AS n FROM {TABLE}").stdout.split()[1] == "4"


def test_replace_of_nothing_is_refused(home, catalogue):
    assert "publish it as a new one" in refused(home, catalogue, *ROLES, "--replace")
    message = refused(home, catalogue, *ROLES, "--replace", "--product", "7_none")
    assert "there is no product '7_none'" in message


def test_withdrawn_product_is_gone(home, catalogue):
    assert publish(home, catalogue).returncode == 0
    done = pzvo(home, "withdraw", "1_deep_field")
    assert done.stdout == "withdrawn: 1_deep_field\n"
    assert len(cells(pzvo(home, "products").stdout)) == 1
    asked = pzvo(home, "query", f"SELECT * FROM {TABLE}")
    assert asked.returncode == 1
    assert f'Unknown table "{TABLE}"' in asked.stderr
    again = pzvo(home, "withdraw", "1_deep_field")
    assert again.returncode == 1
    assert "there is no product '1_deep_field'" in again.stderr


# Bad input, each with the message that a person sees


def test_picture_named_csv(home, tmp_path):
    picture = write(tmp_path, "sky.csv", b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert "'sky.csv' is a PNG image, not a table" in refused(home, picture)


def test_empty_file(home, tmp_path):
    assert "'none.csv' is empty (0 bytes)" in refused(home, write(tmp_path, "none.csv", ""))


def test_header_without_rows(home, tmp_path):
    file = write(tmp_path, "header.csv", "id,ra,dec,z\n")
    assert "the file has no rows" in refused(home, file)


def test_missing_file_and_folder(home, tmp_path):
    assert "there is no file" in refused(home, tmp_path / "nowhere.csv")
    (tmp_path / "folder").mkdir()
    assert "'folder' is a folder" in refused(home, tmp_path / "folder")


def test_truncated_parquet(home, tmp_path):
    whole = tmp_path / "whole.parquet"
    pa.parquet.write_table(pa.table({"ra": [1.0] * 5000}), whole)
    cut = write(tmp_path, "cut.parquet", whole.read_bytes()[:-100])
    assert "'cut.parquet' is a Parquet file without its end" in refused(home, cut)


def test_right_ascension_out_of_range(home, tmp_path):
    file = write(tmp_path, "range.csv", CSV.replace("150.1154", "360").replace("2.1987", "-95"))
    message = refused(home, file)
    assert "column 'ra' must be finite, at least 0 and below 360 degrees" in message
    assert "(row 2: 360); 360 degrees is written 0" in message
    assert "column 'dec' must be finite, between -90 and 90 degrees" in message


def hours(name: str = "ra") -> str:
    rows = "".join(f"{i * 0.119:.4f},{i * 0.8 - 80:.3f},0.5\n" for i in range(200))
    return f"{name},dec,z\n{rows}"


HOUR_ROLES = ("--column", "dec=Dec", "--column", "z=z")


def test_right_ascension_that_is_named_in_hours_is_refused(home, tmp_path):
    file = write(tmp_path, "hours.csv", hours("ra_hours"))
    message = refused(home, file, "--column", "ra_hours=RA", *HOUR_ROLES)
    assert "it is in hours, and positions are in degrees: multiply it by 15" in message


def test_right_ascension_that_looks_like_hours_is_pointed_out(home, tmp_path):
    file = write(tmp_path, "hours.csv", hours())
    done = publish(home, file, "--column", "ra=RA", *HOUR_ROLES, "--dry-run")
    assert "column 'ra' looks like hours" in done.stderr
    assert "multiply hours by 15" in done.stderr


def test_sexagesimal_position(home, tmp_path):
    file = write(tmp_path, "sexagesimal.csv", "id,ra,dec,z\n1,10:20:30.5,+41:16:09,0.3\n")
    assert "'10:20:30.5' is sexagesimal: convert it to degrees" in refused(home, file)


def test_unit_of_a_position_that_is_no_degree(home, catalogue, tmp_path):
    annotations = write(tmp_path, "a.yaml", "columns: {ra: {unit: h}}\n")
    message = refused(home, catalogue, *ROLES, "--annotations", str(annotations))
    assert "column 'ra' cannot be RA: its unit is 'h'" in message
    assert "multiply hours by 15" in message


def test_repeated_column_names(home, tmp_path):
    file = write(tmp_path, "twice.csv", "id,ra,dec,z,z\n1,2,3,4,5\n")
    assert "column names occur more than once: 'z'; rename them" in refused(home, file)


def test_missing_mandatory_role(home, catalogue):
    message = refused(home, catalogue, "--column", "ra=RA", "--column", "dec=Dec")
    assert "needs the role z (redshift, UCD src.redshift)" in message
    assert "column 'z' looks like it: give it the alias z" in message


def test_unknown_ucd_and_role(home, catalogue):
    message = refused(home, catalogue, *ROLES, "--column", "mag.i=phot.mga;em.opt.I")
    assert "unknown word 'phot.mga'; did you mean 'phot.mag;em.opt.I'?" in message
    message = refused(home, catalogue, *ROLES, "--column", "mag.i=brightness")
    assert "'brightness' is neither an alias (ID, RA, Dec," in message


def test_unknown_column_of_an_option_and_of_the_annotations(home, catalogue, tmp_path):
    annotations = write(tmp_path, "a.yaml", "columns: {magi: {unit: mag}}\n")
    message = refused(
        home, catalogue, *ROLES, "--column", "qualty=z_flag", "--annotations", str(annotations)
    )
    assert "--column 'qualty': the file has no such column; did you mean 'quality'" in message
    assert "annotations 'magi': the file has no such column; did you mean 'mag.i'" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("colums: {}\n", "unknown key 'colums'; the keys are description, override, columns"),
        ("columns: {z: {unti: deg}}\n", "unknown key 'columns.z.unti'; the keys are ucd, unit"),
        ("columns: {z: {unit: 5}}\n", "columns.z.unit: input should be a valid string"),
        ("columns: [z\n", "write it as YAML"),
        ("columns: {z: {unit: km/sec}}\n", "'km/sec' is not a VOUnit; did you mean 'km/s'?"),
    ],
)
def test_annotation_file_that_is_wrong(home, catalogue, tmp_path, text, expected):
    annotations = write(tmp_path, "a.yaml", text)
    message = refused(home, catalogue, *ROLES, "--annotations", str(annotations))
    assert expected in message


def test_missing_annotation_file(home, catalogue):
    message = refused(home, catalogue, *ROLES, "--annotations", "nowhere.yaml")
    assert "annotations 'nowhere.yaml' cannot be read: No such file or directory" in message


def test_unknown_product_type(home, catalogue):
    message = refused(home, catalogue, *ROLES, "--type", "redshifts")
    assert "product type 'redshifts' does not exist; the types are redshift_catalog," in message


def test_release_of_a_type_without_releases(home, catalogue):
    message = refused(home, catalogue, *ROLES, "--release", "dp1")
    assert "belongs to no release" in message


@pytest.mark.parametrize("limit_bytes", [4_000, 60_000, 300_000])
def test_full_disk_leaves_nothing(home, tmp_path, limit_bytes):
    file = tmp_path / "large.parquet"
    rows = 6000
    degrees = pa.array([i * 0.01 for i in range(rows)])
    pa.parquet.write_table(
        pa.table({"id": range(rows), "ra": degrees, "dec": degrees, "z": degrees}), file
    )
    assert publish(home, file, name="Before").returncode == 0
    before = left_behind(home)

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    done = publish(home, file, run=pzvo_process, preexec_fn=fill_up)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert "no space left" in done.stderr or "metadata database" in done.stderr
    assert [row[2] for row in cells(pzvo(home, "products").stdout)] == ["name", "Before"]
    assert publish(home, file, name="After").returncode == 0
    assert [row[2] for row in cells(pzvo(home, "products").stdout)] == ["name", "Before", "After"]
    own = [name for name in left_behind(home) if name not in before]
    assert len(own) == 3, own  # the file, its manifest and its table


def test_killed_publication_is_there_whole_or_not_at_all(home, tmp_path):
    rows = 400_000
    file = tmp_path / "large.parquet"
    degrees = pa.array([i * 0.0001 for i in range(rows)])
    pa.parquet.write_table(
        pa.table({"id": range(rows), "ra": degrees, "dec": degrees, "z": degrees}), file
    )
    environment = {"PZVO_HOME": str(home), "PATH": "/usr/bin:/bin"}
    for wait_s in (0.8, 1.6):
        process = subprocess.Popen(
            [sys.executable, "-m", "vo_service.cli", "publish", str(file), "--name", "Killed",
             "--type", "redshift_catalog", *ROLES],
            cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
    for row in cells(pzvo(home, "products").stdout)[1:]:
        assert row[3] == str(rows)
        counted = pzvo(home, "query", f"SELECT COUNT(z) AS n FROM {row[4]}")
        assert counted.stdout.split() == ["n", str(rows)]
    small = write(tmp_path, "small.csv", CSV)
    assert publish(home, small, name="Afterwards").returncode == 0
    assert list((home / "staging").iterdir()) == []
