"""Wrong passwords: counted, and after some of them nobody's password is looked at for a while."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from registry.errors import LoginsExceeded
from registry.host.client import subscriber
from registry.host.counters import CounterTable, SharedCounters

__all__ = ["LoginAttempts"]


class LoginAttempts:
    """Counts wrong passwords by account and address, by account, and by address.

    Parameters
    ----------
    allowed
        For one account from one address, in one window. One address may be wrong five times as
        often (people behind one router). When an account had ten times as many, each address has
        one attempt in a window: guessing from many addresses gains little, and strangers cannot
        lock somebody out from an address that is not theirs.
    window_s
        Seconds from the first wrong password after which it is forgotten.
    counters
        Shared by all processes of an installation.
    clock
        Seconds since 1970.

    Notes
    -----
    An attempt is counted before the password is looked at, and taken back if it was right: many at
    once are not more than many one after another.
    """

    def __init__(
        self,
        allowed: int,
        window_s: float,
        counters: SharedCounters,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._allowed = allowed
        self._window_s = window_s
        self._counters = counters
        self._clock = clock

    def check(self, account: str, address: str) -> None:
        """Tell whether a password would be looked at now.

        Raises
        ------
        LoginsExceeded
            If too many were wrong.
        """
        now = self._clock()
        with self._counters.locked(now) as table:
            self._refuse(table, account, address, now)

    def begin(self, account: str, address: str) -> None:
        """Count an attempt as wrong, until `succeed`.

        Raises
        ------
        LoginsExceeded
            If too many were wrong; this one is not counted then.
        """
        now = self._clock()
        with self._counters.locked(now) as table:
            self._refuse(table, account, address, now)
            for key in _keys(account, address):
                count, until = table.get(key)
                table.set(key, count + 1, until if count else now + self._window_s)

    def succeed(self, account: str, address: str) -> None:
        """Take an attempt back, and forget the wrong ones for this account from this address."""
        with self._counters.locked(self._clock()) as table:
            pair, *others = _keys(account, address)
            table.set(pair, 0, 0.0)
            for key in others:
                count, until = table.get(key)
                if count:
                    table.set(key, count - 1, until)

    def _refuse(self, table: CounterTable, account: str, address: str, now: float) -> None:
        pair, by_address, by_account = (table.get(key) for key in _keys(account, address))
        allowed = 1 if by_account[0] >= 10 * self._allowed else self._allowed
        waits = [
            min(until - now, self._window_s)
            for (count, until), most in ((pair, allowed), (by_address, 5 * self._allowed))
            if count >= most
        ]
        if waits:
            raise LoginsExceeded(max(1, math.ceil(max(waits))))


def _keys(account: str, address: str) -> tuple[str, str, str]:
    place = subscriber(address)
    return f"pair\0{account}\0{place}", f"address\0{place}", f"account\0{account}"
