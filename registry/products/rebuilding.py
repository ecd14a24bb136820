"""Products from the archive alone: their records from manifests, their tables from files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from registry.errors import RegistryError, TableDamaged
from registry.formats.readers import ReadOptions
from registry.ingestion.facts import ObservedTable, roles_of
from registry.ingestion.plan import PublishRequest
from registry.ingestion.planner import make_plan
from registry.ingestion.publication import TablePublisher, Work
from registry.model.field import ValueType
from registry.model.product import Product, ProductColumn, ProductStatus
from registry.model.product_file import FileRole, ProductFile
from registry.model.table import Storage
from registry.product_types import product_type_named
from registry.products.records import ProductStores
from registry.products.registration import annotations_of
from registry.stores.identity import Home
from registry.stores.manifest_keeper import RELEASES_FILE, ManifestKeeper
from registry.stores.manifests import Manifest, ManifestFolder
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.dump import put_product, put_shared, remove_rows, reserve_numbers
from registry.stores.metadata.installation import SqlInstallation
from registry.stores.metadata.schema import METADATA, products
from registry.stores.metadata.writes import bump
from registry.stores.table import TableStore

__all__ = ["Rebuilt", "missing_records", "rebuild_records", "remake_table", "table_problem"]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did.

    Attributes
    ----------
    products
        Internal names of the products whose records were made again.
    conflicts
        What stays for the operator.
    """

    products: tuple[str, ...]
    conflicts: tuple[str, ...]


def missing_records(database: MetadataDatabase, home: Path) -> tuple[list[Manifest], list[str]]:
    """Find the manifests that know more than the database, and those that contradict it.

    Parameters
    ----------
    database
        The records, prepared.
    home
        Home folder of the installation.
    """
    query = select(products.c.id, products.c.internal_name, products.c.revision)
    with database.reading() as connection:
        known = {row.id: (row.internal_name, row.revision) for row in connection.execute(query)}
    newest: dict[str, Manifest] = {}
    folder = ManifestFolder(home)
    for manifest in folder.manifests():
        name = manifest.path.parent.name
        if name not in newest or manifest.revision > newest[name].revision:
            newest[name] = manifest
    wanted = []
    conflicts = [f"{path.relative_to(home)} cannot be read" for path in folder.damaged()]
    for name, manifest in newest.items():
        number = manifest.product["id"]
        there, revision = known.get(number, (None, 0))
        if there is not None and there != name:
            conflicts.append(f"the number of {name} is that of {there} in the database")
        elif manifest.revision > revision:
            wanted.append(manifest)
    wanted.sort(key=lambda manifest: int(manifest.product["id"]))
    return wanted, conflicts


def rebuild_records(database: MetadataDatabase, home: Home, folder: Path) -> Rebuilt:
    """Make the records of products again from their manifests.

    Parameters
    ----------
    database
        Without records, or with older ones of the same installation.
    home, folder
        The home and its folder.

    Raises
    ------
    HomeMismatch
        If the database has the records of another installation.
    RegistryError
        If a manifest was written by a newer release; nothing was changed.
    """
    belongings = SqlInstallation(database).belongings()
    if belongings.identity is None and not belongings.places:
        home.adopt(database)
    home.bind(database, tables_lost=True)
    wanted, conflicts = missing_records(database, folder)
    with database.writing(quiet=True) as connection:
        shared = folder / "archive" / RELEASES_FILE
        if shared.exists():
            put_shared(connection, json.loads(shared.read_text())["rows"])
        for manifest in wanted:
            remove_rows(connection, int(manifest.product["id"]))
        # Products may refer to each other as inputs: all of them come before anything else.
        for manifest in wanted:
            put_product(connection, {products.name: manifest.rows[products.name]})
        for manifest in wanted:
            _put_tombstones(connection, manifest)
            put_product(
                connection, {k: rows for k, rows in manifest.rows.items() if k != products.name}
            )
        reserve_numbers(connection, max((int(m.product["id"]) for m in wanted), default=0))
        if wanted:
            bump(connection)
    ManifestKeeper(database, folder).write_due()
    return Rebuilt(tuple(m.path.parent.name for m in wanted), tuple(conflicts))


