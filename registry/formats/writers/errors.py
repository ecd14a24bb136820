"""Errors of writing results in a format."""

from __future__ import annotations

from collections.abc import Sequence

from registry.errors import RegistryError

__all__ = ["ResultIncomplete", "UnsupportedFormat"]


class UnsupportedFormat(RegistryError):
    """Say that no writer serves the format that was asked for.

    Parameters
    ----------
    requested
        The value as the caller sent it.
    accepted
        Names that are served, the shortest of each format first.
    """

    def __init__(self, requested: str, accepted: Sequence[str]) -> None:
        self.requested = requested
        self.accepted = tuple(accepted)
        super().__init__(
            f"RESPONSEFORMAT {requested!r} is not supported; use one of: {', '.join(self.accepted)}"
        )


class ResultIncomplete(RegistryError):
    """Say that a result broke off in a format that has no place to tell so.

    The bytes already written are a prefix of the result: whoever sends them must cut the
    transfer (no terminating chunk), so that nobody takes the prefix for the whole.
    """
