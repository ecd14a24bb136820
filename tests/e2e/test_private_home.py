"""Nobody but the service's own account can read its home, whatever the umask."""

import stat

from live import pzvo_process

TABLE = "ra,dec,z\n" + "".join(f"{i},{-i},0.{i}\n" for i in range(1, 50))


def pzvo(home, *arguments):
    return pzvo_process(home, *arguments, umask=0)


def open_to_others(home):
    return [
        (path.relative_to(home).as_posix(), oct(stat.S_IMODE(path.lstat().st_mode)))
        for path in [home, *home.rglob("*")]
        if path.lstat().st_mode & 0o077
    ]


def test_files_of_the_home_are_private(tmp_path):
    home, file = tmp_path / "home", tmp_path / "a.csv"
    file.write_text(TABLE)
    file.chmod(0o666)
    publish = ["publish", str(file), "--name", "A", "--type", "redshift_catalog"]
    roles = ["--column", "ra=RA", "--column", "dec=Dec", "--column", "z=z"]
    for arguments in ([*publish, *roles], [*publish, *roles, "--replace"], ["user", "add", "ada"]):
        done = pzvo(home, *arguments)
        assert done.returncode == 0, done.stderr
    assert list(home.rglob("*.duckdb"))
    assert open_to_others(home) == []
    output = tmp_path / "out.csv"
    table = next(line for line in pzvo(home, "tables").stdout.split() if "." in line)
    assert pzvo(home, "query", f"SELECT * FROM {table}", "--output", str(output)).returncode == 0
    # What people ask for is theirs to read and to share.
    assert output.stat().st_mode & 0o044
    for path in home.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    for mark in home.rglob("identity.json"):
        mark.unlink()
    done = pzvo(home, "tables")
    assert done.returncode == 0, done.stderr
    assert open_to_others(home) == []
