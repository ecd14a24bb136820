"""Datasets of coordinators in the metadata database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from registry.errors import ProductRefused
from registry.model.curated_dataset import CuratedDataset, DatasetLink, DatasetNotFound
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.dataset_schema import datasets

__all__ = ["SqlDatasetStore"]


class SqlDatasetStore:
    """Keeps datasets; every method is one transaction.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def datasets(self) -> list[CuratedDataset]:
        """List all of them, by title."""
        query = select(datasets).order_by(datasets.c.title, datasets.c.name)
        with self._database.reading() as connection:
            return [_dataset(row) for row in connection.execute(query)]

    def dataset(self, name: str) -> CuratedDataset:
        """Find one.

        Raises
        ------
        DatasetNotFound
            If there is none.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(datasets).where(datasets.c.name == name)).first()
        if row is None:
            raise DatasetNotFound.named(name)
        return _dataset(row)

    def add(self, dataset: CuratedDataset) -> None:
        """Keep a new one.

        Raises
        ------
        ProductRefused
            If its name is taken.
        """
        values = {"name": dataset.name, "created": datetime.now(UTC), **_values(dataset)}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(datasets).values(**values))
        except IntegrityError as error:
            raise ProductRefused(
                "title", f"there is a dataset {dataset.name!r} already; choose another title"
            ) from error

    def replace(self, dataset: CuratedDataset) -> None:
        """Change what is said of one.

        Raises
        ------
        DatasetNotFound
            If it is not there any more.
        """
        with self._database.writing() as connection:
            found = connection.execute(
                update(datasets).where(datasets.c.name == dataset.name).values(**_values(dataset))
            )
        if not found.rowcount:
            raise DatasetNotFound.named(dataset.name)

    def remove(self, name: str) -> None:
        """Remove one; its products stay.

        Raises
        ------
        DatasetNotFound
            If there is none.
        """
        with self._database.writing() as connection:
            found = connection.execute(delete(datasets).where(datasets.c.name == name))
        if not found.rowcount:
            raise DatasetNotFound.named(name)


def _values(dataset: CuratedDataset) -> dict[str, Any]:
    return {
        "title": dataset.title,
        "description": dataset.description,
        "links": [[link.title, link.url] for link in dataset.links],
        "products": list(dataset.products),
        "editor": dataset.editor,
        "updated": datetime.now(UTC),
    }


def _dataset(row: Row[Any]) -> CuratedDataset:
    return CuratedDataset(
        name=row.name,
        title=row.title,
        description=row.description,
        links=tuple(DatasetLink(title, url) for title, url in row.links),
        products=tuple(row.products),
        editor=row.editor,
        created=row.created,
        updated=row.updated,
    )
