"""A Photo-z Server that cuts lists, breaks connections and lies, and what is made of it."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from vo_service.importing.documents import SourceFile
from vo_service.importing.errors import ImportRefused, SourceRefused, SourceUnreachable
from vo_service.importing.journal import ImportJournal, JournalEntry
from vo_service.importing.source import PhotozServer
from vo_service.importing.transport import SourceTransport

CONTENT = bytes(range(256)) * 4000


class Behaviour:
    """What the server does; tests change it."""

    def __init__(self) -> None:
        self.rows = [product(number) for number in range(1, 251)]
        self.page_max = 100
        self.ignores_page = False
        self.statuses: list[int] = []
        self.cuts: list[int] = []
        self.etag = '"one"'
        self.ready = {"status": "ready", "filename": "t.csv", "size": len(CONTENT)}
        self.polls = 0
        self.location: str | None = None
        self.seen: list[tuple[str, str | None, str | None]] = []

    def page(self, query):
        number = 1 if self.ignores_page else int(query.get("page", ["1"])[0])
        size = min(self.page_max, int(query.get("page_size", ["100"])[0]))
        rows = self.rows[(number - 1) * size : number * size]
        if number > 1 and not rows:
            return 404, {"detail": "Invalid page."}
        return 200, {"count": len(self.rows), "results": rows}


def product(number):
    return {"id": number, "display_name": f"p{number}", "product_type": 1, "status": 1}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour: Behaviour

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def log_message(self, *arguments):
        """Say nothing."""

    def answer(self):
        does, url = self.behaviour, urlsplit(self.path)
        does.seen.append((url.path, self.headers["Authorization"], self.headers["Range"]))
        if does.statuses:
            return self.send(does.statuses.pop(0), b"<html>busy</html>", "text/html")
        if does.location is not None:
            return self.send(302, b"", "text/plain", {"Location": does.location})
        if url.path == "/api/products/":
            status, document = does.page(parse_qs(url.query))
            return self.send(status, json.dumps(document).encode())
        if url.path.endswith("/prepare/"):
            if does.polls:
                return self.send(202, b'{"status": "pending"}')
            return self.send(200, json.dumps(does.ready).encode())
        if url.path.endswith("/status/"):
            return self.send(200, json.dumps(does.ready).encode())
        if url.path in ("/api/products/1/download/main-file/file/", "/archive/x.bin"):
            return self.send_file()
        return self.send(404, b"{}")

    def send_file(self):
        does, start = self.behaviour, 0
        wanted = self.headers["Range"]
        if wanted and self.headers["If-Range"] == does.etag:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
        headers = {"ETag": does.etag}
        if start >= len(CONTENT):
            headers["Content-Range"] = f"bytes */{len(CONTENT)}"
            return self.send(416, b"", "text/plain", headers)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        rest = CONTENT[start:]
        cut = does.cuts.pop(0) if does.cuts else None
        return self.send(206 if start else 200, rest, "text/csv", headers, cut)

    def send(self, status, body, kind="application/json", headers=None, cut=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True


@contextmanager
def served(behaviour):
    handler = type("Bound", (Handler,), {"behaviour": behaviour})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def behaviour():
    return Behaviour()


@pytest.fixture
def source(behaviour):
    with served(behaviour) as url:
        transport = SourceTransport(url, "secret", timeout_s=10, attempts=3, pause_s=0)
        yield PhotozServer(transport)
        transport.close()


def fetch(source, target, most_bytes=10**7):
    return source.download_main_file(1, target, most_bytes, lambda _done, _total: None)


def test_list_is_read_beyond_the_page_at_which_the_server_cuts(source, behaviour):
    assert [each.id for each in source.products()] == list(range(1, 251))
    behaviour.page_max = 30
    assert len(source.products()) == 250
    behaviour.rows = behaviour.rows[:200]
    assert len(source.products()) == 200
    behaviour.rows = []
    assert source.products() == []


def test_list_that_stays_cut_is_an_error_and_no_short_list(source, behaviour):
    behaviour.ignores_page = True
    with pytest.raises(SourceRefused, match="250 rows, of which the server gives 100"):
        source.products()


def test_products_of_another_status_are_left_out(source, behaviour):
    behaviour.rows = [product(1), product(2) | {"status": 0}, product(3) | {"status": 9}]
    assert [each.id for each in source.products()] == [1]


@pytest.mark.parametrize(
    "row", [{"id": "x"}, "text", 5, None, [], {"id": 1, "display_name": 5, "product_type": 1}]
)
def test_rows_that_are_none_are_refused_with_words(source, behaviour, row):
    behaviour.rows = [row]
    with pytest.raises(SourceRefused, match="cannot be used"):
        source.products()


def test_busy_server_is_asked_again_and_a_refusal_is_not(source, behaviour):
    behaviour.statuses = [503, 429]
    assert len(source.products()) == 250
    behaviour.statuses = [503, 502, 504]
    with pytest.raises(SourceUnreachable, match="status 504"):
        source.products()
    behaviour.seen.clear()
    behaviour.statuses = [403]
    with pytest.raises(SourceRefused, match="answered with 403: Forbidden"):
        source.products()
    assert len(behaviour.seen) == 1


def test_broken_download_goes_on_where_it_was(source, behaviour, tmp_path):
    behaviour.cuts = [200_000, 300_000]
    assert fetch(source, tmp_path / "f") == "t.csv"
    assert (tmp_path / "f").read_bytes() == CONTENT
    first, second = (int(part[6:-1]) for _, _, part in behaviour.seen if part)
    assert 200_000 - 65_536 < first <= 200_000
    assert first + 300_000 - 65_536 < second <= first + 300_000


def test_next_run_continues_and_a_complete_file_is_not_fetched_again(source, behaviour, tmp_path):
    behaviour.cuts = [70_000, 10, 10]
    with pytest.raises(SourceUnreachable):
        fetch(source, tmp_path / "f")
    fetch(source, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert behaviour.seen[-1][2] == "bytes=65536-"
    fetch(source, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_file_that_changed_meanwhile_is_fetched_from_its_beginning(source, behaviour, tmp_path):
    behaviour.cuts = [70_000, 10, 10]
    with pytest.raises(SourceUnreachable):
        fetch(source, tmp_path / "f")
    behaviour.etag = '"two"'
    fetch(source, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_preparation_is_waited_for(source, behaviour, tmp_path, monkeypatch):
    monkeypatch.setattr("vo_service.importing.source._POLL_S", 0.0)
    behaviour.polls = 1
    fetch(source, tmp_path / "f")
    behaviour.ready = {"status": "failed", "error_message": "no such file"}
    with pytest.raises(SourceRefused, match="no such file"):
        fetch(source, tmp_path / "f")


@pytest.mark.parametrize("lie", [{"size": 5}, {"checksum": "0" * 64}])
def test_file_that_is_not_what_was_announced_is_thrown_away(source, behaviour, tmp_path, lie):
    behaviour.ready |= lie
    with pytest.raises(SourceRefused, match="another size or checksum"):
        fetch(source, tmp_path / "f")
    assert not (tmp_path / "f").exists()
    behaviour.ready |= {
        "size": len(CONTENT), "checksum": hashlib.sha256(CONTENT).hexdigest()
    }  # fmt: skip
    fetch(source, tmp_path / "f")


def test_file_beyond_the_limit_is_not_fetched(source, tmp_path):
    with pytest.raises(SourceRefused, match="the limit is 1000"):
        fetch(source, tmp_path / "f", most_bytes=1000)
    assert not (tmp_path / "f").exists()


def test_neither_token_nor_request_goes_to_another_host(source, behaviour, tmp_path):
    with served(Behaviour()) as elsewhere:
        other = elsewhere.removesuffix("/api/").replace("127.0.0.1", "localhost")
        file = SourceFile(id=1, role=2, name="x.bin", file=f"{other}/archive/x.bin")
        source.download_file(file, tmp_path / "f", 10**7, lambda _done, _total: None)
        assert behaviour.seen[-1][:2] == ("/archive/x.bin", "Token secret")
        behaviour.location = f"{other}/api/products/"
        with pytest.raises(SourceRefused, match="sends us to"):
            source.products()
    behaviour.location = "/api/products/"
    with pytest.raises(SourceRefused, match="in a circle"):
        source.products()


@pytest.mark.parametrize(
    ("url", "token"),
    [("x", "t"), ("file:///etc", "t"), ("http://", "t"), ("http://h/?a=1", "t"), ("http://h/", "")],
)
def test_addresses_and_tokens_that_are_none_are_refused(url, token):
    with pytest.raises(ImportRefused):
        SourceTransport(url, token)


def test_journal_is_kept_locked_and_told_when_damaged(tmp_path):
    journal = ImportJournal(tmp_path, "http://h/api/")
    with journal.locked():
        journal.note(5, JournalEntry("2026-01-01T00:00:00", 7, done=True, notes=("a",)))
        with (
            pytest.raises(ImportRefused, match="is running"),
            ImportJournal(tmp_path, "http://h/api/").locked(),
        ):
            pass
    again = ImportJournal(tmp_path, "http://h/api/")
    assert again.entry(5) == JournalEntry("2026-01-01T00:00:00", 7, done=True, notes=("a",))
    assert again.products() == {7}
    assert ImportJournal(tmp_path, "http://other/api/").entry(5) is None
    (journal.folder / "journal.json").write_text("{")
    with pytest.raises(ImportRefused, match="is damaged"):
        ImportJournal(tmp_path, "http://h/api/")
