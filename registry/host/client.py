"""For whom a thread works: a visitor who waits for the answer, or the service itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["WaitingClient", "set_waiting_client", "waiting_client"]


@dataclass(frozen=True, slots=True)
class WaitingClient:
    """Somebody who waits for what this thread does.

    Attributes
    ----------
    visitor
        Names who shares with others what the host can do; it may raise what refuses their
        credentials.
    watch
        Calls an action once, from another thread, if they go away meanwhile.
    """

    visitor: Callable[[], str]
    watch: Callable[[Callable[[], None]], AbstractContextManager[None]]


_CLIENT: ContextVar[WaitingClient | None] = ContextVar("waiting_client", default=None)


def waiting_client() -> WaitingClient | None:
    """Give who waits for this thread; none if the service works for itself."""
    return _CLIENT.get()


def set_waiting_client(client: WaitingClient | None) -> None:
    """Say for whom this thread works from now on."""
    _CLIENT.set(client)
