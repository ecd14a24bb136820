"""Crashes, full disks and crowds in the product service: nothing is half published."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import os
import subprocess
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import requests
from command_line import pzvo
from processes import descendants, kill_all, memory_peaks
from product_service import ProductInstallation, installed
from small_disks import small_disk

pytestmark = pytest.mark.clients

MB = 2**20
ROWS = 400_000
OLD_S = 3600
"""Older than what `pzvo doctor` leaves alone."""


class Uploader:
    """Somebody who fills a served installation with products."""

    def __init__(self, installation: ProductInstallation) -> None:
        self.installation = installation

    @property
    def live(self):
        return self.installation.live

    def ask(self, method, path, **options):
        headers = {"Authorization": f"Token {self.installation.tokens['owner']}"}
        headers |= options.pop("headers", {})
        url = self.installation.api_url + path
        return requests.request(method, url, headers=headers, timeout=300, **options)

    def draft(self, name, product_type=1, **fields):
        fields = {"display_name": name, "product_type": product_type} | fields
        answer = self.ask("POST", "products/", json=fields)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def put(self, product, content, name, role=0):
        form = {"product": product, "role": role}
        return self.ask("POST", "product-files/", data=form, files={"file": (name, content)})

    def associate(self, product):
        contents = self.ask("GET", f"product-contents/?product={product}").json()["results"]
        roles = {"ra": "RA", "dec": "Dec", "z": "z"}
        for content in contents:
            alias = roles[content["column_name"]]
            answer = self.ask("PATCH", f"product-contents/{content['id']}/", data={"alias": alias})
            assert answer.status_code == 200, answer.text

    def ready(self, name, content, file_name):
        product = self.draft(name)
        assert self.put(product, content, file_name).status_code == 201
        assert self.ask("POST", f"products/{product}/registry/").status_code == 200
        self.associate(product)
        return product

    def publish(self, product):
        return self.ask("PATCH", f"products/{product}/", data={"status": 1})

    def shown(self, product):
        return self.ask("GET", f"products/{product}/").json()

    def rows(self, product):
        """Count the rows that TAP gives of a product; nothing without a table."""
        query = f"SELECT table_name FROM pz.products WHERE id = {product}"
        table = self.query(query).splitlines()[1:]
        if not table or table[0] in ("", '""'):
            return None
        return int(self.query(f"SELECT COUNT(*) AS n FROM {table[0]}").split()[1])

    def query(self, adql):
        parameters = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": adql}
        headers = {"Authorization": f"Token {self.installation.tokens['owner']}"}
        answer = requests.get(f"{self.live.url}/sync", parameters, headers=headers, timeout=240)
        assert answer.status_code == 200, answer.text
        return answer.text

    def crash(self):
        """Kill every process, and serve again what is on the disk."""
        kill_all(self.live.process.pid)
        self.live.process.wait(180)
        self.live.start()

    def check_disk(self):
        """Let the doctor explain and repair; afterwards there is nothing left to find."""
        home = self.live.home
        for folder, names, files in os.walk(home):
            for name in (*names, *files):
                with contextlib.suppress(FileNotFoundError):
                    place = os.path.join(folder, name)  # noqa: PTH118 - os.walk gives texts
                    then = time.time() - OLD_S
                    os.utime(place, (then, then))
        found = pzvo(home, "doctor")
        assert "MISSING" not in found.stdout
        repaired = pzvo(home, "doctor", "--repair")
        assert repaired.returncode == 0, repaired.stdout + repaired.stderr
        assert "orphan" not in repaired.stdout
        return found.stdout


def table_bytes(rows: int, kind: str = "parquet") -> bytes:
    rng = np.random.default_rng(3)
    table = pa.table(
        {
            "ra": rng.uniform(0, 360, rows),
            "dec": rng.uniform(-90, 90, rows),
            "z": rng.gamma(2, 0.4, rows),
        }
    )
    target = io.BytesIO()
    if kind == "csv":
        pa.csv.write_csv(table, target)
    else:
        pa.parquet.write_table(table, target)
    return target.getvalue()


@pytest.fixture(scope="module")
def uploader(tmp_path_factory):
    made = Uploader(
        installed(
            tmp_path_factory.mktemp("home"),
            {"PZVO_API_REQUESTS_PER_MINUTE": "0", "PZVO_WEB_PROCESSES": "2"},
        )
    )
    yield made
    if made.live.process.poll() is None:
        made.live.stop()


def send_half(uploader, product, size):
    """Begin an upload and send half of it; give the open connection."""
    url = urlsplit(uploader.installation.api_url)
    head = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("product", product), ("role", 0))
    )
    head += '--b\r\nContent-Disposition: form-data; name="file"; filename="t.parquet"\r\n\r\n'
    tail = "\r\n--b--\r\n"
    connection = http.client.HTTPConnection(url.netloc, timeout=240)
    connection.putrequest("POST", f"{url.path}product-files/")
    connection.putheader("Authorization", f"Token {uploader.installation.tokens['owner']}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(len(head) + size + len(tail)))
    connection.endheaders(head.encode())
    connection.send(b"x" * (size // 2))
    return connection


def test_upload_that_is_killed_leaves_no_file_and_can_be_sent_again(uploader):
    product = uploader.draft("cut upload")
    connection = send_half(uploader, product, 24 * MB)
    time.sleep(0.5)
    uploader.crash()
    connection.close()
    assert uploader.shown(product)["status"] == 0
    assert uploader.ask("GET", f"product-files/?product_id={product}").json()["count"] == 0
    uploader.check_disk()
    assert uploader.put(product, table_bytes(10), "t.parquet").status_code == 201
    assert uploader.ask("POST", f"products/{product}/registry/").status_code == 200
    uploader.associate(product)
    assert uploader.publish(product).status_code == 200
    assert uploader.rows(product) == 10


def in_background(action, *arguments):
    def run():
        with contextlib.suppress(requests.RequestException):
            action(*arguments)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("after_s", [0.05, 0.3, 0.9])
def test_registration_that_is_killed_can_be_repeated(uploader, after_s):
    product = uploader.draft(f"cut registration {after_s}")
    uploader.put(product, table_bytes(ROWS, "csv"), "t.csv")
    asking = in_background(uploader.ask, "POST", f"products/{product}/registry/")
    time.sleep(after_s)
    uploader.crash()
    asking.join()
    shown = uploader.shown(product)
    contents = uploader.ask("GET", f"product-contents/?product={product}").json()["count"]
    assert (shown["status"], shown["table_name"]) == (0, None)
    assert contents in (0, 3)
    assert uploader.rows(product) is None
    assert uploader.ask("POST", f"products/{product}/registry/").status_code == 200
    uploader.associate(product)
    assert uploader.publish(product).status_code == 200
    assert uploader.rows(product) == ROWS


@pytest.fixture(scope="module")
def large():
    return table_bytes(ROWS)


@pytest.mark.parametrize("after_s", [0.02, 0.2, 0.5, 1.0, 1.6])
def test_publication_that_is_killed_is_all_or_nothing(uploader, large, after_s):
    product = uploader.ready(f"cut publication {after_s}", large, "t.parquet")
    asking = in_background(uploader.publish, product)
    time.sleep(after_s)
    uploader.crash()
    asking.join()
    status = uploader.shown(product)["status"]
    assert status in (0, 1)
    assert uploader.rows(product) == (ROWS if status else None)
    tables = requests.get(f"{uploader.live.url}/tables?detail=min", timeout=240).text
    assert (f".p{product}_" in tables) == bool(status)
    assert uploader.publish(product).status_code == 200
    assert uploader.rows(product) == ROWS
    uploader.check_disk()
    assert uploader.rows(product) == ROWS


def test_package_whose_server_is_killed_is_resumed(uploader):
    product = uploader.draft("cut package", 7)
    rng = np.random.default_rng(4)
    parts = {f"part {n}.bin": rng.bytes(8 * MB) for n in range(4)}
    for number, (name, content) in enumerate(parts.items()):
        uploader.put(product, content, name, 0 if number == 0 else 2)
    uploader.publish(product)
    ready = uploader.ask("POST", f"products/{product}/download/prepare/").json()
    path = ready["download_url"].removeprefix(uploader.installation.api_url)
    path = path.partition("/api/")[2] or path
    answer = uploader.ask("GET", path, stream=True)
    etag, size = answer.headers["ETag"], int(answer.headers["Content-Length"])
    begun = b""
    with contextlib.suppress(requests.RequestException):
        for piece in answer.iter_content(64 * 1024):
            begun += piece
            if len(begun) >= 3 * MB and uploader.live.process.poll() is None:
                kill_all(uploader.live.process.pid)
                uploader.live.process.wait(180)
    assert 3 * MB <= len(begun) < size
    uploader.live.start()
    headers = {"Range": f"bytes={len(begun)}-", "If-Range": etag}
    rest = uploader.ask("GET", path, headers=headers)
    assert rest.status_code == 206
    assert rest.headers["Content-Range"] == f"bytes {len(begun)}-{size - 1}/{size}"
    with zipfile.ZipFile(io.BytesIO(begun + rest.content)) as package:
        assert package.testzip() is None
        found = {name.rpartition("/")[2]: package.read(name) for name in package.namelist()}
    assert {name: found[name] for name in parts} == parts


@contextlib.contextmanager
def limited_files(uploader, size_bytes):
    """Let no process of the service write a file beyond a size."""
    try:
        done = [
            subprocess.run(
                ["prlimit", f"--pid={pid}", f"--fsize={size_bytes}:unlimited"],
                capture_output=True,
                check=False,
            ).returncode
            for pid in descendants(uploader.live.process.pid)
        ]
        # Processes of queries come and go: one that is not there, or just going, is no reason.
        if 0 not in done:
            pytest.skip("this user may not limit the files of a process")
        yield
    finally:
        for pid in descendants(uploader.live.process.pid):
            limit = ["prlimit", f"--pid={pid}", "--fsize=unlimited:unlimited"]
            subprocess.run(limit, capture_output=True, check=False)


@contextlib.contextmanager
def limited(uploader):
    with limited_files(uploader, 4 * MB):
        yield uploader


@contextlib.contextmanager
def cramped(folder):
    with small_disk(folder / "home", "24M") as home:
        made = Uploader(installed(home, {"PZVO_API_REQUESTS_PER_MINUTE": "0"}))
        try:
            yield made
        finally:
            made.live.stop()


@pytest.mark.parametrize("how", ["disk", "limit"])
def test_upload_to_a_full_disk_is_refused_and_nothing_kept(uploader, tmp_path, how):
    with cramped(tmp_path) if how == "disk" else limited(uploader) as served:
        product = served.draft(f"full {how}", 7)
        refused = served.put(product, b"x" * (36 * MB), "big.bin")
        assert refused.status_code == 507, refused.text
        assert "No space left" in refused.text
        assert str(served.live.home) not in refused.text
        assert served.ask("GET", f"product-files/?product_id={product}").json()["count"] == 0
        stored = [p for p in served.live.home.rglob("*") if p.is_file()]
        kept = [p.name for p in stored if f"/{product}_full" in str(p)]
        assert kept == ["manifest.json"]
        assert not [p for p in stored if p.stat().st_size > 30 * MB]
        assert served.put(product, b"small", "small.bin").status_code == 201
        assert served.publish(product).status_code == 200
        assert served.ask("DELETE", f"products/{product}/").status_code == 204


def test_publication_on_a_full_disk_stays_a_draft(uploader, large):
    product = uploader.ready("full publication", large, "t.parquet")
    with limited_files(uploader, 2 * MB):
        refused = uploader.publish(product)
        assert refused.status_code == 507, refused.text
        assert uploader.shown(product)["status"] == 0
        assert uploader.rows(product) is None
    staged = [p for p in (uploader.live.home / "staging").rglob("*") if p.is_file()]
    assert staged == []
    assert uploader.publish(product).status_code == 200
    assert uploader.rows(product) == ROWS
    uploader.check_disk()


CROWD, CROWD_BYTES = 20, 50 * MB
MEMORY_BYTES = 150 * MB
"""What a web process may grow by: twenty uploads in memory would be a thousand."""


def test_crowd_of_large_uploads_leaves_memory_flat(uploader):
    product = uploader.draft("crowd", 7)
    assert uploader.put(product, b"x" * MB, "warm.bin", 2).status_code == 201
    before = memory_peaks(uploader.live.process.pid)
    piece = os.urandom(MB)
    expected = hashlib.sha256(piece * (CROWD_BYTES // MB)).hexdigest()

    def upload(number):
        url = urlsplit(uploader.installation.api_url)
        head = "".join(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (("product", product), ("role", 2))
        )
        head += f'--b\r\nContent-Disposition: form-data; name="file"; filename="{number}"\r\n\r\n'
        tail = b"\r\n--b--\r\n"

        def body():
            yield head.encode()
            for _ in range(CROWD_BYTES // MB):
                yield piece
            yield tail

        connection = http.client.HTTPConnection(url.netloc, timeout=300)
        headers = {
            "Authorization": f"Token {uploader.installation.tokens['owner']}",
            "Content-Type": "multipart/form-data; boundary=b",
            "Content-Length": str(len(head) + CROWD_BYTES + len(tail)),
        }
        with contextlib.closing(connection):
            connection.request("POST", f"{url.path}product-files/", body(), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    with ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(upload, range(CROWD)))
    after = memory_peaks(uploader.live.process.pid)
    grown = {pid: peak - before.get(pid, 0) for pid, peak in after.items()}
    print("growth in MB:", sorted(round(each / MB, 1) for each in grown.values()))
    assert {status for status, _ in answers} == {201}, answers
    listed = uploader.ask("GET", f"product-files/?product_id={product}").json()["results"]
    sums = [each["sha256"] for each in listed if each["size"] == CROWD_BYTES]
    assert sums == [expected] * CROWD
    assert max(grown.values()) < MEMORY_BYTES
    assert uploader.ask("DELETE", f"products/{product}/").status_code == 204
    assert "files of deleted products" in uploader.check_disk()


def test_log_of_all_this_holds_no_secret(uploader):
    """Last, after everything else has been logged."""
    text = (uploader.live.home / "serve.log").read_text()
    assert "Traceback" not in text
    for token in uploader.installation.tokens.values():
        assert token not in text
        for path in uploader.live.home.glob("metadata.sqlite*"):
            assert token.encode() not in path.read_bytes()
