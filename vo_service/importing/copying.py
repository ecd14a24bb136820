"""Copying one product: each step looks at what is there, so that it may be done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urljoin

from registry.errors import ProductRefused
from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileRole, ProductContent
from registry.products.names import clean_file_name
from registry.products.records import ProductDraft
from registry.products.service import ProductService
from registry.stores.metadata.selection import ProductFilter
from vo_service.importing.documents import SourceColumn, SourceFile, SourceProduct
from vo_service.importing.journal import ImportJournal, JournalEntry
from vo_service.importing.plan import PlannedProduct
from vo_service.importing.source import PhotozServer

__all__ = ["ProductCopier"]

_OPTIONAL = ("pz_code", "release_year", "data_url")
"""What a product may lose on its way; its name, description and release it may not."""

Report = Callable[[str, float | None], None]


class ProductCopier:
    """Copies products, in the name of their owners.

    Parameters
    ----------
    source
        The server.
    products
        Of this installation.
    journal
        Remembers how far each product is.
    file_bytes
        Size of a file at most.
    """

    def __init__(
        self,
        source: PhotozServer,
        products: ProductService,
        journal: ImportJournal,
        file_bytes: int,
    ) -> None:
        self._source = source
        self._products = products
        self._journal = journal
        self._file_bytes = file_bytes

    def copy(self, planned: PlannedProduct, report: Report) -> Product:
        """Copy a product, or the rest of it, and publish it.

        Parameters
        ----------
        planned
            What is copied, and whose it becomes.
        report
            Is told the step, and how much of it is done.

        Raises
        ------
        SourceRefused, SourceUnreachable
            If the source does not give what is needed.
        RegistryError
            If it cannot be a product here; what is there of it waits for another run.
        """
        source = planned.source
        principal = Principal(planned.owner, frozenset(), operator=True)
        files = self._source.files(source.id)
        main = next((file for file in files if file.role == FileRole.MAIN), None)
        product = self._product(planned, principal, main)
        if product.status in (ProductStatus.REGISTERING, ProductStatus.FAILED):
            self._copy_files(principal, product, source, files, report)
            if main is not None:
                report("reading the main file", None)
                self._products.register(principal, product.id)
                self._associate(principal, product, source)
            report("publishing", None)
            product = self._products.publish(principal, product.id)
        entry = self._entry(source)
        self._journal.note(source.id, replace(entry, done=True, updated=source.updated_at))
        return product

    def notes(self, source: SourceProduct) -> tuple[str, ...]:
        """Give what could not be copied of a product."""
        entry = self._journal.entry(source.id)
        return () if entry is None else entry.notes

    def _entry(self, source: SourceProduct) -> JournalEntry:
        entry = self._journal.entry(source.id)
        return JournalEntry(datetime.now(UTC).isoformat()) if entry is None else entry

    def _remark(self, source: SourceProduct, note: str) -> None:
        entry = self._entry(source)
        if note not in entry.notes:
            self._journal.note(source.id, replace(entry, notes=(*entry.notes, note)))

    def _product(
        self, planned: PlannedProduct, principal: Principal, main: SourceFile | None
    ) -> Product:
        source, begun = planned.source, self._journal.entry(planned.source.id)
        entry = self._entry(source)
        if entry.product is not None:
            found = self._products.product(principal, entry.product)
            if found.status is not ProductStatus.DELETED:
                return found
            entry = JournalEntry(datetime.now(UTC).isoformat())
        self._journal.note(source.id, replace(entry, product=None))
        made = None if begun is None else self._lost(planned, principal, entry)
        made = made or self._made(planned, principal, main)
        entry = self._entry(source)
        self._journal.note(source.id, replace(entry, product=made.id))
        return made

    def _lost(
        self, planned: PlannedProduct, principal: Principal, entry: JournalEntry
    ) -> Product | None:
        """Find the product that was made before a crash, and not noted."""
        wanted = {
            "user": planned.owner,
            "status": int(ProductStatus.REGISTERING),
            "display_name": planned.source.display_name.strip(),
        }
        since = datetime.fromisoformat(entry.begun) - timedelta(seconds=1)
        noted = self._journal.products()
        for product in self._products.select(principal, ProductFilter(exact=wanted)).products:
            fresh = product.created >= since and product.product_type == planned.product_type
            if (
                fresh
                and product.id not in noted
                and not self._products.files.select(principal, product.id)
            ):
                return product
        return None

    def _made(
        self, planned: PlannedProduct, principal: Principal, main: SourceFile | None
    ) -> Product:
        source = planned.source
        data_url = source.data_url
        if main is None and data_url is None:
            page = f"../product/{quote(source.internal_name or str(source.id))}"
            data_url = urljoin(self._source.url, page)
        draft = ProductDraft(
            display_name=source.display_name,
            product_type=planned.product_type,
            release=planned.release,
            official=source.official_product,
            pz_code=source.pz_code,
            description=source.description,
            release_year=source.release_year,
            data_url=data_url,
        )
        while True:
            try:
                return self._products.create(principal, draft)
            except ProductRefused as error:
                if error.field not in _OPTIONAL or getattr(draft, error.field) is None:
                    raise
                self._remark(source, f"{error.field} is left out: {error}")
                draft = _without(draft, error.field)

    def _copy_files(
        self,
        principal: Principal,
        product: Product,
        source: SourceProduct,
        files: list[SourceFile],
        report: Report,
    ) -> None:
        here = self._products.files.select(principal, product.id)
        names = {file.name for file in here if file.role is not FileRole.MAIN}
        has_main = any(file.role is FileRole.MAIN for file in here)
        for file in files:
            if file.role == FileRole.MAIN:
                if has_main:
                    continue
                has_main = True
            elif file.is_directory or file.role not in (*FileRole,):
                self._remark(source, f"{file.name!r} is a folder, and is left out")
                continue
            elif clean_file_name(file.name) in names:
                continue
            self._copy_file(principal, product, source, file, report)
            names.add(clean_file_name(file.name))

    def _copy_file(
        self,
        principal: Principal,
        product: Product,
        source: SourceProduct,
        file: SourceFile,
        report: Report,
    ) -> None:
        part = self._journal.folder / f"{source.id}-{file.id}.part"

        def count(done: int, total: int) -> None:
            report(f"fetching {file.name[:60]}", done / total if total else None)

        name = file.name
        if file.role == FileRole.MAIN:
            served = self._source.download_main_file(source.id, part, self._file_bytes, count)
            # A folder comes as a ZIP, whose name says so.
            name = served if file.is_directory and served else file.name or served
        else:
            self._source.download_file(file, part, self._file_bytes, count)
        with part.open("rb") as stream:
            self._products.files.add(principal, product.id, file.role, name, file.type, stream)
        part.unlink()
        Path(f"{part}.etag").unlink(missing_ok=True)

    def _associate(self, principal: Principal, product: Product, source: SourceProduct) -> None:
        wanted = self._source.columns(source.id)
        here = self._products.contents.select(principal, product.id)
        exact = {content.column_name: content for content in here}
        loose = {content.column_name.casefold(): content for content in here}
        for column in wanted:
            content = exact.get(column.column_name) or loose.get(column.column_name.casefold())
            if content is None:
                if column.alias or column.ucd:
                    self._remark(source, f"column {column.column_name!r} is not found in the file")
                continue
            self._say(principal, source, column, content)

    def _say(
        self,
        principal: Principal,
        source: SourceProduct,
        column: SourceColumn,
        content: ProductContent,
    ) -> None:
        said = {
            name: text
            for name in ("alias", "ucd", "unit", "description")
            if (text := getattr(column, name)) and text != getattr(content, name)
        }
        while said:
            try:
                self._products.contents.update(principal, content.id, said)
                return
            except ProductRefused as error:
                field = error.field if error.field in said else next(iter(said))
                value = said.pop(field)
                note = f"{field} {value!r} of column {column.column_name!r} is left out: {error}"
                self._remark(source, note)


def _without(draft: ProductDraft, field: str) -> ProductDraft:
    return replace(
        draft,
        pz_code=None if field == "pz_code" else draft.pz_code,
        release_year=None if field == "release_year" else draft.release_year,
        data_url=None if field == "data_url" else draft.data_url,
    )
