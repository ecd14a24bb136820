"""Credentials: access tokens, passwords and sessions, and whose they are."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from registry.accounts.attempts import LoginAttempts
from registry.accounts.names import folded, token_name
from registry.accounts.passwords import Passwords, is_token
from registry.durability import disk_errors
from registry.errors import (
    AccountRejected,
    CredentialsRejected,
    MetadataUnavailable,
    StorageFull,
)
from registry.host.places import Places
from registry.model.account import Session, Token
from registry.model.principal import Principal
from registry.stores.metadata.accounts import SqlAccountStore
from registry.stores.metadata.credentials import SqlCredentialStore

__all__ = ["CredentialService"]

_TOKEN_BYTES = 20
"""160 random bits, 40 hexadecimal digits: the form of the Photo-z Server's tokens."""

_USE_RECORDED_EVERY = timedelta(hours=1)
"""How coarse `last_used` is, so that reading with a token writes almost never."""

_EXTERNAL_LOGIN = timedelta(minutes=10)
"""How long somebody may take at the page of an OpenID provider."""


def utc_now() -> datetime:
    """Give the present moment, aware."""
    return datetime.now(UTC)


class CredentialService:
    """Makes credentials and tells whose they are; secrets are stored as hashes alone.

    Parameters
    ----------
    store, accounts
        Of the installation.
    passwords
        Compares passwords.
    attempts
        Counts wrong ones.
    computations
        Places for comparing passwords.
    session_duration
        How long a browser stays logged in.
    clock
        Tells the time, aware.
    """

    def __init__(
        self,
        store: SqlCredentialStore,
        accounts: SqlAccountStore,
        passwords: Passwords,
        attempts: LoginAttempts,
        computations: Places,
        *,
        session_duration: timedelta,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._passwords = passwords
        self._attempts = attempts
        self._computations = computations
        self._session_duration = session_duration
        self._clock = clock

    def authenticate_token(self, secret: str) -> Principal:
        """Tell whose a token is, and what the owner may do now.

        Raises
        ------
        CredentialsRejected
            If nobody has this token, it has expired, or the account is deactivated.
        """
        found = self._store.token(_digest(secret)) if is_token(secret) else None
        now = self._clock()
        if found is None:
            raise CredentialsRejected("the token is not valid here")
        token, principal = found
        if token.expires is not None and token.expires <= now:
            raise CredentialsRejected("the token has expired; make a new one")
        if token.last_used is None or now - token.last_used >= _USE_RECORDED_EVERY:
            # Reading goes on where nothing can be written.
            with contextlib.suppress(StorageFull, MetadataUnavailable):
                self._store.mark_token(token.id, now)
        return principal

    def authenticate_password(self, name: str, password: str, address: str = "") -> Principal:
        """Tell whether a password is that of an account, and what the owner may do now.

        Parameters
        ----------
        name, password
            As they were sent.
        address
            Where they came from.

        Raises
        ------
        CredentialsRejected
            If the password is wrong, or there is no such active account: the same words, in
            the same time.
        LoginsExceeded
            If too many were wrong before.
        HostBusy
            If as many passwords are looked at, in all or from this address, as may be.
        StorageFull
            If there is no room to count attempts.
        """
        account = folded(name)
        stored = self._accounts.password_hash(account)
        if not self._passwords.remembers(password, stored):
            self._look_at(account, password, stored, address)
        return self._accounts.principal(account)[0]

    def _look_at(self, account: str, password: str, stored: str | None, address: str) -> None:
        """Compute what a password is worth: slow, in much memory, and so in few places."""
        with disk_errors():
            self._attempts.check(account, address)
            with self._computations.take(address or "nowhere"):
                if self._passwords.remembers(password, stored):
                    return
                self._attempts.begin(account, address)
                if not self._passwords.matches(password, stored):
                    raise CredentialsRejected("the user name or the password is wrong")
                self._attempts.succeed(account, address)

    def create_token(
        self, user: str, name: str, expires: datetime | None = None
    ) -> tuple[Token, str]:
        """Make an access token.

        Parameters
        ----------
        user
            Its owner.
        name
            By which the owner will know it.
        expires
            Moment from which it is not valid, aware; by default never.

        Returns
        -------
        token, secret
            The secret is 40 hexadecimal digits, and cannot be had again.

        Raises
        ------
        UserNotFound
            If there is no such user.
        AccountRejected
            If the name is taken or impossible, the user has too many, or it has expired.
        """
        return self._create(user, name, expires, replacing=False)

    def replace_token(
        self, user: str, name: str, expires: datetime | None = None
    ) -> tuple[Token, str]:
        """Make an access token in the place of one of the same name, if there is any.

        Raises
        ------
        UserNotFound, AccountRejected
            As `create_token`.
        """
        return self._create(user, name, expires, replacing=True)

    def login_token(self, user: str, kind: str, lifetime: timedelta) -> tuple[Token, str]:
        """Make a token for a login; of those of one kind the ones least lately used go.

        Parameters
        ----------
        user
            Its owner.
        kind
            Beginning of its name.
        lifetime
            After which it is not valid.

        Raises
        ------
        UserNotFound
            If there is no such user.
        """
        now = self._clock()
        name = f"{kind} {now:%Y-%m-%d %H:%M:%S.%f} {secrets.token_hex(3)}"
        return self._create(user, name, now + lifetime, replacing=False, rotated=f"{kind} ")

    def tokens(self, user: str) -> list[Token]:
        """List the tokens of a user, the oldest first.

        Raises
        ------
        UserNotFound
            If there is no such user.
        """
        return self._store.tokens(folded(user))

    def revoke_token(self, user: str, which: str | int) -> None:
        """Make a token worthless at once.

        Parameters
        ----------
        user
            Its owner.
        which
            Its name, or its number.

        Raises
        ------
        UserNotFound, TokenNotFound
            If there is no such user, or the user has no such token.
        """
        if isinstance(which, str):
            which = which.replace("\0", "\ufffd")
        self._store.remove_token(folded(user), which)

    def open_session(self, user: str) -> Session:
        """Log a browser in.

        Raises
        ------
        UserNotFound
            If there is no such user.
        """
        secret, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), self._clock()
        expires = now + self._session_duration
        self._store.add_session(folded(user), _digest(secret), csrf, now, expires)
        return Session(secret, user, csrf, expires)

    def session(self, secret: str) -> tuple[Principal, Session] | None:
        """Tell whose session a cookie is, with the rights now; nothing if it is over."""
        found = self._store.session(_digest(secret), self._clock())
        if found is None:
            return None
        principal, csrf, expires = found
        return principal, Session(secret, principal.user or "", csrf, expires)

    def close_session(self, secret: str) -> None:
        """Log a browser out."""
        self._store.remove_session(_digest(secret))

    def begin_external_login(self, nonce: str, verifier: str, next_path: str) -> str:
        """Keep what a login at an OpenID provider needs when it comes back.

        Parameters
        ----------
        nonce, verifier
            Of OpenID Connect and of PKCE.
        next_path
            Where the person goes afterwards.

        Returns
        -------
        state
            Secret that names the login.
        """
        state, now = secrets.token_urlsafe(32), self._clock()
        values = {"nonce": nonce, "verifier": verifier, "next": next_path}
        self._store.add_external_login(
            _digest(state), {**values, "expires": now + _EXTERNAL_LOGIN}, now
        )
        return state

    def take_external_login(self, state: str) -> dict[str, str]:
        """Give ``nonce``, ``verifier`` and ``next`` of a login under way, once.

        Raises
        ------
        CredentialsRejected
            If there is none, or it took too long.
        """
        found = self._store.take_external_login(_digest(state), self._clock())
        if found is None:
            raise CredentialsRejected("this login is not known any more; begin it again")
        return found

    def _create(
        self,
        user: str,
        name: str,
        expires: datetime | None,
        *,
        replacing: bool,
        rotated: str | None = None,
    ) -> tuple[Token, str]:
        now = self._clock()
        if expires is not None and expires <= now:
            raise AccountRejected("expires", f"the token would expire in the past: {expires}")
        secret = secrets.token_hex(_TOKEN_BYTES)
        token = self._store.add_token(
            folded(user),
            token_name(name),
            _digest(secret),
            now,
            expires,
            replacing=replacing,
            rotated=rotated,
        )
        return token, secret


def _digest(secret: str) -> str:
    # Secrets have at least 160 random bits, which no slow hash would protect better.
    return hashlib.sha256(secret.encode()).hexdigest()
