"""Run folders that are removed while they are looked at."""

from pathlib import Path

import pytest

from pipelines.archive import RunArchive


@pytest.fixture
def vanished(tmp_path, monkeypatch):
    """Give an archive whose job was there when it was asked for, and is gone when it is read."""
    monkeypatch.setattr(Path, "is_dir", lambda _path: True)
    return RunArchive(tmp_path)


def test_deleted_job_has_no_attempts(vanished):
    assert vanished.attempts("j1") == []
    assert vanished.latest("j1") is None


def test_deleted_job_is_settled_without_a_word(vanished, tmp_path):
    vanished.settle("j1")
    assert not (tmp_path / "j1").exists()
