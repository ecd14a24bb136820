"""People: who has an account, in which groups they are, and what rights follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from registry.accounts.names import (
    external_group_names,
    folded,
    group_name,
    likely_user_name,
    user_name,
)
from registry.accounts.passwords import Passwords
from registry.errors import AccountRejected, UserDeactivated
from registry.model.account import LOCAL, ExternalIdentity, Group, User
from registry.model.principal import Principal
from registry.stores.metadata.accounts import SqlAccountStore

__all__ = ["AccountService"]

_CHANGEABLE = frozenset(
    {"display_name", "first_name", "last_name", "email", "coordinator", "operator"}
)

_TEXT_LENGTH = {"display_name": 255, "first_name": 150, "last_name": 150, "email": 254}

_SUBJECT_LENGTH = 255
"""OpenID Connect Core 1.0, section 2: at most 255 ASCII characters."""


class AccountService:
    """Keeps accounts and groups. Whoever holds it may change them: the edge checks rights.

    Parameters
    ----------
    store
        Of the installation.
    passwords
        Hashes new ones.
    """

    def __init__(self, store: SqlAccountStore, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords

    def add_user(
        self,
        name: str,
        *,
        display_name: str = "",
        first_name: str = "",
        last_name: str = "",
        email: str = "",
        password: str | None = None,
        coordinator: bool = False,
        operator: bool = False,
    ) -> User:
        """Make an account.

        Parameters
        ----------
        name
            By which the person logs in; kept in lower case.
        display_name, first_name, last_name, email
            Of the person; the display name is by default the user name.
        password
            Without one, the account works with tokens and institutional login alone.
        coordinator, operator
            Roles.

        Raises
        ------
        AccountRejected
            If the name is taken or impossible, or the password cannot be taken.
        """
        checked = user_name(name)
        values: dict[str, Any] = {
            "display_name": display_name or checked,
            "first_name": first_name,
            "last_name": last_name,
            "email": email,
            "coordinator": coordinator,
            "operator": operator,
        }
        _check_texts(values)
        if password is not None:
            values["password_hash"] = self._passwords.hash(password)
        return self._store.add_user(checked, values)

    def users(self) -> list[User]:
        """List all accounts by name."""
        return self._store.users()

    def user(self, name: str) -> User:
        """Find an account.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        """
        return self._store.user(folded(name))

    def update_user(self, name: str, **changes: object) -> User:
        """Change names, e-mail address or roles of a person.

        Parameters
        ----------
        name
            Of the account.
        changes
            New values of `display_name`, `first_name`, `last_name`, `email`, `coordinator`,
            `operator`.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        AccountRejected
            If a value cannot be changed, or is too long.
        """
        for key in changes:
            if key not in _CHANGEABLE:
                raise AccountRejected(key, f"{key} of a user cannot be changed")
        _check_texts(changes)
        return self._store.update_user(folded(name), changes) if changes else self.user(name)

    def set_password(self, name: str, password: str) -> None:
        """Give an account a new password; its browsers are logged out, its tokens stay.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        AccountRejected
            If the password cannot be taken.
        """
        self._store.update_user(folded(name), {"password_hash": self._passwords.hash(password)})

    def deactivate(self, name: str) -> None:
        """Close an account: it cannot be used, its tokens and sessions go, what it owns stays.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        """
        self._store.update_user(folded(name), {"active": False})

    def activate(self, name: str) -> None:
        """Open an account again; raises as `deactivate`."""
        self._store.update_user(folded(name), {"active": True})

    def remove_user(self, name: str) -> None:
        """Remove an account that owns nothing any more.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        AccountRejected
            If it owns products or tables.
        """
        self._store.remove_user(folded(name))

    def add_group(self, name: str, display_name: str = "", description: str = "") -> Group:
        """Make a group.

        Raises
        ------
        AccountRejected
            If the name is taken or impossible.
        """
        return self._store.add_group(group_name(name), display_name, description, LOCAL)

    def remove_group(self, name: str) -> None:
        """Remove a group and its memberships.

        Raises
        ------
        GroupNotFound
            If there is none of this name.
        AccountRejected
            If it is the only group of a release, which would open to every member.
        """
        self._store.remove_group(name)

    def groups(self) -> list[Group]:
        """List all groups by name, with their members."""
        return self._store.groups()

    def add_member(self, group: str, user: str) -> None:
        """Put a user into a group, to stay whatever institutional logins say.

        Raises
        ------
        GroupNotFound, UserNotFound
            If there is none of this name.
        """
        self._store.add_member(group_name(group), folded(user), LOCAL)

    def remove_member(self, group: str, user: str) -> None:
        """Take a user out of a group; raises as `add_member`."""
        self._store.remove_member(group, folded(user))

    def groups_of(self, user: str) -> frozenset[str]:
        """Give the names of the groups that a user is in.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        """
        return self._store.principal(folded(user))[0].groups

    def principal_of(self, user: str) -> Principal:
        """Give the rights that a user has now.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        UserDeactivated
            If the account is closed.
        """
        principal, active = self._store.principal(folded(user))
        if not active:
            raise UserDeactivated(
                f"the account {user!r} is deactivated; ask the operator of the service"
            )
        return principal

    def external_login(self, identity: ExternalIdentity) -> User:
        """Find or make the account of somebody whom an institution knows.

        Parameters
        ----------
        identity
            As the institution says. Its groups replace those of earlier logins of the same
            kind; memberships that operators gave stay.

        Raises
        ------
        UserDeactivated
            If the account is closed.
        AccountRejected
            If the subject is impossible.

        Notes
        -----
        An account is found by issuer and subject alone: a name or an e-mail address that an
        institution asserts never opens an account that exists already.
        """
        for name in (identity.issuer, identity.subject):
            if not name or len(name) > _SUBJECT_LENGTH or not name.isprintable():
                raise AccountRejected("subject", f"{name[:200]!r} cannot name a person")
        if identity.groups is not None:
            groups = external_group_names(identity.source, identity.groups)
        else:
            groups = None
        user = self._store.external_user(
            _clipped(identity, groups), likely_user_name(identity.name)
        )
        self.principal_of(user.name)
        return user


def _check_texts(values: dict[str, Any]) -> None:
    for key, longest in _TEXT_LENGTH.items():
        text = values.get(key, "")
        if not isinstance(text, str) or len(text) > longest or "\0" in text:
            raise AccountRejected(key, f"{key} is a text of at most {longest} characters")


def _clipped(identity: ExternalIdentity, groups: frozenset[str] | None) -> ExternalIdentity:
    texts = {
        key: getattr(identity, key).replace("\0", "")[:longest]
        for key, longest in _TEXT_LENGTH.items()
    }
    return replace(identity, groups=groups, **texts)
