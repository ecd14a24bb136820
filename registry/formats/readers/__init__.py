"""Readers of table files: from a file to Arrow batches and what the file says of its columns."""

from registry.formats.readers.base import BATCH_ROWS, FileColumn, OpenedTable, TableReader
from registry.formats.readers.detection import READERS, reader_for

__all__ = ["BATCH_ROWS", "READERS", "FileColumn", "OpenedTable", "TableReader", "reader_for"]
