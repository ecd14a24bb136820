"""``pzvo doctor``: what is on the disk, and why."""

from __future__ import annotations

import contextlib
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

if TYPE_CHECKING:
    from registry.products.doctor import Diagnosis

__all__ = ["doctor_command"]

_LISTED = 20


@click.command("doctor")
@click.option(
    "--repair", is_flag=True, help="Remove what was deleted, and set aside what no record names."
)
@click.option(
    "--everything",
    is_flag=True,
    help="With --repair: set aside files without a record however many they are.",
)
@click.option(
    "--adopt", is_flag=True, help="Say that this home and this metadata database belong together."
)
@pass_installation
def doctor_command(installation: Installation, repair: bool, everything: bool, adopt: bool) -> None:
    """Explain the disk use of the installation, and find what crashes left.

    With --repair, files without a record that are older than ten minutes move to the quarantine;
    the service may run meanwhile. The exit code is 1 if something is left to be done.
    """
    from registry.host.confinement import missing_locks
    from registry.products.doctor import Doctor
    from registry.products.records import ProductStores
    from registry.stores.files import FileStore
    from registry.stores.identity import Home
    from registry.stores.metadata.database import MetadataDatabase
    from vo_service.assemble import assemble, prepare
    from vo_service.engines.duckdb.store import DuckdbTableStore

    settings = installation.settings()
    database = MetadataDatabase(settings.metadata_url)
    if adopt:
        identity = Home(settings.home, tables_here=settings.tables_url is None).adopt(database)
        click.echo(f"home and metadata database have the identity {identity}")
    prepare(settings)
    stores = ProductStores.over(database, FileStore(settings.home))
    doctor = Doctor(settings.home, stores, DuckdbTableStore(settings.tables_folder))
    with contextlib.closing(database), contextlib.closing(assemble(settings)) as services:
        if repair:
            swept = doctor.repair(quarantine_days=settings.quarantine_days, everything=everything)
            names = (*swept.staging, *swept.tables, *swept.archived, *swept.uploaded)
            jobs = services.processing.remover.set_orphans_aside(datetime.now(UTC))
            for name in names:
                click.echo(f"removed: {name}")
            for name in swept.quarantined:
                click.echo(f"set aside: {name}")
            if swept.refused is not None:
                click.echo(f"refused: {swept.refused}")
            click.echo(f"removed: {len(names)} of products; set aside: {jobs} results of jobs")
        diagnosis = doctor.examine()
    _show(diagnosis)
    for lock in missing_locks():
        click.echo(f"confinement: this host has {lock}")
    if not diagnosis.healthy:
        sys.exit(1)


def _show(diagnosis: Diagnosis) -> None:
    print_table(
        ("what", "files", "MB"),
        [(each.kind, each.files, f"{each.size_bytes / 1e6:.3f}") for each in diagnosis.usage],
    )
    for title, findings in (("orphan", diagnosis.orphans), ("MISSING", diagnosis.missing)):
        for finding in findings[:_LISTED]:
            click.echo(f"{title}: {finding.place}: {finding.reason}")
        if len(findings) > _LISTED:
            click.echo(f"{title}: and {len(findings) - _LISTED} more")
    if diagnosis.orphans:
        click.echo(
            "`pzvo doctor --repair` moves orphans that are older than ten minutes to quarantine/."
        )
    if diagnosis.missing:
        click.echo("What is missing comes back from a backup alone: see the documentation.")
