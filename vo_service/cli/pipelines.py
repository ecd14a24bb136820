"""``pzvo pipeline``: pipelines without a server, and at one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vo_service.cli.listing import print_table
from vo_service.cli.publishing import progress_bar

if TYPE_CHECKING:
    from pipelines.catalogue import OfferedPipeline
    from vo_service.processing.remote import RemoteJob

__all__ = ["pipeline_command"]


@click.group("pipeline")
def pipeline_command() -> None:
    """List, show and run pipelines, here or at a server."""


@pipeline_command.command("list")
def list_command() -> None:
    """List the pipelines."""
    from pipelines.catalogue import packaged_pipelines

    with _spoken_errors():
        found = list(packaged_pipelines())
    print_table(
        ("pipeline", "version", "makes", "what it does"),
        [
            (
                each.name,
                each.specification.version,
                each.specification.output_type,
                each.specification.description.partition(". ")[0].rstrip("."),
            )
            for each in found
        ],
    )


@pipeline_command.command("show")
@click.argument("name")
def show_command(name: str) -> None:
    """Show the parameters of the pipeline NAME, its inputs and the formats of its output."""
    offered = _offered(name)
    specification = offered.specification
    click.echo(f"{specification.display_name} {specification.version}")
    click.echo(specification.description)
    fields = specification.parameters.model_fields
    defaults = specification.defaults()
    print_table(
        ("parameter", "default", "meaning"),
        [(key, json.dumps(defaults[key]), fields[key].description) for key in fields],
    )
    for group in specification.inputs:
        most = "" if group.maximum is None else f" to {group.maximum}"
        types = ", ".join(group.product_types)
        click.echo(f"inputs.{group.name}: {group.minimum}{most} of {types}; columns: "
                   f"{', '.join(group.columns)}")  # fmt: skip
    click.echo(f"output_format: {', '.join(specification.output_formats)}")


@pipeline_command.command("run")
@click.argument("name")
@click.argument("configuration", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--run-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the run; by default the first free process001, process002 ...",
)
@click.option("--check", is_flag=True, help="Look at the inputs alone, and say what would be done.")
def run_command(name: str, configuration: Path, run_dir: Path | None, check: bool) -> None:
    """Run the pipeline NAME on this host as the YAML file CONFIGURATION says.

    Paths in it are relative to the file. Prints the output, its number of rows and the counts.
    """
    from uws.executors.processes import ProcessExecutor
    from vo_service.processing.local import free_folder, run_configuration

    offered = _offered(name)
    folder = run_dir or free_folder(Path.cwd())
    action = "check" if check else "run"
    with _spoken_errors(), progress_bar() as told:
        done = run_configuration(
            offered, ProcessExecutor(), configuration, folder, told=told, action=action
        )
    click.echo(json.dumps(done.outcome.get("summary"), indent=1))
    if done.output is not None:
        print_table(("output", "rows"), [(str(done.output), done.outcome.get("n_rows"))])


@pipeline_command.command("submit")
@click.argument("name")
@click.argument("configuration", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--server", required=True, help="Public address of the server.")
@click.option(
    "--token-file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that holds your token.",
)
@click.option("--name", "product", help="Name of the product; by default that of the file.")
@click.option("--wait", is_flag=True, help="Wait until the job is over.")
def submit_command(  # noqa: PLR0917 - one argument for each option
    name: str, configuration: Path, server: str, token_file: Path, product: str | None, wait: bool
) -> None:
    """Run the pipeline NAME at a server as the YAML file CONFIGURATION says.

    The inputs are products of the server: their internal_name or id. Files that parameters
    name are sent along.
    """
    from vo_service.processing.remote import RemoteServer

    offered = _offered(name)
    with _spoken_errors():
        token = token_file.read_text(encoding="utf-8").strip()
        remote = RemoteServer(server, token)
        with contextlib.closing(remote):
            job = remote.submit(offered.specification, configuration, product or configuration.stem)
            click.echo(job.url)
            if wait:
                _show_end(remote.wait(job, lambda phase: click.echo(phase, err=True)))


def _show_end(job: RemoteJob) -> None:
    if job.phase != "COMPLETED":
        raise click.ClickException(f"the job is {job.phase}: {job.message or 'no reason is given'}")
    made = job.product or {}
    print_table(
        ("product", "table", "rows"),
        [(made.get("internal_name"), made.get("table"), made.get("rows"))],
    )


def _offered(name: str) -> OfferedPipeline:
    from pipelines.catalogue import packaged_pipelines

    with _spoken_errors():
        return packaged_pipelines().pipeline(name)


@contextlib.contextmanager
def _spoken_errors() -> Iterator[None]:
    from pipelines.errors import ConfigurationRejected, InputsRejected, PipelineError
    from uws.errors import UwsError

    try:
        yield
    except (ConfigurationRejected, InputsRejected) as error:
        raise click.ClickException("\n  ".join(("this cannot be run:", *error.problems))) from error
    except (PipelineError, UwsError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        if error.filename is None:
            raise
        raise click.ClickException(f"cannot use {error.filename}: {error.strerror}") from error
