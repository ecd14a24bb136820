"""Views of the files of products."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

from flask import Response, request

from registry.model.product import Product
from registry.model.product_file import FileRole, ProductFile
from registry.products.service import ProductService
from registry.stores.metadata.selection import ProductFilter
from vo_service.api.blueprint.answers import answer, no_content
from vo_service.api.blueprint.bodies import arguments, parse
from vo_service.api.blueprint.downloads import download_answer
from vo_service.api.blueprint.guard import Guard
from vo_service.api.blueprint.multipart import SentFile, read_upload
from vo_service.api.errors import InvalidFields
from vo_service.api.lists import Filter, ListRules, parse_value, select
from vo_service.api.models.base import Page
from vo_service.api.models.files import FileAnswer, FileForm, FileFormFields, VersionForm
from vo_service.api.operation import Access, operation
from vo_service.api.parameter import Parameter
from vo_service.api.presentation import Presentation

__all__ = ["FileViews"]

_PRODUCT = Filter("product_id", "NumberFilter", "product")

_FILES = ListRules(
    (Filter("id", "NumberFilter"), _PRODUCT),
    ordering=("id", "role"),
    title="Product File List",
)

_EVERY = ProductFilter()

_BODY_OVERHEAD_BYTES = 2**20
"""What a form may carry beside the file."""


@dataclass(frozen=True, slots=True)
class FileViews:
    """Views of files.

    Attributes
    ----------
    upload_max_bytes
        Size of a file at most.
    spool_folder
        Where a file waits whose form says only behind it what it is.
    """

    tag: ClassVar[str] = "files"
    products: ProductService
    presentation: Presentation
    guard: Guard
    upload_max_bytes: int
    spool_folder: Path

    @operation(
        "GET", "/product-files/", "List the files of products.",
        access=Access.READER, answer=Page[FileAnswer], rules=_FILES, errors=(400, 404),
    )  # fmt: skip
    def list_files(self) -> Response:
        """List the files of one product, or of all that the caller may see."""
        text, principal = arguments().get("product_id") or None, self.guard.principal()
        wanted = None if text is None else int(parse_value(_PRODUCT, text))
        found = self.products.files.select(principal, wanted)
        asked = _EVERY if wanted is None else ProductFilter(exact={"id": wanted})
        products = self.products.select(principal, asked).products
        visible = {product.id: product for product in products}
        files = [
            self._document(file, visible[file.product_id])
            for file in found
            if file.product_id in visible
        ]
        return answer(select(_FILES, files, arguments()))

    @operation(
        "GET", "/product-files/<int:file_id>/", "Show a file.",
        access=Access.READER, answer=FileAnswer, errors=(404,),
    )  # fmt: skip
    def show_file(self, file_id: int) -> Response:
        """Describe a file of a product that the caller may see."""
        file = self.products.files.file(self.guard.principal(), file_id)
        return self._show(file)

    @operation(
        "POST", "/product-files/", "Upload a file of a product.",
        access=Access.MEMBER, answer=FileAnswer, status=201, body=FileForm,
        media_types=("multipart/form-data",), errors=(400, 404, 409, 413, 415, 507),
    )  # fmt: skip
    def upload_file(self) -> Response:
        """Store a file; it goes to the disk as it comes."""
        request.max_content_length = self.upload_max_bytes + _BODY_OVERHEAD_BYTES
        with read_upload(frozenset({"product", "role"}), self.spool_folder) as sent:
            return self._show(self._add(sent), 201)

    @operation(
        "POST", "/products/<int:product_id>/main-file/", "Upload a new version of the main file.",
        access=Access.MEMBER, answer=FileAnswer, status=201, body=VersionForm,
        media_types=("multipart/form-data",), errors=(400, 404, 409, 413, 415, 507),
    )  # fmt: skip
    def replace_main_file(self, product_id: int) -> Response:
        """Store a main file that takes the old one's place once it is registered and published."""
        request.max_content_length = self.upload_max_bytes + _BODY_OVERHEAD_BYTES
        with read_upload(frozenset(), self.spool_folder) as sent:
            fields = parse(FileFormFields, sent.fields | {"product": product_id})
            content = _content(sent)
            principal, kind = self.guard.principal(), fields.type or sent.media_type
            file = self.products.files.replace_main(
                principal, product_id, sent.name, kind, content, fields.reading
            )
            return self._show(file, 201)

    @operation(
        "DELETE", "/product-files/<int:file_id>/", "Remove a file.",
        access=Access.MEMBER, status=204, errors=(400, 404, 409),
    )  # fmt: skip
    def delete_file(self, file_id: int) -> Response:
        """Remove a file for ever."""
        self.products.files.remove(self.guard.principal(), file_id)
        return no_content()

    @operation(
        "GET", "/product-files/<int:file_id>/download/", "Download a file.",
        access=Access.READER, answer="application/octet-stream", errors=(404, 416),
        parameters=(
            Parameter("inline", "Whether a browser may show it.", {"type": "boolean"}),
        ),
    )  # fmt: skip
    def download_file(self, file_id: int) -> Response:
        """Send a file; a browser that shows it lets it do nothing."""
        principal = self.guard.principal()
        file = self.products.files.file(principal, file_id)
        download = self.products.downloads.file(principal, file)
        inline = arguments().get("inline", "") in ("1", "true")
        return download_answer(download, inline=inline)

    def _add(self, sent: SentFile) -> ProductFile:
        fields = parse(FileFormFields, sent.fields)
        content = _content(sent)
        return self.products.files.add(
            self.guard.principal(),
            fields.product,
            FileRole(fields.role),
            sent.name,
            fields.type or sent.media_type,
            content,
            fields.reading,
        )

    def _show(self, file: ProductFile, status: int = 200) -> Response:
        product = self.products.product(self.guard.principal(), file.product_id)
        return answer(self._document(file, product), status)

    def _document(self, file: ProductFile, product: Product) -> FileAnswer:
        return self.presentation.file(self.guard.principal(), file, product)


def _content(sent: SentFile) -> BinaryIO:
    if sent.stream is None:
        raise InvalidFields({"file": ["No file was submitted."]})
    return sent.stream
