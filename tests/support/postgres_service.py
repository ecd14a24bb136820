"""A service over PostgreSQL, with roles and a database as the page about it makes them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import psycopg2
import pyarrow as pa
import pyarrow.parquet
import requests
from command_line import pzvo
from live import LiveService
from postgres import PostgresServer
from sqlalchemy import make_url

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "postgresql.md"


def page_block(name: str) -> str:
    """Give a block of the page about PostgreSQL."""
    return re.search(rf"^```\w+ {name}\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)[1]


class Installation:
    """A service over a database of its own, metadata and tables, made as the page says."""

    def __init__(self, server: PostgresServer, home, positions_index: str) -> None:
        self.server = server
        probe = server.new_database()
        name = make_url(probe).database
        names = {
            "pzvo": f"{name}_owner",
            "pzvo_reader": f"{name}_reader",
            "photoz": f"{name}_photoz",
        }
        for statement in page_block("roles.sql").split(";")[:-1]:
            server.execute(
                re.sub(r"\b(pzvo|pzvo_reader|photoz)\b", lambda m: names[m[0]], statement)
            )
        self.superuser = probe.replace(f"/{name}", f"/{names['photoz']}")
        if positions_index == "pgsphere":
            with self.psycopg2(self.superuser) as session, session.cursor() as cursor:
                cursor.execute(page_block("extensions.sql").replace("q3c", "pg_sphere"))
            session.close()
        self.reader_role = names["pzvo_reader"]
        self.owner, self.reader = (
            self.superuser.replace("//pzvo@", f"//{names[role]}@")
            for role in ("pzvo", "pzvo_reader")
        )
        self.environment = {
            "PZVO_DATABASE_URL": self.owner,
            "PZVO_TABLES_URL": self.owner,
            "PZVO_QUERIES_URL": self.reader,
            "PZVO_POSITIONS_INDEX": positions_index,
        }
        self.home = home
        self.live = LiveService(home, self.environment)

    def pzvo(self, *arguments: str):
        done = pzvo(self.home, *arguments, environment=self.environment)
        assert done.returncode == 0, done.stderr
        return done

    def publish(self, name: str, rows: pa.Table, *options: str) -> None:
        path = self.home / f"{name}.parquet"
        pa.parquet.write_table(rows, path)
        self.pzvo(
            "publish", str(path), "--name", name, "--type", "redshift_catalog",
            "--column", "id=ID", "--column", "ra=RA", "--column", "dec=Dec", "--column", "z=z",
            *options,
        )  # fmt: skip

    def psycopg2(self, url: str):
        return psycopg2.connect(url.replace("postgresql+psycopg2", "postgresql"))

    def ask(self, adql: str, **options) -> requests.Response:
        given = {"LANG": "ADQL", "QUERY": adql} | options
        return requests.post(f"{self.live.url}/sync", data=given, timeout=240)

    def csv(self, adql: str) -> list[str]:
        answer = self.ask(adql, RESPONSEFORMAT="csv")
        assert answer.status_code == 200, answer.text
        return answer.text.splitlines()[1:]

    def submit(self, adql: str, **options) -> str:
        given = {"LANG": "ADQL", "QUERY": adql, "PHASE": "RUN"} | options
        answer = requests.post(
            f"{self.live.url}/async", data=given, allow_redirects=False, timeout=240
        )
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def running_queries(self) -> int:
        """Count the queries that the server works at for the role of the queries."""
        with self.psycopg2(self.superuser) as session, session.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state = 'active'",
                (self.reader_role,),
            )
            (count,) = cursor.fetchone()
        session.close()
        return count

    def wait_for_queries(self, count: int, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while self.running_queries() != count:
            assert time.monotonic() < deadline, f"not {count} queries after {limit_s} s"
            time.sleep(0.05)
