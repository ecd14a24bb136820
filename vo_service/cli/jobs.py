"""``pzvo jobs``: the jobs of the installation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

if TYPE_CHECKING:
    from uws.model import Job
    from uws.service import JobAddress
    from uws.store.base import JobQuery
    from vo_service.assemble import Services

__all__ = ["jobs_command"]

_OF_OWNER = click.option("--owner", help="Only jobs of this user.")
_OF_ADDRESS = click.option(
    "--address", help="Only jobs of visitors without an account from this address."
)

_PHASES = ("PENDING", "QUEUED", "EXECUTING", "COMPLETED", "ERROR", "ABORTED")


@click.group("jobs")
def jobs_command() -> None:
    """List, show, abort and delete jobs of all users."""


@jobs_command.command("list")
@click.option(
    "--phase",
    multiple=True,
    type=click.Choice(_PHASES, case_sensitive=False),
    help="Only jobs in this phase. May be repeated.",
)
@click.option("--last", type=click.IntRange(min=1), help="Only so many of the newest.")
@_OF_OWNER
@_OF_ADDRESS
@pass_installation
def list_command(
    installation: Installation,
    phase: tuple[str, ...],
    last: int | None,
    owner: str | None,
    address: str | None,
) -> None:
    """List jobs, the oldest first."""
    from uws.model import Phase

    phases = frozenset(Phase(each.upper()) for each in phase)
    with _services(installation) as services:
        found = services.jobs.store.list(
            replace(_visitor(owner, address), phases=phases, last=last)
        )
    print_table(
        ("job", "kind", "phase", "owner", "run id", "created (UTC)", "took [s]"),
        [
            (
                job.job_id,
                job.kind,
                job.phase,
                job.owner or f"anonymous {job.address}".strip(),
                job.run_id,
                f"{job.creation_time:%Y-%m-%d %H:%M:%S}",
                _seconds(job.start_time, job.end_time),
            )
            for job in found
        ],
    )


@jobs_command.command("show")
@click.argument("job_id")
@pass_installation
def show_command(installation: Installation, job_id: str) -> None:
    """Show one job: times, parameters, results, error."""
    with _services(installation) as services:
        job = services.jobs.store.get(job_id)
    print_table(("what", "value"), _lines(job))


@jobs_command.command("abort")
@click.argument("job_id")
@pass_installation
def abort_command(installation: Installation, job_id: str) -> None:
    """Abort a job."""
    with _services(installation) as services:
        services.jobs.service.abort(_address(services, job_id))
    click.echo(f"aborted: {job_id}")


@jobs_command.command("delete")
@click.argument("job_id", required=False)
@_OF_OWNER
@_OF_ADDRESS
@pass_installation
def delete_command(
    installation: Installation, job_id: str | None, owner: str | None, address: str | None
) -> None:
    """Delete a job and its results, or all jobs of a visitor."""
    from uws.service import JobAddress

    if (job_id is None) == (owner is None and address is None):
        raise click.UsageError("give a job, or --owner or --address")
    with _services(installation) as services:
        if job_id is not None:
            services.jobs.service.delete(_address(services, job_id))
            click.echo(f"deleted: {job_id}")
            return
        found = services.jobs.store.list(_visitor(owner, address))
        for job in found:
            services.jobs.service.delete(JobAddress(job.owner, job.kind, job.job_id))
    click.echo(f"deleted: {len(found)} jobs")


def _visitor(owner: str | None, address: str | None) -> JobQuery:
    """Ask for the jobs of a visitor, in whatever phase; for those of all without one."""
    from uws.model import Phase
    from uws.store.base import JobQuery
    from vo_service.http.visitors import address_visitor

    if owner is not None and address is not None:
        raise click.UsageError("give --owner or --address: users have no address")
    if address is not None:
        address = address_visitor(address.removesuffix("/64")).removeprefix("address ")
    everyone = owner is None and address is None
    return JobQuery(owner=owner, everyone=everyone, address=address, phases=frozenset(Phase))


@contextlib.contextmanager
def _services(installation: Installation) -> Iterator[Services]:
    from uws.errors import UwsError
    from vo_service.assemble import assemble, prepare

    settings = installation.settings()
    prepare(settings)
    services = assemble(settings)
    try:
        yield services
    except UwsError as error:
        raise click.ClickException(str(error)) from error
    finally:
        services.close()


def _address(services: Services, job_id: str) -> JobAddress:
    from uws.service import JobAddress

    job = services.jobs.store.get(job_id)
    return JobAddress(job.owner, job.kind, job.job_id)


def _lines(job: Job) -> list[tuple[str, object]]:
    lines: list[tuple[str, object]] = [
        ("job", job.job_id),
        ("kind", job.kind),
        ("phase", job.phase),
        ("owner", job.owner or "anonymous"),
        ("run id", job.run_id),
        ("created", job.creation_time),
        ("started", job.start_time),
        ("ended", job.end_time),
        ("kept until", job.destruction),
        ("may run [s]", job.execution_duration_s),
        ("attempts", job.attempt),
    ]
    lines += [(f"parameter {each.name}", each.value) for each in job.parameters]
    lines += [
        (f"result {each.id}", f"{each.media_type}, {each.size_bytes} bytes") for each in job.results
    ]
    lines += [(f"time for {name} [s]", f"{seconds:.3f}") for name, seconds in job.info.timings]
    if job.error is not None:
        lines.append(("error", job.error.message))
    return [(name, value) for name, value in lines if value is not None]


def _seconds(start: datetime | None, end: datetime | None) -> str | None:
    return None if start is None or end is None else f"{(end - start).total_seconds():.1f}"
