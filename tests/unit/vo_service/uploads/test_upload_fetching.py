"""Tables behind addresses."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vo_service.uploads.errors import FetchFailed, UploadExceeded
from vo_service.uploads.fetching import FetchLimits, TableFetcher

LIMITS = FetchLimits(100_000, 5.0, private_addresses=True)


class Handler(BaseHTTPRequestHandler):
    """Answers as its path says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        what, _, rest = self.path.strip("/").partition("/")
        getattr(self, f"answer_{what.partition('?')[0]}", self.answer_nothing)(rest)

    def send(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def answer_nothing(self, rest):
        self.send(404)

    def answer_file(self, rest):
        self.send(200, b"id\n1\n")

    def answer_chunks(self, rest):
        self.send(200, b"3\r\nid\n\r\n2\r\n1\n\r\n0\r\n\r\n", Transfer_Encoding="chunked",
                  Content_Length=None)  # fmt: skip

    def answer_move(self, rest):
        self.send(302, Location=rest.replace("~", "/"))

    def answer_loop(self, rest):
        self.send(302, Location=f"/loop/{int(rest or 0) + 1}")

    def answer_nowhere(self, rest):
        self.send(302)

    def answer_large(self, rest):
        with contextlib.suppress(OSError):
            self.send(200, b"x" * 50_000, Content_Length=None if rest else 10**9)
            for _ in range(100):
                self.wfile.write(b"x" * 50_000)
                self.server.sent += 50_000
        self.close_connection = True

    def answer_short(self, rest):
        self.send(200, b"id\n", Content_Length=100)
        self.close_connection = True

    def answer_slow(self, rest):
        with contextlib.suppress(OSError):
            self.send(200, b"", Content_Length=None, Connection="close")
            while not self.server.over.wait(0.05):
                self.wfile.write(b"x")

    def log_message(self, *arguments):
        """Be quiet."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen, server.sent, server.over = [], 0, threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "file"


def test_a_file_is_fetched(server, target):
    TableFetcher(LIMITS).fetch("t", f"{server.url}/file?a=b;c d&é", target)
    assert target.read_bytes() == b"id\n1\n"
    path, headers = server.seen[0]
    assert path == "/file?a=b;c%20d&%C3%A9"
    assert headers["Host"] == f"127.0.0.1:{server.server_port}"
    assert headers["Accept-Encoding"] == "identity"


def test_a_file_in_chunks_is_fetched(server, target):
    TableFetcher(LIMITS).fetch("t", f"{server.url}/chunks", target)
    assert target.read_bytes() == b"id\n1\n"


@pytest.mark.parametrize("place", ["~file", "..~file", "~move~..~file"])
def test_a_redirect_is_followed(server, target, place):
    TableFetcher(LIMITS).fetch("t", f"{server.url}/move/{place}", target)
    assert target.read_bytes() == b"id\n1\n"


def refused(fetcher, url, target, kind=FetchFailed):
    with pytest.raises(kind) as caught:
        fetcher.fetch("stars", url, target)
    assert "stars" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nothing", "answered 404"),
        ("/loop", "more than 5 times"),
        ("/nowhere", "redirects to nowhere"),
        ("/short", "cannot be read|broke off"),
        ("/move/ftp:~~host~x", "scheme ftp"),
        ("/move/file:~~~etc~passwd", "scheme file"),
    ],
)
def test_what_is_no_file_is_refused_with_the_reason(server, target, path, words):
    assert re.search(words, refused(TableFetcher(LIMITS), server.url + path, target))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///etc/passwd", "scheme file"),
        ("gopher://host/x", "scheme gopher"),
        ("http:///x", "names no host"),
        ("http://user:secret@host/x", "user name"),
        ("http://host:99999/x", "not valid"),
        ("http://[::1/x", "not valid"),
        ("http://no-such-host.invalid/x", "not known"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused(target, url, words):
    message = refused(TableFetcher(LIMITS), url, target)
    assert words in message
    assert "secret" not in message


def test_a_host_inside_is_refused_and_never_asked(server, target):
    closed = TableFetcher(FetchLimits(1000, 5.0))
    assert "internal network" in refused(closed, f"{server.url}/file", target)
    assert "internal network" in refused(closed, "http://[::1]/x", target)
    assert server.seen == []


def test_a_redirect_into_the_inside_is_refused(server, target):
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ["127.0.0.1"] if host == "public.example" else ["169.254.169.254"]

    def is_allowed(address):
        return address == "127.0.0.1"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vo_service.uploads.fetching.is_public", is_allowed)
        fetcher = TableFetcher(FetchLimits(1000, 5.0), resolve=resolve)
        url = f"http://public.example:{server.server_port}/move/http:~~metadata.example~x"
        assert "internal network" in refused(fetcher, url, target)
    assert asked == ["public.example", "metadata.example"]
    assert len(server.seen) == 1


def test_a_name_is_resolved_once_and_the_checked_address_is_used(server, target):
    answers = iter([["127.0.0.1"], ["192.0.2.1"]])
    fetcher = TableFetcher(LIMITS, resolve=lambda host, port: next(answers))
    fetcher.fetch("t", f"http://rebinding.example:{server.server_port}/file", target)
    assert server.seen[0][1]["Host"] == f"rebinding.example:{server.server_port}"


def test_an_address_that_does_not_answer_gives_way_to_the_next(server, target):
    fetcher = TableFetcher(LIMITS, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    fetcher.fetch("t", f"http://two.example:{server.server_port}/file", target)
    assert target.read_bytes() == b"id\n1\n"


@pytest.mark.parametrize("path", ["/large", "/large/untold"])
def test_a_large_file_is_refused_while_it_is_read(server, target, path):
    message = refused(TableFetcher(LIMITS), server.url + path, target, UploadExceeded)
    assert "larger than 100000 bytes" in message
    assert server.sent < 5_000_000


def test_a_slow_server_is_given_up(server, target):
    started = time.monotonic()
    fetcher = TableFetcher(FetchLimits(100_000, 0.4, private_addresses=True))
    assert "within 0.4 s" in refused(fetcher, f"{server.url}/slow", target)
    assert time.monotonic() - started < 10


def test_a_port_where_nobody_listens_is_told(target):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "cannot be read" in refused(TableFetcher(LIMITS), f"http://127.0.0.1:{port}/", target)
