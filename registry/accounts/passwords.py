"""Passwords: hashed with Argon2id, checked in time that says nothing of the account."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from base64 import b64encode
from collections import OrderedDict
from typing import TYPE_CHECKING

from registry.errors import AccountRejected

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = ["Passwords", "is_token"]

_MINIMUM_LENGTH = 10
"""Characters of a password at least; NIST SP 800-63B asks for 8."""

_MAXIMUM_LENGTH = 1024
"""Characters at most, so that nobody lets us hash megabytes."""

_REMEMBERED_S = 60.0
_REMEMBERED = 1000

_TOKEN = re.compile(r"[0-9a-f]{40}")


def is_token(secret: str) -> bool:
    """Tell whether a secret has the form of our access tokens: 40 hexadecimal digits."""
    return _TOKEN.fullmatch(secret) is not None


class Passwords:
    """Hashes passwords and checks them.

    Notes
    -----
    Argon2id with the parameters of RFC 9106, section 4, second choice (64 MiB), as argon2-cffi
    has them by default: tens of milliseconds. Clients that send HTTP Basic send it with every
    request; a password that was right is therefore remembered for a minute, as a keyed hash
    together with the stored hash, so that a new password takes effect at once.
    """

    def __init__(self) -> None:
        from argon2 import PasswordHasher

        self._hasher = PasswordHasher()
        self._nobody = _hash_of_no_password(self._hasher)
        self._key = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def hash(self, password: str) -> str:
        """Hash a new password.

        Raises
        ------
        AccountRejected
            If it is too short, too long, or looks like an access token.
        """
        if not _MINIMUM_LENGTH <= len(password) <= _MAXIMUM_LENGTH:
            raise AccountRejected(
                "password",
                f"a password has {_MINIMUM_LENGTH} to {_MAXIMUM_LENGTH} characters, this one has "
                f"{len(password)}",
            )
        if is_token(password):
            raise AccountRejected(
                "password", "40 hexadecimal digits would be taken for a token; take other words"
            )
        return self._hasher.hash(password)

    def remembers(self, password: str, stored: str | None) -> bool:
        """Tell whether this password was found right against this hash a moment ago."""
        with self._lock:
            return self._good.get(self._mark(password, stored), 0.0) > time.monotonic()

    def matches(self, password: str, stored: str | None) -> bool:
        """Compare a password with a stored hash; without one it takes as long, and fails."""
        from argon2.exceptions import Argon2Error, InvalidHashError

        if len(password) > _MAXIMUM_LENGTH:
            return False
        try:
            self._hasher.verify(self._nobody if stored is None else stored, password)
        except (Argon2Error, InvalidHashError):
            return False
        if stored is None:
            return False
        self._remember(self._mark(password, stored))
        return True

    def _mark(self, password: str, stored: str | None) -> bytes:
        text = f"{stored}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, hashlib.sha256)

    def _remember(self, mark: bytes) -> None:
        with self._lock:
            self._good[mark] = time.monotonic() + _REMEMBERED_S
            self._good.move_to_end(mark)
            while len(self._good) > _REMEMBERED:
                self._good.popitem(last=False)


def _hash_of_no_password(hasher: PasswordHasher) -> str:
    """Write a hash that costs as much to compare with as others, and that no password has.

    To hash one would take each process 64 MiB and a tenth of a second at its start.
    """

    def written(size: int) -> str:
        return b64encode(secrets.token_bytes(size)).decode().rstrip("=")

    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    kind = hasher.type.name.lower()
    return f"$argon2{kind}$v=19${costs}${written(hasher.salt_len)}${written(hasher.hash_len)}"
