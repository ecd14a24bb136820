"""Places: how many of one kind of work run at once, in all processes of an installation.

Each place is a lock on a file, which the kernel drops however its process ends, so that no place
is ever lost. Visitors who wait take turns: the one with the fewest places comes first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from registry.errors import HostBusy, ShareExceeded

__all__ = ["Place", "Places"]

_POLL_S = 0.02
"""Waiting is rare, and what is waited for takes tens of milliseconds at least."""

_RUNNING, _WAITING = "running", "waiting"


@dataclass(frozen=True, slots=True)
class _Claim:
    """Who runs or waits at the moment.

    Attributes
    ----------
    state
        Running or waiting.
    ticket
        Order of arrival.
    visitor
        Digest of who it is.
    """

    state: str
    ticket: int
    visitor: str


class Place:
    """A place that is taken until `close`, or the end of the process.

    Parameters
    ----------
    descriptor
        Of the file whose lock it is.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Give the place back; may be called twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Places:
    """The places for one kind of work.

    Parameters
    ----------
    folder
        Shared by all processes, on a disk of this host; it is made when it is needed.
    what
        The work, in plural, for people.
    total
        Places.
    per_visitor
        Places of one visitor at most.
    wait_s
        Seconds for which a caller waits for one.
    waiting, waiting_per_visitor
        Callers that may wait, each in a thread. A visitor of whom none waits yet may wait as long
        as twice `waiting` are not passed.
    """

    def __init__(
        self,
        folder: Path,
        what: str,
        *,
        total: int,
        per_visitor: int,
        wait_s: float,
        waiting: int = 64,
        waiting_per_visitor: int = 16,
    ) -> None:
        self._folder = folder
        self._what = what
        self._total = total
        self._per_visitor = min(per_visitor, total)
        self._wait_s = wait_s
        self._waiting = waiting
        self._waiting_per_visitor = waiting_per_visitor
        self._cells = total + 2 * waiting

    def take(
        self,
        visitor: str,
        wanted: Callable[[], bool] | None = None,
        *,
        wait_s: float | None = None,
    ) -> Place:
        """Take a place; wait for one if need be.

        Parameters
        ----------
        visitor
            Who asks; the empty text is the service itself, whose share has no limit.
        wanted
            Tells whether somebody still waits for the work; asked again and again.
        wait_s
            Seconds to wait, where they are not those of all callers.

        Raises
        ------
        ShareExceeded
            If the visitor has as many places, or waits for as many, as one may.
        HostBusy
            If no place becomes free in time, too many wait, or nobody wants it any more.
        OSError
            If the folder cannot be used.
        """
        name = hashlib.sha256(visitor.encode()).hexdigest()[:32] if visitor else "-"
        descriptor, ticket = self._queue(name)
        place = Place(descriptor)
        try:
            deadline = time.monotonic() + (self._wait_s if wait_s is None else wait_s)
            while not self._start(descriptor, name, ticket):
                if time.monotonic() >= deadline or (wanted is not None and not wanted()):
                    raise self._refusal(name)
                time.sleep(_POLL_S)
        except BaseException:
            place.close()
            raise
        return place

    @property
    def running(self) -> int:
        """Places that are taken."""
        with self._gate():
            return sum(claim.state == _RUNNING for claim in self._claims().values())

    def _queue(self, visitor: str) -> tuple[int, int]:
        with self._gate():
            claims = self._claims()
            waiting = [each for each in claims.values() if each.state == _WAITING]
            own = sum(each.visitor == visitor for each in waiting)
            if visitor != "-" and own >= self._waiting_per_visitor:
                raise ShareExceeded(
                    self._retry_after_s,
                    f"{own} {self._what} of yours wait already; try again when they are over",
                )
            free = next((i for i in range(self._cells) if i not in claims), None)
            if free is None or (own and len(waiting) >= self._waiting):
                raise HostBusy(self._retry_after_s)
            descriptor = os.open(
                self._folder / str(free), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ticket = 1 + max((each.ticket for each in claims.values()), default=0)
            _write(descriptor, _Claim(_WAITING, ticket, visitor))
            return descriptor, ticket

    def _start(self, descriptor: int, visitor: str, ticket: int) -> bool:
        with self._gate():
            claims = self._claims().values()
            held = Counter(each.visitor for each in claims if each.state == _RUNNING)
            if held.total() >= self._total:
                return False
            able = [
                (held[each.visitor], each.ticket)
                for each in claims
                if each.state == _WAITING
                and (each.visitor == "-" or held[each.visitor] < self._per_visitor)
            ]
            if not able or min(able) != (held[visitor], ticket):
                return False
            _write(descriptor, _Claim(_RUNNING, ticket, visitor))
            return True

    def _claims(self) -> dict[int, _Claim]:
        found = {}
        for number in range(self._cells):
            try:
                descriptor = os.open(self._folder / str(number), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                # They are made in order, and stay.
                break
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                state, ticket, visitor = os.pread(descriptor, 100, 0).decode().split()
                found[number] = _Claim(state, int(ticket), visitor)
            finally:
                os.close(descriptor)
        return found

    @contextmanager
    def _gate(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._folder / "gate", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @property
    def _retry_after_s(self) -> int:
        return max(1, round(self._wait_s))

    def _refusal(self, visitor: str) -> HostBusy:
        with self._gate():
            claims = self._claims().values()
        own = sum(each.visitor == visitor and each.state == _RUNNING for each in claims)
        if visitor != "-" and own >= self._per_visitor:
            return ShareExceeded(
                self._retry_after_s,
                f"{own} {self._what} of yours run already, as many as one user or address may have "
                "at once; try again when one is over",
            )
        return HostBusy(self._retry_after_s)


def _write(descriptor: int, claim: _Claim) -> None:
    # Always as long as before, so that a full disk does not matter.
    os.pwrite(descriptor, f"{claim.state} {claim.ticket:020d} {claim.visitor:32}".encode(), 0)
