"""``pzvo serve``: the service in the foreground."""

from __future__ import annotations

import logging
import sys

import click

from vo_service.cli.installation import Installation, pass_installation
from vo_service.settings import Settings

__all__ = ["run_server", "serve_command"]


@click.command("serve")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@pass_installation
def serve_command(installation: Installation, host: str | None, port: int | None) -> None:
    """Serve the published tables until SIGTERM or Ctrl-C."""
    run_server(installation.settings(host=host, port=port))


def run_server(settings: Settings) -> None:
    """Serve an installation in the foreground.

    Raises
    ------
    click.ClickException
        If the service cannot listen where it should.
    """
    from vo_service.assemble import make_app, prepare
    from vo_service.server import AddressUnavailable, listen, serve

    logging.basicConfig(
        level=settings.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(name)s %(message)s",
    )
    try:
        listener = listen(settings.host, settings.port)
    except AddressUnavailable as error:
        raise click.ClickException(str(error)) from error
    if settings.port == 0:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    prepare(settings)

    def ready() -> None:
        click.echo(f"TAP service: {settings.base_url}/tap", err=True)
        click.echo("Stop it with Ctrl-C.", err=True)

    serve(settings, listener, make_app, ready)
