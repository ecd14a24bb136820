"""The main file of a version that is being published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from registry.errors import ProductConflict
from registry.model.product_file import FileMember, ProductContent, ProductFile
from registry.stores.metadata.schema import product_files
from registry.stores.metadata.writes import insert_file, replace_contents, save_facts

__all__ = ["MainFile", "publish_main"]


@dataclass(frozen=True, slots=True)
class MainFile:
    """The main file of a version that is being published.

    Attributes
    ----------
    file
        With the number of the version; without an id if it is not yet known.
    members
        Its files, if it is a folder that is not yet known.
    contents
        What is said of its columns; absent where that stays as it is.
    facts
        What was found in it; absent where that stays as it is.
    """

    file: ProductFile
    members: Sequence[FileMember] = ()
    contents: Sequence[ProductContent] | None = None
    facts: dict[str, Any] | None = None


def publish_main(connection: Connection, product_id: int, main: MainFile, now: datetime) -> None:
    """Record a main file with its version, in the transaction that publishes it.

    Raises
    ------
    ProductConflict
        If the file was replaced meanwhile.
    """
    file = main.file
    file_id = file.id
    if file.id == 0:
        stamped = replace(file, product_id=product_id, created=now, updated=now, registered=now)
        file_id = insert_file(connection, stamped, main.members)
    else:
        found = connection.execute(
            update(product_files)
            .where(product_files.c.id == file.id, product_files.c.version.is_(None))
            .values(version=file.version, n_rows=file.n_rows, updated=now)
        )
        if found.rowcount != 1:
            raise ProductConflict(
                "the main file was replaced while it was being published; publish again"
            )
    if main.contents is not None:
        contents = [replace(content, product_id=product_id) for content in main.contents]
        replace_contents(connection, file_id, contents)
    if main.facts is not None:
        save_facts(connection, file_id, main.facts)
