"""Whatever people upload to a served installation: published whole and queried, or refused."""

from __future__ import annotations

import gzip
import io
import zipfile

import pyarrow as pa
import pyarrow.parquet
import pytest
import requests
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from product_service import installed

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    found = installed(tmp_path_factory.mktemp("home"), {"PZVO_API_REQUESTS_PER_MINUTE": "0"})
    yield found
    found.live.stop()


def parquet(rows: list[tuple[float, float]]) -> bytes:
    target = io.BytesIO()
    positions = [row[0] for row in rows], [row[1] for row in rows]
    table = pa.table({"ra": positions[0], "dec": positions[1], "z": [0.5] * len(rows)})
    pa.parquet.write_table(table, target)
    return target.getvalue()


def zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        package.writestr("inside.csv", content)
    return target.getvalue()


CELLS = st.one_of(
    st.floats(-90, 90, width=32).map(repr),
    st.sampled_from(["nan", "inf", "-99", "", "NULL", "1e400", "0x10", "é", '"', "1,5"]),
)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS).map(",".join), max_size=8)
TEXTS = ROWS.map(lambda rows: "\n".join(("ra,dec,z", *rows, "")).encode())
TABLES = st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=5).map(parquet)
CONTENTS = st.one_of(
    TEXTS,
    TEXTS,
    TABLES,
    TEXTS.map(gzip.compress),
    TEXTS.map(zipped),
    st.tuples(TABLES, st.integers(4, 400), st.binary(min_size=1, max_size=9)).map(
        lambda each: each[0][: each[1]] + each[2] + each[0][each[1] :]
    ),
    st.binary(min_size=1, max_size=300),
)
NAMES = st.one_of(
    st.sampled_from(["t.csv", "t.parquet", "t.csv.gz", "t.zip", "t.fits", "t.h5", "t.pkl", "t"]),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12),
)


class Person:
    """Asks the API as the owner, and never gets a fault of the service."""

    def __init__(self, installation):
        self.installation = installation
        self.headers = {"Authorization": f"Token {installation.tokens['owner']}"}

    def ask(self, method, path, **options):
        url = self.installation.api_url + path
        answer = requests.request(method, url, headers=self.headers, timeout=120, **options)
        assert answer.status_code < 500, (method, path, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"].startswith("application/json")
            assert len(answer.text) > 2
        return answer

    def query(self, adql):
        url = f"{self.installation.live.url}/sync"
        parameters = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": adql}
        return requests.get(url, parameters, headers=self.headers, timeout=240)


@settings(
    max_examples=25, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(content=CONTENTS, name=NAMES, product_type=st.sampled_from([1, 2, 7]))
def test_uploads_are_whole_for_everybody_or_for_nobody(installation, content, name, product_type):
    person = Person(installation)
    body = {"display_name": "any", "product_type": product_type}
    product = person.ask("POST", "products/", json=body).json()["id"]
    form = {"product": product, "role": 0}
    sent = person.ask("POST", "product-files/", data=form, files={"file": (name, content)})
    if sent.ok:
        assert sent.json()["size"] == len(content)
    person.ask("POST", f"products/{product}/registry/")
    contents = person.ask("GET", f"product-contents/?product={product}").json()["results"]
    for column in contents:
        alias = {"ra": "RA", "dec": "Dec", "z": "z"}.get(column["column_name"])
        if alias:
            person.ask("PATCH", f"product-contents/{column['id']}/", data={"alias": alias})
    published = person.ask("PATCH", f"products/{product}/", data={"status": 1})
    shown = person.ask("GET", f"products/{product}/").json()
    check_visibility(person, product, shown, published.ok, content)
    assert person.ask("DELETE", f"products/{product}/").status_code == 204
    gone = person.query(f"SELECT id FROM pz.products WHERE id = {product}")
    assert gone.text.split() == ["id"]


def check_visibility(person, product, shown, published, content):
    tables = requests.get(
        f"{person.installation.live.url}/tables?detail=min", headers=person.headers, timeout=240
    ).text
    listed = person.query(f"SELECT table_name FROM pz.products WHERE id = {product}")
    assert (shown["status"] == 1) == published
    assert (f".p{product}_" in tables) == bool(shown["table_name"])
    if not published:
        event("refused")
        assert shown["table_name"] is None
        assert len(listed.text.split()) == 1
        return
    event("published with a table" if shown["table_name"] else "published as a file")
    path = f"products/{product}/download/main-file/file/"
    assert person.ask("GET", path).content in (content, unpacked(content))
    if shown["table_name"]:
        rows = person.query(f"SELECT * FROM {shown['table_name']}")
        assert rows.status_code == 200
        info = person.ask("GET", f"products/{product}/main_file_info/").json()["main_file"]
        counted = person.query(f"SELECT COUNT(*) AS n FROM {shown['table_name']}")
        assert int(counted.text.split()[1]) == info["n_rows"]


def unpacked(content: bytes) -> bytes:
    """Give what an archive holds: the service keeps that."""
    if content[:2] == b"\x1f\x8b":
        return gzip.decompress(content)
    if content[:2] == b"PK":
        return zipfile.ZipFile(io.BytesIO(content)).read("inside.csv")
    return content
