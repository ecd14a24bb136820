"""``pzvo convert``: a table file in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.publishing import progress_bar

if TYPE_CHECKING:
    from registry.formats.writers.base import ResultWriter

__all__ = ["convert_command"]


@click.command("convert")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--format", "format_", help="Of OUT; otherwise its ending says it.")
@click.option("--hdu", help="HDU of a FITS file, or table of a VOTable: its number or name.")
@click.option("--group", help="Group or dataset of an HDF5 file.")
@click.option("--delimiter", help="Of a text file: one character, or comma, tab, space ...")
@pass_installation
def convert_command(  # noqa: PLR0917 - one argument for each option
    _installation: Installation,
    source: Path,
    target: Path,
    format_: str | None,
    hdu: str | None,
    group: str | None,
    delimiter: str | None,
) -> None:
    """Write the table of the file IN to the file OUT, in another format.

    Units, UCDs and descriptions are kept. OUT appears when it is complete. The formats:
    votable, votable/td, votable/b, csv, tsv, fits, parquet, arrow, hdf5, json, html.
    """
    from registry.formats.readers.options import ReadOptions
    from registry.ingestion.conversion import convert

    writer = _writer(format_, target)
    if not target.parent.is_dir():
        raise click.ClickException(f"there is no folder {str(target.parent)!r} for {target.name!r}")
    with progress_bar() as progress:
        done = convert(
            source,
            target,
            writer,
            ReadOptions(hdu, group, delimiter),
            lambda fraction: progress(f"writing {target.name}", fraction),
        )
    for remark in done.remarks:
        click.echo(f"Note: {remark}", err=True)
    columns = len(done.fields)
    click.echo(f"{target}: {writer.name}, {done.rows} rows, {columns} columns", err=True)


def _writer(format_: str | None, target: Path) -> ResultWriter:
    """Choose the writer by the option, else by the ending of the file."""
    from registry.formats.writers.errors import UnsupportedFormat
    from registry.formats.writers.registry import ENDINGS, writer_for

    if format_ is not None:
        try:
            return writer_for(format_)
        except UnsupportedFormat as error:
            message = (
                f"--format {format_!r} is not supported; use one of: {', '.join(error.accepted)}"
            )
            raise click.ClickException(message) from error
    found = ENDINGS.get(target.suffix.lower())
    if found is None:
        message = (
            f"the ending of {target.name!r} says no format that can be written"
            f" ({', '.join(sorted(ENDINGS))}); choose another, or say --format"
        )
        raise click.ClickException(message)
    return found
