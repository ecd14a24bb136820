"""``pzvo doctor``: what is on the disk, why, and what to do about what should not be so."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

if TYPE_CHECKING:
    from registry.products.doctor import Diagnosis, Doctor, Finding
    from vo_service.assemble import Services
    from vo_service.settings import Settings

__all__ = ["doctor_command"]

_LISTED = 20


@click.command("doctor")
@click.option(
    "--repair",
    is_flag=True,
    help="Remove what was deleted, set aside what no record names, make damaged tables again.",
)
@click.option(
    "--everything",
    is_flag=True,
    help="With --repair: your word that files without a record may be set aside however many they"
    " are, and that the clock is right.",
)
@click.option(
    "--rebuild",
    is_flag=True,
    help="Make the records of products again from the manifests in the archive, and their tables.",
)
@click.option(
    "--adopt",
    is_flag=True,
    help="Your word that this home and this metadata database belong together.",
)
@click.option("--quick", is_flag=True, help="Look at names and sizes, not at every byte.")
@pass_installation
def doctor_command(
    installation: Installation,
    *,
    repair: bool,
    everything: bool,
    rebuild: bool,
    adopt: bool,
    quick: bool,
) -> None:
    """Explain the disk use of the installation, and find what is damaged, lost or left over.

    Without an option nothing is changed, and each finding says which command would do what. The
    service may run meanwhile. The exit code is 1 if something is left to be done.
    """
    from vo_service.assemble import assemble, prepare

    settings = installation.settings()
    if adopt:
        _adopt(settings)
    if rebuild:
        _rebuild(settings)
    prepare(settings, tables_lost=repair or rebuild)
    with contextlib.closing(assemble(settings)) as services:
        doctor = _doctor(services)
        if repair:
            _repair(services, doctor, everything=everything)
        if rebuild:
            for line in _recorded_tables(doctor):
                click.echo(line)
        if repair or rebuild:
            for line in _mended(doctor):
                click.echo(line)
        diagnosis = doctor.examine(checksums=not quick)
        problems = services.processing.cluster_problems()
    _show(diagnosis, settings.quarantine_days)
    for problem in problems:
        click.echo(f"PIPELINE: {problem}")
    if problems or not diagnosis.healthy:
        sys.exit(1)


def _doctor(services: Services) -> Doctor:
    from registry.products.doctor import Doctor
    from registry.products.records import ProductStores
    from registry.stores.files import FileStore

    data, home = services.data, services.settings.home
    stores = ProductStores.over(services.database, FileStore(home))
    return Doctor(home, services.database, stores, data.tables, data.publishing.publisher)


def _adopt(settings: Settings) -> None:
    from registry.stores.identity import Home
    from registry.stores.metadata.database import MetadataDatabase

    with contextlib.closing(MetadataDatabase(settings.metadata_url)) as database:
        home = Home(settings.home, tables_here=settings.tables_url is None)
        click.echo(f"home and metadata database have the identity {home.adopt(database)} now")


def _rebuild(settings: Settings) -> None:
    from registry.products.rebuilding import rebuild_records
    from registry.stores.identity import Home
    from registry.stores.metadata.database import MetadataDatabase

    with contextlib.closing(MetadataDatabase(settings.metadata_url)) as database:
        home = Home(settings.home, tables_here=settings.tables_url is None)
        done = rebuild_records(database, home, settings.home)
    for name in done.products:
        click.echo(f"recorded again: {name}")
    for conflict in done.conflicts:
        click.echo(f"not recorded: {conflict}")
    click.echo(
        f"recorded again: {len(done.products)} products with their versions, files, columns and"
        " releases."
    )
    if done.products:
        click.echo(
            "Accounts, memberships of groups, passwords, tokens, sessions, and jobs with their"
            " results are not in the archive: if the database is lost, they are gone. Make the"
            " accounts again with `pzvo user add`; products and users' own tables belong to the"
            " same names as before."
        )


def _recorded_tables(doctor: Doctor) -> Iterator[str]:
    for name, problem in doctor.rebuild_user_tables():
        yield (
            f"own table recorded again: {name}"
            if problem is None
            else (f"own table NOT recorded again: {name}: {problem}")
        )


def _repair(services: Services, doctor: Doctor, *, everything: bool) -> None:
    swept = doctor.repair(quarantine_days=services.settings.quarantine_days, everything=everything)
    names = (*swept.staging, *swept.tables, *swept.archived, *swept.uploaded, *swept.expired)
    jobs = services.processing.remover.set_orphans_aside(datetime.now(UTC))
    for name in names:
        click.echo(f"removed: {name}")
    for name in swept.quarantined:
        click.echo(f"set aside: {name}")
    if swept.refused is not None:
        click.echo(f"refused: {swept.refused}")
    click.echo(
        f"removed: {len(names)} of products; set aside: {len(swept.quarantined)} of products,"
        f" {jobs} results of jobs"
    )


def _mended(doctor: Doctor) -> Iterator[str]:
    for name, problem in doctor.mend_tables():
        if problem is None:
            yield f"table made again: {name}"
        else:
            yield f"table NOT made again: {name}: {problem}"


def _show(diagnosis: Diagnosis, quarantine_days: int) -> None:
    print_table(
        ("what", "files", "MB"),
        [(each.kind, each.files, f"{each.size_bytes / 1e6:.3f}") for each in diagnosis.usage],
    )
    _list("orphan", diagnosis.orphans)
    if diagnosis.refused is not None:
        click.echo(f"`pzvo doctor --repair` would leave them: {diagnosis.refused}")
    elif diagnosis.orphans:
        click.echo(
            "`pzvo doctor --repair` moves orphans that are older than ten minutes to quarantine/."
        )
    _list("UNRECORDED", diagnosis.unrecorded)
    if diagnosis.unrecorded:
        click.echo("`pzvo doctor --rebuild` records them again as the archive has them.")
    _list("DAMAGED TABLE", diagnosis.tables)
    if diagnosis.tables:
        click.echo("`pzvo doctor --repair` makes them again from the archived files.")
    _list("MISSING", diagnosis.missing)
    if diagnosis.missing:
        click.echo("Missing and damaged files come back from a backup alone: see docs/how-to.")
    if diagnosis.due:
        click.echo(
            f"{len(diagnosis.due)} manifests are older than their records; `pzvo doctor --repair`"
            " writes them."
        )
    for entry in diagnosis.quarantine[:_LISTED]:
        click.echo(
            f"in quarantine: {entry.place} ({entry.size_bytes} bytes) since"
            f" {entry.moved:%Y-%m-%d %H:%M} UTC: {entry.reason}; quarantine/{entry.name}"
        )
    if diagnosis.quarantine:
        click.echo(
            f"What is in quarantine is removed after {quarantine_days} days (quarantine_days);"
            " moving it back to its place undoes everything."
        )


def _list(title: str, findings: Sequence[Finding]) -> None:
    for finding in findings[:_LISTED]:
        click.echo(f"{title}: {finding.place}: {finding.reason}")
    if len(findings) > _LISTED:
        click.echo(f"{title}: and {len(findings) - _LISTED} more")
