"""What a caller may choose about reading a file, and what reading one may cost."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["DEFAULT_LIMITS", "DEFAULT_OPTIONS", "ReadLimits", "ReadOptions"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Choices for files that hold several tables, or do not tell their layout.

    Attributes
    ----------
    hdu
        Number (the primary HDU is 0) or name of an HDU of a FITS file; number (from 1), name
        or ID of a table of a VOTable.
    group
        Path of a group or dataset of an HDF5 file.
    delimiter
        Between the values of a text file: one character, or ``tab``, ``comma``, ``semicolon``,
        ``bar``, ``space`` (any run of blanks).
    """

    hdu: str | None = None
    group: str | None = None
    delimiter: str | None = None

    @property
    def chosen(self) -> dict[str, str]:
        """The options that were given, by name."""
        return {name: str(getattr(self, name)) for name in self.given}

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the options that were given."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is not None)


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What a file may cost the process that reads it.

    Attributes
    ----------
    memory_bytes
        Private memory of the process; pages of the file itself do not count.
    cpu_s, cpu_s_per_mb
        Processor time: a part for every file, and a part that grows with its size in MB.
    stall_s
        Time without a sign of life after which the process is ended.
    open_files
        Descriptors at once.
    unpacked_bytes
        What an archive or a compressed file may unpack to, all members together.
    unpacked_ratio
        The same as a multiple of the packed size, for more than `unpacked_free_bytes`.
    unpacked_free_bytes
        Size up to which any ratio is accepted.
    members
        Entries of an archive.

    Notes
    -----
    Text compresses up to about fiftyfold, and deflate's utmost is a thousandfold: what lies
    beyond `unpacked_ratio` and is not small was made to fill disks.
    """

    memory_bytes: int = 4 * 2**30
    cpu_s: int = 600
    cpu_s_per_mb: float = 1.0
    stall_s: float = 900.0
    open_files: int = 128
    unpacked_bytes: int = 64 * 2**30
    unpacked_ratio: int = 100
    unpacked_free_bytes: int = 256 * 2**20
    members: int = 100_000


DEFAULT_OPTIONS = ReadOptions()
"""Nothing is chosen: a file with several tables is refused with their list."""

DEFAULT_LIMITS = ReadLimits()
"""Enough for tables of some hundred million rows in the formats that are read piece by piece."""
