"""What owners may ask for, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from uws.errors import InvalidJobParameter
from uws.store.base import JobRoom

__all__ = ["JobLimits"]

_XS_INT_MAX = 2**31 - 1
"""Type of the execution duration in the schema of UWS 1.1."""


@dataclass(frozen=True)
class JobLimits:
    """Limits of jobs; values that pass a limit are clipped (UWS 1.1, sections 2.1.7, 2.1.8).

    Parameters
    ----------
    execution_duration_default_s, execution_duration_max_s
        Seconds that a job may run; 0 is without limit.
    destruction_default_s, destruction_max_s
        Seconds from the creation of a job until it goes.
    stored_per_owner, stored_anonymous
        Jobs that one owner, and all anonymous users together, may keep; none is without limit.
    stored_per_address
        Jobs that the anonymous users of one address may keep.
    pending
        Jobs of one owner or address that may wait to be run.
    bytes_per_owner, bytes_per_address
        Size of the results that one owner or address may keep, past which no new job is made.
    wait_max_s
        Longest answer to WAIT; proxies cut connections at 60 s.
    run_id_max_chars
        Longest RUNID (TAP 1.1, section 2.3.6).
    """

    execution_duration_default_s: int = 600
    execution_duration_max_s: int = 3600
    destruction_default_s: int = 7 * 86400
    destruction_max_s: int = 30 * 86400
    stored_per_owner: int | None = 1000
    stored_anonymous: int | None = 10_000
    stored_per_address: int | None = None
    pending: int | None = None
    bytes_per_owner: int | None = None
    bytes_per_address: int | None = None
    wait_max_s: float = 30.0
    run_id_max_chars: int = 64

    def execution_duration(self, asked_s: int | None) -> int:
        """Give the execution duration in effect, in seconds; none asks for the default.

        Raises
        ------
        InvalidJobParameter
            If it is negative.
        """
        wanted_s = self.execution_duration_default_s if asked_s is None else asked_s
        if wanted_s < 0:
            raise InvalidJobParameter(
                f"EXECUTIONDURATION must be a number of seconds from 0, not {wanted_s}"
            )
        if wanted_s == 0:
            return self.execution_duration_max_s
        return min(wanted_s, self.execution_duration_max_s or _XS_INT_MAX)

    def destruction(self, asked: datetime | None, creation_time: datetime) -> datetime:
        """Give the destruction time in effect; none asks for the default."""
        wanted = asked or creation_time + timedelta(seconds=self.destruction_default_s)
        return min(wanted, creation_time + timedelta(seconds=self.destruction_max_s))

    def run_id(self, asked: str | None) -> str | None:
        """Give the run id in effect; an empty one is none.

        Raises
        ------
        InvalidJobParameter
            If it is too long, or has characters that cannot be shown.
        """
        if asked is not None and not asked.isprintable():
            raise InvalidJobParameter(f"RUNID {asked[:40]!r} has characters that cannot be shown")
        if asked is not None and len(asked) > self.run_id_max_chars:
            raise InvalidJobParameter(
                f"RUNID has {len(asked)} characters; at most {self.run_id_max_chars} are kept"
            )
        return asked or None

    def stored(self, owner: str | None) -> int | None:
        """Give how many jobs an owner may keep."""
        return self.stored_anonymous if owner is None else self.stored_per_owner

    def room(self, owner: str | None) -> JobRoom:
        """Give what an owner, or one address of the anonymous one, may keep."""
        if owner is None:
            return JobRoom(self.stored_per_address, self.pending, self.bytes_per_address)
        return JobRoom(None, self.pending, self.bytes_per_owner)
