"""Names of users' schemas, and of the tables in them."""

from __future__ import annotations

import re

from registry.errors import NotAllowed, UserTableRefused
from registry.model.identifier import is_regular

__all__ = ["USER_SCHEMA_PREFIX", "schema_name", "table_name"]

USER_SCHEMA_PREFIX = "user_"
"""Beginning of the names of users' schemas; no product type begins so."""

_PLAIN = re.compile(r"[a-z0-9]")

_LENGTH = 63
"""Characters of a table's name, as PostgreSQL has it."""


def schema_name(user: str) -> str:
    """Name the schema of a user: a regular identifier, different for each user.

    Parameters
    ----------
    user
        Name of the user, lower case.

    Notes
    -----
    Letters a to z and digits stand for themselves, ``_`` becomes ``__``, and any other character
    ``_`` and the hexadecimal digits of its UTF-8 bytes, each behind a ``_``: ``anna.b@x.org`` has
    ``user_anna_2eb_40x_2eorg``. The rule can be read backwards, so no two users share a schema.
    """
    return USER_SCHEMA_PREFIX + "".join(map(_escaped, user.lower()))


def table_name(user: str, asked: str) -> str:
    """Check the name of a table of a user; the schema in front of it may be left out.

    Parameters
    ----------
    user
        Whose table.
    asked
        As the request has it.

    Raises
    ------
    NotAllowed
        If it is in another schema.
    UserTableRefused
        If it cannot be a name.
    """
    schema, dot, name = asked.rpartition(".")
    own = schema_name(user)
    if dot and schema.strip('"').lower() != own:
        raise NotAllowed(
            f"the schema {schema[:80]!r} is not yours; your tables are in {own}: {own}.{name[:80]}"
        )
    if not is_regular(name) or len(name) > _LENGTH:
        raise UserTableRefused(
            f"{name[:80]!r} cannot be the name of a table: letters, digits and underscores, a "
            f"letter first, at most {_LENGTH}, and no word of ADQL"
        )
    return name


def _escaped(character: str) -> str:
    if _PLAIN.fullmatch(character):
        return character
    if character == "_":
        return "__"
    return "".join(f"_{byte:02x}" for byte in character.encode())
