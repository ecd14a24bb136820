"""The command ``pzvo``: the operator's hands on an installation.

Whoever can run it on the host may read and write the files of the installation, so that it acts
as the operator. Completion for bash, zsh and fish is click's: see the documentation.
"""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import click

from vo_service.cli.configuration import config_command
from vo_service.cli.demo import demo_command
from vo_service.cli.installation import Installation
from vo_service.cli.listing import products_command, tables_command
from vo_service.cli.publishing import publish_command, withdraw_command
from vo_service.cli.querying import query_command
from vo_service.cli.serving import serve_command

__all__ = ["main"]


def _version() -> str:
    """Give the version that is installed, or that of the source tree that is run as it is."""
    try:
        return metadata.version("pzvo")
    except metadata.PackageNotFoundError:
        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        version: str = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
        return version


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
@click.version_option(_version(), prog_name="pzvo")
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
    tables_command,
    query_command,
    serve_command,
    demo_command,
    config_command,
):
    main.add_command(command)
