"""What a running job may ask of its worker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum, auto
from threading import Event, Lock
from time import monotonic

from uws.errors import JobCancelled
from uws.model import Job, JobInfo, JobResult
from uws.results.base import ResultSink, ResultStore

__all__ = ["CancelReason", "JobContext", "PendingResult"]

_LOG = logging.getLogger("pzvo.uws")


class CancelReason(Enum):
    """Why a running attempt is to stop."""

    LOST = auto()
    """It may no longer be finished: the job was aborted, deleted, overdue, or given away."""

    STOPPING = auto()
    """The worker stops; the job goes back to the queue."""


class PendingResult:
    """A result being written inside ``with``; afterwards `result` describes it.

    Parameters
    ----------
    sink
        Takes the bytes.
    result_id
        Identifier of the result in its job.
    media_type
        Exactly as it is to be sent.
    """

    def __init__(self, sink: ResultSink, result_id: str, media_type: str) -> None:
        self.sink = sink
        self._id = result_id
        self._media_type = media_type

    def result(self, rows: int | None = None) -> JobResult:
        """Describe what was written, for the list that a handler returns."""
        return JobResult(self._id, self._media_type, self.sink.size_bytes, self.sink.location, rows)


class JobContext:
    """The worker as its handler sees it; every method may be called from any thread.

    Parameters
    ----------
    job
        The job as it was claimed.
    results
        Where its results go.
    commit
        Records that the attempt is past its point of no return; false if it may not be finished
        any more.
    wait
        Records whether the attempt waits in the queue of another system; false if that cannot be
        recorded now.
    """

    def __init__(
        self,
        job: Job,
        results: ResultStore,
        commit: Callable[[], bool] = lambda: True,
        wait: Callable[[bool], bool] = lambda _: True,
    ) -> None:
        self.job = job
        self._commit = commit
        self._wait = wait
        self._waits = False
        self._results = results
        self._lock = Lock()
        self._cancelled = Event()
        self._callbacks: list[Callable[[], object]] = []
        self._info = JobInfo()
        self._quote: datetime | None = job.quote
        self._told = False
        self.cancel_reason: CancelReason | None = None

    def cancelled(self) -> bool:
        """Tell whether the work is of no more use."""
        return self._cancelled.is_set()

    def raise_if_cancelled(self) -> None:
        """Leave the handler when the work is of no more use.

        Raises
        ------
        JobCancelled
            If it is not.
        """
        if self.cancelled():
            raise JobCancelled(f"job {self.job.job_id} was stopped")

    def commit(self) -> None:
        """Pass the point of no return: from here on no ABORT and no deadline ends the job.

        Raises
        ------
        JobCancelled
            If one of them was first.
        """
        self.raise_if_cancelled()
        if not self._commit():
            self.cancel(CancelReason.LOST)
            self.raise_if_cancelled()

    def waiting(self, waits: bool) -> None:
        """Tell whether the work waits in the queue of another system.

        The job is QUEUED meanwhile, and its execution duration begins with the work.
        """
        if waits != self._waits and self._wait(waits):
            self._waits = waits

    def wait_cancelled(self, timeout_s: float) -> bool:
        """Sleep until the job is cancelled, at most `timeout_s`; tell whether it was."""
        return self._cancelled.wait(timeout_s)

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Have a function called, once and from another thread, when the job is cancelled.

        Parameters
        ----------
        callback
            Returns soon; called at once if the job is cancelled already.
        """
        with self._lock:
            if not self.cancelled():
                self._callbacks.append(callback)
                return
        _call(callback)

    def cancel(self, reason: CancelReason) -> None:
        """Stop the work; for the worker. The first reason counts, but LOST overrules."""
        with self._lock:
            if self.cancel_reason is not CancelReason.LOST:
                self.cancel_reason = reason
            self._cancelled.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            _call(callback)

    def progress(self, fraction: float | None, text: str | None = None) -> None:
        """Tell how far the work is; cheap, written with the next heartbeat.

        Parameters
        ----------
        fraction
            0 to 1, none where unknown; values outside are clipped.
        text
            What is being done, one line.
        """
        part = None if fraction is None else min(1.0, max(0.0, fraction))
        with self._lock:
            self._info = JobInfo(part, text, self._info.timings)
            self._told = True

    def timing(self, name: str, seconds: float) -> None:
        """Keep how long a step took."""
        with self._lock:
            info = self._info
            self._info = JobInfo(info.progress, info.text, (*info.timings, (name, seconds)))
            self._told = True

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Keep how long the body of ``with`` took, also when it fails."""
        begin = monotonic()
        try:
            yield
        finally:
            self.timing(name, monotonic() - begin)

    def quote(self, moment: datetime | None) -> None:
        """Predict when the job will be over; none takes a prediction back."""
        with self._lock:
            self._quote = moment
            self._told = True

    @contextmanager
    def open_result(self, result_id: str, media_type: str) -> Iterator[PendingResult]:
        """Write a result: visible after the job is COMPLETED, or never.

        Parameters
        ----------
        result_id
            ``result`` for the one of a query; letters, digits, dots, hyphens, underscores.
        media_type
            Exactly as it is to be sent.

        Raises
        ------
        JobCancelled
            If the job is cancelled, at the beginning or the end.
        StorageFull
            If the disk is full.
        ValueError
            If the identifier has other characters.
        """
        self.raise_if_cancelled()
        with self._results.stage(self.job.job_id, self.job.attempt, result_id) as sink:
            yield PendingResult(sink, result_id, media_type)
            self.raise_if_cancelled()

    @property
    def info(self) -> JobInfo:
        """What was told so far."""
        with self._lock:
            return self._info

    def take_report(self) -> tuple[JobInfo, datetime | None] | None:
        """Give what was told since the last call, for the worker; none if nothing was."""
        with self._lock:
            if not self._told:
                return None
            self._told = False
            return self._info, self._quote


def _call(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:  # noqa: BLE001 - one handler's callback must not keep others from stopping
        _LOG.exception("a callback for cancelling failed")
