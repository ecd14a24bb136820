"""Errors of requests that do not follow DALI.

::

    DaliError
        MissingParameter
        InvalidParameter
        UnsupportedFormat
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["DaliError", "InvalidParameter", "MissingParameter", "UnsupportedFormat"]

_SHOWN_CHARACTERS = 100


class DaliError(Exception):
    """The root of the errors of this package.

    Attributes
    ----------
    parameter
        Name of the parameter, as the standard spells it.
    value
        What was given, none where nothing was.
    advice
        What to do.
    """

    def __init__(self, message: str, parameter: str, value: str | None, advice: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.value = value
        self.advice = advice


class MissingParameter(DaliError):
    """A parameter that the request needs is absent or empty."""

    def __init__(self, parameter: str, advice: str) -> None:
        super().__init__(f"{parameter} is missing: {advice}", parameter, None, advice)


class InvalidParameter(DaliError):
    """A parameter has a value that cannot be used."""

    def __init__(self, parameter: str, value: str, advice: str) -> None:
        super().__init__(
            f"{parameter}={_shown(value)} is not valid: {advice}", parameter, value, advice
        )


class UnsupportedFormat(DaliError):
    """No result can be written in the format that was asked for.

    Parameters
    ----------
    value
        The format asked for.
    offered
        Names of the formats that can be written.
    """

    def __init__(self, value: str, offered: Sequence[str]) -> None:
        advice = f"choose one of {', '.join(offered)}"
        super().__init__(
            f"RESPONSEFORMAT={_shown(value)} is not offered: {advice}",
            "RESPONSEFORMAT",
            value,
            advice,
        )


def _shown(value: str) -> str:
    if len(value) <= _SHOWN_CHARACTERS:
        return value
    return value[:_SHOWN_CHARACTERS] + "..."
