"""Views of what was found in a product: main file, first rows, statistics, versions."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import ClassVar

from flask import Response

from registry.errors import ProductFileNotFound
from registry.products.service import ProductService
from vo_service.api.blueprint.answers import answer, object_answer
from vo_service.api.blueprint.bodies import arguments
from vo_service.api.blueprint.guard import Guard
from vo_service.api.blueprint.products import product_key
from vo_service.api.inspection import (
    facts_document,
    main_file_document,
    provenance_document,
    version_document,
)
from vo_service.api.lists import PageRequest
from vo_service.api.models.base import Page
from vo_service.api.models.products import (
    FactsAnswer,
    PreviewAnswer,
    ProcessConfig,
    ProductWithMainFile,
    VersionAnswer,
)
from vo_service.api.operation import Access, operation
from vo_service.api.parameter import Parameter
from vo_service.api.presentation import Presentation
from vo_service.api.processes import ProcessNotFound, ProcessService

__all__ = ["InspectionViews"]

_PAGING = (
    Parameter("page", "Number of the page, from 1.", {"type": "integer", "minimum": 1}),
    Parameter("page_size", "Rows of a page.", {"type": "integer", "minimum": 1}),
)


@dataclass(frozen=True, slots=True)
class InspectionViews:
    """Views of what was found in a product; `key` is its number or its internal name."""

    tag: ClassVar[str] = "products"
    products: ProductService
    processes: ProcessService | None
    presentation: Presentation
    guard: Guard

    @operation(
        "GET", "/products/<key>/main_file_info/", "Describe the main file of a product.",
        access=Access.READER, answer=ProductWithMainFile, errors=(404,),
    )  # fmt: skip
    def show_main_file(self, key: str) -> Response:
        """Describe the main file with all its columns, those without association too."""
        principal, asked = self.guard.principal(), product_key(key)
        product = self.products.product(principal, asked)
        try:
            main = main_file_document(self.products.main_file_info(principal, asked))
        except ProductFileNotFound:
            main = main_file_document(None)
        head = self.presentation.product(principal, product)
        return answer(ProductWithMainFile(**head.model_dump(), main_file=main))

    @operation(
        "GET", "/products/<key>/read_data/", "Show the first rows of a product.",
        access=Access.READER, answer=PreviewAnswer, parameters=_PAGING, errors=(400, 404, 409),
    )  # fmt: skip
    def show_preview(self, key: str) -> Response:
        """Show the rows that were kept at registration."""
        page = PageRequest.parse(arguments())
        preview = self.products.preview(self.guard.principal(), product_key(key))
        page.check(len(preview.rows))
        end = None if page.size is None else page.offset + page.size
        rows = [dict(row) for row in preview.rows[page.offset : end]]
        columns = list(preview.columns)
        return answer(PreviewAnswer(count=len(preview.rows), columns=columns, results=rows))

    @operation(
        "GET", "/products/<key>/statistics/", "Tell what the table of a product is like.",
        access=Access.READER, answer=FactsAnswer, errors=(404, 409),
    )  # fmt: skip
    def show_statistics(self, key: str) -> Response:
        """Tell rows, extremes of columns, redshifts and the place on the sky."""
        principal, asked = self.guard.principal(), product_key(key)
        facts = self.products.facts(principal, asked)
        contents = self.products.main_file_info(principal, asked).contents
        return answer(facts_document(facts, contents))

    @operation(
        "GET", "/products/<key>/versions/", "List the versions of a product.",
        access=Access.READER, answer=Page[VersionAnswer], errors=(404,),
    )  # fmt: skip
    def list_versions(self, key: str) -> Response:
        """List the main files that were published, the oldest first."""
        principal, asked = self.guard.principal(), product_key(key)
        product = self.products.product(principal, asked)
        versions = [
            version_document(file, product, self.presentation.url)
            for file in self.products.versions(principal, asked)
        ]
        return answer(Page[VersionAnswer](count=len(versions), results=versions))

    @operation(
        "GET", "/products/<key>/provenance/", "Tell what a product was made of.",
        access=Access.READER, answer="application/json", errors=(404,),
    )  # fmt: skip
    def show_provenance(self, key: str) -> Response:
        """Tell inputs, pipeline, version and configuration; empty for uploads."""
        found = self.products.provenance(self.guard.principal(), product_key(key))
        return object_answer({} if found is None else provenance_document(found))

    @operation(
        "GET", "/products/<key>/process_config/", "Show how a product was made.",
        access=Access.READER, answer=ProcessConfig, errors=(404,),
    )  # fmt: skip
    def show_process_config(self, key: str) -> Response:
        """Show the configuration of the process to all who see the product; empty for uploads."""
        principal, asked = self.guard.principal(), product_key(key)
        product = self.products.product(principal, asked)
        if self.processes is not None and product.process is not None:
            # Of others, and of those that are forgotten, the product itself keeps the parameters.
            with contextlib.suppress(ProcessNotFound):
                return object_answer(dict(self.processes.configuration(principal, product.process)))
        made = self.products.provenance(principal, asked)
        parameters = None if made is None else made.configuration.get("param")
        return object_answer({} if parameters is None else {"config": parameters})

    @operation(
        "GET", "/products/<key>/api_schema/", "Describe the fields of a product.",
        access=Access.READER, answer="application/json", errors=(404,),
    )  # fmt: skip
    def show_product_schema(self, key: str) -> Response:
        """Give the JSON schema of the document of a product."""
        self.products.product(self.guard.principal(), product_key(key))
        return object_answer(ProductWithMainFile.model_json_schema(mode="serialization"))
