"""Reading main files, and making them the table of their product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from registry.errors import (
    AnnotationRejected,
    MandatoryColumnsMissing,
    ProductConflict,
    ProductRefused,
    RegistrationFailed,
    UnreadableFile,
    UnsupportedFile,
)
from registry.formats.readers import ReadOptions, check_path
from registry.formats.readers.choice import FileChoiceNeeded
from registry.formats.readers.nulls import NulledTable
from registry.formats.readers.sandbox import SandboxedTable
from registry.ingestion.facts import ObservedTable, roles_of
from registry.ingestion.plan import PublishPlan, PublishRequest
from registry.ingestion.planner import make_plan
from registry.ingestion.publication import TablePublisher, Work, contents_of, facts_of
from registry.model.annotation import Annotations, ColumnAnnotation
from registry.model.product import Product, ProductStatus, ProductType
from registry.model.product_file import ProductContent, ProductFile
from registry.product_types import product_type_named
from registry.products.access import ProductAccess
from registry.products.names import clean_file_name
from registry.products.records import ProductStores
from registry.stores.files import StagingFolder

__all__ = ["Registrar", "annotations_of", "missing_aliases"]

_PICKLES = (".pickle", ".pkl", ".pcl", ".pckl")
"""Endings of files that can run code when they are opened: they are kept, never opened."""

_OPEN = (ProductStatus.REGISTERING, ProductStatus.FAILED, ProductStatus.PROCESSING,
         ProductStatus.PUBLISHED)  # fmt: skip


class Registrar:
    """Takes products from an uploaded main file to a published version.

    Parameters
    ----------
    stores
        Of the installation.
    access
        Finds main files.
    publisher
        Loads tables.
    """

    def __init__(
        self, stores: ProductStores, access: ProductAccess, publisher: TablePublisher
    ) -> None:
        self._stores = stores
        self._access = access
        self._publisher = publisher

    def register(self, product: Product, annotations: Annotations | None = None) -> ProductFile:
        """Read the main file that waits for publication, and keep what was found.

        Parameters
        ----------
        product
            With such a file.
        annotations
            What is said of its columns; what was said before of columns of the same names stays
            otherwise.

        Raises
        ------
        ProductRefused
            If there is no such file.
        RegistrationFailed
            If a table is needed, and the file is none; the product is Failed.
        ProductConflict
            If the file was replaced meanwhile.
        StorageFull
            If the disk is full; it may be tried again.
        """
        file = self._access.pending_file(product)
        if file is None:
            raise ProductRefused(
                "main_file", "the product has no main file to be read; upload one first"
            )
        product_type = product_type_named(product.product_type)
        try:
            return self._read(product, product_type, file, annotations)
        except UnreadableFile as error:
            if product_type.tabular:
                self._stores.drafts.fail(product.id, str(error))
                option = getattr(error, "option", None)
                raise RegistrationFailed(str(error), option) from error
            facts: dict[str, object] = {
                "format": None,
                "n_rows": None,
                "warnings": [str(error)],
                "layout": {},
            }
            self._stores.contents.register(replace(file, n_rows=None), (), facts)
            return self._stores.drafts.file(file.id)

    def publish(self, product: Product) -> None:
        """Publish what was registered.

        Parameters
        ----------
        product
            Not yet published, or published with a new main file waiting.

        Raises
        ------
        MandatoryColumnsMissing
            If no column plays a role that the type demands.
        ProductRefused
            If there is neither a main file nor the address of the data, nor a description that
            stands for them where the type asks for no table.
        AnnotationRejected
            If the columns cannot be what is said of them; all problems are reported.
        RegistrationFailed, UnreadableFile, StorageFull, TableExists, ProductNotFound
            As `register` and `TablePublisher.publish`.
        ProductConflict
            If the main file was replaced meanwhile.
        """
        product_type = product_type_named(product.product_type)
        file = self._access.pending_file(product)
        if file is not None and file.registered is None:
            file = self.register(product)
        contents = [] if file is None else self._stores.contents.contents_of(file.id)
        if file is not None or product.data_url is None:
            missing = missing_aliases(product_type, contents)
            if missing:
                raise MandatoryColumnsMissing(missing)
            if file is None and (product_type.tabular or not (product.description or "").strip()):
                raise ProductRefused(
                    "main_file",
                    "a product needs a main file, or the address of its data, or, where its type "
                    "asks for no table, a description that says how to get them",
                )
        if file is None or not contents:
            self._publisher.publish_plain(product, file, self._reason(file))
            return
        self._publish_table(product, product_type, file, contents)

    def _reason(self, file: ProductFile | None) -> str | None:
        """Say why there is no table of a main file."""
        facts = None if file is None else self._stores.contents.facts(file.id)
        reasons = (facts or {}).get("warnings") or []
        return f"no table was made of the main file: {reasons[0]}" if reasons else None

    def _publish_table(
        self,
        product: Product,
        product_type: ProductType,
        file: ProductFile,
        contents: Sequence[ProductContent],
    ) -> None:
        annotations = annotations_of(contents)
        request = PublishRequest(
            product.display_name,
            product_type.name,
            annotations=annotations,
            release=product.release,
            official=product.official,
        )
        path = self._stores.files.path(product.internal_name, file.stored)
        with (
            _named(path.name, file.name),
            self._stores.files.staging() as staging,
            self._publisher.open(path, staging, ReadOptions(**file.reading)) as opened,
        ):
            table = NulledTable(opened, annotations.nulls)
            observed = ObservedTable(table, roles_of(opened.columns, annotations))
            plan = make_plan(observed, request, product_type, opened.format)
            if not plan.accepted:
                raise AnnotationRejected(plan.problems)
            facts = facts_of(observed, opened, plan)
            work = Work(plan, opened, staging, _silent, kept=file, facts=facts)
            self._publisher.publish(product, work)

    def _read(
        self,
        product: Product,
        product_type: ProductType,
        file: ProductFile,
        annotations: Annotations | None,
    ) -> ProductFile:
        if PurePosixPath(file.name.lower()).suffix in _PICKLES:
            raise UnsupportedFile(
                f"{file.name!r} is a Python pickle, which is kept and never opened because it can "
                "run code; write the table as Parquet, FITS, HDF5, VOTable or CSV"
            )
        path = self._stores.files.path(product.internal_name, file.stored)
        previous = self._previous(product, file)
        said = annotations or annotations_of(previous)
        with _named(path.name, file.name):
            check_path(path)
            with (
                self._stores.files.staging() as staging,
                self._publisher.open(path, staging, ReadOptions(**file.reading)) as opened,
            ):
                table = NulledTable(opened, said.nulls)
                observed = ObservedTable(table, roles_of(opened.columns, said))
                plan = _registered_plan(observed, opened, product, product_type, annotations)
                facts = facts_of(observed, opened, plan)
                contents = contents_of(plan, product.id, file.id)
                if annotations is None:
                    contents = _kept(contents, previous)
                if opened.unpacked is not None:
                    opened.end()
                    file = self._unpacked(product, file, opened, staging)
        self._stores.contents.register(replace(file, n_rows=plan.n_rows), contents, facts)
        return self._stores.drafts.file(file.id)

    def _previous(self, product: Product, file: ProductFile) -> list[ProductContent]:
        found = self._stores.contents.contents_of(file.id)
        if found or product.edition is None:
            return found
        current = self._access.main_file(product)
        return [] if current is None else self._stores.contents.contents_of(current.id)

    def _unpacked(
        self, product: Product, file: ProductFile, opened: SandboxedTable, staging: StagingFolder
    ) -> ProductFile:
        """Put what came out of a packed file in its place."""
        if opened.unpacked is None:
            return file
        if not opened.unpacked.resolve().is_relative_to(staging.path.resolve()):
            # The process that unpacked it may have been taken over by the file.
            raise UnreadableFile(f"{file.name!r} unpacks to a place outside of its folder")
        name = clean_file_name(_unpacked_name(file, opened.unpacked.name))
        adopted = staging.adopt(opened.unpacked, name)
        now = datetime.now(UTC)
        taken = replace(
            file,
            name=adopted.name,
            media_type=None,
            size_bytes=adopted.size_bytes,
            sha256=adopted.sha256,
            crc32=adopted.crc32,
            is_directory=adopted.is_directory,
            updated=now,
        )
        files = self._stores.files
        with files.placing():
            return self._stores.drafts.add_file(
                taken,
                adopted.members,
                _OPEN,
                lambda: files.keep(adopted, product.internal_name),
                replaced=file.id,
            )


def missing_aliases(
    product_type: ProductType, contents: Sequence[ProductContent]
) -> tuple[str, ...]:
    """List the roles that a product type demands and no column plays."""
    played = {content.alias for content in contents}
    return tuple(alias for alias in product_type.mandatory if alias not in played)


def _registered_plan(
    observed: ObservedTable,
    opened: SandboxedTable,
    product: Product,
    product_type: ProductType,
    annotations: Annotations | None,
) -> PublishPlan:
    request = PublishRequest(product.display_name, product_type.name, annotations=annotations)
    # Roles are the business of the publication; here the file has to be a table, no more.
    lenient = replace(product_type, mandatory=())
    plan = make_plan(observed, request, lenient, opened.format)
    if not plan.accepted:
        raise UnreadableFile("; ".join(plan.problems))
    return plan


def annotations_of(contents: Sequence[ProductContent]) -> Annotations:
    """Give what is said of the columns of a file, as annotations that win over the file."""
    return Annotations(
        {
            content.column_name: ColumnAnnotation(
                content.ucd,
                content.unit,
                content.alias,
                content.description,
                content.utype,
                content.frame,
                tuple(content.null_values or ()),
            )
            for content in contents
        },
        override=True,
    )


def _kept(
    contents: Sequence[ProductContent], previous: Sequence[ProductContent]
) -> list[ProductContent]:
    """Let what people said of columns stay with those of the same name."""
    before = {content.column_name: content for content in previous}
    return [
        content
        if (old := before.get(content.column_name)) is None
        else replace(
            content,
            ucd=old.ucd or content.ucd,
            alias=old.alias or content.alias,
            unit=old.unit or content.unit,
            description=old.description or content.description,
            frame=content.frame or old.frame,
            null_values=old.null_values or content.null_values,
        )
        for content in contents
    ]


def _unpacked_name(file: ProductFile, found: str) -> str:
    """Name what came out of a packed file: as inside of an archive, or without the packing."""
    token = PurePosixPath(file.stored).name.partition(".")[0]
    if not found.startswith((token, "layer")):
        return found
    stem = file.name
    for ending in (".tgz", ".zip", ".gz", ".bz2", ".xz", ".zst", ".tar", ".tbz2", ".txz"):
        stem = stem[: -len(ending)] if stem.lower().endswith(ending) else stem
    return stem or file.name


@contextmanager
def _named(stored: str, name: str) -> Iterator[None]:
    """Speak of a file by the name that its owner knows."""
    try:
        yield
    except (UnreadableFile, ProductConflict) as error:
        if stored not in str(error):
            raise
        message = str(error).replace(stored, name)
        if isinstance(error, FileChoiceNeeded):
            raise FileChoiceNeeded(message, error.option) from error
        raise type(error)(message) from error


def _silent(_step: str, _fraction: float | None) -> None:
    """Report to nobody."""
