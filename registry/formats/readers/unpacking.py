"""Archives and compressed files, unpacked into a folder of their own within limits."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

import pyarrow as pa

from registry.durability import disk_errors
from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.detection import is_table
from registry.formats.readers.hats import hats_root
from registry.formats.readers.options import ReadLimits

__all__ = ["Unpacking"]

_CHUNK_BYTES = 4 * 1024 * 1024

_PACKED_SUFFIXES = {".tgz": ".tar", ".tbz2": ".tar", ".tbz": ".tar", ".txz": ".tar"}

_NOT_DATA = re.compile(
    r"(readme|licen[cs]e|copying|changelog|citation|notice|authors)([._-].*)?"
    r"|\..*|.*\.(md|rst|pdf|png|jpe?g|gif|svg|ya?ml|json|toml|ini|cfg|py|sh|ipynb|md5|sha\d+)"
)
"""Names of files that go with a table; they do not count when the one table is looked for."""

_LISTED = 10


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def _open_zst(path: Path) -> _Stream:
    stream: _Stream = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    return stream


_STREAMS: dict[str, Callable[[Path], _Stream]] = {
    "gzip": lambda path: gzip.open(path, "rb"),  # noqa: SIM115 - the caller closes it
    "bzip2": lambda path: bz2.open(path, "rb"),  # noqa: SIM115 - the caller closes it
    "xz": lambda path: lzma.open(path, "rb"),  # noqa: SIM115 - the caller closes it
    "zstd": _open_zst,
}


class Unpacking:
    """Unpacks one file of a user, layer by layer, and counts what comes out.

    Parameters
    ----------
    path
        The packed file.
    scratch
        Folder to unpack into; its owner removes it.
    limits
        Of what may come out.
    """

    def __init__(self, path: Path, scratch: Path | None, limits: ReadLimits) -> None:
        self._name = path.name
        self._scratch = scratch
        self._limits = limits
        ratio = limits.unpacked_ratio * path.stat().st_size
        self._allowed = min(limits.unpacked_bytes, max(ratio, limits.unpacked_free_bytes))
        self._written = 0
        self._layers = 0

    def unpack(self, path: Path, packing: str) -> Path:
        """Unpack one layer.

        Parameters
        ----------
        path
            The file, or what came out of it.
        packing
            What `detection.packing_of` told.

        Returns
        -------
        Path
            The one table inside, still packed perhaps, or the folder of a HATS catalogue.

        Raises
        ------
        UnreadableFile
            If the archive is damaged, passes a limit, has unsafe members or several tables.
        UnsupportedFile
            If there is no table inside.
        StorageFull
            If the disk is full.
        """
        if self._scratch is None:
            raise UnsupportedFile(f"{self._name!r} is packed ({packing}); unpack it first")
        self._layers += 1
        folder = self._scratch / f"layer{self._layers}"
        with disk_errors():
            folder.mkdir()
        with self._damage(packing):
            if packing in _STREAMS:
                return self._decompress(path, packing, folder)
            if packing == "ZIP":
                self._extract_zip(path, folder)
            else:
                self._extract_tar(path, folder)
        return self._only_table(folder)

    def _decompress(self, path: Path, packing: str, folder: Path) -> Path:
        suffix = _PACKED_SUFFIXES.get(path.suffix.lower(), "")
        target = folder / (path.stem + suffix if path.suffix else f"{path.name}.unpacked")
        with closing(_STREAMS[packing](path)) as stream:
            self._write(stream, target)
        return target

    def _extract_zip(self, path: Path, folder: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            self._check_count(len(members))
            self._check_total(sum(member.file_size for member in members))
            for member in members:
                target = self._target(folder, member.filename)
                kind = stat.S_IFMT(member.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise self._unsafe(member.filename, "is a link or a device")
                if member.flag_bits & 1:
                    raise UnsupportedFile(
                        f"{self._name!r} has an encrypted member, {member.filename!r}; pack it "
                        "without a password"
                    )
                if not member.is_dir():
                    with archive.open(member) as stream:
                        self._write(stream, target)

    def _extract_tar(self, path: Path, folder: Path) -> None:
        with path.open("rb") as handle:
            handle.seek(-min(512, path.stat().st_size), 2)
            if handle.read().strip(b"\0"):
                # Two blocks of zeros end an archive: without them members may be missing.
                raise tarfile.ReadError("its end is missing")
        with tarfile.open(path, "r:") as archive:
            for count, member in enumerate(archive, start=1):
                self._check_count(count)
                target = self._target(folder, member.name)
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise self._unsafe(member.name, "is a link, a device or a sparse file")
                self._check_total(self._written + member.size)
                stream = archive.extractfile(member)
                if stream is not None:
                    with stream:
                        self._write(stream, target)

    def _write(self, stream: _Stream, target: Path) -> None:
        with disk_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as writer:
                while chunk := stream.read(_CHUNK_BYTES):
                    self._written += len(chunk)
                    self._check_total(self._written)
                    writer.write(chunk)

    def _target(self, folder: Path, name: str) -> Path:
        place = PurePosixPath(name)
        parts = place.parts
        if place.is_absolute() or ".." in parts or "\\" in name or "\0" in name:
            raise self._unsafe(name, "points outside of the archive")
        if not parts or any(len(part.encode("utf-8", "replace")) > 255 for part in parts):
            raise self._unsafe(name, "has a name that is no file name")
        target = folder.joinpath(*parts)
        if target.is_file():
            raise self._unsafe(name, "occurs twice")
        return target

    def _only_table(self, folder: Path) -> Path:
        root = hats_root(folder)
        if root is not None:
            return root
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        tables = [
            path
            for path in files
            if "__MACOSX" not in path.parts
            and not _NOT_DATA.fullmatch(path.name.lower())
            and is_table(path)
        ]
        if len(tables) == 1:
            return tables[0]
        listed = tables or files
        names = ", ".join(repr(str(p.relative_to(folder))) for p in listed[:_LISTED])
        more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
        if not tables:
            inside = f"; it has {names}{more}" if files else ": it is empty"
            raise UnsupportedFile(f"{self._name!r} has no table inside{inside}")
        raise UnreadableFile(
            f"{self._name!r} has {len(tables)} tables: {names}{more}; pack the one that is meant, "
            "or a HATS catalogue"
        )

    def _check_count(self, count: int) -> None:
        if count > self._limits.members:
            raise UnreadableFile(
                f"{self._name!r} has more than {self._limits.members} members; pack the table alone"
            )

    def _check_total(self, total: int) -> None:
        if total > self._allowed:
            raise UnreadableFile(
                f"{self._name!r} unpacks to more than {self._allowed / 1e6:.0f} MB, which is more "
                "than a file of its size may; unpack it, and publish what is inside"
            )

    def _unsafe(self, member: str, reason: str) -> UnreadableFile:
        return UnreadableFile(
            f"{self._name!r} has a member, {member!r}, that {reason}; nothing of it was kept: pack "
            "plain files and folders"
        )

    @contextmanager
    def _damage(self, packing: str) -> Iterator[None]:
        try:
            yield
        except MemoryError:
            # Arrow's is an ArrowException as well, but tells nothing of the file.
            raise
        except (
            EOFError,
            NotImplementedError,
            lzma.LZMAError,
            tarfile.TarError,
            zipfile.BadZipFile,
            zlib.error,
            gzip.BadGzipFile,
            UnicodeError,
            pa.ArrowException,
        ) as error:
            raise self._damaged(packing, error) from error
        except (OSError, ValueError) as error:
            # A damaged offset in a ZIP archive is an invalid place to seek.
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise
            raise self._damaged(packing, error) from error

    def _damaged(self, packing: str, error: Exception) -> UnreadableFile:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return UnreadableFile(
            f"{self._name!r} is damaged or cut off ({packing}: {reason[:200]}); pack or transfer "
            "it again"
        )
