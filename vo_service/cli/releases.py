"""``pzvo release``: data releases, and who may see their products."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vo_service.cli.accounts import opened_services
from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table

if TYPE_CHECKING:
    from registry.model.object_catalogue import ObjectCatalogue

__all__ = ["release_command"]


def _catalogue_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed((
        click.option(
            "--catalog", "catalogs", multiple=True, metavar="NAME=DIR",
            help="HATS catalogue of objects on the site's disks; it stays there. May be repeated.",
        ),
        click.option(
            "--flux", "fluxes", multiple=True, metavar="TYPE=COLUMN,ERROR",
            help="Columns with fluxes and errors in nJy of the catalogues, with {band} for the "
            "band. May be repeated.",
        ),
        click.option(
            "--dereddening", "maps", multiple=True, metavar="NAME=PATH",
            help="Map of E(B-V): the folder of the SFD maps, or a HEALPix map in FITS. May be "
            "repeated.",
        ),
    )):  # fmt: skip
        command = option(command)
    return command


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
@_catalogue_options
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
    catalogs: tuple[str, ...],
    fluxes: tuple[str, ...],
    maps: tuple[str, ...],
) -> None:
    """Make the release NAME.

    A release that is not public and has no groups is for every signed-in member. Its object
    catalogues are looked at first: all that is wrong with them is told at once.
    """
    told = _described(_object_catalogues(catalogs, fluxes, maps, indexing_column))
    with opened_services(installation) as services:
        release = services.people.releases.add(
            name,
            groups=groups,
            display_name=display_name,
            description=description,
            is_public=public,
            indexing_column=indexing_column,
            **told,
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
@_catalogue_options
@pass_installation
def update_command(
    installation: Installation,
    name: str,
    *,
    public: bool | None,
    groups: tuple[str, ...],
    no_groups: bool,
    catalogs: tuple[str, ...],
    fluxes: tuple[str, ...],
    maps: tuple[str, ...],
    **texts: str | None,
) -> None:
    """Change the release NAME; rights on its products change at once.

    With --catalog all of its object catalogues are named anew.
    """
    from registry.model.principal import OPERATOR

    if groups and no_groups:
        raise click.UsageError("give --group or --no-groups, not both")
    changes: dict[str, object] = {key: text for key, text in texts.items() if text is not None}
    if public is not None:
        changes["is_public"] = public
    with opened_services(installation) as services:
        if catalogs or fluxes or maps:
            column = texts["indexing_column"]
            if column is None:
                column = services.people.releases.release(OPERATOR, name).indexing_column
            changes |= _described(_object_catalogues(catalogs, fluxes, maps, column))
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
    heads = ["release", "name", "open to"]
    rows = [[r.name, r.display_name, _audience(r.is_public, sorted(r.groups))] for r in releases]
    if any(release.catalogs for release in releases):
        heads.append("object catalogues")
        for row, release in zip(rows, releases, strict=True):
            row.append(", ".join(each.name for each in release.catalogs) or "none")
    print_table(heads, rows)


def _audience(public: bool, groups: list[str]) -> str:
    if public:
        return "everybody"
    return f"members of {', '.join(groups)}" if groups else "every member"


def _object_catalogues(
    catalogs: tuple[str, ...], fluxes: tuple[str, ...], maps: tuple[str, ...], id_column: str
) -> list[ObjectCatalogue]:
    from registry.model.object_catalogue import ObjectCatalogue

    if (fluxes or maps) and not catalogs:
        raise click.UsageError("--flux and --dereddening say something of --catalog: give it too")
    patterns = {}
    for kind, text in _pairs("--flux", fluxes).items():
        flux, comma, error = text.partition(",")
        if not comma:
            raise click.UsageError(f"--flux {kind}: give two columns, of the flux and of its error")
        patterns[kind] = flux.strip(), error.strip()
    places = {name: _absolute(path) for name, path in _pairs("--dereddening", maps).items()}
    return [
        ObjectCatalogue(name, _absolute(folder), id_column, patterns, places)
        for name, folder in _pairs("--catalog", catalogs).items()
    ]


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve())


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise click.UsageError(f"{option} {text!r}: write NAME=VALUE")
        if name in pairs:
            raise click.UsageError(f"{option}: {name!r} is given twice")
        pairs[name.strip()] = value.strip()
    return pairs


def _described(catalogues: list[ObjectCatalogue]) -> dict[str, Any]:
    """Look at catalogues, and say of the release what follows from them."""
    from registry.errors import CatalogueRejected
    from registry.object_catalogues import check_catalogue, offers_of

    if not catalogues:
        return {}
    problems, facts = [], {}
    for catalogue in catalogues:
        try:
            facts[catalogue.name] = check_catalogue(catalogue)
        except CatalogueRejected as error:
            problems.append(str(error))
    if problems:
        raise click.ClickException("\n".join(problems))
    rows = [
        (
            f"{name}/{each.path}".rstrip("/"), each.rows, each.partitions, each.columns,
            "none" if each.margin_arcsec is None else f"{each.margin_arcsec:g} arcsec",
        )
        for name, found in facts.items()
        for each in found
    ]  # fmt: skip
    print_table(("object catalogue", "rows", "partitions", "columns", "margin"), rows)
    return {"catalogs": tuple(catalogues), **offers_of(catalogues)}
