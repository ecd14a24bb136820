"""Products as people take them home: archives, main files, and other formats."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from registry.durability import disk_errors
from registry.errors import (
    ProductFileNotFound,
    ProductRefused,
)
from registry.formats.readers import ReadOptions
from registry.formats.readers.nulls import NulledTable
from registry.formats.readers.processes import ReadingProcesses
from registry.formats.writers.base import ResultWriter
from registry.formats.writers.errors import UnsupportedFormat
from registry.formats.writers.registry import writer_for
from registry.host.client import waiting_client
from registry.host.spool import SharedSpool
from registry.ingestion.conversion import table_result
from registry.model.principal import Principal
from registry.model.product import Product, ProductColumn
from registry.model.product_file import FileMember, FileRole, ProductContent, ProductFile
from registry.products.access import ProductAccess
from registry.products.archive_metadata import product_metadata
from registry.products.contents import annotated_field
from registry.products.plain_tables import plain_format
from registry.products.records import ProductLimits, ProductStores
from registry.products.virtual_zip import VirtualZip, ZipEntry, file_bytes

__all__ = ["Conversion", "Download", "ProductDownloads"]

METADATA_NAME = "product_metadata.yaml"
"""File of an archive that describes the product: the Photo-z Server's name for it."""

_FORMATS = ("votable", "fits", "csv", "parquet", "hdf5")

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Download:
    """Something of known length, of which any part can be sent.

    Attributes
    ----------
    name
        For the file at the other end.
    media_type
        Of the contents.
    size_bytes
        Of all of it.
    etag
        Opaque text that changes with the contents, without quotes.
    sha256
        Of the contents, where it is known without reading them.
    path
        Where the contents are, if they are a file as it is.
    """

    name: str
    media_type: str
    size_bytes: int
    etag: str
    sha256: str | None
    reader: Callable[[int, int], Iterator[bytes]]
    path: Path | None = None

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Give a range of the contents, piece by piece.

        Parameters
        ----------
        start, stop
            First byte, and the byte behind the last one; the end by default.

        Raises
        ------
        ProductFileNotFound
            If a file was removed meanwhile.
        """
        last = self.size_bytes if stop is None else min(stop, self.size_bytes)
        return self.reader(start, last)


@dataclass(frozen=True, slots=True)
class Conversion:
    """A table in another format, ready to be sent.

    Attributes
    ----------
    name, media_type
        Of the new file.
    file
        At its beginning; it goes when it is closed.
    size_bytes
        Of the file.
    """

    name: str
    media_type: str
    file: BinaryIO
    size_bytes: int


class ProductDownloads:
    """Gives products to those who may see them.

    Parameters
    ----------
    stores
        Of the installation.
    access
        Checks what callers may see.
    reading
        Opens files.
    limits
        What converted files may take.
    """

    def __init__(
        self,
        stores: ProductStores,
        access: ProductAccess,
        reading: ReadingProcesses,
        limits: ProductLimits,
    ) -> None:
        self._stores = stores
        self._access = access
        self._reading = reading
        self._spool = SharedSpool(
            stores.files.home / "uploads" / "converted",
            limits.converted_bytes,
            limits.converted_bytes_per_visitor,
        )

    def product(self, principal: Principal, key: int | str) -> Download:
        """Give a whole product as ZIP archive, with its metadata in YAML.

        Parameters
        ----------
        principal
            Who asks.
        key
            Id or internal name.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        """
        product = self._access.seen(principal, key)
        main = self._access.main_file(product)
        files = [
            file
            for file in self._stores.drafts.files_of(product.id)
            if file.role is not FileRole.MAIN
        ]
        contents = [] if main is None else self._stores.contents.contents_of(main.id)
        metadata = product_metadata(product, main, contents, files)
        taken = {METADATA_NAME}
        entries = [ZipEntry.of_bytes(METADATA_NAME, metadata, product.updated)]
        for file in ([] if main is None else [main]) + files:
            entries += self._entries(product, file, _free_name(file.name, taken))
        archive = VirtualZip(entries)
        return _archive(f"{product.internal_name}.zip", archive)

    def main_file(
        self, principal: Principal, key: int | str, version: int | None = None
    ) -> Download:
        """Give a main file as it was uploaded; a folder as ZIP archive of what is in it.

        Parameters
        ----------
        principal
            Who asks.
        key
            Id or internal name.
        version
            Number of a published version; the current one by default.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        ProductFileNotFound
            If it has no main file, or no such version.
        """
        product = self._access.seen(principal, key)
        if version is None:
            found = self._access.main_file(product)
        else:
            files = self._stores.drafts.files_of(product.id)
            found = next((file for file in files if file.version == version), None)
        if found is None:
            what = "main file" if version is None else f"version {version}"
            raise ProductFileNotFound(f"product {product.internal_name!r} has no {what}")
        return self._download(product, found)

    def plain_format(self, principal: Principal, key: int | str) -> str | None:
        """Name the format in which programs that know one table in a file get the main file.

        Parameters
        ----------
        principal
            Who asks.
        key
            Id or internal name.

        Returns
        -------
        str or None
            A format of `converted`; nothing where they get the file as it was uploaded.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        """
        main = self._access.main_file(self._access.seen(principal, key))
        return None if main is None else plain_format(main, self._stores.contents.facts(main.id))

    def file(self, principal: Principal, file: ProductFile) -> Download:
        """Give one file of a product.

        Parameters
        ----------
        principal
            Who asks.
        file
            What `ProductFiles.file` found for the caller.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        """
        return self._download(self._access.seen(principal, file.product_id), file)

    def converted(self, principal: Principal, key: int | str, form: str) -> Conversion:
        """Give the table of a product in another format, in file order, with its metadata.

        Parameters
        ----------
        principal
            Who asks.
        key
            Id or internal name.
        form
            ``votable``, ``fits``, ``csv``, ``parquet`` or ``hdf5``.

        Raises
        ------
        ProductNotFound, ProductFileNotFound
            If there is no such product for the caller, or no main file.
        ProductRefused
            If the main file holds no table, or the format is another one.
        UnreadableFile, FormatLimit, StorageFull
            If the table cannot be written in this format.
        ShareExceeded, HostBusy
            If too many files are read, or wait to be sent.
        ReadingGivenUp
            If who waited for it went away.

        Notes
        -----
        The whole file is made first: a client that reads slowly keeps no process.
        """
        product = self._access.seen(principal, key)
        main = self._access.main_file(product)
        if main is None:
            raise ProductFileNotFound(f"product {product.internal_name!r} has no main file")
        contents = {c.column_name: c for c in self._stores.contents.contents_of(main.id)}
        if not contents:
            raise ProductRefused(
                "format", f"{main.name!r} holds no table, so that it has one format only"
            )
        try:
            writer = writer_for(form if form.lower() in _FORMATS else f"?{form}")
        except UnsupportedFormat:
            raise ProductRefused(
                "format", f"{form[:40]!r} is no format; use one of {', '.join(_FORMATS)}"
            ) from None
        stem = PurePosixPath(main.name).stem or "table"
        file, size_bytes = self._convert(product, main, contents, writer)
        return Conversion(f"{stem}.{writer.extension}", writer.media_type, file, size_bytes)

    def _convert(
        self,
        product: Product,
        main: ProductFile,
        contents: dict[str, ProductContent],
        writer: ResultWriter,
    ) -> tuple[BinaryIO, int]:
        published: dict[str, ProductColumn] = {}
        if main.version is not None:
            found = self._stores.products.columns([(product.id, main.version)])
            published = {c.column.field.name: c for c in found[product.id]}
        path = self._stores.files.path(product.internal_name, main.stored)
        nulls = {name: content.null_values or () for name, content in contents.items()}
        client = waiting_client()
        with self._reading.open(path, ReadOptions(**main.reading)) as opened, disk_errors():
            result, _ = table_result(
                NulledTable(opened, nulls),
                main.name,
                annotate=lambda field: annotated_field(field, published, contents.get(field.name)),
            )
            spooled = self._spool.open("" if client is None else client.visitor())
            try:
                for piece in writer.write(result):
                    spooled.write(piece)
                return spooled.finish(), spooled.size_bytes
            except BaseException:
                spooled.close()
                raise

    def _download(self, product: Product, file: ProductFile) -> Download:
        file = self._complete(product, file)
        if file.is_directory:
            return _archive(f"{file.name}.zip", VirtualZip(self._entries(product, file, "")))
        path = self._stores.files.path(product.internal_name, file.stored)
        return Download(
            file.name,
            file.media_type or "application/octet-stream",
            file.size_bytes,
            file.sha256,
            file.sha256,
            lambda start, stop: file_bytes(path, start, stop),
            path,
        )

    def _entries(self, product: Product, file: ProductFile, name: str) -> list[ZipEntry]:
        file = self._complete(product, file)
        path = self._stores.files.path(product.internal_name, file.stored)
        if not file.is_directory:
            return [
                ZipEntry(name, path, file.size_bytes, file.crc32 or 0, file.created, file.sha256)
            ]
        return [
            ZipEntry(
                f"{name}/{member.path}".lstrip("/"),
                path / member.path,
                member.size_bytes,
                member.crc32,
                file.created,
                member.sha256,
            )
            for member in self._stores.drafts.members(file.id)
        ]

    def _complete(self, product: Product, file: ProductFile) -> ProductFile:
        """Find the checksum that older releases did not keep."""
        if file.crc32 is not None or file.is_directory:
            return file
        path = self._stores.files.path(product.internal_name, file.stored)
        if path.is_dir():
            members = tuple(
                FileMember(str(p.relative_to(path)), p.stat().st_size, "", _crc32(p))
                for p in sorted(path.rglob("*"))
                if p.is_file()
            )
            self._stores.drafts.complete_file(file.id, None, members)
            return replace(file, is_directory=True)
        crc = _crc32(path)
        self._stores.drafts.complete_file(file.id, crc, ())
        return replace(file, crc32=crc)


def _archive(name: str, archive: VirtualZip) -> Download:
    return Download(
        name, "application/zip", archive.size_bytes, archive.checksum, None, archive.read
    )


def _crc32(path: Path) -> int:
    crc = 0
    for chunk in file_bytes(path, 0, path.stat().st_size):
        crc = zlib.crc32(chunk, crc)
    return crc


def _free_name(name: str, taken: set[str]) -> str:
    path, number, free = PurePosixPath(name), 1, name
    while free.lower() in {other.lower() for other in taken}:
        number += 1
        free = f"{path.stem}_{number}{path.suffix}"
    taken.add(free)
    return free
