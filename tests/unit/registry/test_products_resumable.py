"""Uploads in pieces: what arrived stays, and nothing is a file before all of it is there."""

import io
import os
from datetime import timedelta

import pytest
from shelf import ADA, BOB, REDSHIFTS, Shelf

from registry.errors import (
    ProductConflict,
    ProductFileNotFound,
    ProductNotFound,
    ProductRefused,
    ShareExceeded,
    UploadTooLarge,
)
from registry.products.records import ProductLimits
from registry.products.resumable import ResumableUploads

CONTENT = REDSHIFTS.encode()
SIZE = len(CONTENT)


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path / "home", limits=ProductLimits(file_bytes=1000))
    yield made
    made.close()


@pytest.fixture
def uploads(shelf):
    return ResumableUploads(shelf.home, shelf.service.files, shelf.limits)


def begin(uploads, product, size=SIZE, name="../a.csv"):
    return uploads.begin(ADA, product.id, 0, name, None, size)


def test_an_interrupted_upload_goes_on_where_it_broke(shelf, uploads):
    product = shelf.draft()
    upload = begin(uploads, product)

    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= 20:
                raise ConnectionResetError("gone")
            return super().read(10)

    with pytest.raises(ConnectionResetError):
        uploads.append(ADA, upload.id, 0, Broken(CONTENT))
    # Another process asks.
    uploads = ResumableUploads(shelf.home, shelf.service.files, shelf.limits)
    received = uploads.upload(ADA, upload.id).received_bytes
    assert received == 20
    with pytest.raises(ProductConflict, match="missing"):
        uploads.finish(ADA, upload.id)
    with pytest.raises(ProductConflict, match="20 bytes were received"):
        uploads.append(ADA, upload.id, 0, io.BytesIO(CONTENT))
    uploads.append(ADA, upload.id, received, io.BytesIO(CONTENT[received:]))
    assert shelf.service.files.select(ADA, product.id) == []
    file = uploads.finish(ADA, upload.id)
    assert (file.name, file.size_bytes) == ("a.csv", len(CONTENT))
    assert b"".join(shelf.service.downloads.main_file(ADA, product.id).read()) == CONTENT
    assert list((shelf.home / "incoming").iterdir()) == []
    with pytest.raises(ProductFileNotFound):
        uploads.upload(ADA, upload.id)


def test_sizes_are_kept(shelf, uploads):
    product = shelf.draft()
    with pytest.raises(UploadTooLarge, match="1000"):
        begin(uploads, product, 1001)
    with pytest.raises(ProductRefused, match="no size"):
        begin(uploads, product, 0)
    upload = begin(uploads, product, 5)
    with pytest.raises(UploadTooLarge, match="announced"):
        uploads.append(ADA, upload.id, 0, io.BytesIO(b"123456"))
    assert uploads.upload(ADA, upload.id).received_bytes == 0


def test_others_have_no_part_in_it(shelf, uploads):
    product = shelf.draft()
    upload = begin(uploads, product)
    for ask in (
        lambda: uploads.begin(BOB, product.id, 0, "a.csv", None, 5),
        lambda: uploads.upload(BOB, upload.id),
        lambda: uploads.append(BOB, upload.id, 0, io.BytesIO(b"x")),
        lambda: uploads.finish(BOB, upload.id),
        lambda: uploads.cancel(BOB, upload.id),
    ):
        with pytest.raises(ProductNotFound):
            ask()
    for name in ("../../etc", "x" * 32, ""):
        with pytest.raises(ProductFileNotFound):
            uploads.upload(ADA, name)


def test_two_pieces_at_once_are_refused(shelf, uploads):
    upload = begin(uploads, shelf.draft())

    class Nested(io.BytesIO):
        def read(self, size=-1):
            if self.tell() == 0:
                with pytest.raises(ProductConflict, match="another piece"):
                    uploads.append(ADA, upload.id, 0, io.BytesIO(b"y"))
            return super().read(size)

    uploads.append(ADA, upload.id, 0, Nested(CONTENT))
    assert uploads.upload(ADA, upload.id).received_bytes == len(CONTENT)


def test_what_nobody_goes_on_with_is_removed(shelf, uploads):
    old, young, given_up = (begin(uploads, shelf.draft()) for _ in range(3))
    os.utime(shelf.home / "incoming" / old.id / "data", (0, 0))
    uploads.cancel(ADA, given_up.id)
    assert uploads.sweep() == [old.id]
    assert uploads.upload(ADA, young.id).received_bytes == 0
    assert uploads.sweep(timedelta(0)) == [young.id]


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        ({"arriving": 2}, "2 uploads of yours are under way"),
        ({"arriving_bytes": 2 * SIZE}, f"would have {3 * SIZE} bytes with this one"),
    ],
)
def test_what_one_user_has_under_way_is_limited(shelf, limits, refusal):
    uploads = ResumableUploads(shelf.home, shelf.service.files, ProductLimits(**limits))
    product, others = shelf.draft(), shelf.draft(BOB)
    first = begin(uploads, product)
    begin(uploads, product)
    with pytest.raises(ShareExceeded, match=refusal):
        begin(uploads, product)
    assert len(list((shelf.home / "incoming").iterdir())) == 2
    uploads.begin(BOB, others.id, 0, "b.csv", None, SIZE)
    uploads.cancel(ADA, first.id)
    second = begin(uploads, product)
    # What has expired makes room as well.
    data = shelf.home / "incoming" / second.id / "data"
    os.utime(data, (0, 0))
    assert uploads.sweep() == [second.id]
    begin(uploads, product)
