"""Whether what is stored is what was published: checksums of files, rows of tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from registry.model.product import Product, ProductStatus
from registry.model.product_file import ProductFile
from registry.model.table import Storage
from registry.products.rebuilding import table_problem
from registry.products.records import ProductStores
from registry.stores.metadata.user_tables import SqlUserTableStore
from registry.stores.table import TableStore

__all__ = ["Finding", "damaged_files", "damaged_tables", "damaged_user_tables"]

_CHUNK_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes
    ----------
    place
        Path below the home folder.
    reason
        What is wrong with it.
    size_bytes
        Of what has no reason to be there; 0 for what is missing.
    """

    place: str
    reason: str
    size_bytes: int = 0


def damaged_files(
    stores: ProductStores,
    files: list[ProductFile],
    products: dict[int, Product],
    *,
    checksums: bool,
) -> Iterator[Finding]:
    """Find files that are missing, empty, cut or changed.

    Parameters
    ----------
    stores
        Of the installation.
    files, products
        What the records say.
    checksums
        Whether every byte is read; sizes are looked at in any case.
    """
    for file in files:
        product = products[file.product_id]
        if product.status is ProductStatus.DELETED:
            continue
        path = stores.files.path(product.internal_name, file.stored)
        problem = _folder_problem(stores, path, file, checksums=checksums)
        if problem is not None:
            place = path.relative_to(stores.files.home).as_posix()
            yield Finding(place, f"{file.name!r} of {product.internal_name!r} {problem}")


def damaged_tables(
    stores: ProductStores, tables: TableStore, products: list[Product]
) -> Iterator[tuple[Product, Finding]]:
    """Read the tables of published products, and find those that are not whole.

    Parameters
    ----------
    stores, tables
        Of the installation.
    products
        Published ones.
    """
    for product in products:
        version = product.version
        if version is None:
            continue
        storage = Storage(version.relation, version.table_file)
        problem = table_problem(tables, storage, version.n_rows)
        if problem is not None and stores.products.has_table(version.table_file):
            reason = f"the table of {product.internal_name!r} is damaged: {problem}"
            yield product, Finding(f"tables/{version.table_file}", reason)


def damaged_user_tables(users: SqlUserTableStore, tables: TableStore) -> Iterator[Finding]:
    """Read the tables of all users, and find those that are not whole: nothing makes them again.

    Parameters
    ----------
    users
        The records.
    tables
        The rows.
    """
    for table in users.everybodys():
        problem = table_problem(tables, table.storage, table.n_rows)
        if problem is not None and table in users.everybodys():
            reason = f"the table {table.name} of {table.owner} is damaged: {problem}"
            yield Finding(f"tables/{table.storage.file}", reason)


def _folder_problem(
    stores: ProductStores, path: Path, file: ProductFile, *, checksums: bool
) -> str | None:
    if not file.is_directory:
        # Of folders, a release of long ago kept no list.
        if path.is_dir():
            return None
        return _problem(path, file.size_bytes, file.sha256 if checksums else None)
    for member in stores.drafts.members(file.id):
        checksum = member.sha256 if checksums else None
        problem = _problem(path / member.path, member.size_bytes, checksum)
        if problem is not None:
            return f"is not whole: {member.path!r} {problem}"
    return None


def _problem(path: Path, size_bytes: int, sha256: str | None) -> str | None:
    try:
        found = path.stat().st_size
        if found != size_bytes:
            return f"has {found} bytes, not {size_bytes}"
        if sha256 is not None and _checksum(path) != sha256:
            return "has another checksum than when it came: it was changed or damaged"
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
