"""Who asks: the caller of every service method."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANONYMOUS", "OPERATOR", "Principal"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller and what is known of their rights.

    Attributes
    ----------
    user
        Name of the user, absent for an anonymous visitor.
    groups
        Names of the groups that the user is a member of.
    operator
        Whether the caller runs the installation (the command line on the host does).
    coordinator
        Whether the caller administers the official products.
    """

    user: str | None = None
    groups: frozenset[str] = frozenset()
    operator: bool = False
    coordinator: bool = False


ANONYMOUS = Principal()
"""A visitor who showed no credentials."""

OPERATOR = Principal(user="operator", operator=True)
"""The person at the command line of the host."""
