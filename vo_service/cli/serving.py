"""``pzvo serve``: the service in the foreground, and the processes that it is made of."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import click

from vo_service.cli.installation import Installation, pass_installation

if TYPE_CHECKING:
    from vo_service.assemble import WorkerProcess
    from vo_service.settings import Settings
    from vo_service.supervisor import Child

__all__ = ["serve_command", "worker_command"]

_STOP_S = 8.0
"""Seconds that running jobs get when a worker is told to stop; then they are queued again."""


@click.command("serve")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@pass_installation
def serve_command(installation: Installation, host: str | None, port: int | None) -> None:
    """Serve the published tables until SIGTERM or Ctrl-C."""
    from registry.host.exclusion import exclude
    from registry.host.memory import use_system_memory

    use_system_memory(os.environ)
    exclude("pandas")
    from vo_service.server.listening import AddressUnavailable, listen

    settings = installation.settings(host=host, port=port)
    _start_log(settings)
    try:
        listener = listen(settings.host, settings.port)
    except AddressUnavailable as error:
        raise click.ClickException(str(error)) from error
    _serve(settings.model_copy(update={"port": listener.getsockname()[1]}), listener)


def _serve(settings: Settings, listener: socket.socket) -> None:
    """Keep web processes, workers and the host of engine processes running."""
    from registry.host.confinement import missing_locks
    from vo_service.engines.process.launching import (
        EngineHostClient,
        host_command,
        host_environment,
        host_sockets,
    )
    from vo_service.supervisor import Child, Supervisor, program

    # Both ends stay open here: orders wait while a host is started anew.
    orders, host_end = host_sockets()
    EngineHostClient.share(orders.fileno())
    command, kept = host_command(host_end.fileno()), (host_end.fileno(),)
    engines = Child("engines", lambda: program(command, kept, host_environment()))
    # It imports what queries need while this process imports the rest.
    engines.start()
    children = [engines, *_forks(settings, listener)]
    _prepare(settings)
    log = logging.getLogger("pzvo")
    for lock in missing_locks():
        log.warning("confinement: this host has %s", lock)
    # What is loaded by now is shared with the forks; the collector would copy it.
    gc.collect()
    gc.freeze()
    Supervisor(children, log.warning).run(lambda: _greet(settings))


def _forks(settings: Settings, listener: socket.socket) -> list[Child]:
    """Describe the web processes and the workers."""
    from registry.host.memory import give_back_regularly
    from vo_service.assemble import make_app, make_worker
    from vo_service.server import answer
    from vo_service.supervisor import Child, Fork

    def web() -> None:
        give_back_regularly()
        answer(settings, listener, make_app(settings).wsgi_app)

    def work() -> None:
        listener.close()
        give_back_regularly()
        _work(make_worker(settings))

    named = [(f"web {number + 1}", web) for number in range(settings.web_processes)]
    named += [(f"worker {number + 1}", work) for number in range(settings.worker_processes)]
    return [
        Child(name, partial(Fork, f"pzvo {name} of {settings.home}", run)) for name, run in named
    ]


def _prepare(settings: Settings) -> None:
    """Bring the databases up to date in a process of its own, which says what is wrong.

    What it opens must not be there when others are forked.

    Raises
    ------
    SystemExit
        If it fails.
    """
    from vo_service.assemble import prepare
    from vo_service.cli.installation import spoken_errors
    from vo_service.supervisor import Fork

    def work() -> None:
        try:
            with spoken_errors():
                prepare(settings)
        except click.ClickException as error:
            error.show()
            raise SystemExit(error.exit_code) from error

    code = Fork("pzvo preparing", work).wait()
    if code:
        raise SystemExit(code)


def _work(worker: WorkerProcess) -> None:
    """Run jobs until a signal."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.start()
    stop.wait()
    worker.stop(_STOP_S)


@click.command("worker")
@pass_installation
def worker_command(installation: Installation) -> None:
    """Run jobs until SIGTERM or Ctrl-C, beside those that `pzvo serve` runs itself.

    Workers on other hosts need the same metadata database and the same home folder.
    """
    from vo_service.assemble import make_worker, prepare

    settings = installation.settings()
    _start_log(settings)
    prepare(settings)
    _work(make_worker(settings))


def _greet(settings: Settings) -> None:
    click.echo(f"TAP service: {settings.base_url}/tap", err=True)
    click.echo(_audience(settings), err=True)
    click.echo("Stop it with Ctrl-C.", err=True)


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
