"""Names of users, groups and tokens: what they may look like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress

from registry.errors import AccountRejected

__all__ = [
    "external_group_names",
    "folded",
    "group_name",
    "likely_user_name",
    "token_name",
    "user_name",
]

_USER = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,149}")
"""No colon (it ends the name in HTTP Basic, RFC 7617 section 2), nothing that URLs escape."""

_RESERVED = frozenset({"anonymous", "operator"})
"""Who owns what the command line of the host published, and who shows no credentials."""

_LENGTH = 150


def user_name(text: str) -> str:
    """Check the name of a user, and give it in lower case: case never tells people apart.

    Raises
    ------
    AccountRejected
        If it cannot be a name.
    """
    name = text.strip().lower()
    if not _USER.fullmatch(name):
        raise AccountRejected(
            "username",
            f"the user name {text[:200]!r} is not possible: letters a to z, digits and . _ @ + - "
            f"alone, a letter or digit first, at most {_LENGTH} characters",
        )
    if name in _RESERVED:
        raise AccountRejected("username", f"the user name {name!r} is reserved; take another")
    return name


def folded(text: str) -> str:
    """Give the form in which a name would be kept; of an impossible name, one of nobody."""
    # Databases refuse the character NUL, even in a question.
    return text.strip().lower().replace("\0", "\ufffd")[:200]


def likely_user_name(wanted: str) -> str:
    """Make a user name of what an institution calls somebody; any text gives one."""
    plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9._@+-]+", "_", plain.strip()).lstrip("._@+-")[: _LENGTH - 10]
    return "user" if not name or name in _RESERVED else name


def group_name(text: str) -> str:
    """Check the name of a group.

    Raises
    ------
    AccountRejected
        If it is empty, too long or has control characters.
    """
    return _label("group", text)


_EXTERNAL_GROUPS_MAX = 500
"""Groups of one person that are followed: more than anybody is in."""


def external_group_names(source: str, names: Iterable[str]) -> frozenset[str]:
    """Give the names under which groups of an institution are kept here, as ``oidc:astro``.

    They never are those of local groups, which a provider could name as well. Names that cannot be
    those of groups are left out: an institution lists what it likes.

    Parameters
    ----------
    source
        Kind of login.
    names
        As the institution says.
    """
    found = []
    for name in sorted(names):
        with suppress(AccountRejected):
            found.append(group_name(f"{source}:{group_name(name)}"))
    return frozenset(found[:_EXTERNAL_GROUPS_MAX])


def token_name(text: str) -> str:
    """Check the name of a token; raises as `group_name`."""
    return _label("token", text)


def _label(kind: str, text: str) -> str:
    name = text.strip()
    if not name or len(name) > _LENGTH or not name.isprintable():
        raise AccountRejected(
            kind,
            f"the {kind} name {text[:200]!r} is not possible: 1 to {_LENGTH} characters of text",
        )
    return name
