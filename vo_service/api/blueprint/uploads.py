"""Views of files that come in pieces, so that a broken connection costs a piece alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, ClassVar, cast

from flask import Response, request

from registry.products.resumable import ResumableUploads, Upload
from registry.products.service import ProductService
from vo_service.api.blueprint.answers import answer, no_content
from vo_service.api.blueprint.bodies import read_body
from vo_service.api.blueprint.guard import Guard
from vo_service.api.errors import InvalidFields, UnsupportedBody
from vo_service.api.models.files import FileAnswer
from vo_service.api.models.uploads import NewUpload, UploadAnswer
from vo_service.api.operation import Access, operation
from vo_service.api.presentation import Presentation

__all__ = ["UploadViews"]

_PIECE = "application/offset+octet-stream"
"""Media type of a piece, that of the tus protocol."""

_OFFSET = "Upload-Offset"


@dataclass(frozen=True, slots=True)
class UploadViews:
    """Views of uploads; whoever may change the product may go on with them."""

    tag: ClassVar[str] = "files"
    products: ProductService
    presentation: Presentation
    resumable: ResumableUploads
    guard: Guard

    @operation(
        "POST", "/uploads/", "Begin a file that will come in pieces.",
        access=Access.MEMBER, answer=UploadAnswer, status=201, body=NewUpload,
        errors=(400, 404, 409, 413, 415, 507),
    )  # fmt: skip
    def begin_upload(self) -> Response:
        """Make room for a file of a product that the caller may change."""
        sent = read_body(NewUpload)
        upload = self.resumable.begin(
            self.guard.principal(),
            sent.product,
            sent.role,
            sent.name,
            sent.type,
            sent.size,
            sent.reading,
        )
        return self._show(upload, 201)

    @operation(
        "GET", "/uploads/<upload_id>/", "Tell how far a file is.",
        access=Access.MEMBER, answer=UploadAnswer, errors=(404,),
    )  # fmt: skip
    def show_upload(self, upload_id: str) -> Response:
        """Tell where the next piece begins."""
        return self._show(self.resumable.upload(self.guard.principal(), upload_id))

    @operation(
        "PATCH", "/uploads/<upload_id>/", "Send the next piece of a file.",
        access=Access.MEMBER, answer=UploadAnswer, errors=(400, 404, 409, 413, 415, 507),
    )  # fmt: skip
    def continue_upload(self, upload_id: str) -> Response:
        """Store a piece at Upload-Offset; behind the last one the file is the product's."""
        principal, offset = self.guard.principal(), _sent_offset()
        upload = self.resumable.upload(principal, upload_id)
        if request.mimetype != _PIECE:
            raise UnsupportedBody(f"Send a piece as {_PIECE}.")
        # A body that is as long as its limit counts as one that goes on behind it.
        request.max_content_length = upload.size_bytes + 1
        stream = cast(BinaryIO, request.stream)
        upload = self.resumable.append(principal, upload_id, offset, stream)
        if upload.received_bytes < upload.size_bytes:
            return self._show(upload)
        file = self.resumable.finish(principal, upload_id)
        product = self.products.product(principal, file.product_id)
        return self._show(upload, file=self.presentation.file(principal, file, product))

    @operation(
        "DELETE", "/uploads/<upload_id>/", "Give up a file.",
        access=Access.MEMBER, status=204, errors=(404,),
    )  # fmt: skip
    def remove_upload(self, upload_id: str) -> Response:
        """Forget what came of a file."""
        self.resumable.cancel(self.guard.principal(), upload_id)
        return no_content()

    def _show(self, upload: Upload, status: int = 200, file: FileAnswer | None = None) -> Response:
        url = self.presentation.url(f"uploads/{upload.id}/")
        document = UploadAnswer(
            id=upload.id, product=upload.product_id, name=upload.name, size=upload.size_bytes,
            offset=upload.received_bytes, url=url, file=file,
        )  # fmt: skip
        response = answer(document, status)
        response.headers[_OFFSET] = str(upload.received_bytes)
        if status == 201:
            response.headers["Location"] = url
        return response


def _sent_offset() -> int:
    text = request.headers.get(_OFFSET, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidFields({_OFFSET: ["Say in this header where the piece begins."]})
    return int(text)
