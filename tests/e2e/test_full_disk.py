"""Full disks and endless uploads, against a live service: an error, nothing half kept."""

import contextlib
import http.client
import random
import re
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from live import LiveService, pzvo
from small_disks import small_disk

pytestmark = pytest.mark.clients

LARGE = (
    "SELECT a.column_name, a.description, b.description AS other, c.description AS third"
    " FROM TAP_SCHEMA.columns AS a, TAP_SCHEMA.columns AS b, TAP_SCHEMA.columns AS c"
)
SMALL = "SELECT TOP 3 table_name FROM TAP_SCHEMA.tables"
UPLOAD_BYTES = 2**20
CSV_ROW = b"12345.678\n"


@pytest.fixture(scope="module")
def cramped(tmp_path_factory):
    """Serve from a home whose results and uploads have two megabytes each."""
    home = tmp_path_factory.mktemp("home")
    environment = {"PZVO_UPLOAD_MAX_BYTES": str(16 * 2**20)}
    with small_disk(home / "results", "2M"), small_disk(home / "uploads", "2M"):
        live = LiveService(home, environment)
        live.start()
        yield live
        if live.process.poll() is None:
            live.stop()


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def submit(live, adql, files=None, **parameters):
    data = {"LANG": "ADQL", "QUERY": adql, "PHASE": "RUN"} | parameters
    return requests.post(
        f"{live.url}/async", data=data, files=files, allow_redirects=False, timeout=60
    )


def ended(url, limit_s=60.0) -> str:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        phase = requests.get(f"{url}/phase", timeout=10).text.strip()
        if phase in ("COMPLETED", "ERROR", "ABORTED"):
            return phase
        time.sleep(0.1)
    raise AssertionError(phase)


def works(live) -> bool:
    """Tell whether a query of each kind is answered."""
    job = submit(live, SMALL).headers["Location"]
    done = ended(job) == "COMPLETED"
    requests.delete(job, timeout=10)
    sync = requests.get(f"{live.url}/sync", params={"LANG": "ADQL", "QUERY": SMALL}, timeout=10)
    return done and sync.status_code == 200


def test_a_result_that_does_not_fit_is_an_error_and_no_half_a_file(cramped):
    job = submit(cramped, LARGE, MAXREC="2000000").headers["Location"]
    assert ended(job) == "ERROR"
    message = requests.get(job, timeout=10).text
    assert "no space" in re.search("<uws:message>(.*?)</uws:message>", message, re.S)[1].lower()
    assert requests.get(f"{job}/results/result", timeout=10).status_code == 404
    assert files_of(cramped.home / "results") == []
    assert works(cramped)


def test_a_file_that_does_not_fit_beside_a_job_is_refused_with_the_job(cramped):
    before = requests.get(f"{cramped.url}/sync", timeout=10).status_code
    assert before == 400
    files = {"t": ("t.csv", b"x\n" + CSV_ROW * 400_000)}
    answer = submit(cramped, "SELECT * FROM TAP_UPLOAD.t", files, UPLOAD="t,param:t")
    assert answer.status_code == 507, answer.text
    assert "no space" in answer.text.lower()
    assert files_of(cramped.home / "results") == []
    listed = pzvo(cramped.home, "jobs", "list")
    assert "PENDING" not in listed.stdout
    assert works(cramped)


