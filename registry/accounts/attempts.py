"""Wrong passwords: counted, and after some of them nobody's password is looked at for a while."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from registry.errors import LoginsExceeded

__all__ = ["LoginAttempts"]

_KEPT = 10_000
"""Counters in memory at most; the oldest go first."""


class LoginAttempts:
    """Counts wrong passwords by account and address, by account, and by address.

    Parameters
    ----------
    allowed
        For one account from one address, in one window. One address may be wrong five times as
        often (people behind one router), and one account ten times (so that a stranger cannot
        lock somebody out from one place).
    window_s
        Seconds from the first wrong password after which it is forgotten.
    clock
        Seconds that never go back.

    Notes
    -----
    Counters live in this process: with several web processes each counts for itself, so that
    the true limit is the number of processes times as high.
    """

    def __init__(
        self, allowed: int, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowed = allowed
        self._window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: OrderedDict[tuple[str, ...], tuple[int, float]] = OrderedDict()

    def check(self, account: str, address: str) -> None:
        """Let a password be looked at, or not.

        Raises
        ------
        LoginsExceeded
            If too many were wrong.
        """
        now = self._clock()
        with self._lock:
            waits = [
                until - now
                for key, allowed in self._limits(account, address)
                for count, until in (self._failed.get(key, (0, 0.0)),)
                if until > now and count >= allowed
            ]
        if waits:
            raise LoginsExceeded(math.ceil(max(waits)))

    def fail(self, account: str, address: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        with self._lock:
            for key, _ in self._limits(account, address):
                count, until = self._failed.get(key, (0, 0.0))
                if until <= now:
                    count, until = 0, now + self._window_s
                    self._failed.pop(key, None)
                self._failed[key] = (count + 1, until)
            while len(self._failed) > _KEPT:
                self._failed.popitem(last=False)

    def succeed(self, account: str, address: str) -> None:
        """Forget what was wrong before, for this account from this address."""
        with self._lock:
            self._failed.pop(("pair", account, address), None)

    def _limits(self, account: str, address: str) -> tuple[tuple[tuple[str, ...], int], ...]:
        return (
            (("pair", account, address), self._allowed),
            (("address", address), 5 * self._allowed),
            (("account", account), 10 * self._allowed),
        )
