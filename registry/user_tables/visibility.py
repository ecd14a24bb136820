"""Users' tables among those that they may query."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

from registry.model.principal import Principal
from registry.model.table import Schema, TableSet
from registry.model.user_table import UserColumn, UserTable
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.tap_schema import SCHEMA_NAME, with_tap_schema
from registry.user_tables.names import schema_name
from registry.user_tables.positions import described

__all__ = ["OwnTables"]

_SETS = 64
"""Table sets in memory, of so many users at a moment."""

_Key = tuple[str, str, tuple[tuple[int, int], ...]]


class OwnTables:
    """Adds to what everybody may query what a user alone may.

    Parameters
    ----------
    base
        What a caller may query beside tables of their own.
    store
        The records of users' tables.

    Notes
    -----
    A call costs one small read for those who are signed in, and nothing for others. A set is
    made anew only if something of it has changed.
    """

    def __init__(self, base: Callable[[Principal], TableSet], store: SqlUserTableStore) -> None:
        self._base = base
        self._store = store
        self._lock = threading.Lock()
        self._sets: OrderedDict[_Key, TableSet] = OrderedDict()

    def tables(self, principal: Principal) -> TableSet:
        """Give what a caller may query; the user's own schema comes behind the others.

        Parameters
        ----------
        principal
            Who asks.
        """
        base = self._base(principal)
        if principal.user is None:
            return base
        heads = self._store.tables(principal.user)
        if not heads:
            return base
        key = (base.version, principal.user, tuple((head.id, head.number) for head in heads))
        with self._lock:
            found = self._sets.get(key)
            if found is not None:
                self._sets.move_to_end(key)
                return found
        made = self._made(base, principal.user, heads, key)
        with self._lock:
            # Another thread may have been first: one set for all, as caches go by identity.
            made = self._sets.setdefault(key, made)
            while len(self._sets) > _SETS:
                self._sets.popitem(last=False)
        return made

    def _made(self, base: TableSet, user: str, heads: tuple[UserTable, ...], key: _Key) -> TableSet:
        columns: dict[int, tuple[UserColumn, ...]] = self._store.columns(h.id for h in heads)
        # One that went in between has none.
        tables = tuple(described(head, columns[head.id]) for head in heads if columns[head.id])
        own = Schema(schema_name(user), tables, f"Tables of {user}, seen by nobody else.")
        others = [schema for schema in base.schemas if schema.name != SCHEMA_NAME]
        mark = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return with_tap_schema([*others, own], f"{base.version}-{mark}")
