"""VOSI availability: whether the service can be used now (VOSI 1.1, section 3.2)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from vosi.document import AVAILABILITY_NS, document, element

__all__ = ["Availability", "RecentAvailability", "render"]


@dataclass(frozen=True, slots=True)
class Availability:
    """The state of the service.

    Attributes
    ----------
    available
        Whether requests will be answered.
    up_since
        When it last became available.
    down_at
        When it will next be taken down on purpose.
    back_at
        When it will be available again.
    notes
        What people should know, one sentence each.

    Notes
    -----
    Times are aware; the document shows them in UTC.
    """

    available: bool
    up_since: datetime | None = None
    down_at: datetime | None = None
    back_at: datetime | None = None
    notes: tuple[str, ...] = ()


class RecentAvailability:
    """Looks at the service now and then, however many ask.

    A look is real work; thousands who ask at once must not make it thousands of times. One looks,
    and the others get what was found last.

    Parameters
    ----------
    look
        Finds the state.
    age_s
        Seconds for which it counts.
    """

    def __init__(self, look: Callable[[], Availability], age_s: float = 1.0) -> None:
        self._look = look
        self._age_s = age_s
        self._looking = threading.Lock()
        self._found: Availability | None = None
        self._due = 0.0

    def __call__(self) -> Availability:
        """Give the state; raises what the look raises, where nothing was found before."""
        found = self._found
        if found is not None and time.monotonic() < self._due:
            return found
        # Who comes first of all waits for the look; later there is something to give meanwhile.
        if not self._looking.acquire(blocking=found is None):
            return found or self()
        try:
            if self._found is None or time.monotonic() >= self._due:
                self._found = self._look()
                self._due = time.monotonic() + self._age_s
            return self._found
        finally:
            self._looking.release()


def render(availability: Availability) -> bytes:
    """Write the availability document.

    Raises
    ------
    ValueError
        If one of the times has no zone.
    """
    children = [
        element("vosi:available", "true" if availability.available else "false"),
        element("vosi:upSince", _utc(availability.up_since)),
        element("vosi:downAt", _utc(availability.down_at)),
        element("vosi:backAt", _utc(availability.back_at)),
        *(element("vosi:note", note) for note in availability.notes),
    ]
    return document("availability", AVAILABILITY_NS, (), children)


def _utc(time: datetime | None) -> str | None:
    if time is None:
        return None
    if time.tzinfo is None:
        raise ValueError(f"the time {time.isoformat()} has no zone: give an aware time")
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
