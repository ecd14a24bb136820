"""How long jobs of a shape took, remembered beyond the jobs themselves.

Owners delete their jobs; predictions need what became of them. A handler says which of its jobs
are alike by giving each a *shape*, a short text that means nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import delete, insert, select

from uws.store.database import JobDatabase
from uws.store.schema import uws_durations

__all__ = ["KEPT_PER_SHAPE", "DurationLog", "SqlDurationLog"]

KEPT_PER_SHAPE = 50
"""Runs of a shape that are remembered; the oldest go first."""

_KEPT = timedelta(days=180)
"""Older ones tell of other data and other machines."""


class DurationLog(Protocol):
    """Remembers durations for all processes of a service, and over its restarts."""

    def record(self, kind: str, shape: str, duration_s: float, ended: datetime) -> None:
        """Remember a run.

        Parameters
        ----------
        kind
            Of the job.
        shape
            What the run had in common with others; at most 255 characters.
        duration_s
            How long it took.
        ended
            When it ended, aware.

        Raises
        ------
        JobStoreUnavailable, StorageFull
            As `JobStore`.
        """

    def recent(self, kind: str, shape: str | None = None) -> Sequence[float]:
        """Give the durations of the latest runs, the newest first, in seconds.

        Parameters
        ----------
        kind
            Of the jobs.
        shape
            Of this one, or of all.

        Raises
        ------
        JobStoreUnavailable
            As `JobStore`.
        """


class SqlDurationLog:
    """A table beside that of the jobs; see `DurationLog` for what the methods promise.

    Parameters
    ----------
    database
        Prepared by `JobDatabase.prepare`.
    """

    def __init__(self, database: JobDatabase) -> None:
        self._database = database

    def record(self, kind: str, shape: str, duration_s: float, ended: datetime) -> None:
        """Remember a run, and forget the oldest of its shape; see `DurationLog.record`."""
        same = (uws_durations.c.kind == kind, uws_durations.c.shape == shape)
        values = {"kind": kind, "shape": shape, "ended": ended, "duration_s": duration_s}
        with self._database.writing() as connection:
            connection.execute(insert(uws_durations).values(**values))
            newest = (
                select(uws_durations.c.id)
                .where(*same)
                .order_by(uws_durations.c.id.desc())
                .limit(KEPT_PER_SHAPE)
            )
            connection.execute(
                delete(uws_durations).where(*same, uws_durations.c.id.not_in(newest))
            )
            connection.execute(delete(uws_durations).where(uws_durations.c.ended < ended - _KEPT))

    def recent(self, kind: str, shape: str | None = None) -> Sequence[float]:
        """Give the durations of the latest runs; see `DurationLog.recent`."""
        statement = select(uws_durations.c.duration_s).where(uws_durations.c.kind == kind)
        if shape is not None:
            statement = statement.where(uws_durations.c.shape == shape)
        statement = statement.order_by(uws_durations.c.id.desc()).limit(KEPT_PER_SHAPE)
        with self._database.reading() as connection:
            return list(connection.execute(statement).scalars())
