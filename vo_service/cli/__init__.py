"""The command ``pzvo``: the operator's hands on an installation.

Whoever can run it on the host may read and write the files of the installation, so that it acts
as the operator. Completion for bash, zsh and fish is click's: see the documentation.
"""

from __future__ import annotations

from pathlib import Path

import click

from vo_service.cli.accounts import group_command, token_command, user_command
from vo_service.cli.checking import adql_group
from vo_service.cli.configuration import config_command
from vo_service.cli.converting import convert_command
from vo_service.cli.demo import demo_command
from vo_service.cli.doctor import doctor_command
from vo_service.cli.importing import import_command
from vo_service.cli.installation import Installation
from vo_service.cli.jobs import jobs_command
from vo_service.cli.listing import products_command, tables_command
from vo_service.cli.pipelines import pipeline_command
from vo_service.cli.products import product_command
from vo_service.cli.publishing import publish_command, withdraw_command
from vo_service.cli.querying import query_command
from vo_service.cli.registry import registry_command
from vo_service.cli.releases import release_command
from vo_service.cli.serving import serve_command, worker_command
from vo_service.version import release

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings file in TOML (PZVO_CONFIG).",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that holds the state (PZVO_HOME).",
)
@click.version_option(release(), prog_name="pzvo")
@click.pass_context
def main(context: click.Context, config: Path | None, home: Path | None) -> None:
    """Publish photometric-redshift products as tables of the Virtual Observatory.

    Begin with `pzvo demo`, or with `pzvo publish FILE --name NAME --type redshift_catalog`
    and `pzvo serve`.
    """
    context.obj = Installation(config, home)


for command in (
    publish_command,
    withdraw_command,
    products_command,
    product_command,
    tables_command,
    query_command,
    adql_group,
    convert_command,
    import_command,
    serve_command,
    jobs_command,
    pipeline_command,
    worker_command,
    demo_command,
    doctor_command,
    config_command,
    user_command,
    token_command,
    group_command,
    release_command,
    registry_command,
):
    main.add_command(command)
