"""Quantities as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["cell_text", "moment_text", "number_text", "size_text"]

_NOTHING = "\u2013"

_ELEMENTS = 4
_CELL_CHARACTERS = 120

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size_text(size_bytes: float | None) -> str:
    """Write a size for people, in powers of 1000."""
    if size_bytes is None:
        return _NOTHING
    for unit in _UNITS:
        if size_bytes < 1000 or unit == _UNITS[-1]:
            break
        size_bytes /= 1000
    return f"{size_bytes:.{0 if size_bytes >= 10 or unit == 'B' else 1}f} {unit}"


def number_text(value: float | None) -> str:
    """Write a number for people: thin spaces between thousands, six digits of a fraction."""
    if value is None:
        return _NOTHING
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    return f"{value:.6g}"


def moment_text(moment: datetime | None) -> str:
    """Write a moment in UTC to the minute."""
    return _NOTHING if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def cell_text(value: object) -> str:
    """Write a value of a table: floating numbers with eight digits, arrays cut short."""
    if value is None:
        return _NOTHING
    if isinstance(value, float):
        return f"{value:.8g}"
    if isinstance(value, list):
        shown = ", ".join(cell_text(each) for each in value[:_ELEMENTS])
        return f"[{shown}{', …' if len(value) > _ELEMENTS else ''}]"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = str(value)
    return text if len(text) <= _CELL_CHARACTERS else f"{text[:_CELL_CHARACTERS]}…"
