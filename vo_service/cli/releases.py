"""``pzvo release``: data releases, and who may see their products."""

from __future__ import annotations

import click

from vo_service.cli.accounts import opened_services
from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

__all__ = ["release_command"]


@click.group("release")
def release_command() -> None:
    """Keep data releases, and say who may see their products."""


@release_command.command("add")
@click.argument("name")
@click.option("--display-name", default="", help="Name for people; NAME by default.")
@click.option("--description", default="", help="What the release is.")
@click.option("--public", is_flag=True, help="Everybody may see its products.")
@click.option(
    "--group", "groups", multiple=True, help="Open to the members of this group. May be repeated."
)
@click.option("--indexing-column", default="", help="Column with the object identifier.")
@pass_installation
def add_command(
    installation: Installation,
    name: str,
    *,
    display_name: str,
    description: str,
    public: bool,
    groups: tuple[str, ...],
    indexing_column: str,
) -> None:
    """Make the release NAME.

    A release that is not public and has no groups is for every signed-in member.
    """
    with opened_services(installation) as services:
        release = services.people.releases.add(
            name,
            groups=groups,
            display_name=display_name,
            description=description,
            is_public=public,
            indexing_column=indexing_column,
        )
    click.echo(f"added: {release.name}")


@release_command.command("update")
@click.argument("name")
@click.option("--display-name", help="Name for people.")
@click.option("--description", help="What the release is.")
@click.option("--public/--restricted", default=None, help="Whether everybody may see it.")
@click.option("--group", "groups", multiple=True, help="All groups that it is open to from now on.")
@click.option("--no-groups", is_flag=True, help="Open to every signed-in member.")
@click.option("--indexing-column", help="Column with the object identifier.")
@pass_installation
def update_command(
    installation: Installation,
    name: str,
    *,
    public: bool | None,
    groups: tuple[str, ...],
    no_groups: bool,
    **texts: str | None,
) -> None:
    """Change the release NAME; rights on its products change at once."""
    if groups and no_groups:
        raise click.UsageError("give --group or --no-groups, not both")
    changes: dict[str, object] = {key: text for key, text in texts.items() if text is not None}
    if public is not None:
        changes["is_public"] = public
    with opened_services(installation) as services:
        services.people.releases.update(
            name, groups=groups if groups or no_groups else None, **changes
        )
    click.echo(f"updated: {name}")


@release_command.command("remove")
@click.argument("name")
@pass_installation
def remove_command(installation: Installation, name: str) -> None:
    """Remove the release NAME, which no product is in any more."""
    with opened_services(installation) as services:
        services.people.releases.remove(name)
    click.echo(f"removed: {name}")


@release_command.command("list")
@pass_installation
def list_command(installation: Installation) -> None:
    """List all releases, and who may see their products."""
    from registry.model.principal import OPERATOR

    with opened_services(installation) as services:
        releases = services.people.releases.releases(OPERATOR)
    print_table(
        ("release", "name", "open to"),
        [(r.name, r.display_name, _audience(r.is_public, sorted(r.groups))) for r in releases],
    )


def _audience(public: bool, groups: list[str]) -> str:
    if public:
        return "everybody"
    return f"members of {', '.join(groups)}" if groups else "every member"
