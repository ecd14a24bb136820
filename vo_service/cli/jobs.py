"""``pzvo jobs``: the jobs of the installation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

if TYPE_CHECKING:
    from uws.model import Job
    from uws.service import JobAddress
    from vo_service.assemble import Services

__all__ = ["jobs_command"]

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
@pass_installation
def list_command(installation: Installation, phase: tuple[str, ...], last: int | None) -> None:
    """List jobs, the oldest first."""
    from uws.model import Phase
    from uws.store.base import JobQuery

    phases = frozenset(Phase(each.upper()) for each in phase)
    with _services(installation) as services:
        found = services.jobs.service.list(JobQuery(everyone=True, phases=phases, last=last))
    print_table(
        ("job", "kind", "phase", "owner", "run id", "created (UTC)", "took [s]"),
        [
            (
                job.job_id,
                job.kind,
                job.phase,
                job.owner or "anonymous",
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
@click.argument("job_id")
@pass_installation
def delete_command(installation: Installation, job_id: str) -> None:
    """Delete a job and its results."""
    with _services(installation) as services:
        services.jobs.service.delete(_address(services, job_id))
    click.echo(f"deleted: {job_id}")


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
