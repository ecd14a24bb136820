"""``pzvo product``: what is said of a published product, changed without reading its file again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.model.principal import OPERATOR
from registry.model.product import ProductVisibility
from vo_service.cli.accounts import opened_services
from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

if TYPE_CHECKING:
    from registry.products.service import ProductService

__all__ = ["product_command"]

_STATEMENTS = ("ucd", "unit", "description", "alias")


@click.group("product")
def product_command() -> None:
    """Show a product, and change what is said of it."""


@product_command.command("show")
@click.argument("product")
@pass_installation
def show_command(installation: Installation, product: str) -> None:
    """Show the PRODUCT of this internal name, and its columns."""
    with opened_services(installation) as services:
        found = services.data.products.product(OPERATOR, product)
        contents = services.data.products.contents.select(OPERATOR, found.id)
    print_table(
        ("what", "value"),
        [
            ("product", found.internal_name),
            ("name", found.display_name),
            ("type", found.product_type),
            ("table", found.table_name),
            ("owner", found.owner),
            ("release", found.release),
            ("visibility", " ".join((found.visibility.value, *sorted(found.groups)))),
            ("description", found.description),
            ("creators", found.creators),
            ("article", found.article),
            ("doi", found.doi),
            ("licence", found.licence),
            ("updated (UTC)", f"{found.updated:%Y-%m-%d %H:%M}"),
        ],
    )
    click.echo()
    print_table(
        ("column", *_STATEMENTS),
        [(c.column_name, *(getattr(c, s) for s in _STATEMENTS)) for c in contents],
    )


@product_command.command("edit")
@click.argument("product")
@click.option("--name", "display_name", help="Name of the product, for people.")
@click.option("--description", help="What the product is (Markdown).")
@click.option(
    "--description-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The same, in a file.",
)
@click.option("--release", help="Data release that it belongs to; empty for none.")
@click.option("--creators", help="Who made it: names with semicolons between them.")
@click.option("--article", help="Article to cite: DOI, bibcode or address.")
@click.option("--doi", help="DOI of the data.")
@click.option("--licence", help="Terms of use: SPDX identifier, such as CC-BY-4.0, or address.")
@click.option(
    "--visibility",
    type=click.Choice([each.value for each in ProductVisibility]),
    help="Who may see it: whoever sees its release, members, groups, or its owner alone.",
)
@click.option(
    "--visible-to",
    "groups",
    multiple=True,
    metavar="GROUP",
    help="Of those who may see it, with --visibility groups. May be repeated.",
)
@click.option("--owner", help="Account that it belongs to from now on.")
@click.option("--ucd", "ucds", multiple=True, metavar="COLUMN=UCD", help="May be repeated.")
@click.option("--unit", "units", multiple=True, metavar="COLUMN=UNIT", help="May be repeated.")
@click.option(
    "--column-description", "texts", multiple=True, metavar="COLUMN=TEXT", help="May be repeated."
)
@click.option("--alias", "aliases", multiple=True, metavar="COLUMN=ALIAS", help="May be repeated.")
@pass_installation
def edit_command(
    installation: Installation,
    product: str,
    *,
    description_file: Path | None,
    owner: str | None,
    groups: tuple[str, ...],
    ucds: tuple[str, ...],
    units: tuple[str, ...],
    texts: tuple[str, ...],
    aliases: tuple[str, ...],
    **values: str | None,
) -> None:
    """Change what is said of the PRODUCT of this internal name.

    Its file is not read again, and its table keeps its name. The rules are those of the API. An
    empty text takes back what was said.
    """
    changes: dict[str, object] = {k: value for k, value in values.items() if value is not None}
    if groups:
        changes["groups"] = frozenset(groups)
    if description_file is not None:
        changes["description"] = description_file.read_text("utf-8")
    said = zip(_STATEMENTS, (ucds, units, texts, aliases), strict=True)
    columns = _statements((name, text) for name, given in said for text in given)
    if not changes and not columns and owner is None:
        raise click.UsageError("say what changes: --description, --ucd COLUMN=UCD ... (--help)")
    with opened_services(installation) as services:
        products = services.data.products
        found = products.product(OPERATOR, product)
        numbers = _numbers(products, found.id, columns)
        account = None if owner is None else services.people.accounts.user(owner).name
        if changes:
            empty = {"release": None} if changes.get("release") == "" else {}
            products.update(OPERATOR, found.id, {**changes, **empty})
        for column, statements in columns.items():
            products.contents.update(OPERATOR, numbers[column], statements)
        if account is not None:
            products.give(OPERATOR, found.id, account)
    click.echo(f"changed: {found.internal_name}")


def _statements(given: Iterable[tuple[str, str]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for statement, text in given:
        column, equals, value = text.rpartition("=")
        if statement == "description":
            column, equals, value = text.partition("=")
        if not equals or not column:
            raise click.UsageError(f"{text!r} is not COLUMN={statement.upper()}")
        found.setdefault(column, {})[statement] = value
    return found


def _numbers(
    products: ProductService, product_id: int, columns: dict[str, dict[str, str]]
) -> dict[str, int]:
    """Find the columns that are meant, before anything is changed."""
    found = {c.column_name: c.id for c in products.contents.select(OPERATOR, product_id)}
    unknown = [name for name in columns if name not in found]
    if unknown:
        raise click.ClickException(
            f"there is no column {unknown[0]!r}; the product has {', '.join(found)}"
        )
    return found
