"""``pzvo products`` and ``pzvo tables``: what is published."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from registry.model.principal import OPERATOR
from vo_service.cli.installation import Installation, pass_installation

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_table", "products_command", "tables_command"]


_PROSE = 24
"""Characters beyond which a cell with blanks in it is text to read, which may be folded."""

_PROSE_WIDTH = 20
"""Columns of the terminal that such a cell needs at least."""

_GAP = 2


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: aligned for a person, tab-separated for a program.

    Names and numbers are never broken or cut, so that they can be copied: where the terminal is too
    narrow for them, each row becomes a block of lines, one for each cell that has something.
    """
    import sys

    from rich.cells import cell_len

    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in (headings, *texts):
            click.echo("\t".join(" ".join(cell.splitlines()).replace("\t", " ") for cell in line))
        return
    from rich.console import Console

    console = Console()
    columns = [[heading, *(row[i] for row in texts)] for i, heading in enumerate(headings)]
    prose = [any(len(c) > _PROSE and " " in c for c in column[1:]) for column in columns]
    widths = [max(map(cell_len, column)) for column in columns]
    least = [_PROSE_WIDTH if p else w for p, w in zip(prose, widths, strict=True)]
    if sum(least) + _GAP * (len(least) - 1) <= console.width:
        _print_aligned(console, headings, texts, prose)
        return
    label = max(map(cell_len, headings))
    for number, row in enumerate(texts):
        if number:
            click.echo()
        for heading, cell in zip(headings, row, strict=True):
            if cell:
                blanks = " " * (label - cell_len(heading) + _GAP)
                click.echo(click.style(heading, bold=True) + blanks + cell)


def _print_aligned(
    console: Console,
    headings: Sequence[str],
    texts: Sequence[Sequence[str]],
    prose: Sequence[bool],
) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    for heading, wrapped in zip(headings, prose, strict=True):
        table.add_column(Text(heading), overflow="fold", no_wrap=not wrapped)
    for row in texts:
        table.add_row(*map(Text, row))
    console.print(table)


@click.command("products")
@pass_installation
def products_command(installation: Installation) -> None:
    """List the published products."""
    from vo_service.assemble import assemble, prepare

    settings = installation.settings()
    prepare(settings)
    with contextlib.closing(assemble(settings)) as services:
        products = services.data.publishing.products(OPERATOR)
    rows = [
        (
            product.internal_name,
            product.product_type,
            product.display_name,
            None if product.version is None else product.version.n_rows,
            product.table_name,
            product.owner,
            product.release,
            f"{product.updated:%Y-%m-%d %H:%M}",
        )
        for product in products
    ]
    print_table(
        ("product", "type", "name", "rows", "table", "owner", "release", "updated (UTC)"), rows
    )


@click.command("tables")
@click.argument("table", required=False)
@pass_installation
def tables_command(installation: Installation, table: str | None) -> None:
    """List the tables, or the columns of one TABLE."""
    from registry.tap_schema import column_name
    from vo_service.assemble import assemble, prepare

    settings = installation.settings()
    prepare(settings)
    with contextlib.closing(assemble(settings)) as services:
        tables = services.queries.tables(OPERATOR)
    if table is None:
        print_table(
            ("table", "rows", "description"), [(t.name, t.nrows, t.description) for t in tables]
        )
        return
    schema, _, name = table.rpartition(".")
    found = [t for t in tables if t.table_name.lower() == name.lower()]
    found = [t for t in found if not schema or t.schema_name.lower() == schema.lower()]
    if not found:
        msg = f"there is no table {table}; `pzvo tables` lists them"
        raise click.ClickException(msg)
    print_table(
        ("column", "type", "arraysize", "xtype", "unit", "ucd", "description"),
        [
            (
                column_name(each, column),
                column.field.type.datatype,
                column.field.type.arraysize,
                column.field.type.xtype,
                column.field.unit,
                column.field.ucd,
                column.field.description,
            )
            for each in found
            for column in each.columns
        ],
    )
