"""Parameters of the query string, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Parameter"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query string.

    Attributes
    ----------
    name
        As it is sent.
    description
        For people; one sentence.
    schema
        JSON schema of the value.
    """

    name: str
    description: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})
