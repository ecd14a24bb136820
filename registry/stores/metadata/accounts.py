"""Users and groups in the metadata database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from registry.errors import AccountRejected, GroupNotFound, UserNotFound
from registry.model.account import ExternalIdentity, Group, User
from registry.model.principal import Principal
from registry.model.product import ProductStatus
from registry.stores.metadata.account_schema import (
    groups,
    memberships,
    release_groups,
    sessions,
    tokens,
    users,
)
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.schema import product_groups, products, schema_state
from registry.stores.metadata.user_table_schema import user_tables

__all__ = ["SqlAccountStore", "principal_from_row"]

_ROLES = ("active", "coordinator", "operator")
_TEXTS = ("display_name", "first_name", "last_name", "email")


class SqlAccountStore:
    """Keeps users and groups; every method is one transaction. Names are valid already.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def add_user(self, name: str, values: Mapping[str, Any]) -> User:
        """Make a user.

        Parameters
        ----------
        name
            Of the user.
        values
            Of the columns; what is left out is empty or false.

        Raises
        ------
        AccountRejected
            If the name is taken.
        """
        try:
            with self._database.writing() as connection:
                _insert_user(connection, name, values)
                return _user(_user_row(connection, name))
        except IntegrityError as error:
            raise AccountRejected("username", f"there is a user {name!r} already") from error

    def users(self) -> list[User]:
        """List all users by name."""
        with self._database.reading() as connection:
            return [_user(row) for row in connection.execute(select(users).order_by(users.c.name))]

    def user(self, name: str) -> User:
        """Find a user.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        """
        with self._database.reading() as connection:
            return _user(_user_row(connection, name))

    def password_hash(self, name: str) -> str | None:
        """Give the hash of an active user's password; nothing where there is none."""
        query = select(users.c.password_hash).where(users.c.name == name, users.c.active)
        with self._database.reading() as connection:
            found: str | None = connection.execute(query).scalar()
            return found

    def principal(self, name: str) -> tuple[Principal, bool]:
        """Give the rights of a user, and whether the account is active.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        """
        with self._database.reading() as connection:
            row = _user_row(connection, name)
            return principal_from_row(connection, row), row.active

    def update_user(self, name: str, values: Mapping[str, Any]) -> User:
        """Change a user; a deactivated one loses all tokens and sessions.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        """
        with self._database.writing() as connection:
            row = _user_row(connection, name)
            connection.execute(update(users).where(users.c.id == row.id).values(**values))
            if values.get("active") is False:
                connection.execute(delete(tokens).where(tokens.c.user_id == row.id))
            if values.get("active") is False or "password_hash" in values:
                connection.execute(delete(sessions).where(sessions.c.user_id == row.id))
            return _user(_user_row(connection, name))

    def remove_user(self, name: str) -> None:
        """Remove a user with tokens, sessions and memberships.

        Raises
        ------
        UserNotFound
            If there is none of this name.
        AccountRejected
            If products or tables are owned by the user: who takes the name later would own them.
        """
        owned = (
            (products, "products", (products.c.status != int(ProductStatus.DELETED),)),
            (user_tables, "tables of their own", ()),
        )
        with self._database.writing() as connection:
            row = _user_row(connection, name)
            for table, what, conditions in owned:
                query = select(table.c.id).where(table.c.owner == name, *conditions)
                if connection.execute(query.limit(1)).first() is not None:
                    raise AccountRejected(
                        "username",
                        f"{name!r} owns {what}, which whoever takes the name later would own; give "
                        "them to somebody else or delete them first, or deactivate the account",
                    )
            for table in (tokens, sessions, memberships):
                connection.execute(delete(table).where(table.c.user_id == row.id))
            connection.execute(delete(users).where(users.c.id == row.id))

    def add_group(self, name: str, display_name: str, description: str, source: str) -> Group:
        """Make a group.

        Raises
        ------
        AccountRejected
            If the name is taken.
        """
        try:
            with self._database.writing() as connection:
                _insert_group(connection, name, source, display_name, description)
        except IntegrityError as error:
            raise AccountRejected("group", f"there is a group {name!r} already") from error
        return next(group for group in self.groups() if group.name == name)

    def remove_group(self, name: str) -> None:
        """Remove a group with its memberships; releases and products close to those who were in it.

        Raises
        ------
        GroupNotFound
            If there is none of this name.
        AccountRejected
            If it is the only group of a release: without groups every member could see that.
        """
        with self._database.writing() as connection:
            number = _group_id(connection, name)
            opened = select(release_groups.c.release_id).where(release_groups.c.group_id == number)
            others = select(release_groups.c.release_id).where(release_groups.c.group_id != number)
            alone = set(connection.execute(opened).scalars()) - set(
                connection.execute(others).scalars()
            )
            if alone:
                raise AccountRejected(
                    "group",
                    f"{name!r} is the only group of a release, which every member could see "
                    "without it; give the release another group first",
                )
            connection.execute(delete(release_groups).where(release_groups.c.group_id == number))
            connection.execute(delete(product_groups).where(product_groups.c.name == name))
            connection.execute(delete(memberships).where(memberships.c.group_id == number))
            connection.execute(delete(groups).where(groups.c.id == number))
            connection.execute(update(schema_state).values(version=schema_state.c.version + 1))

    def groups(self) -> list[Group]:
        """List all groups by name, with their members."""
        joined = (
            select(memberships.c.group_id, users.c.name)
            .join(users, users.c.id == memberships.c.user_id)
            .order_by(users.c.name)
        )
        with self._database.reading() as connection:
            members: dict[int, list[str]] = {}
            for row in connection.execute(joined):
                members.setdefault(row.group_id, []).append(row.name)
            return [
                Group(
                    row.id,
                    row.name,
                    row.display_name,
                    row.description,
                    row.source,
                    row.created,
                    tuple(members.get(row.id, ())),
                )
                for row in connection.execute(select(groups).order_by(groups.c.name))
            ]

    def add_member(self, group: str, user: str, source: str) -> None:
        """Put a user into a group; nothing changes for a member.

        Raises
        ------
        GroupNotFound, UserNotFound
            If there is none of this name.
        """
        with self._database.writing() as connection:
            number, user_id = _group_id(connection, group), _user_row(connection, user).id
            _leave(connection, user_id, [number])
            connection.execute(
                insert(memberships).values(user_id=user_id, group_id=number, source=source)
            )

    def remove_member(self, group: str, user: str) -> None:
        """Take a user out of a group; raises as `add_member`."""
        with self._database.writing() as connection:
            number = _group_id(connection, group)
            _leave(connection, _user_row(connection, user).id, [number])

    def external_user(self, identity: ExternalIdentity, name: str) -> User:
        """Find or make the user of an institutional login, and follow what it says.

        Parameters
        ----------
        identity
            As the institution says; groups of its source are made where they are missing.
        name
            For a new user; a number is added while it is taken.
        """
        values: dict[str, Any] = {key: text for key in _TEXTS if (text := getattr(identity, key))}
        for role in ("coordinator", "operator"):
            if (given := getattr(identity, role)) is not None:
                values[role] = given
        with self._database.writing() as connection:
            query = select(users.c.name).where(
                users.c.issuer == identity.issuer, users.c.subject == identity.subject
            )
            found = connection.execute(query).scalar()
            if found is None:
                found = _free_name(connection, name)
                named = {"issuer": identity.issuer, "subject": identity.subject}
                _insert_user(connection, found, {"display_name": found, **values, **named})
            elif values:
                connection.execute(update(users).where(users.c.name == found).values(**values))
            row = _user_row(connection, found)
            if identity.groups is not None:
                _follow_groups(connection, row.id, identity.groups, identity.source)
            return _user(row)


