"""What a running Photo-z Server has: read through its API, page by page."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vo_service.importing.documents import (
    SourceColumn,
    SourceDownload,
    SourceFile,
    SourceProduct,
    SourceRelease,
    SourceType,
)
from vo_service.importing.errors import SourceRefused
from vo_service.importing.transport import SourceTransport

__all__ = ["PhotozServer"]

_PAGE_ROWS = 100
"""The server's own page; larger ones are answered by some editions only."""

_PREPARE_S = 1800.0
"""The server gives up preparing a download after half an hour."""

_POLL_S = 2.0

_SHA256 = re.compile(r"[0-9a-f]{64}")

_PUBLISHED = 1

D = TypeVar("D", bound=BaseModel)


class PhotozServer:
    """A server whose products can be read.

    Parameters
    ----------
    transport
        Asks it.

    Notes
    -----
    Every list is read in pages by number until a page brings nothing new: the server cuts lists
    at 100 rows and says nothing of a next page.
    """

    def __init__(self, transport: SourceTransport) -> None:
        self._transport = transport
        self.url = transport.url

    def types(self) -> dict[int, SourceType]:
        """List the product types by their numbers.

        Raises
        ------
        SourceRefused
            If they cannot be read; so of every method here.
        """
        return {known.id: known for known in self._rows("product-types/", SourceType, {})}

    def releases(self) -> dict[int, SourceRelease]:
        """List the releases that may be seen, by their numbers."""
        return {known.id: known for known in self._rows("releases/", SourceRelease, {})}

    def products(self) -> list[SourceProduct]:
        """List the published products, the oldest first."""
        query = {"status": _PUBLISHED, "ordering": "id"}
        found = self._rows("products/", SourceProduct, query)
        return sorted((each for each in found if each.status == _PUBLISHED), key=lambda p: p.id)

    def columns(self, product_id: int) -> list[SourceColumn]:
        """List the columns of a product's main file, in file order."""
        return self._rows(
            "product-contents/", SourceColumn, {"product": product_id, "ordering": "order"}
        )

    def files(self, product_id: int) -> list[SourceFile]:
        """List the files of a product."""
        return self._rows("product-files/", SourceFile, {"product_id": product_id})

    def download_main_file(
        self,
        product_id: int,
        target: Path,
        most_bytes: int,
        report: Callable[[int, int], None],
    ) -> str:
        """Write the main file of a product, or the ZIP of a folder; give its name.

        Parameters
        ----------
        product_id
            Of the product.
        target
            File that is written; what is there of it is continued.
        most_bytes, report
            See `SourceTransport.download`.

        Raises
        ------
        SourceUnreachable, SourceRefused
            If the file cannot be had, or is not what the server says of it.
        StorageFull
            If the disk is full.
        """
        path = f"products/{product_id}/download/main-file"
        # Servers of this kind would convert what simple programs cannot read.
        ready = self._prepared(path, {"original": "true"})
        self._transport.download(
            ready.download_url or f"{path}/file/", target, most_bytes=most_bytes, report=report
        )
        wrong = ready.size is not None and target.stat().st_size != ready.size
        if not wrong and _SHA256.fullmatch(ready.checksum):
            with target.open("rb") as file:
                wrong = hashlib.file_digest(file, "sha256").hexdigest() != ready.checksum
        if wrong:
            target.unlink()
            raise SourceRefused("the main file came with another size or checksum than announced")
        return ready.filename

    def download_file(
        self,
        file: SourceFile,
        target: Path,
        most_bytes: int,
        report: Callable[[int, int], None],
    ) -> None:
        """Write a file that is not a main file.

        Parameters
        ----------
        file
            As the server lists it.
        target, most_bytes, report
            See `download_main_file`.

        Raises
        ------
        SourceUnreachable, SourceRefused, StorageFull
            See `download_main_file`.
        """
        if not file.file:
            raise SourceRefused(f"the server gives no address of {file.name!r}")
        self._transport.download(file.file, target, most_bytes=most_bytes, report=report)
        if file.size is not None and target.stat().st_size != file.size:
            target.unlink()
            raise SourceRefused(f"{file.name!r} came with another size than announced")

    def _prepared(self, path: str, query: dict[str, Any]) -> SourceDownload:
        deadline = time.monotonic() + _PREPARE_S
        asked = _parsed(SourceDownload, self._transport.document("POST", f"{path}/prepare/", query))
        while asked.status in ("pending", "running"):
            if time.monotonic() > deadline:
                raise SourceRefused("the server has not prepared the download in half an hour")
            time.sleep(_POLL_S)
            asked = _parsed(
                SourceDownload, self._transport.document("GET", f"{path}/status/", query)
            )
        if asked.status != "ready":
            reason = asked.error_message or asked.status
            raise SourceRefused(f"the server cannot prepare the download: {reason[:300]}")
        return asked

    def _rows(self, path: str, kind: type[D], query: dict[str, Any]) -> list[D]:
        rows: dict[object, D] = {}
        page, count, grown = 1, 1, True
        while grown and len(rows) < count:
            answer = self._page(path, query | {"page": page, "page_size": _PAGE_ROWS})
            if answer is None:
                break
            before = len(rows)
            for row in answer["results"]:
                parsed = _parsed(kind, row)
                rows.setdefault(row.get("id", len(rows)), parsed)
            grown, page = len(rows) > before, page + 1
            count = answer["count"] if isinstance(answer.get("count"), int) else len(rows) + grown
        if len(rows) < count:
            message = f"{path} has {count} rows, of which the server gives {len(rows)}; try again"
            raise SourceRefused(message)
        return list(rows.values())

    def _page(self, path: str, query: dict[str, Any]) -> dict[str, Any] | None:
        """Read a page, or nothing behind the last one."""
        try:
            answer = self._transport.document("GET", path, query)
        except SourceRefused as error:
            if query["page"] > 1 and error.status == 404:
                return None
            raise
        if isinstance(answer, dict) and isinstance(answer.get("results"), list):
            return answer
        raise SourceRefused(f"{path} is not answered with a list of a Photo-z Server")


def _parsed(kind: type[D], document: object) -> D:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"])) or "the document"
        message = f"{kind.__name__} of the server cannot be used: {field}: {problem['msg']}"
        raise SourceRefused(message) from error
