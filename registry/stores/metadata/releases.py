"""Data releases in the metadata database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from registry.errors import GroupNotFound, ReleaseNotFound, ReleaseRejected
from registry.model.object_catalogue import ObjectCatalogue
from registry.model.product import ProductStatus
from registry.model.release import Release
from registry.stores.metadata.account_schema import groups, release_groups, releases
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.schema import products, schema_state

__all__ = ["SqlReleaseStore"]


class SqlReleaseStore:
    """Keeps releases and the groups that they are open to; every method is one transaction.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def schema_version(self) -> int:
        """Give the counter that moves whenever rights or visible tables change."""
        with self._database.reading() as connection:
            version: int = connection.execute(select(schema_state.c.version)).scalar_one()
            return version

    def releases(self) -> list[Release]:
        """List all releases by name."""
        with self._database.reading() as connection:
            return _releases(connection)

    def add(self, values: Mapping[str, Any], group_names: Iterable[str]) -> Release:
        """Make a release.

        Parameters
        ----------
        values
            Of the columns, all but number and moment.
        group_names
            Of the groups that it is open to.

        Raises
        ------
        ReleaseRejected
            If the name is taken.
        GroupNotFound
            If there is no such group.
        """
        try:
            with self._database.writing() as connection:
                made = connection.execute(
                    insert(releases).values(created=datetime.now(UTC), **values)
                )
                key = made.inserted_primary_key
                _set_groups(connection, int(key[0]) if key else 0, group_names)
                _bump(connection)
                return _named(connection, values["name"])
        except IntegrityError as error:
            raise ReleaseRejected(
                "name",
                f"there is a release {values['name']!r} already; change it, or take another name",
            ) from error

    def update(
        self, name: str, values: Mapping[str, Any], group_names: Iterable[str] | None
    ) -> Release:
        """Change a release.

        Parameters
        ----------
        name
            Of the release.
        values
            Columns that change.
        group_names
            Of all groups that it is open to from now on; by default they stay.

        Raises
        ------
        ReleaseNotFound, GroupNotFound
            If there is none of this name.
        """
        with self._database.writing() as connection:
            found = _named(connection, name)
            if values:
                connection.execute(
                    update(releases).where(releases.c.id == found.id).values(**values)
                )
            if group_names is not None:
                _set_groups(connection, found.id, group_names)
            _bump(connection)
            return _named(connection, name)

    def remove(self, name: str) -> None:
        """Remove a release that no product is in.

        Raises
        ------
        ReleaseNotFound
            If there is none of this name.
        ReleaseRejected
            If a product is in it, which nobody could say who may see without it.
        """
        inside = (
            select(products.c.internal_name)
            .where(products.c.release == name, products.c.status != int(ProductStatus.DELETED))
            .limit(1)
        )
        with self._database.writing() as connection:
            found = _named(connection, name)
            product: str | None = connection.execute(inside).scalar()
            if product is not None:
                raise ReleaseRejected(
                    "name",
                    f"the product {product} is in the release {name!r}; put it into another "
                    "or withdraw it first",
                )
            connection.execute(
                delete(release_groups).where(release_groups.c.release_id == found.id)
            )
            connection.execute(delete(releases).where(releases.c.id == found.id))
            _bump(connection)


def _releases(connection: Connection) -> list[Release]:
    opened: dict[int, set[str]] = {}
    joined = select(release_groups.c.release_id, groups.c.name).join(
        groups, groups.c.id == release_groups.c.group_id
    )
    for row in connection.execute(joined):
        opened.setdefault(row.release_id, set()).add(row.name)
    rows = connection.execute(select(releases).order_by(releases.c.name))
    return [_release(row, frozenset(opened.get(row.id, ()))) for row in rows]


def _named(connection: Connection, name: str) -> Release:
    for release in _releases(connection):
        if release.name == name:
            return release
    raise ReleaseNotFound.named(name)


def _release(row: Row[Any], opened: frozenset[str]) -> Release:
    return Release(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        description=row.description,
        created=row.created,
        indexing_column=row.indexing_column,
        has_mag_hats=row.has_mag_hats,
        has_flux_hats=row.has_flux_hats,
        dereddening=None if row.dereddening is None else tuple(row.dereddening),
        fluxes=None if row.fluxes is None else tuple(row.fluxes),
        is_public=row.is_public,
        groups=opened,
        catalogs=tuple(map(_catalogue, row.catalogs or ())),
    )


def _catalogue(record: Mapping[str, Any]) -> ObjectCatalogue:
    fluxes = {kind: (pair[0], pair[1]) for kind, pair in record["fluxes"].items()}
    return ObjectCatalogue(**{**record, "fluxes": fluxes})


def _set_groups(connection: Connection, release_id: int, names: Iterable[str]) -> None:
    known = {row.name: row.id for row in connection.execute(select(groups.c.name, groups.c.id))}
    wanted = sorted(set(names))
    for name in wanted:
        if name not in known:
            raise GroupNotFound(f"there is no group {name!r}")
    connection.execute(delete(release_groups).where(release_groups.c.release_id == release_id))
    if wanted:
        rows = [{"release_id": release_id, "group_id": known[name]} for name in wanted]
        connection.execute(insert(release_groups), rows)


def _bump(connection: Connection) -> None:
    connection.execute(update(schema_state).values(version=schema_state.c.version + 1))
