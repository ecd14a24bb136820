"""Access tokens, sessions and logins under way in the metadata database, by their hashes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update

from registry.errors import AccountRejected, TokenNotFound, UserNotFound
from registry.model.account import Token
from registry.model.principal import Principal
from registry.stores.metadata.account_schema import external_logins, sessions, tokens, users
from registry.stores.metadata.accounts import principal_from_row
from registry.stores.metadata.database import MetadataDatabase

__all__ = ["SqlCredentialStore"]

_TOKENS_PER_USER = 100
"""Tokens that one user may keep: a list that a person can still read."""


_LOGIN_TOKENS = 20
"""Tokens of one user that logins of one kind made: more than one person has clients."""


class SqlCredentialStore:
    """Keeps hashes of secrets, never the secrets; every method is one transaction.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def add_token(
        self,
        user: str,
        name: str,
        digest: str,
        created: datetime,
        expires: datetime | None,
        *,
        replacing: bool = False,
        rotated: str | None = None,
    ) -> Token:
        """Keep a token, and forget those of its owner that have expired.

        Parameters
        ----------
        user, name
            Its owner, and its name among the owner's.
        digest
            SHA-256 of its secret.
        created, expires
            UTC.
        replacing
            Whether one of the same name goes.
        rotated
            Beginning of the names of tokens that take turns: a few are kept, those that were used
            last, and no other limit counts.

        Raises
        ------
        UserNotFound
            If there is no such user.
        AccountRejected
            If the name is taken, or the user keeps too many.
        """
        with self._database.writing() as connection:
            user_id = _user_id(connection, user)
            over = (tokens.c.user_id == user_id, tokens.c.expires <= created)
            connection.execute(delete(tokens).where(*over))
            same = (tokens.c.user_id == user_id, tokens.c.name == name)
            if replacing:
                connection.execute(delete(tokens).where(*same))
            elif connection.execute(select(tokens.c.id).where(*same)).first():
                raise AccountRejected(
                    "token", f"{user!r} has a token {name!r} already; revoke it, or name another"
                )
            if rotated is not None:
                _forget_unused(connection, user_id, rotated)
            of_user = select(func.count()).where(tokens.c.user_id == user_id)
            full = connection.execute(of_user).scalar_one() >= _TOKENS_PER_USER
            if full and rotated is None:
                raise AccountRejected(
                    "token", f"{user!r} has {_TOKENS_PER_USER} tokens; revoke one first"
                )
            values = {"name": name, "created": created, "expires": expires}
            connection.execute(insert(tokens).values(user_id=user_id, hash=digest, **values))
            row = connection.execute(select(tokens).where(tokens.c.hash == digest)).one()
            return _token(row, user)

    def tokens(self, user: str) -> list[Token]:
        """List the tokens of a user, the oldest first.

        Raises
        ------
        UserNotFound
            If there is no such user.
        """
        with self._database.reading() as connection:
            of_user = tokens.c.user_id == _user_id(connection, user)
            rows = connection.execute(select(tokens).where(of_user).order_by(tokens.c.id))
            return [_token(row, user) for row in rows]

    def remove_token(self, user: str, which: str | int) -> None:
        """Forget a token, by its name or number.

        Raises
        ------
        UserNotFound, TokenNotFound
            If there is no such user, or the user has no such token.
        """
        with self._database.writing() as connection:
            key = tokens.c.id if isinstance(which, int) else tokens.c.name
            of_user = tokens.c.user_id == _user_id(connection, user)
            done = connection.execute(delete(tokens).where(of_user, key == which))
            if not done.rowcount:
                raise TokenNotFound(f"{user!r} has no token {which!r}")

    def token(self, digest: str) -> tuple[Token, Principal] | None:
        """Find a token of an active user, with the rights that the user has now."""
        with self._database.reading() as connection:
            row = connection.execute(_TOKEN, {"digest": digest}).one_or_none()
            if row is None:
                return None
            token = Token(
                row.token_id,
                row.name,
                row.token_name,
                row.token_created,
                row.token_expires,
                row.token_last_used,
            )
            return token, principal_from_row(connection, row)

    def mark_token(self, number: int, used: datetime) -> None:
        """Record when a token was used."""
        with self._database.writing() as connection:
            connection.execute(update(tokens).where(tokens.c.id == number).values(last_used=used))

    def add_session(
        self, user: str, digest: str, csrf: str, created: datetime, expires: datetime
    ) -> None:
        """Keep a session, and forget those that are over.

        Raises
        ------
        UserNotFound
            If there is no such user.
        """
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires <= created))
            connection.execute(
                insert(sessions).values(
                    hash=digest,
                    user_id=_user_id(connection, user),
                    csrf=csrf,
                    created=created,
                    expires=expires,
                )
            )

    def session(self, digest: str, now: datetime) -> tuple[Principal, str, datetime] | None:
        """Find a session of an active user: the rights now, the CSRF secret, the end."""
        with self._database.reading() as connection:
            row = connection.execute(_SESSION, {"digest": digest, "now": now}).one_or_none()
            return (
                None
                if row is None
                else (principal_from_row(connection, row), row.csrf, row.expires)
            )

    def remove_session(self, digest: str) -> None:
        """Forget a session; nothing happens where there is none."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.hash == digest))

    def add_external_login(self, digest: str, values: dict[str, Any], now: datetime) -> None:
        """Keep a login that is under way, and forget those that took too long."""
        with self._database.writing() as connection:
            connection.execute(delete(external_logins).where(external_logins.c.expires <= now))
            connection.execute(insert(external_logins).values(hash=digest, **values))

    def take_external_login(self, digest: str, now: datetime) -> dict[str, str] | None:
        """Give what was kept of a login under way, once."""
        same = external_logins.c.hash == digest
        with self._database.writing() as connection:
            row = connection.execute(
                select(external_logins).where(same, external_logins.c.expires > now)
            ).one_or_none()
            connection.execute(delete(external_logins).where(same))
            if row is None:
                return None
            return {"nonce": row.nonce, "verifier": row.verifier, "next": row.next}


_RIGHTS = (users.c.id, users.c.name, users.c.operator, users.c.coordinator)

# Asked with every request: the text is made once.
_TOKEN: Select[Any] = (
    select(*_RIGHTS, *(column.label(f"token_{column.name}") for column in tokens.c))
    .join(users, users.c.id == tokens.c.user_id)
    .where(tokens.c.hash == bindparam("digest"), users.c.active)
)

_SESSION: Select[Any] = (
    select(*_RIGHTS, sessions.c.csrf, sessions.c.expires)
    .join(users, users.c.id == sessions.c.user_id)
    .where(
        sessions.c.hash == bindparam("digest"),
        sessions.c.expires > bindparam("now"),
        users.c.active,
    )
)


def _user_id(connection: Connection, name: str) -> int:
    number: int | None = connection.execute(select(users.c.id).where(users.c.name == name)).scalar()
    if number is None:
        raise UserNotFound(f"there is no user {name!r}")
    return number


def _forget_unused(connection: Connection, user_id: int, rotated: str) -> None:
    used_last = func.coalesce(tokens.c.last_used, tokens.c.created).desc()
    of_kind = select(tokens.c.id).where(
        tokens.c.user_id == user_id, tokens.c.name.startswith(rotated, autoescape=True)
    )
    numbers = connection.execute(of_kind.order_by(used_last, tokens.c.id.desc())).scalars().all()
    connection.execute(delete(tokens).where(tokens.c.id.in_(numbers[_LOGIN_TOKENS - 1 :])))


def _token(row: Row[Any], user: str) -> Token:
    return Token(row.id, user, row.name, row.created, row.expires, row.last_used)
