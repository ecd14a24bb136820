"""What the HTTP server does with requests, and with clients that take their time."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import threading
import time

import pytest
from http_servers import RunningServer
from werkzeug.exceptions import HTTPException

SIZE = 12 * 2**20


class Application:
    """Answers by path, and remembers what happened."""

    def __init__(self, file) -> None:
        self.file = file
        self.calls = 0
        self.made = threading.Event()
        self.ended = threading.Event()
        self.released = threading.Event()
        self.hung_up = threading.Event()
        self.outcome = None

    def __call__(self, environ, start_response):
        self.calls += 1
        try:
            status, body = "200 OK", getattr(self, environ["PATH_INFO"].strip("/"))(environ)
        except HTTPException as error:
            status, body = f"{error.code} {error.name}", [b"refused"]
        headers = [("Content-Type", "text/plain")]
        if isinstance(body, list):
            headers.append(("Content-Length", str(sum(map(len, body)))))
        start_response(status, headers)
        return body

    def hello(self, environ):
        return [environ["QUERY_STRING"].encode() or b"hello"]

    def chunks(self, environ):
        return iter([b"one,", b"two,", b"three"])

    def digest(self, environ):
        found = hashlib.sha256()
        while piece := environ["wsgi.input"].read(100_000):
            found.update(piece)
        return [found.hexdigest().encode()]

    def refuse(self, environ):
        return [b"no"]

    def wait(self, environ):
        with environ["pzvo.connection"].watch(self.hung_up.set):
            self.released.wait(20)
        return [b"waited"]

    def large(self, environ):
        try:
            for number in range(SIZE // 2**16):
                yield bytes([number % 256]) * 2**16
            self.outcome = "whole"
        finally:
            self.ended.set()

    def download(self, environ):
        file = self.file.open("rb")
        return environ["wsgi.file_wrapper"](file, 65536)


@pytest.fixture
def application(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * (SIZE // 256))
    return Application(file)


@pytest.fixture
def serve(tmp_path, application):
    """Start the server with limits."""
    started = []

    def start(**limits):
        started.append(RunningServer(tmp_path / "spool", application, **limits))
        return started[-1]

    yield start
    application.released.set()
    for server in started:
        server.stop()


def get(connection, path="/hello"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


def answer(connection):
    """Read one answer: status and body."""
    with http.client.HTTPResponse(connection) as found:
        found.begin()
        return found.status, found.read()


def is_closed(connection) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET /hello\x00 HTTP/1.1 x\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\r\nBad Header: x\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
        ("POST /hello HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST /hello HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (
            "POST /x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        ("POST /hello HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        ("POST /hello HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (f"GET /hello?{'x' * 40_000} HTTP/1.1\r\n\r\n", 414),
        (f"GET /hello HTTP/1.1\r\nX: {'x' * 100_000}\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused_and_reaches_nothing(
    serve, application, request_text, status
):
    with serve().connect() as connection:
        connection.sendall(request_text.encode())
        assert answer(connection)[0] == status
        assert is_closed(connection)
    assert application.calls == 0


def test_a_query_of_thirty_kilobytes_fits_into_a_url(serve):
    with serve().connect() as connection:
        get(connection, f"/hello?{'x' * 30_000}")
        assert answer(connection) == (200, b"x" * 30_000)


def test_requests_sent_at_once_are_answered_in_order_on_one_connection(serve):
    with serve().connect() as connection:
        for word in ("a", "b", "c"):
            get(connection, f"/hello?{word}")
        stream = connection.makefile("rb")
        text = b""
        while text.count(b"\r\n\r\n") < 3 or not text.endswith(b"c"):
            text += stream.read1(1000)
        bodies = [part.split(b"\r\n\r\n")[1] for part in text.split(b"HTTP/1.1 ")[1:]]
        assert bodies == [b"a", b"b", b"c"]


def test_connections_stay_open_behind_chunks_and_behind_head(serve):
    client = http.client.HTTPConnection("127.0.0.1", serve().port, timeout=240)
    for method, body in (("GET", b"one,two,three"), ("HEAD", b""), ("GET", b"one,two,three")):
        client.request(method, "/chunks")
        found = client.getresponse()
        assert (found.status, found.read()) == (200, body)
        kept = client.sock
        assert kept is not None
    client.close()


@pytest.mark.parametrize("size", [0, 1, 131_072, 131_073, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_arrive_whole_whatever_their_size(serve, size, chunked):
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    pieces = [body[start : start + 70_001] for start in range(0, size, 70_001)]
    client = http.client.HTTPConnection("127.0.0.1", serve().port, timeout=240)
    for _ in range(2):
        if chunked:
            client.request("POST", "/digest", iter(pieces), encode_chunked=True)
        else:
            client.request("POST", "/digest", body)
        found = client.getresponse()
        assert (found.status, found.read().decode()) == (200, hashlib.sha256(body).hexdigest())
    client.close()


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_client_that_asks_before_it_sends_is_told_to_go_on(serve, size):
    with serve().connect() as connection:
        head = f"POST /digest HTTP/1.1\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"x" * size)
        assert answer(connection) == (200, hashlib.sha256(b"x" * size).hexdigest().encode())


def test_a_body_that_nobody_wants_is_not_asked_for(serve):
    with serve().connect() as connection:
        connection.sendall(
            b"POST /refuse HTTP/1.1\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert answer(connection) == (200, b"no")


def test_a_client_that_sends_all_before_it_reads_gets_the_answer(serve):
    with serve().connect() as connection:
        connection.sendall(b"POST /refuse HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n")
        for _ in range(80):
            connection.sendall(b"x" * 100_000)
        assert answer(connection) == (200, b"no")
        assert is_closed(connection)


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET /hello HT",
        b"POST /digest HTTP/1.1\r\nContent-Length: 10\r\n",
    ],
)
def test_a_request_that_does_not_come_costs_no_thread_and_ends(serve, application, beginning):
    server = serve(head_timeout_s=0.2, threads=1)
    with server.connect() as slow, server.connect() as other:
        slow.sendall(beginning)
        get(other)
        assert answer(other) == (200, b"hello")
        assert is_closed(slow)
    assert application.calls == 1


def test_a_small_body_is_waited_for_without_a_thread(serve, application):
    server = serve(threads=1)
    with server.connect() as slow, server.connect() as other:
        slow.sendall(b"POST /digest HTTP/1.1\r\nContent-Length: 4\r\n\r\nab")
        get(other)
        assert answer(other) == (200, b"hello")
        assert application.calls == 1
        slow.sendall(b"cd")
        assert answer(slow) == (200, hashlib.sha256(b"abcd").hexdigest().encode())


def test_a_kept_connection_ends_when_nothing_more_is_asked(serve):
    with serve(idle_timeout_s=0.2).connect() as connection:
        get(connection)
        assert answer(connection)[0] == 200
        assert is_closed(connection)


def test_hanging_up_is_told_while_the_answer_is_made(serve, application):
    connection = serve().connect()
    get(connection, "/wait")
    while not application.calls:
        time.sleep(0.01)
    assert not application.hung_up.is_set()
    connection.close()
    assert application.hung_up.wait(180)


def test_at_the_limit_of_an_address_the_oldest_idle_connection_makes_room(serve):
    server = serve(connections_per_address=3)
    first, second, third = (server.connect() for _ in range(3))
    for connection in (first, second, third):
        get(connection)
        assert answer(connection)[0] == 200
    get(first)
    assert answer(first)[0] == 200  # Now the second has been idle the longest.
    with server.connect() as fourth:
        get(fourth)
        assert answer(fourth)[0] == 200
        assert is_closed(second)
        for connection in (first, third):
            get(connection)
            assert answer(connection)[0] == 200
    for connection in (first, second, third):
        connection.close()


def test_an_address_whose_connections_are_all_at_work_is_told_to_wait(serve, application):
    server = serve(connections_per_address=2)
    busy = [server.connect() for _ in range(2)]
    for connection in busy:
        get(connection, "/wait")
    while application.calls < 2:
        time.sleep(0.01)
    with server.connect() as refused:
        found = http.client.HTTPResponse(refused)
        found.begin()
        assert (found.status, found.getheader("Retry-After")) == (429, "5")
        assert b"try again" in found.read()
    application.released.set()
    for connection in busy:
        assert answer(connection) == (200, b"waited")
        connection.close()


def test_an_answer_ends_though_its_client_reads_nothing(serve, application):
    server = serve(threads=1)
    with server.connect(receive_bytes=4096) as slow, server.connect() as other:
        get(slow, "/large")
        assert application.ended.wait(180)
        assert application.outcome == "whole"
        get(other)
        assert answer(other) == (200, b"hello")
        status, body = answer(slow)
        assert (status, len(body)) == (200, SIZE)
        assert all(body[n * 2**16] == n % 256 for n in range(SIZE // 2**16))


def test_without_room_for_it_a_client_that_reads_nothing_is_given_up(serve, application):
    server = serve(spool_bytes_per_visitor=2**20, send_timeout_s=0.5)
    with server.connect(receive_bytes=4096) as slow:
        get(slow, "/large")
        assert application.ended.wait(180)
        assert application.outcome is None


def test_without_room_for_it_a_client_that_reads_is_served_all_the_same(serve, application):
    server = serve(spool_bytes_per_visitor=2**18, stream_min_bytes_per_s=1)
    with server.connect(receive_bytes=4096) as slow:
        get(slow, "/large")
        time.sleep(1.5)
        status, body = answer(slow)
    assert (status, len(body), application.outcome) == (200, SIZE, "whole")


def test_files_leave_without_a_thread(serve, application):
    server = serve(threads=1)
    with server.connect(receive_bytes=4096) as slow, server.connect() as other:
        get(slow, "/download")
        get(other)
        assert answer(other) == (200, b"hello")
        assert answer(slow) == (200, application.file.read_bytes())


def test_a_client_that_takes_none_of_its_file_is_given_up(serve, application):
    server = serve(send_timeout_s=0.3)
    with server.connect(receive_bytes=4096) as slow:
        get(slow, "/download")
        assert slow.recv(100)
        while server.server._connections:
            time.sleep(0.05)
        with contextlib.suppress(ConnectionResetError):
            rest = sum(len(piece) for piece in iter(lambda: slow.recv(2**20), b""))
            assert rest < SIZE


def test_a_server_that_stops_ends_the_answers_that_it_makes(serve, application):
    server = serve()
    with server.connect() as busy, server.connect() as idle:
        get(busy, "/wait")
        while not application.calls:
            time.sleep(0.01)
        server.server.stop()
        assert is_closed(idle)
        application.released.set()
        assert answer(busy) == (200, b"waited")
        assert is_closed(busy)