def table_problem(tables: TableStore, storage: Storage, n_rows: int) -> str | None:
    """Say what is wrong with the stored rows of a version, if anything is."""
    try:
        found = tables.count(storage)
    except TableDamaged as error:
        return str(error)
    return None if found == n_rows else f"it has {found} rows, not {n_rows}"


def remake_table(
    stores: ProductStores, publisher: TablePublisher, tables: TableStore, product: Product
) -> None:
    """Make the table of a product again from its archived file; the new one takes its place.

    Parameters
    ----------
    stores, publisher, tables
        Of the installation.
    product
        Published, with a table.

    Raises
    ------
    RegistryError
        If the file is not there, or does not give the same columns and rows any more; nothing
        was changed.
    """
    version = product.version
    if version is None:
        raise RegistryError(f"{product.internal_name} has no table")
    file = _main_file(stores, product)
    path = stores.files.path(product.internal_name, file.stored)
    contents = stores.contents.contents_of(file.id)
    options = ReadOptions(**file.reading)
    recorded = stores.products.columns([(product.id, version.number)])[product.id]
    annotations = annotations_of(contents)
    kind = replace(product_type_named(product.product_type), mandatory=())
    request = PublishRequest(product.display_name, kind.name, annotations=annotations)
    with (
        stores.files.staging() as staging,
        publisher.open(path, staging, options) as opened,
    ):
        observed = ObservedTable(opened, roles_of(opened.columns, annotations))
        plan = make_plan(observed, request, kind, opened.format)
        if not plan.accepted:
            raise RegistryError("; ".join(plan.problems))
        if _shapes(plan.published_columns) != _shapes(recorded):
            raise RegistryError(
                f"{file.name!r} gives other columns than when it was published; publish it again "
                "as a new version"
            )
        if plan.n_rows != version.n_rows:
            raise RegistryError(f"{file.name!r} has {plan.n_rows} rows, not {version.n_rows}")
        work = Work(plan, opened, staging, _silent, kept=file)
        staged = publisher.stage(product, version.number, work)
        with stores.files.placing():
            tables.publish(staged)
            stores.products.replace_table(
                product.id, version.number, staged.storage.relation, staged.path.name
            )


def _main_file(stores: ProductStores, product: Product) -> ProductFile:
    for file in stores.drafts.files_of(product.id):
        if file.role is FileRole.MAIN and file.version == product.edition:
            return file
    raise RegistryError(f"no record names the main file of {product.internal_name}")


def _shapes(columns: Sequence[ProductColumn]) -> list[tuple[str, Any]]:
    return [(each.column.physical, _shape(each.column.field.type)) for each in columns]


def _shape(value_type: ValueType) -> ValueType:
    """Leave out the length of text and the marks, which older records do not have."""
    if value_type.is_text:
        return ValueType(value_type.datatype)
    return value_type if value_type.is_timestamp else replace(value_type, xtype=None)


def _put_tombstones(connection: Connection, manifest: Manifest) -> None:
    """Stand in for inputs of which nothing is left: their number and name are known."""
    for row in manifest.rows.get("product_inputs", ()):
        there = select(products.c.id).where(products.c.id == row["input_id"])
        if connection.execute(there).first() is None:
            made = manifest.product
            values = {
                column.name: made.get(column.name)
                for column in METADATA.tables["products"].c
                if not column.nullable and column.name in made
            }
            values |= {
                "id": row["input_id"],
                "internal_name": row["internal_name"],
                "display_name": row["internal_name"].partition("_")[2],
                "status": int(ProductStatus.DELETED),
            }
            put_product(connection, {products.name: [values]})


def _silent(_step: str, _fraction: float | None) -> None:
    """Report to nobody."""
