"""Wrong passwords: how many are allowed, for whom, and until when."""

import subprocess
import sys
from pathlib import Path

import pytest

from registry.accounts.attempts import LoginAttempts
from registry.errors import LoginsExceeded
from registry.host.counters import SharedCounters

ROOT = Path(__file__).resolve().parents[3]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def attempts(clock, tmp_path):
    return LoginAttempts(2, 60, SharedCounters(tmp_path / "attempts"), clock)


def open_to(attempts, account, address):
    try:
        attempts.check(account, address)
    except LoginsExceeded:
        return False
    return True


def test_the_window_begins_with_the_first_wrong_password(attempts, clock):
    attempts.begin("ada", "x")
    clock.now = 30
    attempts.begin("ada", "x")
    with pytest.raises(LoginsExceeded) as refused:
        attempts.check("ada", "x")
    assert refused.value.retry_after_s == 30
    clock.now = 60
    assert open_to(attempts, "ada", "x")
    attempts.begin("ada", "x")
    assert open_to(attempts, "ada", "x")


def test_a_right_password_forgets_the_wrong_ones(attempts):
    attempts.begin("ada", "x")
    attempts.succeed("ada", "x")
    attempts.begin("ada", "x")
    assert open_to(attempts, "ada", "x")


def test_one_address_cannot_try_many_accounts(attempts):
    for number in range(10):
        assert open_to(attempts, f"user{number}", "x")
        attempts.begin(f"user{number}", "x")
    assert not open_to(attempts, "fresh", "x")
    assert open_to(attempts, "fresh", "y")


def test_many_addresses_have_one_attempt_each_at_an_account_under_attack(attempts):
    for number in range(20):
        assert open_to(attempts, "ada", f"address{number}")
        attempts.begin("ada", f"address{number}")
    # The owner, who comes from elsewhere, still comes in; a guesser does not come twice.
    assert open_to(attempts, "ada", "fresh")
    attempts.begin("ada", "fresh")
    assert not open_to(attempts, "ada", "fresh")
    assert open_to(attempts, "bob", "fresh")


def test_a_right_password_is_no_attempt(attempts):
    for _ in range(50):
        attempts.begin("ada", "x")
        attempts.succeed("ada", "x")
    assert open_to(attempts, "ada", "x")
    assert open_to(attempts, "bob", "x")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:DB8::1", "2001:db8:0:0::2"),
    ],
)
def test_addresses_of_one_subscriber_are_one(attempts, one, other):
    attempts.begin("ada", one)
    attempts.begin("ada", other)
    assert not open_to(attempts, "ada", one)
    assert open_to(attempts, "ada", "2001:db8:0:1::1")


def test_the_limits_hold_for_attempts_in_many_processes_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from registry.accounts.attempts import LoginAttempts\n"
        "from registry.errors import LoginsExceeded\n"
        "from registry.host.counters import SharedCounters\n"
        "attempts = LoginAttempts(10, 600, SharedCounters(Path(sys.argv[1])))\n"
        "done = 0\n"
        "for _ in range(50):\n"
        "    try:\n        attempts.begin('ada', 'x'); done += 1\n"
        "    except LoginsExceeded:\n        pass\n"
        "print(done)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "attempts")]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    assert sum(int(each.communicate()[0]) for each in started) == 10


def test_a_clock_that_was_wrong_locks_nobody_out(attempts, clock):
    clock.now = 1e9
    for _ in range(2):
        attempts.begin("ada", "x")
    clock.now = 0
    with pytest.raises(LoginsExceeded) as refused:
        attempts.check("ada", "x")
    assert refused.value.retry_after_s == 60


def test_an_account_and_an_address_of_one_name_are_two_things(attempts):
    for _ in range(2):
        attempts.begin("", "x")
    assert open_to(attempts, "x", "")


def test_the_file_is_as_small_as_before(attempts, tmp_path):
    attempts.begin("ada", "x")
    before = (tmp_path / "attempts").stat().st_size
    for number in range(10_000):
        attempts.begin(f"user{number}", f"address{number}")
    assert (tmp_path / "attempts").stat().st_size == before < 2**20
