"""``pzvo doctor``: what is on the disk, and why."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

if TYPE_CHECKING:
    from registry.products.doctor import Diagnosis

__all__ = ["doctor_command"]

_LISTED = 20


@click.command("doctor")
@click.option("--repair", is_flag=True, help="Remove what no record names.")
@pass_installation
def doctor_command(installation: Installation, repair: bool) -> None:
    """Explain the disk use of the installation, and find what crashes left.

    With --repair, files without a record that are older than ten minutes are removed; the service
    may run meanwhile. The exit code is 1 if something is left to be done.
    """
    from registry.host.confinement import missing_locks
    from registry.products.doctor import Doctor
    from registry.products.records import ProductStores
    from registry.stores.files import FileStore
    from registry.stores.metadata.database import MetadataDatabase
    from uws.reconciler import Reconciler
    from vo_service.assemble import assemble, prepare
    from vo_service.engines.duckdb.store import DuckdbTableStore

    settings = installation.settings()
    prepare(settings)
    database = MetadataDatabase(settings.metadata_url)
    stores = ProductStores.over(database, FileStore(settings.home))
    doctor = Doctor(settings.home, stores, DuckdbTableStore(settings.tables_folder))
    with contextlib.closing(database), contextlib.closing(assemble(settings)) as services:
        if repair:
            swept = doctor.repair()
            names = (*swept.staging, *swept.tables, *swept.archived, *swept.uploaded)
            jobs = Reconciler(services.jobs.store, services.jobs.results).remove_orphans()
            for name in names:
                click.echo(f"removed: {name}")
            click.echo(f"removed: {len(names)} of products, {jobs} results of jobs")
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
        click.echo("`pzvo doctor --repair` removes orphans that are older than ten minutes.")
    if diagnosis.missing:
        click.echo("What is missing comes back from a backup alone: see the documentation.")
