"""On a full disk what is published can be read, and nothing new is stored."""

from live import pzvo_process as pzvo
from small_disks import small_disk

TABLE = "ra,dec,z\n1,2,0.5\n2,3,0.1\n"


def test_published_tables_are_read_on_a_full_disk(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(TABLE)
    roles = ["--column", "ra=RA", "--column", "dec=Dec", "--column", "z=z"]
    with small_disk(tmp_path / "disk", "24m") as disk:
        home = disk / "home"
        publish = ["publish", str(file), "--name", "A", "--type", "redshift_catalog", *roles]
        done = pzvo(home, *publish)
        assert done.returncode == 0, done.stderr
        with (disk / "fill").open("wb", buffering=0) as fill:
            try:
                while fill.write(bytes(4096)):
                    pass
            except OSError:
                pass
        listed = pzvo(home, "tables")
        assert "redshift_catalog.p1_a" in listed.stdout, listed.stderr
        examined = pzvo(home, "doctor")
        assert examined.returncode == 0, examined.stdout + examined.stderr
        refused = pzvo(home, *publish)
        assert refused.returncode == 1
        assert "no space left" in refused.stderr
        (disk / "fill").unlink()
        assert pzvo(home, *publish).returncode == 0
