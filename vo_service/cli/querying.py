"""``pzvo query``: a query through the same path as the server's."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from registry.model.principal import OPERATOR
from vo_service.cli.installation import Installation, pass_installation

if TYPE_CHECKING:
    import pyarrow as pa

    from registry.formats.writers.base import ResultWriter
    from vo_service.assemble import Services
    from vo_service.queries import RunningQuery

__all__ = ["print_rows", "query_command"]

_SHOWN_ROWS = 100
"""Rows that are shown at a terminal."""

_SHOWN_VALUES = 3
"""Values that are shown of a list that has more."""

_VOTABLE_ENDINGS = (".votable", ".xml")
"""What STILTS and TOPCAT take for VOTables, beside ``.vot``."""


@click.command("query")
@click.argument("adql")
@click.option("--format", "format_", help="Name or media type: votable, csv, ...")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File for the result."
)
@click.option("--maxrec", type=click.IntRange(min=0), help="Rows at most.")
@pass_installation
def query_command(
    installation: Installation,
    adql: str,
    format_: str | None,
    output: Path | None,
    maxrec: int | None,
) -> None:
    """Answer an ADQL query ('-' reads it from standard input).

    The format follows the ending of the output file (.vot, .csv, .parquet, ...), and is CSV
    otherwise; at a terminal the first rows are shown as a table.
    """
    from vo_service.assemble import assemble, prepare

    settings = installation.settings()
    prepare(settings)
    services = assemble(settings)
    if adql == "-":
        adql = sys.stdin.read()
    try:
        if format_ is None and output is None and sys.stdout.isatty():
            print_rows(services, adql, maxrec)
        else:
            _write(services, adql, format_, output, maxrec)
    finally:
        services.close()


def _run(services: Services, adql: str, maxrec: int | None) -> RunningQuery:
    settings = services.settings
    rows = settings.maxrec_hard_rows if maxrec is None else min(maxrec, settings.maxrec_hard_rows)
    return services.queries.run(OPERATOR, adql, maxrec=rows, time_limit_s=settings.sync_timeout_s)


def print_rows(services: Services, adql: str, maxrec: int | None = None) -> None:
    """Show the first rows of a result to a person."""
    from vo_service.cli.listing import print_table

    shown = _SHOWN_ROWS if maxrec is None else min(maxrec, _SHOWN_ROWS)
    running = _run(services, adql, shown)
    try:
        result = running.result()
        rows = [
            row
            for batch in result.batches
            for row in zip(*(_shown(column) for column in batch.columns), strict=True)
        ]
        overflow = result.outcome().overflow
    finally:
        running.close()
    headings = [f.name if f.unit is None else f"{f.name} [{f.unit}]" for f in running.fields]
    print_table(headings, rows)
    if overflow and rows:
        click.echo(f"... the first {len(rows)} rows; -o FILE writes all of them", err=True)


def _shown(column: pa.Array) -> list[object]:
    """Give the cells of a column: numbers with every digit that they have, long lists shortened."""
    import numpy as np
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_list(column.type) else column.type
    single = pa.types.is_float32(kind)

    def shown(value: object) -> object:
        if isinstance(value, float):
            # The shortest digits that give the same number back, in the column's own precision.
            return str(np.float32(value)) if single else repr(value)
        if isinstance(value, list):
            first = ", ".join(str(shown(each)) for each in value[:_SHOWN_VALUES])
            more = f", ... {len(value)} values" if len(value) > _SHOWN_VALUES else ""
            return f"[{first}{more}]"
        return value

    return [shown(value) for value in column.to_pylist()]


def _write(
    services: Services, adql: str, format_: str | None, output: Path | None, maxrec: int | None
) -> None:
    writer = _writer(format_, output)
    running = _run(services, adql, maxrec)
    try:
        result = running.result()
        with _sink(output) as sink:
            for piece in writer.write(result):
                sink.write(piece)
            outcome = result.outcome()
            if outcome.error is not None:
                raise click.ClickException(outcome.error)
    finally:
        running.close()
    if outcome.overflow:
        click.echo(f"the result was cut at {running.maxrec} rows (--maxrec)", err=True)


def _writer(format_: str | None, output: Path | None) -> ResultWriter:
    """Choose the writer by the option, else by the ending of the file, else CSV."""
    from registry.formats.writers.errors import UnsupportedFormat
    from registry.formats.writers.registry import WRITERS, writer_for

    if format_ is not None:
        try:
            return writer_for(format_)
        except UnsupportedFormat as error:
            msg = f"--format {format_!r} is not supported; use one of: {', '.join(error.accepted)}"
            raise click.ClickException(msg) from error
    if output is None or not output.suffix:
        return writer_for("csv")
    by_ending = {f".{writer.extension}": writer for writer in reversed(WRITERS)}
    by_ending |= {ending: writer_for("votable") for ending in _VOTABLE_ENDINGS}
    found = by_ending.get(output.suffix.lower())
    if found is None:
        msg = (
            f"the ending of {output.name!r} says no format that can be written"
            f" ({', '.join(sorted(by_ending))}); choose another, or say --format"
        )
        raise click.ClickException(msg)
    return found


@contextlib.contextmanager
def _sink(output: Path | None) -> Iterator[IO[bytes]]:
    """Open the output; a file appears only when it is complete."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        descriptor, name = tempfile.mkstemp(dir=output.parent or Path(), prefix=f".{output.name}.")
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            yield sink
        temporary.chmod(0o644)
        temporary.replace(output)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
