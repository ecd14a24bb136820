"""From a table file in any format that is read to one in any format that is written."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from registry.errors import StorageFull, UnreadableFile
from registry.formats.readers import check_path
from registry.formats.readers.base import FileColumn, OpenedTable
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions
from registry.formats.readers.sandbox import open_table
from registry.formats.writers.base import Result, ResultInfo, ResultWriter
from registry.formats.writers.stream import ResultStream
from registry.ingestion.frames import column_frame
from registry.ingestion.types import (
    BECOMES_TEXT,
    finish,
    fits_column,
    marked_type,
    simple_type,
    simplify,
    value_type,
)
from registry.model.field import Field

__all__ = ["Conversion", "convert", "table_result"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was converted.

    Attributes
    ----------
    rows
        Number of rows.
    fields
        The columns that were written.
    remarks
        What the user should know: parts left out, changes of type.
    """

    rows: int
    fields: tuple[Field, ...]
    remarks: tuple[str, ...]


def convert(
    source: Path,
    target: Path,
    writer: ResultWriter,
    options: ReadOptions = DEFAULT_OPTIONS,
    progress: Callable[[float | None], None] | None = None,
) -> Conversion:
    """Write the table of a file in another format.

    Parameters
    ----------
    source
        A file of any format that is read; it is read in a process of its own.
    target
        The new file; it appears, or replaces an old one, when it is complete.
    writer
        Of the format.
    options
        Which table of the file, where it holds several.
    progress
        Told the fraction of rows that were read, if their number is known.

    Raises
    ------
    UnreadableFile
        If the file is damaged or ambiguous, or has a column that no format can hold.
    UnsupportedFile
        If it is no table.
    FormatLimit
        If the format cannot hold so many columns.
    StorageFull
        If the disk is full.
    OSError
        If the target cannot be written.

    Notes
    -----
    Units, UCDs, utypes and descriptions are kept as the file gives them, unchecked.
    """
    check_path(source)
    with open_table(source, options) as opened:
        result, remarks = table_result(opened, source.name, progress=progress)
        _write(target, writer, result)
        return Conversion(result.rows, result.fields, remarks)


def table_result(
    opened: OpenedTable,
    name: str,
    *,
    progress: Callable[[float | None], None] | None = None,
    annotate: Callable[[Field], Field] | None = None,
    stream_errors: tuple[type[Exception], ...] = (),
) -> tuple[ResultStream, tuple[str, ...]]:
    """Make the rows of an open file ready for a writer.

    Parameters
    ----------
    opened
        The table; it is left open.
    name
        Of the file, for messages.
    progress
        Told the fraction of rows that were read, if their number is known.
    annotate
        Completes what is said of a column.
    stream_errors
        Errors in mid-stream that end the document, instead of being raised.

    Returns
    -------
    tuple
        The rows, and what the user should know: parts left out, changes of type.

    Raises
    ------
    UnreadableFile
        If the file is damaged, or has a column that no format can hold.
    """
    fields, remarks = _fields(opened, name)
    if annotate is not None:
        fields = tuple(annotate(field) for field in fields)
    infos = () if not opened.description else (ResultInfo("description", opened.description),)
    batches = _simplified(opened, fields, name, progress)
    result = ResultStream(fields, batches, infos=infos, stream_errors=stream_errors)
    return result, (*opened.warnings, *remarks)


def _fields(opened: OpenedTable, name: str) -> tuple[tuple[Field, ...], list[str]]:
    fields, remarks = [], []
    unfit = _unfit_columns(opened)
    for position, column in enumerate(opened.columns):
        choice = simple_type(column.type)
        if choice.type is None:
            raise UnreadableFile(f"{name!r}: the column {column.name!r} {choice.remark}")
        if choice.remark is not None:
            remarks.append(f"{column.name!r}: {choice.remark}")
        if position in unfit:
            remarks.append(f"{column.name!r}: {BECOMES_TEXT[choice.type]}")
        fields.append(_field(column, choice.type, fits=position not in unfit))
    return tuple(fields), remarks


def _field(column: FileColumn, simple: pa.DataType, *, fits: bool) -> Field:
    """Give the field of a column; text may hold any character, as nobody has looked."""
    length = column.type.list_size if pa.types.is_fixed_size_list(column.type) else None
    field = Field(
        column.name,
        marked_type(value_type(simple, True, fits, length or None), column),
        column.unit,
        column.ucd,
        column.utype,
        column.description,
    )
    return replace(field, frame=column_frame(column.stated_frame, field))


def _unfit_columns(opened: OpenedTable) -> set[int]:
    """Give the positions of columns with values that become text, see `fits_column`."""
    simple = [simple_type(column.type).type for column in opened.columns]
    looked_at = [i for i, kind in enumerate(simple) if kind in BECOMES_TEXT]
    found: set[int] = set()
    if not looked_at:
        return found
    for batch in opened.batches():
        for position in looked_at:
            # What cannot be simplified is refused when it is written.
            with suppress(pa.ArrowInvalid):
                values = simplify(batch.column(position), simple[position])
                if not fits_column(values):
                    found.add(position)
    return found


def _simplified(
    opened: OpenedTable,
    fields: Sequence[Field],
    name: str,
    progress: Callable[[float | None], None] | None,
) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in opened.batches():
        columns = []
        for column, said, field in zip(batch.columns, opened.columns, fields, strict=True):
            simple = simple_type(said.type).type
            try:
                columns.append(finish(simplify(column, simple), field.type))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                reason = str(error).splitlines()[0]
                message = f"{name!r}: a value of {field.name!r} is out of range ({reason})"
                raise UnreadableFile(message) from error
        yield pa.RecordBatch.from_arrays(columns, names=[str(i) for i in range(len(columns))])
        rows += batch.num_rows
        if progress is not None:
            progress(min(1.0, rows / opened.n_rows) if opened.n_rows else None)


def _write(target: Path, writer: ResultWriter, result: Result) -> None:
    """Write the pieces beside the target, and give them its name when all are there."""
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            for piece in writer.write(result):
                file.write(piece)
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        if error.errno is None:
            raise
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OSError(error.errno, os.strerror(error.errno), str(target)) from error
        raise StorageFull(f"no space left for {str(target)!r}; nothing of it was kept") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
