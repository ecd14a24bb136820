"""What follows from the groups that an institution says somebody is in."""

from __future__ import annotations

from dataclasses import dataclass

from registry.errors import CredentialsRejected

__all__ = ["GroupRoles"]


@dataclass(frozen=True, slots=True)
class GroupRoles:
    """Rules of the installation.

    Attributes
    ----------
    required
        Groups of which one is needed to log in; without any, everybody may.
    coordinators, operators
        Groups whose members have the role; without any, logins leave the role as it is.
    """

    required: frozenset[str] = frozenset()
    coordinators: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()

    def require(self, groups: frozenset[str] | None) -> None:
        """Check that somebody may log in.

        Raises
        ------
        CredentialsRejected
            If none of the groups is one of those that may.
        """
        if self.required and not self.required & (groups or frozenset()):
            raise CredentialsRejected(
                "your institution knows you, but you are in none of the groups that may use this "
                "service; ask its operators"
            )

    def coordinator(self, groups: frozenset[str] | None) -> bool | None:
        """Tell whether somebody is a coordinator; nothing where the groups say nothing."""
        return bool(self.coordinators & (groups or frozenset())) if self.coordinators else None

    def operator(self, groups: frozenset[str] | None) -> bool | None:
        """Tell whether somebody is an operator; nothing where the groups say nothing."""
        return bool(self.operators & (groups or frozenset())) if self.operators else None
