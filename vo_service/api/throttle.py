"""How often one caller may ask: a bucket of requests that fills again with time."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from vo_service.api.errors import TooManyRequests

__all__ = ["Throttle"]

_CALLERS_MAX = 20_000
"""Callers that are remembered per process: some megabytes; the longest silent are forgotten."""


class Throttle:
    """Counts the requests of each caller in this process.

    Parameters
    ----------
    per_minute
        Requests that a caller may make for ever; 0 sets no limit.
    burst
        Requests that a caller who was silent may make at once.
    clock
        Gives seconds that never go back.
    """

    def __init__(
        self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate_per_s = per_minute / 60
        self._burst = max(1, burst)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, caller: str) -> None:
        """Take one request of a caller into account.

        Raises
        ------
        TooManyRequests
            If the bucket of the caller is empty.
        """
        if self._rate_per_s <= 0:
            return
        now = self._clock()
        with self._lock:
            level, seen = self._buckets.pop(caller, (float(self._burst), now))
            level = min(self._burst, level + (now - seen) * self._rate_per_s)
            allowed = level >= 1
            self._buckets[caller] = (level - 1 if allowed else level, now)
            while len(self._buckets) > _CALLERS_MAX:
                self._buckets.popitem(last=False)
        if not allowed:
            raise TooManyRequests(max(1, math.ceil((1 - level) / self._rate_per_s)))
