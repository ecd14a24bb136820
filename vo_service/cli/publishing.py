"""``pzvo publish`` and ``pzvo withdraw``: from a file to a table, and back."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from registry.model.principal import OPERATOR
from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

if TYPE_CHECKING:
    from registry.ingestion.plan import PlannedColumn, PublishPlan, PublishRequest
    from registry.model.field import Field
    from vo_service.assemble import Services

__all__ = ["progress_bar", "publish_command", "withdraw_command"]

_QUIET_S = 1.0
"""A progress bar appears on what takes longer."""

_NAMED_COLUMNS = 5
"""Columns that a note names: more are in the listing of ``--dry-run``."""


@click.command("publish")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the product; need not be unique.")
@click.option(
    "--type", "type_", required=True, help="Product type: redshift_catalog, training_set, ..."
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="COLUMN=ALIAS|UCD",
    help="Meaning of a column: ID, RA, Dec, z, z_err, z_flag, survey, or a UCD. May be repeated.",
)
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    help="YAML file with ucd, unit, alias, description, utype, frame, null_values per column.",
)
@click.option(
    "--null",
    "nulls",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Value of a column that means that there is none, such as -99. May be repeated.",
)
@click.option("--release", help="Data release that the product belongs to.")
@click.option(
    "--visibility",
    type=click.Choice(["release", "members", "groups", "owner"]),
    help="Who may see it: whoever sees its release (the default), members, groups, its owner.",
)
@click.option(
    "--visible-to",
    "groups",
    multiple=True,
    metavar="GROUP",
    help="Of those who may see it, with --visibility groups. May be repeated.",
)
@click.option("--description", help="What the product is, for people (Markdown).")
@click.option("--replace", is_flag=True, help="Publish a new version of the product of this name.")
@click.option("--product", help="With --replace: its internal name, where the name is not unique.")
@click.option("--accept-suggestions", is_flag=True, help="Take the suggested UCDs and units.")
@click.option("--hdu", help="HDU of a FITS file, or table of a VOTable: its number or name.")
@click.option("--group", help="Group or dataset of an HDF5 file.")
@click.option("--delimiter", help="Of a text file: one character, or comma, tab, space ...")
@click.option("--dry-run", is_flag=True, help="Say what would be done, column by column.")
@pass_installation
def publish_command(  # noqa: PLR0917 - one argument for each option
    installation: Installation,
    file: Path,
    name: str,
    type_: str,
    columns: tuple[str, ...],
    annotations: Path | None,
    nulls: tuple[str, ...],
    release: str | None,
    visibility: str | None,
    groups: tuple[str, ...],
    description: str | None,
    replace: bool,
    product: str | None,
    accept_suggestions: bool,
    hdu: str | None,
    group: str | None,
    delimiter: str | None,
    dry_run: bool,
) -> None:
    """Publish FILE as a product and as a table.

    Prints the product's internal name, its table and its number of rows.
    """
    from registry.annotation.annotation_file import (
        column_assignments,
        load_annotations,
        null_assignments,
    )
    from registry.formats.readers.options import ReadOptions
    from registry.ingestion.plan import PublishRequest
    from registry.model.annotation import Annotations
    from registry.model.product import ProductVisibility
    from vo_service.assemble import assemble, prepare

    if product is not None and not replace:
        raise click.UsageError("--product says which product --replace means: give both")
    if replace and (visibility or groups):
        raise click.UsageError(
            "a new version is seen by whoever saw the old one; change that with `pzvo product edit`"
        )
    settings = installation.settings()
    stated = Annotations() if annotations is None else load_annotations(annotations)
    request = PublishRequest(
        name=name,
        product_type=type_,
        columns=column_assignments(columns),
        annotations=stated.with_nulls(null_assignments(nulls)),
        release=release,
        description=description,
        visibility=ProductVisibility(visibility or "release"),
        groups=frozenset(groups),
        replace=product or replace,
        accept_suggestions=accept_suggestions,
        read=ReadOptions(hdu, group, delimiter),
    )
    prepare(settings)
    with contextlib.closing(assemble(settings)) as services:
        publishing = services.data.publishing
        with _corrected_command():
            if dry_run:
                _show_plan(publishing.plan(OPERATOR, file, request), request)
                return
            with progress_bar() as progress:
                done = publishing.publish(OPERATOR, file, request, progress)
        _note_same_file(services, done.internal_name)
        swept = publishing.sweep(quarantine_days=settings.quarantine_days)
    if swept.refused is not None:
        click.echo(f"Note: {swept.refused}", err=True)
    _show_notes(done.plan.warnings)
    _show_suggestions(done.plan.columns)
    print_table(("product", "table", "rows"), [(done.internal_name, done.table_name, done.n_rows)])


@contextlib.contextmanager
def _corrected_command() -> Iterator[None]:
    """Let a refusal end with the command line that mends what can be guessed."""
    from registry.errors import AnnotationRejected

    try:
        yield
    except AnnotationRejected as error:
        arguments = sys.argv[1:]
        for wrong, right in error.renamed.items():
            arguments = [
                f"{right}{each[len(wrong) :]}" if each.startswith(f"{wrong}=") else each
                for each in arguments
            ]
        for column, role in error.assignments:
            arguments += ["--column", f"{column}={role}"]
        if arguments == sys.argv[1:]:
            raise
        lines = ("this cannot be published yet:", *error.report)
        command = shlex.join(("pzvo", *arguments))
        raise click.ClickException("\n  ".join(lines) + f"\nPerhaps:\n{command}") from error


def _note_same_file(services: Services, internal_name: str) -> None:
    """Say which other products have the very file that was published."""
    products = services.data.products
    mine = products.product(OPERATOR, internal_name)
    others = products.overview.same_file(OPERATOR, mine.id)
    if others:
        names = ", ".join(product.internal_name for product in others)
        click.echo(
            f"Note: {names} {'has' if len(others) == 1 else 'have'} the same file;"
            f" `pzvo withdraw {internal_name}` takes this one back",
            err=True,
        )


@click.command("withdraw")
@click.argument("product")
@pass_installation
def withdraw_command(installation: Installation, product: str) -> None:
    """Withdraw the PRODUCT of this internal name: its table disappears from queries."""
    from vo_service.assemble import assemble, prepare

    settings = installation.settings()
    prepare(settings)
    with contextlib.closing(assemble(settings)) as services:
        services.data.publishing.withdraw(OPERATOR, product)
        services.data.publishing.sweep(quarantine_days=settings.quarantine_days)
    click.echo(f"withdrawn: {product}")


def _show_plan(plan: PublishPlan, request: PublishRequest) -> None:
    click.echo(f"{request.name}: {plan.format}, {plan.n_rows} rows, {len(plan.columns)} columns")
    print_table(
        ("column", "in the file", "in queries", "type", "unit", "ucd", "role", "suggestion"),
        [_plan_row(column) for column in plan.columns],
    )
    _show_notes((*plan.warnings, *plan.notes))
    if not plan.accepted:
        raise click.ClickException("this cannot be published yet:\n  " + "\n  ".join(plan.problems))
    click.echo("This can be published; nothing was written.", err=True)


def _show_notes(notes: Iterable[str]) -> None:
    from registry.ingestion.missing import LOOKS_MISSING

    for note in notes:
        here = "; here that is --null COLUMN=VALUE" if note.startswith(LOOKS_MISSING) else ""
        click.echo(f"Note: {note}{here}", err=True)


def _plan_row(column: PlannedColumn) -> tuple[object, ...]:
    field = column.field
    if field is None:
        return (column.file_name, column.file_type, *[None] * 4, column.alias, None)
    shape = "" if field.type.arraysize is None else f"[{field.type.arraysize}]"
    return (
        column.file_name,
        column.file_type,
        column.adql_name,
        f"{field.type.xtype or field.type.datatype}{shape}",
        field.unit,
        field.ucd,
        column.alias,
        _suggestion(column, field),
    )


def _suggestion(column: PlannedColumn, field: Field) -> str | None:
    """Give what is suggested and not said yet."""
    suggestion = column.suggestion
    if suggestion is None:
        return None
    parts = (
        suggestion.alias if column.alias is None else None,
        suggestion.ucd if field.ucd is None else None,
        suggestion.unit if field.unit is None else None,
    )
    return ", ".join(part for part in parts if part) or None


def _show_suggestions(columns: tuple[PlannedColumn, ...]) -> None:
    open_ones = [
        c.file_name
        for c in columns
        if c.suggestion is not None and c.field is not None and c.field.ucd is None
    ]
    if open_ones:
        click.echo(
            f"Note: a UCD is suggested and not set for {', '.join(open_ones[:_NAMED_COLUMNS])}"
            f"{' and others' if len(open_ones) > _NAMED_COLUMNS else ''};"
            " --dry-run shows the suggestions, --accept-suggestions takes them",
            err=True,
        )


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[str, float | None], None]]:
    """Show progress to a person at a terminal, on anything longer than a second."""
    if not sys.stderr.isatty():
        yield lambda _step, _fraction: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    started = time.monotonic()
    task = bar.add_task("", total=1.0)

    def report(step: str, fraction: float | None) -> None:
        if time.monotonic() - started > _QUIET_S:
            bar.start()
        bar.update(task, description=step, completed=fraction or 0.0)

    try:
        yield report
    finally:
        bar.stop()
