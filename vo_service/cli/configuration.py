"""``pzvo config``: the settings in force."""

from __future__ import annotations

import json
from pathlib import Path

import click

from vo_service.cli.installation import Installation, pass_installation

__all__ = ["config_command"]


@click.command("config")
@pass_installation
def config_command(installation: Installation) -> None:
    """Print the settings in force as TOML, without secrets."""
    from pydantic import SecretStr

    from vo_service.settings import Settings

    settings = installation.settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        click.echo(f"# {field.description}")
        if value is None:
            click.echo(f"# {name} is not set")
        elif isinstance(value, SecretStr):
            click.echo(f"# {name} is set and not shown")
        else:
            shown = str(value) if isinstance(value, Path) else value
            click.echo(f"{name} = {json.dumps(shown)}")
