"""Which products a transaction changes, found from its statements.

No store has to tell: every INSERT, UPDATE and DELETE on a table that belongs to products is seen
here, also those of code that is yet to be written.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Delete, Engine, Insert, Table, Update, event, true, update

from registry.stores.metadata.dump import OWNED, SHARED, owners
from registry.stores.metadata.schema import products

__all__ = ["RELEASES", "Changes", "watch"]

RELEASES = 0
"""Stands among the numbers of products for releases and groups, of which there is one list."""

_KEY = "pzvo_changes"


class Changes:
    """What one transaction changes.

    Parameters
    ----------
    connection
        Of the transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.products: set[int] = set()
        connection.info[_KEY] = self.products

    def finish(self) -> frozenset[int]:
        """Count the change in the records, and give the products."""
        self._connection.info.pop(_KEY, None)
        changed = frozenset(self.products)
        numbers = sorted(changed - {RELEASES})
        if numbers:
            self._connection.execute(
                update(products)
                .where(products.c.id.in_(numbers))
                .values(revision=products.c.revision + 1)
            )
        return changed

    def drop(self) -> None:
        """Forget them: the transaction is given up."""
        self._connection.info.pop(_KEY, None)


def watch(engine: Engine) -> None:
    """Look at the statements of an engine."""
    event.listen(engine, "before_execute", _before)
    event.listen(engine, "after_execute", _after)


def _before(
    connection: Connection,
    statement: Any,  # noqa: ANN401 - whatever SQLAlchemy executes
    _many: Any,  # noqa: ANN401
    _parameters: Any,  # noqa: ANN401
    _options: Any,  # noqa: ANN401
) -> None:
    changed: set[int] | None = connection.info.get(_KEY)
    if changed is None or not isinstance(statement, Update | Delete):
        return
    table = statement.table
    if table in SHARED:
        changed.add(RELEASES)
    elif isinstance(table, Table) and (table is products or table in OWNED):
        where = statement.whereclause
        changed.update(owners(connection, table, true() if where is None else where))


def _after(
    connection: Connection,
    statement: Any,  # noqa: ANN401 - whatever SQLAlchemy executes
    _many: Any,  # noqa: ANN401
    _parameters: Any,  # noqa: ANN401
    _options: Any,  # noqa: ANN401
    result: Any,  # noqa: ANN401
) -> None:
    changed: set[int] | None = connection.info.get(_KEY)
    if changed is None or not isinstance(statement, Insert):
        return
    table = statement.table
    if table in SHARED:
        changed.add(RELEASES)
    elif table is products:
        changed.add(int(result.inserted_primary_key[0]))
    elif isinstance(table, Table) and table in OWNED:
        column, parent = OWNED[table]
        rows = result.context.compiled_parameters
        keys = {row[column.name] for row in rows if column.name in row}
        where = parent.c.id.in_(keys)
        changed.update(keys if parent is products else owners(connection, parent, where))
