"""Reading processes: few at once, fair, and ended with who waits for them."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shelf import ADA, REDSHIFTS, Shelf

from registry.errors import FormatLimit, HostBusy, ReadingGivenUp, ShareExceeded, UnreadableFile
from registry.formats.readers.options import ReadLimits
from registry.formats.readers.processes import ReadingProcesses
from registry.host.client import WaitingClient, set_waiting_client
from registry.host.places import Places
from registry.host.spool import SharedSpool
from registry.model.product import ProductStatus
from registry.products.records import ProductLimits

ROOT = Path(__file__).resolve().parents[3]


class Visitor:
    """Somebody who waits, and may go away."""

    def __init__(self, name):
        self.name = name
        self.actions = []

    @contextlib.contextmanager
    def watch(self, action):
        self.actions.append(action)
        yield
        self.actions.remove(action)

    def go_away(self):
        for action in list(self.actions):
            action()

    @contextlib.contextmanager
    def waiting(self):
        set_waiting_client(WaitingClient(lambda: self.name, self.watch))
        try:
            yield self
        finally:
            set_waiting_client(None)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": range(1000)}), path)
    return path


def few(folder, total=3, per_visitor=2):
    return Places(folder / "places", "files", total=total, per_visitor=per_visitor, wait_s=0)


def test_files_are_read_below_at_and_not_above_the_limits(tmp_path, file):
    places = few(tmp_path)
    reading = ReadingProcesses(places)
    with contextlib.ExitStack() as opened:
        with Visitor("ada").waiting():
            for _ in range(2):
                opened.enter_context(reading.open(file))
            with pytest.raises(ShareExceeded, match="2 files of yours run already"):
                reading.open(file)
        with Visitor("bob").waiting():
            opened.enter_context(reading.open(file))
            with pytest.raises(HostBusy) as refused:
                reading.open(file)
            assert refused.type is HostBusy
    assert places.running == 0


def test_a_file_that_cannot_be_read_gives_its_place_back(tmp_path):
    damaged = tmp_path / "a.parquet"
    damaged.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    places = few(tmp_path)
    with pytest.raises(UnreadableFile):
        ReadingProcesses(places).open(damaged)
    assert places.running == 0


def test_a_child_that_is_killed_loses_no_place(tmp_path, file):
    places = few(tmp_path, total=1)
    reading = ReadingProcesses(places)
    with reading.open(file) as opened:
        os.kill(opened._process.pid, signal.SIGKILL)
        with pytest.raises(UnreadableFile):
            list(opened.batches())
    with reading.open(file) as opened:
        assert sum(batch.num_rows for batch in opened.batches()) == 1000


def test_a_service_that_is_killed_loses_no_place_and_takes_its_child_along(tmp_path, file):
    code = (
        "import sys; from pathlib import Path\n"
        "from registry.formats.readers.processes import ReadingProcesses\n"
        "from registry.host.places import Places\n"
        f"places = Places(Path({str(tmp_path / 'places')!r}), 'files', total=1, per_visitor=1,"
        " wait_s=0)\n"
        f"opened = ReadingProcesses(places).open(Path({str(file)!r}))\n"
        "print(opened._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as service:
        child = int(service.stdout.readline())
        places = few(tmp_path, total=1, per_visitor=1)
        assert places.running == 1
        watched = os.pidfd_open(child)
        service.kill()
        service.wait()
    try:
        import select

        assert select.select([watched], [], [], 60)[0]
    finally:
        os.close(watched)
    assert places.running == 0


def test_who_goes_away_ends_the_reading(tmp_path, file):
    places = few(tmp_path)
    with Visitor("ada").waiting() as ada:
        opened = ReadingProcesses(places).open(file)
        ada.go_away()
        with pytest.raises(ReadingGivenUp):
            list(opened.batches())
        assert opened._process.wait(180) == -signal.SIGKILL
        opened.close()
        assert ada.actions == []
    assert places.running == 0


def test_who_is_gone_before_the_reading_begins_starts_none(tmp_path, file):
    with Visitor("ada").waiting() as ada:
        watch = ada.watch

        def gone(action):
            action()
            return watch(action)

        ada.watch = gone
        with ada.waiting(), pytest.raises((ReadingGivenUp, HostBusy)):
            ReadingProcesses(few(tmp_path)).open(file)
    assert few(tmp_path).running == 0


def test_a_product_whose_owner_goes_away_has_not_failed(tmp_path):
    shelf = Shelf(tmp_path / "home")
    with contextlib.closing(shelf):
        product = shelf.draft()
        shelf.add(product, REDSHIFTS)
        with Visitor("user ada").waiting() as ada:
            watch = ada.watch

            def gone(action):
                action()
                return watch(action)

            ada.watch = gone
            with ada.waiting(), pytest.raises(ReadingGivenUp):
                shelf.service.register(ADA, product.id)
        assert shelf.service.product(ADA, product.id).status is ProductStatus.REGISTERING
        shelf.service.register(ADA, product.id)


def test_the_time_is_shorter_while_somebody_waits(tmp_path):
    slow = tmp_path / "a.csv"
    slow.write_text("a,b\n" + "123456.25,2020-01-01T00:00:00\n" * 2_000_000)
    reading = ReadingProcesses(waited=ReadLimits(cpu_s=1, cpu_s_per_mb=0))
    with Visitor("ada").waiting(), pytest.raises(UnreadableFile, match="took too long"):
        reading.open(slow)
    with reading.open(slow) as opened:
        assert len(opened.columns) == 2


def test_converted_files_are_kept_below_at_and_not_above_the_limits(tmp_path):
    spool = SharedSpool(tmp_path, total_bytes=25, visitor_bytes=15)
    first = spool.open("ada")
    first.write(b"x" * 10)
    assert first.finish().read() == b"x" * 10
    second = spool.open("ada")
    second.write(b"y" * 5)
    with pytest.raises(ShareExceeded, match="wait for you"):
        second.write(b"y")
    other = spool.open("bob")
    other.write(b"z" * 10)
    with pytest.raises(HostBusy) as refused:
        other.write(b"z")
    assert refused.type is HostBusy
    with pytest.raises(FormatLimit, match="15 bytes"):
        other.write(b"z" * 6)
    first.close()
    second.write(b"y" * 5)
    for each in (second, other):
        each.close()
    assert spool.open("ada").close() is None
    assert len(list(tmp_path.glob("*.*"))) == 1


def test_what_was_not_needed_of_the_room_is_free_again(tmp_path):
    spool = SharedSpool(tmp_path, total_bytes=2**24, visitor_bytes=2**24)
    first, second = spool.open("ada"), spool.open("ada")
    first.write(b"x")
    first.finish()
    second.write(b"y" * (2**24 - 1))
    first.close()
    second.close()


def test_room_of_a_process_that_is_killed_is_free_again(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from registry.host.spool import SharedSpool\n"
        f"spooled = SharedSpool(Path({str(tmp_path)!r}), 10, 10).open('ada')\n"
        "spooled.write(b'x' * 10)\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    spool = SharedSpool(tmp_path, 10, 10)
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as service:
        service.stdout.readline()
        own = spool.open("bob")
        with pytest.raises(HostBusy):
            own.write(b"y")
        service.kill()
        service.wait()
    own.write(b"y" * 10)
    own.close()


def test_a_conversion_past_its_room_is_refused_and_leaves_nothing(tmp_path):
    limits = ProductLimits(converted_bytes=100, converted_bytes_per_visitor=50)
    shelf = Shelf(tmp_path / "home", limits=limits)
    with contextlib.closing(shelf):
        product = shelf.published()
        with pytest.raises(FormatLimit, match="50 bytes; ask for a format"):
            shelf.service.downloads.converted(ADA, product.id, "votable")
        left = list((tmp_path / "home" / "uploads" / "converted").glob("*.*"))
        assert [path.stat().st_size for path in left] in ([], [0])
