"""Readers of uploads, and requests that carry files."""

from __future__ import annotations

import io

import pytest

from vo_service.dali.upload import Upload
from vo_service.uploads.service import UploadLimits, UploadService
from vo_service.uploads.sources import InlineFile

LIMITS = UploadLimits(size_bytes=2**20, rows=1000, fetch_timeout_s=5.0)


class Reading:
    """Reads uploads that are bytes."""

    def __init__(self, service, folder):
        self.service = service
        self.folder = folder

    def read(self, *contents, file_name=None, names=None):
        """Read several tables called t0, t1 ..."""
        names = names or [f"t{number}" for number in range(len(contents))]
        uploads = [Upload(name, f"param:p{number}") for number, name in enumerate(names)]
        parts = {f"p{number}": content for number, content in enumerate(contents)}

        def inline(part):
            from contextlib import nullcontext

            content = parts[part]
            file = None if content is None else InlineFile(io.BytesIO(content), file_name)
            return nullcontext(file)

        return self.service.read(uploads, inline)

    def one(self, content, file_name=None):
        """Read one table called t0."""
        (table,) = self.read(content, file_name=file_name)
        return table

    def left_files(self):
        """Files below the folder that are not those of waiting readers."""
        return [p for p in self.folder.rglob("*") if p.is_file() and p.name != "lock"]


@pytest.fixture(scope="session")
def reading(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uploads")
    service = UploadService(folder, LIMITS)
    yield Reading(service, folder)
    service.close()
    assert list(folder.iterdir()) == []


@pytest.fixture
def limited(tmp_path):
    """Make a reading with other limits."""
    made = []

    def make(places=None, **limits):
        from dataclasses import replace

        service = UploadService(tmp_path, replace(LIMITS, **limits), places)
        made.append(service)
        return Reading(service, tmp_path)

    yield make
    for service in made:
        service.close()
