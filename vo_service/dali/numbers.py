"""Numbers in the values of parameters."""

from __future__ import annotations

import re

from vo_service.dali.errors import InvalidParameter
from vo_service.dali.params import Parameters

__all__ = ["bounded_number", "read_number"]

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


def read_number(text: str) -> float | None:
    """Read a decimal number as VOTable writes it; none for all else, infinity included."""
    if _NUMBER.fullmatch(text.strip()) is None:
        return None
    value = float(text)
    return value if abs(value) != float("inf") else None


def bounded_number(
    parameters: Parameters, name: str, what: str, least: float, most: float
) -> float:
    """Give the number that a parameter must have.

    Parameters
    ----------
    parameters
        All that the request carries.
    name
        Of the parameter.
    what
        What it means, with its unit, for the messages.
    least, most
        Bounds, both allowed.

    Raises
    ------
    MissingParameter
        If it is absent.
    InvalidParameter
        If it is no number, or not within the bounds, or has several values.
    """
    advice = f"give the {what}, a decimal number from {least:g} to {most:g}"
    text = parameters.required(name, advice)
    value = read_number(text)
    if value is None or not least <= value <= most:
        raise InvalidParameter(name, text, advice)
    return value
