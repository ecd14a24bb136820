"""Places that all processes share: how many, whose, in which order, and never lost."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from registry.errors import HostBusy, ShareExceeded
from registry.host.places import Places

ROOT = Path(__file__).resolve().parents[3]


def places(folder, total=3, per_visitor=2, wait_s=0, **more):
    return Places(folder, "readings", total=total, per_visitor=per_visitor, wait_s=wait_s, **more)


def test_places_below_at_and_above_the_limits(tmp_path):
    few = places(tmp_path)
    held = [few.take("ada"), few.take("ada")]
    with pytest.raises(ShareExceeded, match="2 readings of yours run already"):
        few.take("ada")
    held.append(few.take("bob"))
    assert few.running == 3
    with pytest.raises(HostBusy) as refused:
        few.take("cid")
    assert refused.type is HostBusy
    assert refused.value.retry_after_s >= 1
    held.pop(0).close()
    with few.take("cid"):
        assert few.running == 3
    assert few.running == 2


def test_the_service_itself_has_no_share(tmp_path):
    few = places(tmp_path)
    held = [few.take("") for _ in range(3)]
    assert few.running == len(held)


def test_a_place_may_be_given_back_twice(tmp_path):
    few = places(tmp_path, total=1)
    place = few.take("ada")
    place.close()
    other = few.take("bob")
    place.close()
    assert few.running == 1
    other.close()


def waiter(few, visitor, order):
    def wait():
        with few.take(visitor):
            order.append(visitor)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def waiting(folder):
    return sum(b"waiting" in path.read_bytes()[:7] for path in folder.iterdir())


def until(condition):
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_those_who_have_none_come_before_those_who_came_first(tmp_path):
    few = places(tmp_path, total=2, per_visitor=2, wait_s=30)
    order, threads = [], []
    first, second = few.take("ada"), few.take("ada")
    for visitor in ("ada", "ada", "bob"):
        threads.append(waiter(few, visitor, order))
        until(lambda: waiting(tmp_path) == len(threads))
    first.close()
    until(lambda: order)
    second.close()
    for thread in threads:
        thread.join()
    assert order == ["bob", "ada", "ada"]


def test_only_some_may_wait(tmp_path):
    few = places(tmp_path, total=1, per_visitor=1, wait_s=30, waiting=3, waiting_per_visitor=2)
    held, order = few.take("ada"), []
    threads = []
    for visitor in ("bob", "bob", "cid"):
        threads.append(waiter(few, visitor, order))
        until(lambda: waiting(tmp_path) == len(threads))
    with pytest.raises(ShareExceeded, match="2 readings of yours wait already"):
        few.take("bob")
    with pytest.raises(HostBusy):
        few.take("cid")
    threads.append(waiter(few, "dan", order))
    until(lambda: waiting(tmp_path) == 4)
    held.close()
    for thread in threads:
        thread.join()
    assert sorted(order) == ["bob", "bob", "cid", "dan"]


def test_nobody_waits_for_what_nobody_wants(tmp_path):
    few = places(tmp_path, total=1, wait_s=30)
    with few.take("ada"), pytest.raises(HostBusy):
        few.take("bob", wanted=lambda: False)


HOLDER = """
import sys, time
from pathlib import Path
from registry.host.places import Places
few = Places(Path(sys.argv[1]), "readings", total=2, per_visitor=2, wait_s=30)
held = [few.take("ada"), few.take("ada")]
print("held", flush=True)
time.sleep(60)
"""


def test_a_killed_process_loses_no_place(tmp_path):
    few = places(tmp_path, total=2)
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    for _ in range(2):
        holder = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        with holder:
            holder.stdout.readline()
            assert few.running == 2
            with pytest.raises(HostBusy):
                few.take("bob")
            holder.send_signal(signal.SIGKILL)
        assert few.running == 0


def test_a_started_program_holds_no_place(tmp_path):
    few = places(tmp_path, total=1)
    with few.take("ada"):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        few.take("bob").close()
    finally:
        child.communicate()


def test_the_folder_is_private_and_stays_small(tmp_path):
    few = places(tmp_path / "shared")
    for _ in range(50):
        few.take("ada").close()
    assert len(list((tmp_path / "shared").iterdir())) <= 3
    assert (tmp_path / "shared").stat().st_mode & 0o077 == 0


class PlacesMachine(RuleBasedStateMachine):
    """Whatever is taken and given back, nobody has more than may be, and nothing is lost."""

    def __init__(self):
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.places = places(Path(self.folder.name))
        self.held = {"ada": [], "bob": [], "cid": []}

    @rule(visitor=st.sampled_from(["ada", "bob", "cid"]))
    def take(self, visitor):
        free = sum(map(len, self.held.values())) < 3 and len(self.held[visitor]) < 2
        if free:
            self.held[visitor].append(self.places.take(visitor))
            return
        with pytest.raises(HostBusy) as refused:
            self.places.take(visitor)
        assert (refused.type is ShareExceeded) == (len(self.held[visitor]) == 2)

    @rule(visitor=st.sampled_from(["ada", "bob", "cid"]))
    def give_back(self, visitor):
        if self.held[visitor]:
            self.held[visitor].pop().close()

    @invariant()
    def counts_agree(self):
        assert self.places.running == sum(map(len, self.held.values()))

    def teardown(self):
        for held in self.held.values():
            for place in held:
                place.close()
        self.folder.cleanup()


PlacesMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestPlaces = PlacesMachine.TestCase
