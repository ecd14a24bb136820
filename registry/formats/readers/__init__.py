"""Readers of table files: from a file to Arrow batches and what the file says of its columns."""

from registry.formats.readers.base import BATCH_ROWS, FileColumn, OpenedTable, TableReader
from registry.formats.readers.detection import READERS, check_path, reader_for
from registry.formats.readers.options import (
    DEFAULT_LIMITS,
    DEFAULT_OPTIONS,
    ReadLimits,
    ReadOptions,
)

__all__ = [
    "BATCH_ROWS",
    "DEFAULT_LIMITS",
    "DEFAULT_OPTIONS",
    "READERS",
    "FileColumn",
    "OpenedTable",
    "ReadLimits",
    "ReadOptions",
    "TableReader",
    "check_path",
    "reader_for",
]
