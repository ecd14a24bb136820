"""``pzvo serve``: the service in the foreground, and the processes that it is made of."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading

import click

from vo_service.cli.installation import Installation, pass_installation
from vo_service.settings import Settings

__all__ = ["run_server", "serve_command", "web_command", "worker_command"]

_STOP_S = 8.0
"""Seconds that running jobs get when a worker is told to stop; then they are queued again."""


@click.command("serve")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@pass_installation
def serve_command(installation: Installation, host: str | None, port: int | None) -> None:
    """Serve the published tables until SIGTERM or Ctrl-C."""
    run_server(installation, installation.settings(host=host, port=port))


def run_server(installation: Installation, settings: Settings) -> None:
    """Serve an installation in the foreground: web processes and workers, kept running.

    Raises
    ------
    click.ClickException
        If the service cannot listen where it should.
    SystemExit
        At the end, with the code of the service.
    """
    from registry.host.confinement import missing_locks
    from vo_service.assemble import prepare
    from vo_service.engines.process.launching import host_command, host_environment, host_sockets
    from vo_service.server import AddressUnavailable, listen
    from vo_service.supervisor import Child, Supervisor

    _start_log(settings)
    try:
        listener = listen(settings.host, settings.port)
    except AddressUnavailable as error:
        raise click.ClickException(str(error)) from error
    prepare(settings)
    port = str(listener.getsockname()[1])
    base = [sys.executable, "-m", "vo_service.cli", *installation.options(settings)]
    place = ["--parent", str(os.getpid()), "--host", settings.host, "--port", port]
    descriptor = listener.fileno()
    # Both ends stay open here: orders wait while a host is started anew.
    orders, host_end = host_sockets()
    engines = Child(
        "engines",
        host_command(host_end.fileno()),
        (host_end.fileno(),),
        environment=host_environment(),
    )
    place += ["--engines", str(orders.fileno())]
    web = Child(
        "web",
        [*base, "web", *place, "--fd", str(descriptor)],
        (descriptor, orders.fileno()),
        vital=True,
    )
    workers = [
        Child(f"worker {number + 1}", [*base, "worker", *place], (orders.fileno(),))
        for number in range(settings.worker_processes)
    ]
    log = logging.getLogger("pzvo")
    for lock in missing_locks():
        log.warning("confinement: this host has %s", lock)
    raise SystemExit(Supervisor([engines, web, *workers], log.warning).run())


@click.command("web", hidden=True)
@click.option("--host", required=True)
@click.option("--port", type=int, required=True)
@click.option("--fd", type=int, required=True)
@click.option("--parent", type=int, required=True)
@click.option("--engines", type=int, required=True)
@pass_installation
def web_command(
    installation: Installation, *, host: str, port: int, fd: int, parent: int, engines: int
) -> None:
    """Answer requests on a socket that `pzvo serve` has opened."""
    from vo_service.assemble import make_app
    from vo_service.engines.process.launching import EngineHostClient
    from vo_service.server import serve
    from vo_service.supervisor import follow_parent

    follow_parent(parent)
    EngineHostClient.share(engines)
    settings = installation.settings(host=host, port=port)
    _start_log(settings)

    def ready() -> None:
        click.echo(f"TAP service: {settings.base_url}/tap", err=True)
        click.echo(_audience(settings), err=True)
        click.echo("Stop it with Ctrl-C.", err=True)

    serve(settings, socket.socket(fileno=fd), make_app, ready)


@click.command("worker")
@click.option("--host", hidden=True)
@click.option("--port", type=int, hidden=True)
@click.option("--parent", type=int, hidden=True)
@click.option("--engines", type=int, hidden=True)
@pass_installation
def worker_command(
    installation: Installation,
    host: str | None,
    port: int | None,
    parent: int | None,
    engines: int | None,
) -> None:
    """Run jobs until SIGTERM or Ctrl-C, beside those that `pzvo serve` runs itself.

    Workers on other hosts need the same metadata database and the same home folder.
    """
    from vo_service.assemble import make_worker, prepare
    from vo_service.engines.process.launching import EngineHostClient
    from vo_service.supervisor import follow_parent

    if parent is not None:
        follow_parent(parent)
    if engines is not None:
        EngineHostClient.share(engines)
    settings = installation.settings(host=host, port=port)
    _start_log(settings)
    prepare(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker = make_worker(settings)
    worker.start()
    stop.wait()
    worker.stop(_STOP_S)


def _audience(settings: Settings) -> str:
    """Say who may read what without an account, and how to change that."""
    if not settings.anonymous_read:
        return "Nothing can be read without an account (anonymous_read is false)."
    return (
        "Without an account anybody may read products of no release and of public releases;"
        " anonymous_read = false (PZVO_ANONYMOUS_READ=false) closes them."
    )


def _start_log(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(name)s %(message)s",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
