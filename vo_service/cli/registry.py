"""``pzvo registry``: what the publishing registry says of this site."""

from __future__ import annotations

from xml.dom import minidom

import click

from vo_service.cli.accounts import opened_services
from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

__all__ = ["registry_command"]


@click.group("registry")
def registry_command() -> None:
    """See what the publishing registry at /oai tells harvesters."""


@registry_command.command("show")
@click.argument("ivoid", required=False)
@pass_installation
def show_command(installation: Installation, ivoid: str | None) -> None:
    """Print the record of an IVOID, or list all records."""
    from vo_service.app import tap_description
    from vo_service.assemble.discovery import registry_records

    with opened_services(installation) as services:
        settings = services.settings
        missing = [name for name in ("authority", "contact") if getattr(settings, name) is None]
        if missing:
            raise click.ClickException(f"this registry is not open: set {' and '.join(missing)}")
        records = list(registry_records(settings, services, tap_description(settings)))
        if ivoid is None:
            rows = [
                (r.identifier, f"{r.updated:%Y-%m-%d %H:%M}", "yes" if r.is_deleted else "")
                for r in records
            ]
            print_table(("record", "updated (UTC)", "deleted"), rows)
            return
        found = [r for r in records if r.identifier.lower() == ivoid.lower()]
        if not found or found[0].resource is None:
            raise click.ClickException(f"there is no record {ivoid}; leave it out for a list")
        document = minidom.parseString(found[0].resource())  # noqa: S318 - written by this program
        click.echo(document.toprettyxml(indent="  "))