_GROUPS: Select[Any] = (
    select(groups.c.name)
    .join(memberships, memberships.c.group_id == groups.c.id)
    .where(memberships.c.user_id == bindparam("user"))
)


def principal_from_row(connection: Connection, row: Any) -> Principal:  # noqa: ANN401 - rows of several queries
    """Give the rights that the user of a row has now."""
    found = frozenset(connection.execute(_GROUPS, {"user": row.id}).scalars())
    return Principal(row.name, found, row.operator, row.coordinator)


def _user(row: Row[Any]) -> User:
    texts = {name: getattr(row, name) for name in _TEXTS}
    roles = {name: getattr(row, name) for name in _ROLES}
    return User(id=row.id, name=row.name, created=row.created, **texts, **roles)


def _user_row(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
    if row is None:
        raise UserNotFound(f"there is no user {name!r}")
    return row


def _insert_user(connection: Connection, name: str, values: Mapping[str, Any]) -> None:
    defaults = {"active": True, "coordinator": False, "operator": False}
    texts = dict.fromkeys(_TEXTS, "")
    row = {"name": name, "created": datetime.now(UTC), **defaults, **texts, **values}
    connection.execute(insert(users).values(**row))


def _free_name(connection: Connection, name: str) -> str:
    number, candidate = 1, name
    while connection.execute(select(users.c.id).where(users.c.name == candidate)).first():
        number += 1
        candidate = f"{name}{number}"
    return candidate


def _group_id(connection: Connection, name: str) -> int:
    number: int | None = connection.execute(
        select(groups.c.id).where(groups.c.name == name)
    ).scalar()
    if number is None:
        raise GroupNotFound(f"there is no group {name!r}")
    return number


def _insert_group(
    connection: Connection, name: str, source: str, display_name: str = "", description: str = ""
) -> None:
    connection.execute(
        insert(groups).values(
            name=name,
            display_name=display_name or name,
            description=description,
            source=source,
            created=datetime.now(UTC),
        )
    )


def _leave(connection: Connection, user_id: int, numbers: Iterable[int]) -> None:
    connection.execute(
        delete(memberships).where(
            memberships.c.user_id == user_id, memberships.c.group_id.in_(list(numbers))
        )
    )


def _follow_groups(
    connection: Connection, user_id: int, names: frozenset[str], source: str
) -> None:
    known = {row.name: row.id for row in connection.execute(select(groups.c.name, groups.c.id))}
    for name in sorted(names - set(known)):
        _insert_group(connection, name, source)
        known[name] = _group_id(connection, name)
    connection.execute(
        delete(memberships).where(memberships.c.user_id == user_id, memberships.c.source == source)
    )
    query = select(memberships.c.group_id).where(memberships.c.user_id == user_id)
    kept = set(connection.execute(query).scalars())
    rows = [
        {"user_id": user_id, "group_id": known[name], "source": source}
        for name in sorted(names)
        if known[name] not in kept
    ]
    if rows:
        connection.execute(insert(memberships), rows)
