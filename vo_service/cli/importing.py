"""``pzvo import-photoz-server``: the products of a running Photo-z Server, copied."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TextIO
from urllib.parse import urlsplit

import click

from vo_service.cli.accounts import opened_services
from vo_service.cli.installation import Installation, pass_installation
from vo_service.cli.listing import print_table
from vo_service.cli.publishing import progress_bar

if TYPE_CHECKING:
    from vo_service.assemble import Services
    from vo_service.importing.documents import SourceProduct
    from vo_service.importing.journal import ImportJournal
    from vo_service.importing.plan import ImportPlan
    from vo_service.importing.service import ImportResult
    from vo_service.importing.source import PhotozServer
    from vo_service.settings import Settings

__all__ = ["import_command"]

_LOCAL = ("localhost", "127.0.0.1", "::1")


@click.command("import-photoz-server")
@click.argument("url")
@click.option(
    "--token", envvar="PHOTOZ_SERVER_TOKEN", help="Access token of the server."
    " Others on this host may read it from the list of processes."
)  # fmt: skip
@click.option(
    "--token-file", type=click.File(), help="File with the access token; - is standard input."
)
@click.option(
    "--owner", "owners", multiple=True, metavar="THERE=HERE",
    help="Owner there, account here. May be repeated; equal names need none.",
)  # fmt: skip
@click.option("--other-owners", metavar="HERE", help="Account for all owners without one here.")
@click.option("--create-owners", is_flag=True, help="Make accounts for them, without a password.")
@click.option(
    "--release", "releases", multiple=True, metavar="THERE=HERE",
    help="Release there, release here. May be repeated; equal names need none.",
)  # fmt: skip
@click.option("--create-releases", is_flag=True, help="Make the releases that are not here.")
@click.option(
    "--product", "products", multiple=True, type=click.IntRange(min=0),
    help="Number there of a product; all by default. May be repeated.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be copied; copy nothing.")
@pass_installation
def import_command(
    installation: Installation,
    url: str,
    *,
    token: str | None,
    token_file: TextIO | None,
    owners: tuple[str, ...],
    other_owners: str | None,
    create_owners: bool,
    releases: tuple[str, ...],
    create_releases: bool,
    products: tuple[int, ...],
    dry_run: bool,
) -> None:
    """Copy the published products of the Photo-z Server whose API is at URL.

    Copies what the owner of the token may see: products, files, associations of columns. Each
    product is published here, with its table. Run it again to continue after an interruption, or
    to copy what is new; what is here is skipped. The service may run meanwhile.

    The exit code is 1 if a product could not be copied.
    """
    from vo_service.importing.errors import ImportingError
    from vo_service.importing.journal import ImportJournal
    from vo_service.importing.plan import ImportPlanner, ImportRequest
    from vo_service.importing.source import PhotozServer
    from vo_service.importing.transport import SourceTransport

    request = ImportRequest(
        _pairs(owners, "--owner"),
        other_owners,
        create_owners,
        _pairs(releases, "--release"),
        create_releases,
        frozenset(products),
    )
    secret = _secret(token, token_file)
    settings = installation.settings()
    with opened_services(installation) as services, _spoken_errors(ImportingError):
        transport = SourceTransport(url, secret)
        parts = urlsplit(transport.url)
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            click.echo("Note: the token is sent without encryption; use https", err=True)
        journal = ImportJournal(settings.home, transport.url)
        with contextlib.closing(transport), journal.locked():
            source = PhotozServer(transport)
            people = services.people
            plan = ImportPlanner(source, people.accounts, people.releases, journal, request).plan()
            if dry_run:
                _show_plan(plan)
                return
            complete = _copy(services, settings, source, journal, plan)
    if not complete:
        sys.exit(1)


def _copy(
    services: Services,
    settings: Settings,
    source: PhotozServer,
    journal: ImportJournal,
    plan: ImportPlan,
) -> bool:
    from vo_service.importing.copying import ProductCopier
    from vo_service.importing.plan import make_owners, make_releases
    from vo_service.importing.service import copy_products

    people = services.people
    make_owners(people.accounts, plan.new_owners)
    make_releases(people.releases, people.accounts, plan.new_releases, _note)
    copier = ProductCopier(source, services.data.products, journal, settings.product_max_bytes)
    results: list[ImportResult] = []

    def finished(result: ImportResult) -> None:
        results.append(result)
        name = _name(result.planned.source)
        for note in result.notes:
            _note(f"{name}: {note}")
        if result.product is None:
            click.echo(f"NOT COPIED: {name}: {result.reason}", err=True)
        else:
            click.echo(f"copied: {name} is {result.product.internal_name}")

    try:
        with progress_bar() as progress:
            copy_products(copier, plan.doing("copy", "continue"), progress, finished)
    finally:
        _summarise(plan, results, anonymous=settings.anonymous_read)
    return all(result.product is not None for result in results) and not plan.doing("refuse")


def _summarise(plan: ImportPlan, results: list[ImportResult], *, anonymous: bool) -> None:
    refused = plan.doing("refuse")
    for planned in refused:
        click.echo(f"NOT COPIED: {_name(planned.source)}: {planned.reason}", err=True)
    for planned in plan.doing("skip"):
        if planned.reason:
            _note(f"{_name(planned.source)}: {planned.reason}")
    for note in plan.notes:
        _note(note)
    copied = [result.product for result in results if result.product is not None]
    if anonymous and any(product.release is None for product in copied):
        _note("products without a release can be read without an account: see anonymous_read")
    waiting = len(plan.doing("copy", "continue")) - len(results)
    counts = (len(copied), len(plan.doing("skip")), len(results) - len(copied) + len(refused))
    click.echo(
        "{} copied, {} here before, {} not possible".format(*counts)
        + (f", {waiting} left for another run" if waiting else "")
    )


def _show_plan(plan: ImportPlan) -> None:
    words = {"skip": "is here", "refuse": "not possible"}
    rows = [
        (
            each.source.id,
            each.source.display_name,
            each.product_type,
            each.owner,
            each.release,
            words.get(each.action, each.action),
            each.reason,
        )
        for each in plan.products
    ]
    print_table(("id there", "name", "type", "owner", "release", "what is done", "why"), rows)
    for name in plan.new_owners:
        _note(f"the account {name!r} would be made")
    for release in plan.new_releases:
        _note(f"the release {release.name!r} would be made")
    for note in plan.notes:
        _note(note)
    click.echo("Nothing was copied.", err=True)


def _name(source: SourceProduct) -> str:
    return source.internal_name or source.display_name


def _note(text: str) -> None:
    click.echo(f"Note: {text}", err=True)


def _pairs(texts: tuple[str, ...], option: str) -> Mapping[str, str]:
    pairs = {}
    for text in texts:
        there, equals, here = text.partition("=")
        if not (equals and there and here):
            raise click.UsageError(f"{option} {text!r} is not THERE=HERE")
        pairs[there] = here
    return pairs


def _secret(token: str | None, file: TextIO | None) -> str:
    if token is not None and file is None:
        return token.strip()
    if file is not None and token is None:
        return file.read().strip()
    raise click.UsageError("give --token-file or --token, and not both")


@contextlib.contextmanager
def _spoken_errors(root: type[Exception]) -> Iterator[None]:
    try:
        yield
    except root as error:
        raise click.ClickException(str(error)) from error
