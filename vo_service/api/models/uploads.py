"""Documents about files that come in pieces."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vo_service.api.models.base import Answer
from vo_service.api.models.files import FileAnswer, TableChoice
from vo_service.api.models.products import Id

__all__ = ["NewUpload", "UploadAnswer"]


class NewUpload(TableChoice):
    """A file that will come in pieces; `role` is 0 Main, 1 Description, 2 Auxiliary.

    Attributes
    ----------
    hdu, group, delimiter
        Which table of a main file is meant, where that is not plain.
    """

    product: Id
    role: Annotated[int, Field(ge=0, le=2)] = 0
    name: Annotated[str, Field(min_length=1, max_length=255)]
    type: Annotated[str, Field(max_length=128)] | None = None
    size: Annotated[int, Field(ge=1, le=2**63 - 1)]


class UploadAnswer(Answer):
    """How far a file is; once it is complete, it is the file of a product and no upload.

    Attributes
    ----------
    offset
        Bytes that are here: the next piece begins there.
    """

    id: str
    product: int
    name: str
    size: int
    offset: int
    url: str
    file: FileAnswer | None
