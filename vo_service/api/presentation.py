"""Records of the services as documents of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from registry.model.account import Token, User
from registry.model.principal import OPERATOR, Principal
from registry.model.product import Product, ProductStatus, ProductType
from registry.model.product_file import ProductContent, ProductFile
from registry.model.release import Release
from registry.product_types import product_types
from registry.products.service import ProductService
from vo_service.api.models.files import FileAnswer
from vo_service.api.models.listings import ProductTypeAnswer, ReleaseAnswer
from vo_service.api.models.people import TokenAnswer, UserAnswer
from vo_service.api.models.processes import PipelineAnswer, ProcessAnswer
from vo_service.api.models.products import ContentAnswer, ProductAnswer
from vo_service.api.processes import STATUS_WORDS, PipelineRecord, ProcessRecord, ProcessService

__all__ = [
    "Presentation",
    "content_answer",
    "product_type_answer",
    "release_answer",
    "token_answer",
    "user_answer",
]


class Releases(Protocol):
    """Gives data releases."""

    def releases(self, principal: Principal) -> Sequence[Release]:
        """Give those that a caller may see."""


class Presentation:
    """Makes documents whose fields come from several services.

    Parameters
    ----------
    products
        Tells what the caller may do.
    releases
        Gives the names of releases.
    processes
        Gives the status of the process that made a product; absent without pipelines.
    api_url
        Root of the API, with trailing slash.
    """

    def __init__(
        self,
        products: ProductService,
        releases: Releases,
        processes: ProcessService | None,
        api_url: str,
    ) -> None:
        self._products = products
        self._releases = releases
        self._processes = processes
        self._api_url = api_url

    def url(self, path: str) -> str:
        """Give the absolute URL of a path below the root of the API."""
        return self._api_url + path

    def products(self, principal: Principal, found: Sequence[Product]) -> list[ProductAnswer]:
        """Make the documents of products, of which the caller may see each."""
        releases = {release.name: release for release in self._releases.releases(OPERATOR)}
        types = {known.name: known for known in product_types()}
        return [self._product(principal, product, releases, types) for product in found]

    def product(self, principal: Principal, product: Product) -> ProductAnswer:
        """Make the document of a product that the caller may see."""
        return self.products(principal, [product])[0]

    def _product(
        self,
        principal: Principal,
        product: Product,
        releases: Mapping[str, Release],
        types: Mapping[str, ProductType],
    ) -> ProductAnswer:
        release = releases.get(product.release) if product.release else None
        product_type = types[product.product_type]
        may_edit = self._products.may_edit(principal, product)
        return ProductAnswer(
            id=product.id,
            release=None if release is None else release.id,
            release_name=None if release is None else release.display_name or release.name,
            product_type=product_type.id,
            product_type_name=product_type.display_name,
            product_type_internal_name=product_type.name,
            uploaded_by=product.owner,
            is_owner=principal.user is not None and principal.user == product.owner,
            origin="Upload" if product.origin is None else self._pipeline_title(product.origin),
            process_status=self._process_status(principal, product),
            process_id=product.process,
            product_status=product.status.name.capitalize(),
            can_delete=self._products.may_delete(principal, product),
            can_update=may_edit,
            internal_name=product.internal_name,
            display_name=product.display_name,
            official_product=product.official,
            pz_code=product.pz_code,
            description=product.description,
            created_at=product.created,
            updated_at=product.updated,
            status=int(product.status),
            release_year=product.release_year,
            data_url=product.data_url,
            creators=product.creators,
            article=product.article,
            doi=product.doi,
            licence=product.licence,
            visibility=product.visibility,
            groups=sorted(product.groups) if may_edit else [],
            table_name=product.table_name if _has_table(product) else None,
            version=product.edition,
            failure=product.failure,
        )

    def _pipeline_title(self, name: str) -> str:
        known = () if self._processes is None else self._processes.pipelines()
        return next((pipeline.display_name for pipeline in known if pipeline.name == name), name)

    def _process_status(self, principal: Principal, product: Product) -> str | None:
        if product.process is None:
            return None
        words = {
            ProductStatus.PUBLISHED: "Successful",
            ProductStatus.FAILED: "Failed",
            ProductStatus.PROCESSING: "Running",
        }
        if product.status is ProductStatus.PROCESSING and self._processes is not None:
            phase = self._processes.process(principal, product.process).phase
            return STATUS_WORDS[phase]
        return words.get(product.status)

    def file(self, principal: Principal, file: ProductFile, product: Product) -> FileAnswer:
        """Make the document of a file of a product that the caller may see."""
        return FileAnswer(
            id=file.id,
            product=file.product_id,
            file=self.url(f"product-files/{file.id}/download/"),
            can_delete=self._products.may_edit(principal, product),
            role_name=file.role.label,
            role=int(file.role),
            name=file.name,
            type=file.media_type,
            n_rows=file.n_rows,
            size=file.size_bytes,
            extension=file.extension,
            is_directory=file.is_directory,
            sha256=file.sha256,
            version=file.version,
            created=file.created,
            updated=file.updated,
        )

    def processes(
        self, principal: Principal, records: Sequence[ProcessRecord]
    ) -> list[ProcessAnswer]:
        """Make the documents of processes, of which the caller may see each."""
        known = () if self._processes is None else self._processes.pipelines()
        pipelines = {pipeline.name: pipeline.id for pipeline in known}
        releases = {release.name: release for release in self._releases.releases(OPERATOR)}
        inputs = self._inputs(principal, records)
        return [self._process(principal, each, releases, pipelines, inputs) for each in records]

    def process(self, principal: Principal, record: ProcessRecord) -> ProcessAnswer:
        """Make the document of a process that the caller may see."""
        return self.processes(principal, [record])[0]

    def _inputs(
        self, principal: Principal, records: Sequence[ProcessRecord]
    ) -> Mapping[int, ProductAnswer]:
        """Make the documents of the inputs that the caller may see."""
        numbers = {number for record in records for number in record.inputs}
        found = self._products.products(principal) if numbers else []
        used = [product for product in found if product.id in numbers]
        return {document.id: document for document in self.products(principal, used)}

    def _process(
        self,
        principal: Principal,
        record: ProcessRecord,
        releases: Mapping[str, Release],
        pipelines: Mapping[str, int],
        inputs: Mapping[int, ProductAnswer],
    ) -> ProcessAnswer:
        release = releases.get(record.release) if record.release else None
        return ProcessAnswer(
            id=record.id,
            release=None if release is None else release.id,
            release_name=None if release is None else release.display_name or release.name,
            pipeline_name=record.pipeline,
            pipeline_version=record.pipeline_version,
            owned_by=record.owner,
            is_owner=record.owner == principal.user,
            provenance_inputs=[inputs[number] for number in record.inputs if number in inputs],
            used_config=dict(record.used_config),
            display_name=record.display_name,
            created_at=record.created,
            started_at=record.started,
            ended_at=record.ended,
            orchestration_process_id=record.id,
            status=STATUS_WORDS[record.phase],
            path=record.path,
            comment=record.comment,
            pipeline=pipelines.get(record.pipeline),
            upload=record.product,
            inputs=list(record.inputs),
        )


def _has_table(product: Product) -> bool:
    return product.version is not None and product.status is ProductStatus.PUBLISHED


def pipeline_answer(record: PipelineRecord) -> PipelineAnswer:
    """Make the document of a pipeline."""
    numbers = {known.name: known.id for known in product_types()}
    return PipelineAnswer(
        id=record.id,
        name=record.name,
        display_name=record.display_name,
        version=record.version,
        description=record.description,
        created_at=record.created,
        system_config=dict(record.system_config),
        output_product_type=numbers[record.output_type],
        product_types_accepted=[numbers[name] for name in record.input_types],
    )


def content_answer(content: ProductContent) -> ContentAnswer:
    """Make the document of a column."""
    return ContentAnswer(
        id=content.id,
        product=content.product_id,
        column_name=content.column_name,
        ucd=content.ucd,
        order=content.position,
        alias=content.alias,
        unit=content.unit,
        description=content.description,
        frame=content.frame,
        null_values=content.null_values,
        suggestion=content.suggestion,
    )


def product_type_answer(known: ProductType) -> ProductTypeAnswer:
    """Make the document of a product type."""
    return ProductTypeAnswer(
        id=known.id,
        name=known.name,
        display_name=known.display_name,
        order=known.order,
        description=known.description,
    )


def release_answer(release: Release) -> ReleaseAnswer:
    """Make the document of a release."""
    return ReleaseAnswer(
        id=release.id,
        name=release.name,
        display_name=release.display_name,
        description=release.description,
        created_at=release.created,
        indexing_column=release.indexing_column,
        has_mag_hats=release.has_mag_hats,
        has_flux_hats=release.has_flux_hats,
        dereddening=None if release.dereddening is None else list(release.dereddening),
        fluxes=None if release.fluxes is None else list(release.fluxes),
        is_public=release.is_public,
        access_groups=sorted(release.groups),
    )


def user_answer(user: User) -> UserAnswer:
    """Make the document of a user."""
    return UserAnswer(
        id=user.id,
        username=user.name,
        first_name=user.first_name,
        last_name=user.last_name,
        display_name=user.display_name,
    )


def token_answer(token: Token) -> TokenAnswer:
    """Make the document of a token."""
    return TokenAnswer(
        id=token.id,
        name=token.name,
        created=token.created,
        expires=token.expires,
        last_used=token.last_used,
    )
