"""A PostgreSQL server of the tests' own: made, used and thrown away, reached by a socket file."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

_START_S = 180.0


class PostgresServer:
    """A cluster in a temporary folder, without TCP, run by a user that is not root.

    The folder is not pytest's: that is closed to other users, and its path is too long for the
    name of a socket.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pzvo-postgres-"))
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen | None = None
        self._user = _unprivileged_user()
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)

    def start(self) -> None:
        """Make the cluster and start it; skip the test where PostgreSQL is not installed."""
        data = self._folder / "data"
        made = subprocess.run(
            [_binary("initdb"), "-D", str(data), "-U", "pzvo", "--auth=trust",
             "--encoding=UTF8", "--locale=C", "--no-sync"],
            capture_output=True, text=True, check=False, **self._identity(),
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        self.restart()

    def restart(self) -> None:
        """Run the server on the cluster that there is, and wait until it answers."""
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [_binary("postgres"), "-D", str(self._folder / "data"), "-k", str(self._folder),
                 "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=100"],
                stdout=log, stderr=log, **self._identity(),
            )  # fmt: skip
        self._wait()

    def kill(self) -> None:
        """End the server as a crash would: no connection is closed in order."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)

    def stop(self) -> None:
        """Stop the server at once and remove everything."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(20)
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> str:
        """Make an empty database and give its SQLAlchemy URL."""
        name = f"pzvo_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg2://pzvo@/{name}?host={self._folder}"

    def execute(self, sql: str) -> None:
        """Run a statement outside of transactions."""
        import psycopg2

        connection = psycopg2.connect(host=str(self._folder), user="pzvo", dbname="postgres")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
        finally:
            connection.close()

    def _identity(self) -> dict[str, object]:
        folder: dict[str, object] = {"cwd": self._folder}
        if self._user is None:
            return folder
        return folder | {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _wait(self) -> None:
        import psycopg2

        deadline = time.monotonic() + _START_S
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg2.OperationalError:
                log = (self._folder / "log").read_text()
                assert self._process is not None
                assert self._process.poll() is None, log
                assert time.monotonic() < deadline, log
                time.sleep(0.05)
            else:
                return


def _binary(name: str) -> str:
    """Find a program of PostgreSQL; Debian keeps the server's out of the path."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: float(path.parent.parent.name),
    )
    program = str(found[-1]) if found else shutil.which(name)
    if program is None:
        pytest.skip(f"PostgreSQL is not installed: there is no {name}")
    return program


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Choose who runs the server, which refuses to be root; none for the user of the tests."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no user to run it")
