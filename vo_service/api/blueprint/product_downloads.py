"""Views of downloads: in two steps, in one as old clients ask, and converted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from flask import Response, request

from registry.model.product import Product
from registry.products.downloads import Download
from registry.products.service import ProductService
from vo_service.api.blueprint.answers import answer
from vo_service.api.blueprint.citation import mark_references
from vo_service.api.blueprint.downloads import conversion_answer, download_answer
from vo_service.api.blueprint.guard import Guard
from vo_service.api.blueprint.products import product_key
from vo_service.api.errors import InvalidFields
from vo_service.api.models.products import DownloadAnswer
from vo_service.api.operation import Access, operation
from vo_service.api.parameter import Parameter
from vo_service.api.presentation import Presentation

__all__ = ["DownloadViews"]

_BYTES = "application/octet-stream"

_ORIGINAL = Parameter(
    "original",
    "Whether the file is meant as it was uploaded, also if pandas and tables_io cannot read it.",
    {"type": "boolean", "default": False},
)

_VERSION = Parameter(
    "version", "Version of the data; the current one by default.", {"type": "integer", "minimum": 1}
)


@dataclass(frozen=True, slots=True)
class DownloadViews:
    """Views of downloads; `key` is the number or the internal name of a product.

    Packages are put together while they are sent, so that preparing them is over at once.
    """

    tag: ClassVar[str] = "downloads"
    products: ProductService
    presentation: Presentation
    guard: Guard

    @operation(
        "GET", "/products/<key>/download/status/", "Tell whether the package is ready.",
        access=Access.READER, answer=DownloadAnswer, errors=(404,),
    )  # fmt: skip
    @operation(
        "POST", "/products/<key>/download/prepare/", "Prepare the package of a product.",
        access=Access.READER, answer=DownloadAnswer, errors=(404,),
    )  # fmt: skip
    def prepare_package(self, key: str) -> Response:
        """Tell name, size and address of the package."""
        return self._describe(key, self._package(key), "file")

    @operation(
        "GET", "/products/<key>/download/file/", "Download the package of a product.",
        access=Access.READER, answer=_BYTES, errors=(404, 416),
    )  # fmt: skip
    def download_package(self, key: str) -> Response:
        """Send a ZIP with all files and their metadata."""
        return self._marked(download_answer(self._package(key)), key)

    @operation(
        "GET", "/products/<key>/download/main-file/status/", "Tell whether the file is ready.",
        access=Access.READER, answer=DownloadAnswer, parameters=(_VERSION, _ORIGINAL),
        errors=(400, 404),
    )  # fmt: skip
    @operation(
        "POST", "/products/<key>/download/main-file/prepare/", "Prepare the main file.",
        access=Access.READER, answer=DownloadAnswer, parameters=(_VERSION, _ORIGINAL),
        errors=(400, 404),
    )  # fmt: skip
    def prepare_main_file(self, key: str) -> Response:
        """Tell name, size and address of the main file, as programs of one table read it."""
        download = self._main_file(key)
        form = self._plain_format(key)
        if form is None:
            return self._describe(key, download, "main-file/file")
        product = self.products.product(self.guard.principal(), product_key(key))
        url = self.presentation.url(f"products/{product.id}/data/?format={form}")
        document = _document(product, download, url)
        name = f"{PurePosixPath(download.name).stem}.{form}"
        return answer(
            document.model_copy(update={"filename": name, "size": None, "checksum": None})
        )

    @operation(
        "GET", "/products/<key>/download/main-file/file/", "Download the main file.",
        access=Access.READER, answer=_BYTES, parameters=(_VERSION,), errors=(400, 404, 416),
    )  # fmt: skip
    def download_main_file(self, key: str) -> Response:
        """Send the main file as it was uploaded, or the ZIP of a folder."""
        return self._marked(download_answer(self._main_file(key)), key)

    @operation(
        "GET", "/products/<key>/download/", "Download the package, as old clients do.",
        access=Access.READER, answer=_BYTES, errors=(404, 416), deprecated=True,
    )  # fmt: skip
    def download_package_at_once(self, key: str) -> Response:
        """Send the package to a client that prepares nothing."""
        response = download_answer(self._package(key), legacy=True)
        return self._deprecated(response, key, "download/prepare/")

    @operation(
        "GET", "/products/<key>/download_main_file/", "Download the main file, as old clients do.",
        access=Access.READER, answer=_BYTES, errors=(404, 416), deprecated=True,
    )  # fmt: skip
    def download_main_file_at_once(self, key: str) -> Response:
        """Send the main file, as programs of one table read it, without preparation."""
        form = self._plain_format(key)
        if form is None:
            response = download_answer(self._main_file(key), legacy=True)
        else:
            principal = self.guard.principal()
            conversion = self.products.downloads.converted(principal, product_key(key), form)
            response = conversion_answer(conversion, legacy=True)
        return self._deprecated(response, key, "download/main-file/prepare/")

    @operation(
        "GET", "/products/<key>/data/", "Download the table of a product in another format.",
        access=Access.READER, answer=_BYTES, errors=(400, 404, 409),
        parameters=(Parameter("format", "votable, fits, csv, parquet or hdf5."),),
    )  # fmt: skip
    def convert(self, key: str) -> Response:
        """Send the table in file order, in the format that is asked for."""
        wanted = request.args.get("format", "votable")
        principal = self.guard.principal()
        conversion = self.products.downloads.converted(principal, product_key(key), wanted)
        return self._marked(conversion_answer(conversion), key)

    def _package(self, key: str) -> Download:
        return self.products.downloads.product(self.guard.principal(), product_key(key))

    def _main_file(self, key: str) -> Download:
        text = request.args.get("version") or None
        if text is not None and not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InvalidFields({"version": ["A positive integer is required."]})
        version = None if text is None else int(text)
        principal = self.guard.principal()
        return self.products.downloads.main_file(principal, product_key(key), version)

    def _plain_format(self, key: str) -> str | None:
        asked = request.args.get("original", "").lower()
        if request.args.get("version") or asked in ("true", "1"):
            return None
        return self.products.downloads.plain_format(self.guard.principal(), product_key(key))

    def _describe(self, key: str, download: Download, route: str) -> Response:
        product = self.products.product(self.guard.principal(), product_key(key))
        query = f"?{request.query_string.decode()}" if request.args.get("version") else ""
        url = self.presentation.url(f"products/{product.id}/download/{route}/{query}")
        return answer(_document(product, download, url))

    def _marked(self, response: Response, key: str) -> Response:
        product = self.products.product(self.guard.principal(), product_key(key))
        return mark_references(response, product)

    def _deprecated(self, response: Response, key: str, successor: str) -> Response:
        product = self.products.product(self.guard.principal(), product_key(key))
        url = self.presentation.url(f"products/{product.id}/{successor}")
        response.headers["Deprecation"] = "true"
        response.headers["Link"] = f'<{url}>; rel="successor-version"'
        return response


def _document(product: Product, download: Download, url: str) -> DownloadAnswer:
    return DownloadAnswer(
        id=product.id,
        task_id=None,
        status="ready",
        filename=download.name,
        size=download.size_bytes,
        checksum=download.sha256,
        source_signature=download.etag,
        created_at=product.updated,
        updated_at=product.updated,
        download_url=url,
        error_message=None,
    )
