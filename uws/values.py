"""Values that clients send to control a job: read once, refused with a name and a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from uws.errors import InvalidJobParameter
from uws.model import Parameter, Phase

__all__ = ["CONTROLS", "SentValues", "parse_count", "parse_phase", "parse_seconds", "parse_time"]

CONTROLS = frozenset({"phase", "runid", "action", "executionduration", "destruction", "wait"})
"""Names, folded, that control the job itself and never become parameters of it."""


class SentValues:
    """The pairs of a request, query string and form together, names in any case.

    Parameters
    ----------
    pairs
        Names and values in the order in which they were sent.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = tuple(pairs)

    def all(self, name: str) -> Sequence[str]:
        """Give all values of a name."""
        return [value for key, value in self._pairs if key.casefold() == name.casefold()]

    def one(self, name: str) -> str | None:
        """Give the only value of a name; none where it was not sent.

        Raises
        ------
        InvalidJobParameter
            If there are several that differ.
        """
        values = set(self.all(name))
        if len(values) > 1:
            raise InvalidJobParameter(f"{name} was sent {len(values)} times; send it once")
        return values.pop() if values else None

    def required(self, name: str) -> str:
        """Give the only value of a name.

        Raises
        ------
        InvalidJobParameter
            If there is none, or several that differ.
        """
        value = self.one(name)
        if value is None:
            raise InvalidJobParameter(f"{name} is missing: send {name}=...")
        return value

    def parameters(self, by_reference: Callable[[str, str], bool | None]) -> Sequence[Parameter]:
        """Give everything that does not control the job, as parameters of it.

        Parameters
        ----------
        by_reference
            Tells from a name and a value whether the value is a URL; none leaves it unsaid.
        """
        return [
            Parameter(name, value, by_reference(name, value))
            for name, value in self._pairs
            if name.casefold() not in CONTROLS
        ]


def parse_phase(value: str) -> Phase:
    """Read the name of a phase, in any case.

    Raises
    ------
    InvalidJobParameter
        If it is none.
    """
    try:
        return Phase(value.strip().upper())
    except ValueError:
        names = ", ".join(Phase)
        raise InvalidJobParameter(f"PHASE {value[:40]!r} is not one of {names}") from None


def parse_seconds(name: str, value: str) -> int:
    """Read a whole number of seconds.

    Raises
    ------
    InvalidJobParameter
        If it is none.
    """
    try:
        return int(value.strip())
    except ValueError:
        raise InvalidJobParameter(
            f"{name} {value[:40]!r} is not a whole number of seconds"
        ) from None


def parse_count(name: str, value: str) -> int:
    """Read a positive whole number.

    Raises
    ------
    InvalidJobParameter
        If it is none.
    """
    number = parse_seconds(name, value) if value.strip().lstrip("+-").isdigit() else 0
    if number <= 0:
        raise InvalidJobParameter(f"{name} {value[:40]!r} is not a positive whole number")
    return number


def parse_time(name: str, value: str) -> datetime:
    """Read an ISO 8601 time, in UTC where it has no zone (DALI 1.1, section 3.3.3).

    Raises
    ------
    InvalidJobParameter
        If it is none.
    """
    try:
        moment = datetime.fromisoformat(value.strip())
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidJobParameter(
            f"{name} {value[:40]!r} is not a time like 2026-01-31T12:00:00Z"
        ) from None
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)
