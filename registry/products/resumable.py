"""Uploads in pieces: what arrived stays, and the client goes on from there.

Under the home folder: ``incoming/<id>/upload.json`` says what it is for, ``incoming/<id>/data``
holds what arrived. Nothing of it is a file of the product before the last step.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from registry.durability import disk_errors, sync_folder
from registry.errors import (
    ProductConflict,
    ProductFileNotFound,
    ProductRefused,
    ShareExceeded,
    UploadTooLarge,
)
from registry.formats.readers import DEFAULT_OPTIONS, ReadOptions
from registry.model.principal import Principal
from registry.model.product_file import FileRole, ProductFile
from registry.products.files import ProductFiles
from registry.products.names import clean_file_name
from registry.products.records import ProductLimits

__all__ = ["INCOMING", "ResumableUploads", "Upload", "sweep_incoming"]

INCOMING = "incoming"
"""Folder of uploads in pieces, below the home folder."""

_ID = re.compile(r"[0-9a-f]{32}")

_CHUNK_BYTES = 1024 * 1024

_RETRY_AFTER_S = 60

_RETENTION = timedelta(hours=24)
"""How long an upload that nobody goes on with stays."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is arriving.

    Attributes
    ----------
    id
        Secret enough to be a name in an address; the caller's rights are checked besides.
    product_id
        The product that it is for.
    role, name, media_type
        Of the file.
    size_bytes
        Of the whole file.
    received_bytes
        What is safe on disk.
    reading
        How its table is found, by the names of `ReadOptions`.
    owner
        Who began it; uploads of older releases do not say.
    """

    id: str
    product_id: int
    role: int
    name: str
    media_type: str | None
    size_bytes: int
    received_bytes: int = 0
    reading: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None


class ResumableUploads:
    """Receives files in pieces.

    Parameters
    ----------
    home
        Home folder of the installation.
    files
        Takes the files when they are complete.
    limits
        What people may put into the service.
    """

    def __init__(self, home: Path, files: ProductFiles, limits: ProductLimits) -> None:
        self._folder = home / INCOMING
        self._gate = home / "places" / INCOMING
        self._files = files
        self._limits = limits

    def begin(  # noqa: PLR0917 - the parts of an upload form
        self,
        principal: Principal,
        product_id: int,
        role: FileRole | int,
        name: str,
        media_type: str | None,
        size_bytes: int,
        reading: ReadOptions = DEFAULT_OPTIONS,
    ) -> Upload:
        """Announce a file.

        Parameters
        ----------
        principal
            Who may change the product.
        product_id
            Of the product.
        role, name, media_type
            Of the file.
        size_bytes
            Of the whole file.
        reading
            How the table of a main file is found.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed, ProductRefused, ProductConflict
            As `ProductFiles.add`.
        UploadTooLarge
            If the file would pass the limit of size.
        ShareExceeded
            If as much of the caller's is on its way as one user may have.
        StorageFull
            If the disk is full.
        """
        self._files.check(principal, product_id, role)
        if size_bytes < 1:
            raise ProductRefused("size", f"{size_bytes} is no size of a file; give its bytes")
        if size_bytes > self._limits.file_bytes:
            raise UploadTooLarge(
                f"the file has {size_bytes} bytes, more than the {self._limits.file_bytes} that "
                "are allowed"
            )
        upload = Upload(
            uuid.uuid4().hex,
            product_id,
            int(role),
            clean_file_name(name),
            media_type,
            size_bytes,
            reading=reading.chosen,
            owner=principal.user,
        )
        with disk_errors(), self._alone():
            self._check_room(upload)
            self._keep(upload)
        return upload

    def _keep(self, upload: Upload) -> None:
        folder = self._folder / upload.id
        said = {key: value for key, value in asdict(upload).items() if key != "received_bytes"}
        folder.mkdir(parents=True)
        (folder / "data").touch()
        with (folder / "upload.json").open("w") as file:
            json.dump(said, file)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)

    def upload(self, principal: Principal, upload_id: str) -> Upload:
        """Say how far a file has come.

        Raises
        ------
        ProductFileNotFound
            If there is no such upload.
        ProductNotFound, LoginRequired, NotAllowed, ProductRefused, ProductConflict
            As `ProductFiles.add`.
        """
        upload = self._read(upload_id)
        self._files.check(principal, upload.product_id, upload.role)
        return upload

    def append(self, principal: Principal, upload_id: str, offset: int, stream: BinaryIO) -> Upload:
        """Take the next piece; what arrives of it stays, also when the connection breaks.

        Parameters
        ----------
        principal
            Who may change the product.
        upload_id
            Of the upload.
        offset
            Place of the first byte of the piece; must be what was received so far.
        stream
            The piece.

        Raises
        ------
        ProductFileNotFound
            If there is no such upload.
        ProductConflict
            If the offset is another, or another piece is arriving.
        UploadTooLarge
            If more comes than was announced.
        ProductNotFound, LoginRequired, NotAllowed, ProductRefused
            As `ProductFiles.add`.
        StorageFull
            If the disk is full; what was received before stays.
        """
        upload = self.upload(principal, upload_id)
        with self._opened(upload_id) as data:
            received = data.seek(0, os.SEEK_END)
            if offset != received:
                raise ProductConflict(
                    f"{received} bytes were received, so that the next piece begins there and not "
                    f"at {offset}"
                )
            try:
                with disk_errors():
                    while chunk := stream.read(_CHUNK_BYTES):
                        received += len(chunk)
                        if received > upload.size_bytes:
                            raise UploadTooLarge(
                                f"{upload.name!r} has more bytes than the {upload.size_bytes} "
                                "that were announced"
                            )
                        data.write(chunk)
            finally:
                with disk_errors():
                    data.flush()
                    os.fsync(data.fileno())
        return self._read(upload_id)

    def finish(self, principal: Principal, upload_id: str) -> ProductFile:
        """Make a complete upload a file of its product.

        Raises
        ------
        ProductFileNotFound
            If there is no such upload.
        ProductConflict
            If bytes are missing.
        ProductNotFound, LoginRequired, NotAllowed, ProductRefused, UploadTooLarge, StorageFull
            As `ProductFiles.add`; it may be tried again.
        """
        upload = self.upload(principal, upload_id)
        with self._opened(upload_id) as data:
            missing = upload.size_bytes - data.seek(0, os.SEEK_END)
            if missing:
                raise ProductConflict(f"{missing} bytes of {upload.name!r} are missing")
            data.seek(0)
            added = self._files.add(
                principal,
                upload.product_id,
                upload.role,
                upload.name,
                upload.media_type,
                data,
                ReadOptions(**upload.reading),
            )
            shutil.rmtree(self._folder / upload_id, ignore_errors=True)
        return added

    def cancel(self, principal: Principal, upload_id: str) -> None:
        """Give up an upload.

        Raises
        ------
        ProductFileNotFound
            If there is no such upload.
        ProductNotFound, LoginRequired, NotAllowed, ProductRefused, ProductConflict
            As `ProductFiles.add`.
        """
        self.upload(principal, upload_id)
        shutil.rmtree(self._folder / upload_id, ignore_errors=True)

    def sweep(self, retention: timedelta = _RETENTION) -> list[str]:
        """Remove uploads that nobody goes on with, and give their ids.

        Parameters
        ----------
        retention
            Time since their last byte.
        """
        return sweep_incoming(self._folder, retention)

    def _check_room(self, upload: Upload) -> None:
        own = [other for other in self._under_way() if other.owner == upload.owner]
        number, size_bytes = len(own), sum(other.size_bytes for other in own)
        if number >= self._limits.arriving:
            raise ShareExceeded(
                _RETRY_AFTER_S,
                f"{number} uploads of yours are under way, as many as one user may have at once; "
                "finish or cancel some of them",
            )
        if size_bytes + upload.size_bytes > self._limits.arriving_bytes:
            raise ShareExceeded(
                _RETRY_AFTER_S,
                f"the uploads of yours that are under way would have "
                f"{size_bytes + upload.size_bytes} bytes with this one, and those of one user may "
                f"have {self._limits.arriving_bytes}; finish or cancel some of them",
            )

    def _under_way(self) -> Iterator[Upload]:
        for folder in self._folder.glob("*"):
            with suppress(ProductFileNotFound, OSError):
                yield self._read(folder.name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._gate.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._gate, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self, upload_id: str) -> Upload:
        folder = self._folder / upload_id
        if not _ID.fullmatch(upload_id):
            raise ProductFileNotFound(f"there is no upload {upload_id[:40]!r}; begin it again")
        try:
            said = json.loads((folder / "upload.json").read_text())
            return Upload(**said, received_bytes=(folder / "data").stat().st_size)
        except (FileNotFoundError, ValueError):
            raise ProductFileNotFound(f"there is no upload {upload_id!r}; begin it again") from None

    @contextmanager
    def _opened(self, upload_id: str) -> Iterator[BinaryIO]:
        with (self._folder / upload_id / "data").open("r+b") as data:
            try:
                fcntl.flock(data.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ProductConflict(
                    "another piece of this upload is arriving; wait for its end"
                ) from None
            yield data


def sweep_incoming(folder: Path, retention: timedelta = _RETENTION) -> list[str]:
    """Remove uploads in pieces that nobody goes on with, and give their ids.

    Parameters
    ----------
    folder
        Where they are.
    retention
        Time since their last byte.
    """
    removed = []
    now = datetime.now(UTC).timestamp()
    for upload in sorted(folder.glob("*")):
        data = upload / "data"
        last = (data if data.exists() else upload).stat().st_mtime
        if now - last >= retention.total_seconds():
            shutil.rmtree(upload, ignore_errors=True)
            removed.append(upload.name)
    return removed