def test_a_file_that_does_not_fit_beside_a_query_is_an_error(cramped):
    files = {"t": ("t.csv", b"x\n" + CSV_ROW * 400_000)}
    data = {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:t"}
    answer = requests.post(f"{cramped.url}/sync", data=data, files=files, timeout=60)
    assert answer.status_code == 507, answer.text
    assert "no space" in answer.text.lower()
    assert answer.headers["Content-Type"].startswith("application/x-votable+xml")
    assert files_of(cramped.home / "uploads") == []
    assert works(cramped)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """Serve with uploads of a megabyte at most."""
    live = LiveService(
        tmp_path_factory.mktemp("home"),
        {"PZVO_UPLOAD_MAX_BYTES": str(UPLOAD_BYTES), "PZVO_WEB_PROCESSES": "1"},
    )
    live.start()
    yield live
    if live.process.poll() is None:
        live.stop()


def peak_bytes(live) -> int:
    """Give the most memory that any process of the service has had."""
    peaks = []
    for pid in descendants(live.process.pid):
        with contextlib.suppress(OSError, TypeError):
            status = Path(f"/proc/{pid}/status").read_text()
            peaks.append(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024)
    return max(peaks)


def descendants(pid: int) -> list[int]:
    found = [pid]
    for number in found:
        for task in Path(f"/proc/{number}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found.extend(map(int, task.read_text().split()))
    return found


def send_form(live, path: str, rows: int, *, chunked: bool) -> tuple[int, str]:
    """Send a form with a file that is made while it is sent."""
    boundary = "----pieces"
    fields = {
        "LANG": "ADQL",
        "QUERY": "SELECT * FROM TAP_UPLOAD.t",
        "UPLOAD": "t,param:t",
    }
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="t"; filename="t.csv"\r\n'
        "Content-Type: text/csv\r\n\r\nx\n"
    )
    tail = f"\r\n--{boundary}--\r\n".encode()
    piece = CSV_ROW * 10_000
    pieces = rows // 10_000

    def body():
        yield head.encode()
        for _ in range(pieces):
            yield piece
        yield tail

    url = urlsplit(live.url)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    if not chunked:
        headers["Content-Length"] = str(len(head.encode()) + pieces * len(piece) + len(tail))
    connection = http.client.HTTPConnection(url.netloc, timeout=120)
    connection.request("POST", f"{url.path}{path}", body(), headers, encode_chunked=chunked)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_an_upload_that_is_too_large_is_refused_while_it_is_read(narrow, path, chunked):
    assert works(narrow)
    assert send_form(narrow, path, 20_000, chunked=chunked)[0] in (200, 303)
    before = peak_bytes(narrow)
    status, text = send_form(narrow, path, 10_000_000, chunked=chunked)
    assert status == 413, text
    assert "too large" in text
    assert peak_bytes(narrow) - before < 20 * 2**20
    assert files_of(narrow.home / "uploads") == []
    stored = [path for path in files_of(narrow.home / "results") if path.stat().st_size > 10**6]
    assert stored == []
    assert works(narrow)


def test_rows_that_do_not_fit_leave_a_table_as_it_was(tmp_path):
    table = (
        b"<table><column><name>x</name><dataType>double</dataType></column>"
        b"<column><name>y</name><dataType>double</dataType></column></table>"
    )
    values = random.Random(1)
    rows = [f"{values.random()},{values.random()}" for _ in range(150_000)]
    sent = "\n".join(["x,y", *rows]).encode()
    with small_disk(tmp_path / "home", "64M") as home:
        assert pzvo(home, "user", "add", "anna").returncode == 0
        token = pzvo(home, "token", "create", "anna").stdout.strip()
        live = LiveService(home)
        live.start()
        try:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/xml"}
            url = f"{live.url}/tables/user_anna.t"
            assert requests.put(url, table, headers=headers, timeout=30).status_code == 201
            headers["Content-Type"] = "text/csv"
            load = f"{live.url}/load/user_anna.t"
            for _ in range(2):
                answer = requests.post(load, sent, headers=headers, timeout=60)
                assert answer.status_code == 200, answer.text
            # There is room for the file, and none for the old rows and the new ones.
            filler = home / "filler"
            filler.write_bytes(bytes(shutil.disk_usage(home).free - len(sent) - 2**20))
            answer = requests.post(load, sent, headers=headers, timeout=60)
            assert answer.status_code == 507, answer.text
            assert "no space" in answer.text.lower()
            assert list((home / "staging").iterdir()) == []
            assert "<nrows>300000</nrows>" in requests.get(url, headers=headers, timeout=30).text
            filler.unlink()
            answer = requests.post(load, sent, headers=headers, timeout=60)
            assert answer.status_code == 200, answer.text
            assert "<nrows>450000</nrows>" in answer.text
        finally:
            live.stop()
