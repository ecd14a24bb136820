"""``pzvo demo``: a simulated sky, published, queried and served."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from registry.model.principal import OPERATOR
from vo_service.cli.installation import Installation, pass_installation

if TYPE_CHECKING:
    from vo_service.assemble import Services
    from vo_service.settings import Settings

__all__ = ["demo_command"]

_FIRST_QUERY = """\
SELECT FLOOR(z_mode * 4) / 4 AS z_bin, COUNT(*) AS objects, AVG(odds) AS mean_odds
FROM {table}
GROUP BY FLOOR(z_mode * 4) / 4
ORDER BY z_bin"""


_DEFAULT_ROWS = 100_000


@click.command("demo")
@click.option(
    "--rows",
    type=click.IntRange(1_000, 5_000_000),
    default=_DEFAULT_ROWS,
    show_default=True,
    help="Objects in the sky.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@click.option("--no-serve", is_flag=True, help="Publish and query only.")
@pass_installation
def demo_command(installation: Installation, rows: int, port: int | None, no_serve: bool) -> None:
    """Make a simulated sky, publish it, answer a first query and serve it.

    The sky lives in a home of its own, beside the user's; a second run finds it there.
    """
    from vo_service.assemble import assemble, prepare
    from vo_service.settings import default_home

    settings = installation.settings(port=port)
    if settings.home == default_home():
        settings = settings.model_copy(update={"home": default_home().with_name("pzvo-demo")})
    prepare(settings)
    services = assemble(settings)
    try:
        _publish(services, rows)
        _ask(services)
    finally:
        services.close()
    click.echo(f"The demo lives in {settings.home}; remove the folder to be rid of it.", err=True)
    if not no_serve:
        _serve(installation, settings)


def _serve(installation: Installation, settings: Settings) -> NoReturn:
    """Become `pzvo serve`: processes are not forked from one that has opened databases."""
    from vo_service.engines.process.launching import EngineHostClient

    sys.stdout.flush()
    sys.stderr.flush()
    EngineHostClient.of_process().close()
    found = [*installation.options(settings), "serve", "--port", str(settings.port)]
    os.execv(sys.executable, [sys.executable, "-m", "vo_service.cli", *found])  # noqa: S606 - ours


def _publish(services: Services, rows: int) -> None:
    """Publish the products that are not there yet."""
    import pyarrow.parquet as pq
    import yaml

    from registry.annotation.annotation_file import parse_annotations
    from registry.ingestion.plan import PublishRequest
    from vo_service.demo import demo_products

    existing = {p.display_name for p in services.data.publishing.products(OPERATOR)}
    if _name("Demo photo-z estimates", rows) in existing:
        click.echo(f"The demo sky of {rows} objects is published already.", err=True)
        return
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pzvo-demo-") as folder:
        for product in demo_products(rows):
            name = _name(product.name, rows)
            if name in existing:
                continue
            file = Path(folder) / f"{product.name.replace(' ', '_').lower()}.parquet"
            pq.write_table(product.table, file)
            request = PublishRequest(
                name=name,
                product_type=product.product_type,
                annotations=parse_annotations(yaml.safe_dump(product.annotations)),
                description=product.description,
            )
            done = services.data.publishing.publish(OPERATOR, file, request)
            click.echo(f"published {done.table_name} ({done.n_rows} rows)", err=True)
            file.unlink()
    click.echo(f"The demo sky took {time.monotonic() - started:.1f} s.", err=True)


def _name(name: str, rows: int) -> str:
    return name if rows == _DEFAULT_ROWS else f"{name} ({rows})"


def _ask(services: Services) -> None:
    """Answer a first query for the person at the terminal."""
    from vo_service.cli.querying import print_rows

    tables = [t.name for t in services.queries.tables(OPERATOR)]
    table = [name for name in tables if name.startswith("photoz_estimates.")][-1]
    query = _FIRST_QUERY.format(table=table)
    click.echo(f"\n{query}\n", err=True)
    started = time.monotonic()
    print_rows(services, query)
    click.echo(f"answered in {(time.monotonic() - started) * 1e3:.0f} ms\n", err=True)
