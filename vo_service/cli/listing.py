"""``pzvo products`` and ``pzvo tables``: what is published."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import click

from registry.model.principal import OPERATOR
from vo_service.cli.installation import Installation, pass_installation

__all__ = ["print_table", "products_command", "tables_command"]


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: aligned for a person, tab-separated for a program."""
    import sys

    if not sys.stdout.isatty():
        for row in (headings, *rows):
            click.echo("\t".join("" if value is None else str(value) for value in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    Console().print(table)


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
            f"{product.updated:%Y-%m-%d %H:%M}",
        )
        for product in products
    ]
    print_table(("product", "type", "name", "rows", "table", "updated (UTC)"), rows)


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
