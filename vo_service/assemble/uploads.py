"""Tables that come with queries, of one process."""

from __future__ import annotations

from registry.host.places import Places
from uws.results.folder import FolderResultStore
from uws.store.base import JobQuery
from uws.store.sql import SqlJobStore
from vo_service.settings import Settings
from vo_service.tap.uploads import Uploads
from vo_service.uploads.inputs import InputLimits, JobInputs
from vo_service.uploads.service import UploadLimits, UploadService

__all__ = ["make_uploads", "reading_places"]


def reading_places(settings: Settings, name: str, what: str) -> Places:
    """Give the places of the processes that read files of one kind."""
    return Places(
        settings.places_folder / f"reading-{name}",
        what,
        total=settings.reading_processes,
        per_visitor=settings.reading_processes_per_visitor,
        wait_s=settings.slot_wait_s,
    )


def make_uploads(settings: Settings, results: FolderResultStore, store: SqlJobStore) -> Uploads:
    """Make what takes tables with queries, for jobs of a store."""
    limits = UploadLimits(
        size_bytes=settings.upload_max_bytes,
        rows=settings.upload_max_rows,
        fetch_timeout_s=settings.upload_fetch_timeout_s,
        private_addresses=settings.upload_private_addresses,
        values_bytes=settings.upload_max_memory_bytes,
        read_s=settings.read_timeout_s,
    )
    places = reading_places(settings, "uploads", "tables")
    fetches = Places(
        settings.places_folder / "fetching",
        "tables",
        total=settings.upload_fetches,
        per_visitor=settings.upload_fetches_per_visitor,
        wait_s=settings.slot_wait_s,
    )
    return Uploads(
        UploadService(settings.uploads_folder, limits, places, fetches),
        JobInputs(
            results,
            InputLimits(settings.upload_max_bytes, settings.job_upload_bytes_per_visitor),
            lambda job: [
                each.job_id for each in store.list(JobQuery(owner=job.owner, address=job.address))
            ],
        ),
    )
