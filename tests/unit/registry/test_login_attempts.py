"""Wrong passwords: how many are allowed, for whom, and until when."""

import pytest

from registry.accounts.attempts import _KEPT, LoginAttempts
from registry.errors import LoginsExceeded


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def attempts(clock):
    return LoginAttempts(2, 60, clock)


def open_to(attempts, account, address):
    try:
        attempts.check(account, address)
    except LoginsExceeded:
        return False
    return True


def test_the_window_begins_with_the_first_wrong_password(attempts, clock):
    attempts.fail("ada", "x")
    clock.now = 30
    attempts.fail("ada", "x")
    with pytest.raises(LoginsExceeded) as refused:
        attempts.check("ada", "x")
    assert refused.value.retry_after_s == 30
    clock.now = 60
    assert open_to(attempts, "ada", "x")
    attempts.fail("ada", "x")
    assert open_to(attempts, "ada", "x")


def test_a_right_password_forgets_the_wrong_ones(attempts):
    attempts.fail("ada", "x")
    attempts.succeed("ada", "x")
    attempts.fail("ada", "x")
    assert open_to(attempts, "ada", "x")


def test_one_address_cannot_try_many_accounts(attempts):
    for number in range(10):
        assert open_to(attempts, f"user{number}", "x")
        attempts.fail(f"user{number}", "x")
    assert not open_to(attempts, "fresh", "x")
    assert open_to(attempts, "fresh", "y")


def test_many_addresses_cannot_try_one_account(attempts):
    for number in range(20):
        assert open_to(attempts, "ada", f"address{number}")
        attempts.fail("ada", f"address{number}")
    assert not open_to(attempts, "ada", "fresh")
    assert open_to(attempts, "bob", "fresh")


def test_an_account_and_an_address_of_one_name_are_two_things(attempts):
    for _ in range(3):
        attempts.fail("", "x")
    assert open_to(attempts, "x", "")


def test_memory_is_bounded(attempts):
    for number in range(_KEPT):
        attempts.fail(f"user{number}", f"address{number}")
    assert len(attempts._failed) <= _KEPT
