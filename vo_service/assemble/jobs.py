"""What a worker process runs: jobs, and the repair of what crashes left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Protocol

from registry.model.principal import OPERATOR
from registry.stores.metadata.deletions import SqlDeletionStore
from registry.stores.metadata.products import SqlProductStore
from uws.handler import JobHandler
from uws.reconciler import Reconciler
from uws.worker import Worker, WorkerSettings
from vo_service.assemble.services import Services, assemble, request_limits
from vo_service.discovery.mapping import MapMaker
from vo_service.settings import Settings
from vo_service.tap.jobs import TapJobHandler, describe_job_error
from vo_service.tap.provenance import request_infos
from vo_service.tap.user_tables import IndexJobHandler

__all__ = ["WorkerProcess", "make_worker", "map_maker"]

_LOG = logging.getLogger("pzvo.housekeeping")

_SWEEP_S = 3600.0
"""What crashed publications left, and the data of withdrawn products, may stay for hours."""

_MAPS_S = 20.0
"""So long a new table is without maps; to look whether one is missing costs a read."""

_PIPELINE_RESTARTS = 5
"""A lost worker costs a pipeline nothing, its program goes on: more patience than with queries."""


class _Repair(Protocol):
    """Works in a thread of its own between `start` and `stop`."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class WorkerProcess:
    """The parts of a worker process.

    Parameters
    ----------
    services
        Of the installation, in this process.

    Notes
    -----
    Pipelines have a worker of their own, so that long runs take no slots of queries.
    """

    def __init__(self, services: Services) -> None:
        settings, jobs, processing = services.settings, services.jobs, services.processing
        queries: list[JobHandler] = [_query_handler(services), _index_handler(services)]
        pipelines = processing.handlers()
        slots = settings.pipeline_slots
        self._workers = [
            Worker(
                jobs.store,
                jobs.results,
                queries,
                settings=WorkerSettings(slots=settings.worker_slots),
                describe=describe_job_error,
            ),
            Worker(
                jobs.store,
                jobs.results,
                pipelines,
                settings=WorkerSettings(slots=slots, running_per_owner=slots),
                describe=describe_job_error,
            ),
        ]
        self._repairs: list[_Repair] = [
            Reconciler(
                jobs.store,
                jobs.results,
                remover=processing.remover,
                pending_s=settings.job_pending_s,
                restarts={handler.kind: _PIPELINE_RESTARTS for handler in pipelines},
                steady=SqlDeletionStore(services.database).is_steady,
            ),
            processing.settlement,
            services.data.user_tables.expiry,
            _Periodic("sweep", _SWEEP_S, lambda _: _sweep(services)),
            _Periodic("maps", _MAPS_S, map_maker(services).work),
        ]
        self._services = services

    def start(self) -> None:
        """Claim jobs, and repair what others left, until `stop`."""
        for part in (*self._workers, *self._repairs):
            part.start()
        # A cluster that does not answer keeps nobody waiting.
        Thread(target=self._ask_cluster, name="cluster", daemon=True).start()

    def _ask_cluster(self) -> None:
        for problem in self._services.processing.cluster_problems():
            _LOG.warning("pipeline %s", problem)

    def stop(self, grace_s: float = 5.0) -> None:
        """End the present rounds; give running jobs some time, then back to the queue.

        Parameters
        ----------
        grace_s
            Seconds that running jobs get.
        """
        for repair in reversed(self._repairs):
            repair.stop()
        stops = [Thread(target=worker.stop, args=(grace_s,)) for worker in self._workers]
        for thread in stops:
            thread.start()
        for thread in stops:
            thread.join()


def make_worker(settings: Settings) -> WorkerProcess:
    """Build what a worker process runs."""
    return WorkerProcess(assemble(settings))


def _query_handler(services: Services) -> TapJobHandler:
    settings = services.settings
    return TapJobHandler(
        services.queries,
        request_limits(settings),
        services.people.owner,
        request_infos(settings.publisher, f"{settings.base_url}/tap"),
        uploads=services.uploads.service,
        inputs=services.uploads.inputs,
        quotes=services.jobs.quotes,
    )


def _index_handler(services: Services) -> IndexJobHandler:
    return IndexJobHandler(services.data.user_tables.service, services.people.owner)


def map_maker(services: Services) -> MapMaker:
    """Build what makes maps of published tables."""
    data = services.data
    return MapMaker(
        services.queries,
        lambda: data.catalogue.tables(OPERATOR),
        data.maps,
        SqlProductStore(services.database).note_change,
    )


def _sweep(services: Services) -> None:
    days = services.settings.quarantine_days
    swept = services.data.publishing.sweep(quarantine_days=days)
    if swept.refused is None:
        services.data.resumable.sweep()


class _Periodic:
    """Does something at once and then now and then, in a thread of its own."""

    def __init__(self, name: str, interval_s: float, action: Callable[[Event], object]) -> None:
        self._interval_s = interval_s
        self._action = action
        self._stopping = Event()
        self._thread = Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _loop(self) -> None:
        while True:
            try:
                self._action(self._stopping)
            except Exception as error:  # noqa: BLE001 - the disk may be full, or a database away
                reason = (str(error).splitlines() or [""])[0]
                _LOG.warning(
                    "%s failed and is tried again later: %s: %s",
                    self._thread.name, type(error).__name__, reason,
                )  # fmt: skip
                _LOG.debug("its reason", exc_info=True)
            if self._stopping.wait(self._interval_s):
                return
